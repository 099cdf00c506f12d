"""Independence of what a user has set in torch, and of other threads: for the length of a call, in its thread alone.

A user may have set a default dtype or device, turned gradients off or autocasting on, all around a call of ours. Inside
of ``isolated`` functions and methods, this thread computes as if none of that had been set, and nobody else notices.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FunctionType
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch._ops import OpOverload
from torch.overrides import TorchFunctionMode

from sparring.precision import DEVICES
from sparring.rerouting import OperatorMode

__all__ = ["gradients_on", "isolated", "own_settings"]

T = TypeVar("T")

FACTORIES = frozenset(
    (
        *(torch.arange, torch.as_tensor, torch.asarray, torch.empty, torch.empty_permuted, torch.empty_strided),
        *(torch.eye, torch.full, torch.linspace, torch.logspace, torch.normal, torch.ones, torch.rand, torch.randn),
        *(torch.scalar_tensor, torch.tensor, torch.zeros, torch.bartlett_window, torch.blackman_window),
        *(torch.hamming_window, torch.hann_window, torch.kaiser_window),
    )
)  # functions that give numbers of the default type if none is named
NUMPY: Any = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}  # what NumPy does with errors


@contextmanager
def gradients_on() -> Iterator[None]:
    """Run a block in which gradients are computed, whatever the caller has turned off (no_grad, inference_mode)."""
    if torch.is_grad_enabled() and not torch.is_inference_mode_enabled():
        yield
        return
    with torch.inference_mode(False), torch.enable_grad():
        yield


def _nothing_is_set() -> bool:
    return (
        torch.is_grad_enabled()
        and not torch.is_inference_mode_enabled()
        and torch.get_default_dtype() == torch.float32
        and not torch._C._len_torch_function_stack()
        and not any(map(torch.is_autocast_enabled, DEVICES))
        and np.geterr() == NUMPY
    )


@contextmanager
def own_settings() -> Iterator[None]:
    """Run a block with torch's settings as they are when nobody has set any; the user's come back after it."""
    with ExitStack() as stack:
        stack.enter_context(gradients_on())
        stack.enter_context(np.errstate(**NUMPY))
        for device in DEVICES:
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        other_type = torch.get_default_dtype() != torch.float32
        if other_type or torch._C._len_torch_function_stack():
            stack.enter_context(_PlainCalls())
        if other_type:
            stack.enter_context(_PlainPromotion())
        yield


class _PlainCalls(TorchFunctionMode):
    """Calls of torch's functions past all other modes, such as a default device; new numbers are float32."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        with torch._C.DisableTorchFunction():
            if func in FACTORIES and kwargs.get("dtype") is None and kwargs.get("out") is None:
                kwargs = {**kwargs, **_usual_type(func, args, kwargs)}
            return func(*args, **kwargs)


def _usual_type(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, torch.dtype]:
    """The dtype that a factory would choose if the default were float32; nothing where the default plays no part."""
    if torch.get_default_dtype() == torch.float32:
        return {}
    if func in (torch.tensor, torch.as_tensor, torch.asarray):
        data = args[0] if args else kwargs.get("data", kwargs.get("obj"))
        if isinstance(data, torch.Tensor | np.ndarray | np.generic):  # has a type of its own
            return {}
        found = func(data).dtype
    elif func in (torch.arange, torch.full, torch.normal, torch.scalar_tensor):
        found = func(*args, **{**kwargs, "device": "meta"} if func is not torch.normal else kwargs).dtype
    else:
        return {"dtype": torch.float32}
    return {"dtype": torch.float32} if found == torch.get_default_dtype() else {}


class _PlainPromotion(OperatorMode):
    """Operators on whole numbers whose results are fractions (1 / 2, a mean): float32, whatever the default is."""

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        found = func(*args, **kwargs)
        if not isinstance(found, torch.Tensor) or found.dtype != torch.get_default_dtype() or kwargs.get("dtype"):
            return found
        given = [value for value in (*args, *kwargs.values()) if isinstance(value, torch.Tensor)]
        if func._schema.is_mutable or not given or any(value.is_floating_point() for value in given):
            return found
        converted = (value.float() if isinstance(value, torch.Tensor) else value for value in args)
        return func(*converted, **kwargs)


def isolated(target: T) -> T:
    """Make a function, or every public method of a class, compute in ``own_settings``.

    A generator's steps do, each by itself: its caller's settings are back between them.
    """
    if not isinstance(target, type):
        return cast(T, _isolated(cast(Any, target)))
    for name, member in list(vars(target).items()):
        if name.startswith("_"):
            continue
        if isinstance(member, FunctionType):
            setattr(target, name, _isolated(member))
        elif isinstance(member, classmethod):
            setattr(target, name, classmethod(_isolated(member.__func__)))
    return target


def _isolated(function: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def steps(*args: Any, **kwargs: Any) -> Iterator[Any]:
            made = function(*args, **kwargs)
            try:
                while True:
                    with own_settings():
                        try:
                            value = next(made)
                        except StopIteration as end:
                            return end.value
                    yield value
            finally:
                made.close()

        return steps

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if _nothing_is_set():
            return function(*args, **kwargs)
        with own_settings():
            return function(*args, **kwargs)

    return call
