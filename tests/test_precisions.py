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
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from precision_fits import DATA, FITS, SETTINGS
from precision_rows import FUNCTIONS, NETWORKS, Row, gradients_of, settled
from torch import Tensor, nn

import sparring
import sparring as sp
from sparring import estimators, networks
from sparring.chance import Chance
from sparring.networks import winograd
from sparring.objectives import RELATIVISTIC, binary_cross_entropy, cross_entropy, mean_squared_error
from sparring.place import Place
from sparring.training import RECIPES, Game, Penalty, Recipe, Round
from sparring.training.adversarial import adversarial_game
from sparring.training.cycle_recipes import CYCLE_RECIPES
from sparring.training.slopes import PENALTIES
from sparring.training.supervised import supervised_game
from sparring.training.turn import Finiteness, play

CPU = torch.device("cpu")

PRECISIONS = ("float32", "bfloat16")
BOUNDS = {"float32": 1e-5, "bfloat16": 0.1}
KINKS = {"ImageTranslator": 0.4}  # normalised maps of few pixels, many of them near a ReLU's zero


def _around(precision: str) -> AbstractContextManager[Any]:
    return Place(CPU, precision).autocast() if precision == "bfloat16" else nullcontext()


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


@pytest.mark.parametrize("name", ["Carrying", "EncoderDecoder", "SequenceNetwork", "TaggingNetwork"])
def test_lstms_on_processors_without_bfloat16(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """They are float32 there: oneDNN, which torch would cast for, has none that are not."""
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False, raising=False)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    seen: list[tuple[bool, torch.dtype]] = []

    def hear(layer: nn.Module, given: tuple[Any, ...]) -> None:
        seen.extend((torch.is_autocast_enabled("cpu"), one.dtype) for one in (given[0], *given[1]))

    row = NETWORKS[name]
    module, inputs = row.settled()
    for layer in module.modules():
        if isinstance(layer, nn.LSTM):
            layer.register_forward_pre_hook(hear)
    with _around("bfloat16"):
        row.called(module, inputs)
    assert set(seen) == {(False, torch.float32)}
    _hold(row, inputs, "bfloat16", BOUNDS["bfloat16"])


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


# -- turns whose gradients are written out, as they are played


def _descent(weights: Any, lr: float) -> torch.optim.Optimizer:
    """So that weights change by their gradients."""
    return torch.optim.SGD(weights, lr=1.0)


def _game_of_chains(dtype: torch.dtype) -> tuple[Game, tuple[Tensor, ...]]:
    noise = torch.linspace(-1, 1, 60, dtype=dtype).view(12, 5).sin()
    recipe = Recipe(
        RELATIVISTIC,
        tuple(Penalty(name, PENALTIES[name], 0.5, 0.5) for name in ("r1", "r2")),
        optimizer=_descent,
        generator_rate=1.0,
        critic_rate=1.0,
        hold=1.0,
        noise=lambda *shape, **where: noise,
        batch_size=12,
    )
    generator, critic = networks.MLP((5,), (3,), (9, 8)), networks.MLP((15,), (), (9, 8), networks.LEAKY)
    whole = nn.Sequential(networks.Waves(3, (0.5, 2.0)), critic)
    game = adversarial_game(generator.to(dtype), whole.to(dtype), 5, recipe, 10)
    return game, (torch.randn(12, 3).to(dtype),)


def _supervised(outputs: int, error: Any, targets: Callable[[], Tensor]) -> Any:
    def made(dtype: torch.dtype) -> tuple[Game, tuple[Tensor, ...]]:
        network = networks.MLP((4,), (outputs,), (9, 8), nn.Tanh).to(dtype)
        known = targets()
        batch = torch.randn(12, 4).to(dtype), known.to(dtype) if known.is_floating_point() else known
        return supervised_game(network, error, _descent(network.parameters(), 1.0), l2=0.1), batch

    return made


PLAYED: dict[str, Callable[[torch.dtype], tuple[Game, tuple[Tensor, ...]]]] = {
    "chains": _game_of_chains,
    "cross-entropy": _supervised(3, cross_entropy, lambda: torch.arange(12) % 3),
    "of labels": _supervised(2, binary_cross_entropy, lambda: (torch.randn(12, 2) > 0).float()),
    "squares": _supervised(2, mean_squared_error, lambda: torch.randn(12, 2)),
}


def _steps(name: str, dtype: torch.dtype, precision: str, *, written: bool) -> list[Tensor]:
    """By how much each turn changes its weights, of the same networks and draws."""
    game, batch = settled(lambda: PLAYED[name](dtype))
    found = []
    for turn in game.turns:
        assert turn.gradients is not None
        before = [parameter.detach().clone() for parameter in turn.parameters]
        round = Round(3, Chance(0), batch)
        play(turn if written else replace(turn, gradients=None), round, Place(CPU, precision), Finiteness())
        for parameter, old in zip(turn.parameters, before, strict=True):
            found.append(old - parameter.detach())
            assert found[-1].dtype == dtype
            parameter.data.copy_(old)
    return found


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", PLAYED)
def test_turns_whose_gradients_are_written_out(name: str, precision: str) -> None:
    expected = _steps(name, torch.float64, "float32", written=False)
    assert _apart(_whole(_steps(name, torch.float32, precision, written=True)), _whole(expected)) < BOUNDS[precision]


@pytest.mark.parametrize("name", PLAYED)
def test_formulas_under_a_users_autocasting(name: str) -> None:
    """They give what they give without."""
    game, batch = settled(lambda: PLAYED[name](torch.float32))
    for turn in game.turns:
        assert turn.gradients is not None
        _, alone = turn.gradients(Round(3, Chance(0), batch))
        alone = [gradient.clone() for gradient in alone]
        with torch.autocast("cpu", torch.bfloat16):
            _, found = turn.gradients(Round(3, Chance(0), batch))
        assert all(map(torch.equal, found, alone))


# -- recipes and estimators


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes(recipe: str, kind: str, precision: str) -> None:
    """Four steps, so that every penalty falls due."""
    gan = sp.GAN(recipe, steps=4, batch_size=8, critic_steps=1, precision=precision, random_state=0)
    _is_well(gan.fit(DATA[kind]), precision, "generator_", "critic_")


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("kind", DATA)
def test_recipes_of_cycles(kind: str, precision: str) -> None:
    assert CYCLE_RECIPES.keys() == DATA.keys()
    model = sp.CycleGAN(steps=4, batch_size=8, restarts=1, identity=1, precision=precision, random_state=0)
    _is_well(model.fit(DATA[kind][:16], DATA[kind][16:32]), precision, "generators_", "critics_")


def _is_well(model: Any, precision: str, *names: str) -> None:
    assert model.record_.about["place"]["precision"] == precision
    for name in names:
        for weight in getattr(model, name).state_dict().values():
            if isinstance(weight, Tensor) and weight.is_floating_point():
                assert weight.dtype == torch.float32
                assert weight.isfinite().all()
    for row in model.record_.rows():
        assert all(np.isfinite(value) for value in row.values())


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", FITS)
def test_a_short_fit_learns(name: str, precision: str) -> None:
    assert FITS[name](precision=precision)


def _numbers(answer: Any) -> list[Any]:
    if isinstance(answer, pd.DataFrame):
        return [answer.select_dtypes("number")]
    if isinstance(answer, list | tuple):
        return [number for part in answer for number in _numbers(part)]
    return [answer] if isinstance(answer, np.ndarray) and answer.dtype.kind == "f" else []


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_lead_through_other_code(name: str, precision: str) -> None:
    assert all(np.isfinite(one).all(axis=None) for one in _numbers(SETTINGS[name](precision=precision)))


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


def test_every_estimator_has_a_fit() -> None:
    public = {name for name in estimators.__all__ if inspect.isclass(vars(estimators)[name])}
    assert {name.partition(" of ")[0].partition(",")[0] for name in FITS} == public


def test_every_turn_whose_gradients_are_written_out_is_played() -> None:
    """They are given to ``Turn`` in these files alone."""
    found = [path for path in Path(sparring.__file__).parent.rglob("*.py") if "gradients=" in path.read_text("utf-8")]
    assert {path.name for path in found} == {"adversarial.py", "supervised.py"}
