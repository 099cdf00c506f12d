"""Functions that need all their digits: computed in float32 or better, whatever the precision around them."""

import contextlib
import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

__all__ = ["DEVICES", "has_bfloat16_layers", "in_full"]

F = TypeVar("F", bound=Callable[..., Any])

DEVICES = ("cpu", "cuda", "mps")  # that can autocast
HALVES = (torch.bfloat16, torch.float16)


def in_full(function: F) -> F:
    """Make a function of tensors compute without autocasting, and on widened copies of bfloat16 and float16 ones.

    For what takes differences of close numbers (choices, ranks, moments), and for both halves of a gradient that is
    written out: a matrix that autocasting has made bfloat16 does not go with those that were kept. Gradients reach the
    tensors that were given in their own type.
    """

    @functools.wraps(function)
    def full(*arguments: Any) -> Any:
        for argument in arguments:  # a generator expression would take twice the time
            if isinstance(argument, Tensor) and argument.dtype in HALVES:
                arguments = tuple(map(_widened, arguments))
                break
        if not torch._C._is_any_autocast_enabled():
            return function(*arguments)
        with contextlib.ExitStack() as stack:
            for device in filter(torch.is_autocast_enabled, DEVICES):
                stack.enter_context(torch.autocast(device, enabled=False))
            return function(*arguments)

    return cast(F, full)


def _widened(argument: Any) -> Any:
    return argument.float() if isinstance(argument, Tensor) and argument.dtype in HALVES else argument


def has_bfloat16_layers(device: torch.device) -> bool:
    """Whether torch's fused recurrent layers can compute in bfloat16 on a device.

    On a processor oneDNN's do it from AVX-512 on; without, torch casts for them all the same, and they fail.
    """
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return True
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    except AttributeError:  # another torch, that has no such layers
        return True
