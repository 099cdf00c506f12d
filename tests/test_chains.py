"""The written-out gradients of an adversarial game, against autograd's in float64."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from sparring.chance import Chance
from sparring.networks import (
    LEAKY,
    MLP,
    Choices,
    ConvCritic,
    Maxout,
    Ranked,
    Signs,
    Skipping,
    Waves,
    perceptrons,
    spectrally_normalised,
)
from sparring.objectives import HINGE, LEAST_SQUARES, MINIMAX, NON_SATURATING, RELATIVISTIC, WASSERSTEIN
from sparring.training import Penalty, Recipe, adversarial_game, changed
from sparring.training.chains import chain_of
from sparring.training.turn import Round


class Doubles(Chance):
    def draw(self, law: Callable[..., torch.Tensor], n: int, *shape: int) -> torch.Tensor:
        return super().draw(law, n, *shape).double()


def _networks(kind: str) -> tuple[nn.Module, nn.Module, tuple[int, ...]]:
    if kind == "images":
        return MLP((5,), (1, 4, 3), (9, 8), nn.ReLU, nn.Tanh()), MLP((1, 4, 3), (), (9, 7), LEAKY), (1, 4, 3)
    pair = perceptrons((9, 8), (7,), waves=(2.0, 8.0) if kind == "waves" else (), signs=2 if kind == "waves" else 0)
    return pair.generator(5, (3,), None), pair.critic((3,), None), (3,)


@pytest.mark.parametrize("kind", ["rows", "waves", "images"])
@pytest.mark.parametrize("penalties", [(), ("r1",), ("r1", "r2"), ("one_centred",), ("r2", "one_centred")], ids=str)
@pytest.mark.parametrize(
    "objective", [MINIMAX, NON_SATURATING, LEAST_SQUARES, HINGE, WASSERSTEIN, RELATIVISTIC], ids=lambda o: o.name
)
def test_they_are_autograds(kind: str, penalties: tuple[str, ...], objective: Any) -> None:
    torch.manual_seed(0)
    generator, critic, shape = _networks(kind)
    generator.double(), critic.double()
    recipe = changed(
        Recipe(objective, batch_size=12), {"penalties": {name: 0.7 + i for i, name in enumerate(penalties)}}
    )
    game = adversarial_game(generator, critic, 5, recipe, 10)
    real = torch.randn(12, *shape, dtype=torch.float64)
    for turn in game.turns:
        assert turn.gradients is not None
        loss, found = turn.gradients(Round(3, Doubles(7), (real,)))
        expected = turn.loss(Round(3, Doubles(7), (real,)))
        slopes = torch.autograd.grad(expected.total, turn.parameters, allow_unused=True, materialize_grads=True)
        assert loss.total.item() == pytest.approx(expected.total.item(), rel=1e-12)
        assert loss.terms.keys() == expected.terms.keys()
        for name, value in expected.terms.items():
            assert torch.allclose(loss.terms[name].mean(), value.mean(), rtol=1e-12)
        for parameter, ours, theirs in zip(turn.parameters, found, slopes, strict=True):
            assert ours.shape == parameter.shape
            assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("penalties", [(), ("r1", "r2"), ("one_centred",)], ids=str)
def test_a_critic_that_sees_ranks_is_a_chain_too(penalties: tuple[str, ...], shared: bool) -> None:
    """Its generator is none, and left to autograd."""
    torch.manual_seed(0)
    critic = MLP((6,), (), (9, 8), LEAKY)
    critic[0] = Ranked(critic[0], torch.randn(3, 2))  # type: ignore[arg-type]
    generator = nn.Sequential(Skipping(5, 4, (7,), "layer"), Choices([3], [(0, 2)]))
    generator.double(), critic.double()
    recipe = changed(Recipe(RELATIVISTIC, shared=shared, batch_size=12), {"penalties": dict.fromkeys(penalties, 0.7)})
    turn, other = adversarial_game(generator, critic, 5, recipe, 10).turns
    assert turn.gradients is not None
    assert other.gradients is None
    real = torch.randn(12, 4, dtype=torch.float64)
    loss, found = turn.gradients(Round(3, Doubles(7), (real,)))
    expected = turn.loss(Round(3, Doubles(7), (real,)))
    assert loss.total.item() == pytest.approx(expected.total.item(), rel=1e-12)
    for ours, theirs in zip(
        found, torch.autograd.grad(expected.total, turn.parameters, materialize_grads=True), strict=True
    ):
        assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("penalties", [("r1", "r2"), ("one_centred",)], ids=str)
@pytest.mark.parametrize("objective", [WASSERSTEIN, RELATIVISTIC], ids=lambda o: o.name)
def test_a_joint_batchs_gradients_are_the_mean_of_its_parts(penalties: tuple[str, ...], objective: Any) -> None:
    torch.manual_seed(0)
    generator, critic, shape = _networks("waves")
    generator.double(), critic.double()
    recipe = changed(Recipe(objective, batch_size=12), {"penalties": dict.fromkeys(penalties, 10.0)})
    real = torch.randn(12, *shape, dtype=torch.float64)
    for turn in adversarial_game(generator, critic, 5, recipe, 10).turns:
        assert turn.gradients is not None
        _, joint = turn.gradients(Round(3, Doubles(7), (real,)))
        parts = [turn.gradients(Round(3, Doubles(7, "cpu", r, 2), (real[6 * r : 6 * r + 6],)))[1] for r in (0, 1)]
        for whole, first, second in zip(joint, *parts, strict=True):
            assert torch.allclose(whole, (first + second) / 2, rtol=1e-9, atol=1e-12)


def test_a_penalty_is_left_out_where_it_does_not_fall_due() -> None:
    torch.manual_seed(0)
    generator, critic, _ = _networks("rows")
    lazy = changed(Recipe(HINGE), {"penalties": {"r1": 1.0}}).penalties[0]
    recipe = Recipe(HINGE, (Penalty("r1", lazy.of, 1.0, 1.0, every=3),), batch_size=12)
    turn = adversarial_game(generator, critic, 5, recipe, 10).turns[0]
    assert turn.gradients is not None
    due = ["r1" in turn.gradients(Round(step, Chance(0), (torch.randn(12, 3),)))[0].terms for step in range(6)]
    assert due == [False, False, True, False, False, True]


def test_the_derivatives_of_slopes_by_finite_differences() -> None:
    torch.manual_seed(1)
    critic = nn.Sequential(Waves(2, (1.0, 3.0)), MLP((10,), (), (6, 5), LEAKY)).double()
    chain = chain_of(critic)
    assert chain is not None
    x = torch.randn(7, 2, dtype=torch.float64)

    def value() -> float:
        return chain.slopes(chain.forward(x))[1].square().sum().item()

    received, slopes = chain.slopes(chain.forward(x))
    found = chain.slope_gradients(chain.forward(x), received, 2 * slopes)
    for linear, gradient in zip(chain.layers, found, strict=True):
        with torch.no_grad():
            linear.weight[0, 1] += 1e-6
            above = value()
            linear.weight[0, 1] -= 2e-6
            below = value()
            linear.weight[0, 1] += 1e-6
        assert gradient[0, 1].item() == pytest.approx((above - below) / 2e-6, rel=1e-6)


@pytest.mark.parametrize(
    "critic",
    [
        ConvCritic((1, 6, 6), 4),
        nn.Sequential(Maxout(3, 4), nn.Linear(4, 1)),
        MLP((3,), (), (4,), nn.Tanh),
        MLP((3,), (), (4,), dropout=0.1),
        spectrally_normalised(MLP((3,), (), (4,))),
        nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)),
        nn.Linear(3, 1, bias=False),
        nn.Sequential(nn.Linear(3, 3), nn.ReLU(), Signs(1), nn.Linear(3, 1)),
        nn.Sequential(Waves(3, (1.0,)), Signs(1), nn.Linear(9, 1)),
        nn.Sequential(Waves(3, (1.0,)), Waves(9, (1.0,)), nn.Linear(27, 1)),
        nn.Sequential(nn.Linear(3, 3), nn.LeakyReLU(-0.1), nn.Linear(3, 1)),
        nn.Sequential(Waves(1, (1.0,)), Ranked(nn.Linear(5, 4), torch.ones(3, 2)), nn.ReLU(), nn.Linear(4, 1)),
        nn.Sequential(nn.Linear(3, 3), nn.ReLU(), Ranked(nn.Linear(5, 1), torch.ones(3, 2))),
    ],
    ids=lambda network: type(network).__name__,
)
def test_other_networks_are_left_to_autograd(critic: nn.Module) -> None:
    assert chain_of(critic) is None


def test_listeners_shared_and_frozen_weights_are_left_to_autograd() -> None:
    heard, frozen, linear = MLP((3,), (), (4,)), MLP((3,), (), (4,)), nn.Linear(3, 3)
    next(iter(heard.children())).register_forward_hook(lambda *_: None)
    next(frozen.parameters()).requires_grad_(False)
    shared = nn.Sequential(linear, nn.ReLU(), linear)
    assert [chain_of(network) for network in (heard, frozen, shared)] == [None] * 3
    assert chain_of(MLP((3,), (), (4,))) is not None


def test_packs_and_a_users_own_penalty_are_left_to_autograd() -> None:
    generator, critic, _ = _networks("rows")
    own = Recipe(HINGE, (Penalty("r1", lambda critic, real, fake, chance: critic(real).square().mean(), 1.0, 1.0),))
    assert adversarial_game(generator, critic, 5, own, 10).turns[0].gradients is None
    packed = MLP((6,), (), (4,), LEAKY)
    assert adversarial_game(generator, packed, 5, Recipe(HINGE, pack=2), 10).turns[0].gradients is None
