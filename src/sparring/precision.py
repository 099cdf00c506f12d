"""Functions that need all their digits: computed in float32 or better, whatever the precision around them."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

__all__ = ["in_full"]

F = TypeVar("F", bound=Callable[..., Any])

HALVES = (torch.bfloat16, torch.float16)


def in_full(function: F) -> F:
    """Make a function of tensors compute without autocasting, and on widened copies of bfloat16 and float16 ones.

    For what takes differences of close numbers (choices, ranks, moments), and for both halves of a gradient that is
    written out: a matrix that autocasting has made bfloat16 does not go with those that were kept. Gradients reach the
    tensors that were given in their own type. At least one argument must be a tensor.
    """

    @functools.wraps(function)
    def full(*arguments: Any) -> Any:
        devices = {argument.device.type for argument in arguments if isinstance(argument, Tensor)}
        casting = [device for device in devices if torch.is_autocast_enabled(device)]
        widened = [
            argument.float() if isinstance(argument, Tensor) and argument.dtype in HALVES else argument
            for argument in arguments
        ]
        if not casting:
            return function(*widened)
        with torch.autocast(casting[0], enabled=False):
            return function(*widened)

    return cast(F, full)
