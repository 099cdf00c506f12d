"""Redirection of random draws in one thread: from torch's global state to generators of the caller's.

Layers of torch and of users draw from torch's one global state, which all threads share. In a block of
``redirected_draws`` every such draw of this thread takes the generator that is given instead; the global state is
neither read nor changed.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import FunctionType
from typing import Any

import torch
from torch._ops import OpOverload
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["OperatorMode", "Redirection", "redirected_calls", "redirected_draws"]

Redirection = Callable[[Mapping[str, torch.Generator]], contextlib.AbstractContextManager[None]]

F = torch.nn.functional
HARMLESS = frozenset(
    (
        *(F.batch_norm, F.layer_norm, F.group_norm, F.instance_norm, F.normalize, F.pad, F.interpolate, F.embedding),
        *(F.relu, F.relu6, F.elu, F.selu, F.silu, F.leaky_relu, F.hardtanh, F.glu, F.softmax, F.log_softmax),
        *(F.cross_entropy, F.nll_loss, F.mse_loss, F.smooth_l1_loss, F.kl_div, F.binary_cross_entropy_with_logits),
    )
)  # functions of torch that are written in Python and draw nothing: they need not be looked into
_GLOBAL = threading.Lock()  # of torch's global state, for operators that can draw from nothing else


@contextlib.contextmanager
def redirected_draws(generators: Mapping[str, torch.Generator]) -> Iterator[None]:
    """Run a block whose draws come from these generators, by their devices' types ("cpu", "cuda").

    Every operator passes through Python, which costs some microseconds each.
    """
    with _Operators(generators):
        yield


@contextlib.contextmanager
def redirected_calls(generators: Mapping[str, torch.Generator]) -> Iterator[None]:
    """Run a block as ``redirected_draws`` does, but look into those functions alone that may draw: it costs less.

    Draws of compiled and scripted code, and of operators of others than torch, are not seen.
    """
    with _Functions(generators):
        yield


class _Functions(TorchFunctionMode):
    """Calls from Python, of which those that may draw are watched operator by operator."""

    def __init__(self, generators: Mapping[str, torch.Generator]) -> None:
        super().__init__()
        self.operators = _Operators(generators)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if not _may_draw(func) or (kwargs and kwargs.get("generator") is not None):
            return func(*args, **(kwargs or {}))
        with self.operators:
            return func(*args, **(kwargs or {}))


@cache
def _drawing_names() -> frozenset[str]:
    """The names of torch's operators that draw random numbers."""
    names = {name.removeprefix("aten::") for name in torch._C._dispatch_get_all_op_names() if name.startswith("aten::")}
    drawing = set()
    for name in names:
        base, _, overload = name.partition(".")
        operator = getattr(getattr(torch.ops.aten, base, None), overload or "default", None)
        if operator is not None and torch.Tag.nondeterministic_seeded in operator.tags:
            drawing |= {base, base.removesuffix("_")}
    return frozenset(drawing)


@cache
def _may_draw(function: Any) -> bool:
    if isinstance(function, FunctionType):
        return function not in HARMLESS
    return getattr(function, "__name__", "") in _drawing_names()


class OperatorMode(TorchDispatchMode):
    """Operators of torch passed through Python in this thread, without torch's compiler, whose import takes seconds."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch imports its compiler, to keep it from these methods


class _Operators(OperatorMode):
    """Operators of torch, of which those that draw are given a generator."""

    def __init__(self, generators: Mapping[str, torch.Generator]) -> None:
        super().__init__()
        self.generators = generators

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **kwargs)
        chosen = self.generators.get(_device_of(args, kwargs))
        if chosen is None:
            return func(*args, **kwargs)
        seeded, place = _with_generator(func)
        if seeded is None:
            return self._swapped(func, args, kwargs, chosen)
        if place < len(args):  # given by position
            return seeded(*args[:place], args[place] or chosen, *args[place + 1 :], **kwargs)
        return seeded(*args, **{**kwargs, "generator": kwargs.get("generator") or chosen})

    @staticmethod
    def _swapped(func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], chosen: torch.Generator) -> Any:
        """What an operator makes that takes no generator: torch's global state is the given one's for its length."""
        device = chosen.device
        shared: Any = torch.default_generator if device.type == "cpu" else torch.cuda.default_generators[device.index]
        with _GLOBAL:
            users = shared.get_state()
            shared.set_state(chosen.get_state())
            try:
                return func(*args, **kwargs)
            finally:
                chosen.set_state(shared.get_state())
                shared.set_state(users)


def _device_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The type of the device that an operator computes on."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, torch.Tensor):
            return value.device.type
    return torch.device(kwargs.get("device") or "cpu").type


@cache
def _with_generator(func: OpOverload) -> tuple[OpOverload | None, int]:
    """An operator's form that takes a generator, and at which place; None if there is none."""
    wanted = [argument.name for argument in func._schema.arguments]
    if "generator" in wanted:
        return func, wanted.index("generator")
    for name in func.overloadpacket.overloads():
        other = getattr(func.overloadpacket, name)
        names = [argument.name for argument in other._schema.arguments]
        if "generator" in names and [one for one in names if one != "generator"] == wanted:
            return other, len(names)
    return None, 0
