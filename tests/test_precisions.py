"""Every network, gradient, recipe and estimator in float32 and in bfloat16, whatever this machine's processor can do.

The precision is forced, so that a processor without fast bfloat16 tries both too. Answers and gradients are held to
those of double precision: the norm of their difference, as a share of the norm of the latter. The bounds are 30 to
100 times the units of rounding (6e-8 and 4e-3), some of which add up over layers, and ReLUs near zero come out on the
other side; a gradient that is wrong is off by about its own size.
"""

import copy
import importlib
import inspect
import pkgutil
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from precision_rows import FUNCTIONS, NETWORKS, Row, gradients_of
from torch import Tensor, nn

import sparring
from sparring import networks
from sparring.networks import winograd
from sparring.place import Place

PRECISIONS = ("float32", "bfloat16")
BOUNDS = {"float32": 1e-5, "bfloat16": 0.1}
KINKS = {"ImageTranslator": 0.4}  # normalised maps of few pixels, many of them near a ReLU's zero


def _around(precision: str) -> AbstractContextManager[Any]:
    return Place(torch.device("cpu"), precision).autocast() if precision == "bfloat16" else nullcontext()


def _converted(given: tuple[Any, ...], dtype: torch.dtype) -> tuple[Any, ...]:
    return tuple(one.to(dtype) if isinstance(one, Tensor) and one.is_floating_point() else one for one in given)


def _whole(gradients: list[Tensor]) -> Tensor:
    return torch.cat([gradient.detach().double().flatten() for gradient in gradients])


def _apart(found: Tensor, expected: Tensor) -> float:
    return float((found.detach().double() - expected.detach()).norm() / expected.detach().norm())


def _hold(row: Row, given: tuple[Any, ...], precision: str, bound: float) -> Tensor:
    """Compare with double precision. Gives the answer."""
    module, _ = row.settled()
    truth, slopes = gradients_of(row, copy.deepcopy(module).double(), _converted(given, torch.float64), nullcontext())
    found, gradients = gradients_of(row, module, given, _around(precision))
    leaves = [one for one in given if isinstance(one, Tensor) and one.is_floating_point()]
    for gradient, of in zip(gradients, [*leaves, *module.parameters()], strict=True):
        assert gradient.dtype == of.dtype
        assert gradient.isfinite().all()
    assert found.isfinite().all()
    assert _apart(found, truth) < bound
    assert _apart(_whole(gradients), _whole(slopes)) < bound
    return found


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str, precision: str) -> None:
    row = NETWORKS[name]
    bound = BOUNDS["float32" if row.exact else precision]
    found = _hold(row, row.settled()[1], precision, KINKS.get(name, bound) if bound > 1e-5 else bound)
    assert found.dtype == torch.float32 or (precision == "bfloat16" and not row.exact)


@pytest.mark.parametrize("given", ["float32", "bfloat16"])
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_that_are_written_out(name: str, precision: str, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of inputs that are float32, or that a layer before has made bfloat16: then only the answer's rounding is left."""
    for least in ("WIDE", "MANY", "WIDER", "MORE"):
        monkeypatch.setattr(winograd, least, 0)
    row = FUNCTIONS[name]
    inputs = _converted(row.settled()[1], getattr(torch, given))
    _hold(row, inputs, precision, BOUNDS["float32"] if given == "float32" else 0.01)


# -- nothing is left out


def _modules() -> list[Any]:
    found = pkgutil.walk_packages(sparring.__path__, "sparring.")
    return [importlib.import_module(one.name) for one in found if not one.name.endswith("__main__")]


def _defined(kind: type) -> set[str]:
    return {
        name
        for module in _modules()
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, kind) and value.__module__ == module.__name__
    }


def test_every_network_and_every_gradient_that_is_written_out_has_a_row() -> None:
    public = {name for name in networks.__all__ if inspect.isclass(vars(networks)[name])}
    assert public & _defined(nn.Module) == set(NETWORKS)
    assert _defined(torch.autograd.Function) == set(FUNCTIONS)
