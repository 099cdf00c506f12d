"""Objectives against their formulas in float64, penalties against closed forms and finite differences."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sparring.errors import ShapeError
from sparring.networks import MLP
from sparring.objectives import (
    HINGE,
    LEAST_SQUARES,
    MINIMAX,
    NON_SATURATING,
    RELATIVISTIC,
    WASSERSTEIN,
    Objective,
    binary_cross_entropy,
    cross_entropy,
    mean_squared_error,
    one_centred,
    r1,
    r2,
    scores,
    soft_threshold,
    weight_penalty,
)

REAL = torch.tensor([0.3, -1.2, 2.0], dtype=torch.float64)
FAKE = torch.tensor([-0.5, 0.1, 1.5], dtype=torch.float64)


ALL = [MINIMAX, NON_SATURATING, LEAST_SQUARES, HINGE, WASSERSTEIN, RELATIVISTIC]


def _sigmoid(t: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-t))


def _naive(objective: Objective) -> tuple[float, float]:
    """The formulas as the papers print them, with probabilities and logarithms."""
    r, f = REAL.numpy(), FAKE.numpy()
    discriminate = -np.mean(np.log(_sigmoid(r))) - np.mean(np.log(1 - _sigmoid(f)))
    return {
        "minimax": (discriminate, np.mean(np.log(1 - _sigmoid(f)))),
        "non-saturating": (discriminate, -np.mean(np.log(_sigmoid(f)))),
        "least-squares": (np.mean((r - 1) ** 2) / 2 + np.mean(f**2) / 2, np.mean((f - 1) ** 2) / 2),
        "hinge": (np.mean(np.maximum(0, 1 - r)) + np.mean(np.maximum(0, 1 + f)), -np.mean(f)),
        "wasserstein": (np.mean(f) - np.mean(r), -np.mean(f)),
        "relativistic": (-np.mean(np.log(_sigmoid(r - f))), -np.mean(np.log(_sigmoid(f - r)))),
    }[objective.name]


@pytest.mark.parametrize("objective", ALL, ids=lambda o: o.name)
def test_objectives_are_their_formulas(objective: Objective) -> None:
    critic, generator = _naive(objective)
    assert objective.critic(REAL, FAKE).item() == pytest.approx(critic, rel=1e-14)
    real = REAL if objective.needs_real else None
    assert objective.generator(real, FAKE).item() == pytest.approx(generator, rel=1e-14)


@pytest.mark.parametrize("objective", ALL, ids=lambda o: o.name)
def test_objectives_gradients(objective: Objective) -> None:
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    assert torch.autograd.gradcheck(objective.critic, (real, fake))
    assert torch.autograd.gradcheck(lambda f: objective.generator(REAL, f), (fake,))


def test_softplus_keeps_its_gradient_where_log_of_sigmoid_loses_it() -> None:
    score = torch.tensor([-25.0], requires_grad=True)
    (slope,) = torch.autograd.grad(NON_SATURATING.generator(None, score), score)
    assert slope.item() == pytest.approx(-1.0)
    assert MINIMAX.critic(torch.tensor([-1e4]), torch.tensor([1e4])).item() == pytest.approx(2e4)


def test_the_hinge_is_silent_beyond_its_margins() -> None:
    real, fake = torch.tensor([1.5, 7.0], requires_grad=True), torch.tensor([-1.5, -2.0], requires_grad=True)
    loss = HINGE.critic(real, fake)
    assert loss.item() == 0
    assert all(not slope.any() for slope in torch.autograd.grad(loss, (real, fake)))


def test_at_equilibrium_the_minimax_value_is_minus_log_4() -> None:
    zero = torch.zeros(5)
    assert -MINIMAX.critic(zero, zero).item() == pytest.approx(-math.log(4))


@pytest.mark.parametrize("shape", [(3, 2), (3, 1, 4), (2,), (3, 1, 1)])
def test_scores_must_be_one_per_sample(shape: tuple[int, ...]) -> None:
    class Wrong(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.zeros(shape)

    with pytest.raises(ShapeError, match=r"one score per sample, shape \(3,\)"):
        scores(Wrong(), torch.zeros(3, 2))


def test_scores_may_keep_one_column() -> None:
    assert scores(nn.Linear(2, 1), torch.zeros(3, 2)).shape == (3,)


# -- penalties: for C(x) = w . x every slope is w, for C(x) = |x|^2 / 2 the slope at x is x


class _Square(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1).square().sum(1) / 2


def test_penalties_of_a_linear_critic() -> None:
    critic = nn.Linear(3, 1)
    w = critic.weight.detach().norm().item()
    x, y = torch.randn(7, 3), torch.randn(7, 3)
    assert r1(critic, x).item() == pytest.approx(w**2, rel=1e-5)
    assert one_centred(critic, x, y, torch.rand(7)).item() == pytest.approx((w - 1) ** 2, rel=1e-4)


def test_penalties_are_per_sample() -> None:
    real, fake, t = torch.randn(9, 2, 4, 4), torch.randn(9, 2, 4, 4), torch.rand(9)
    norms = real.flatten(1).norm(dim=1)
    assert r1(_Square(), real).item() == pytest.approx(norms.square().mean().item(), rel=1e-5)
    assert r2(_Square(), fake).item() == pytest.approx(fake.flatten(1).square().sum(1).mean().item(), rel=1e-5)
    mixed = t.view(9, 1, 1, 1) * fake + (1 - t.view(9, 1, 1, 1)) * real
    by_hand = (mixed.flatten(1).norm(dim=1) - 1).square().mean().item()
    assert one_centred(_Square(), real, fake, t).item() == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("penalty", [r1, lambda c, x: one_centred(c, x, -x, torch.linspace(0, 0.4, len(x)).double())])
def test_penalties_do_not_depend_on_batch_mates(penalty) -> None:  # noqa: ANN001
    with torch.random.fork_rng():
        torch.manual_seed(0)
        critic, x = MLP((2,), (), (16, 16), nn.Tanh).double(), torch.randn(6, 2).double()
    whole = penalty(critic, x)
    alone = [
        r1(critic, row[None])
        if penalty is r1
        else one_centred(critic, row[None], -row[None], torch.linspace(0, 0.4, 6)[i : i + 1].double())
        for i, row in enumerate(x)
    ]
    torch.testing.assert_close(whole, torch.stack(alone).mean())


def test_penalties_double_backward_by_finite_differences() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        critic = MLP((2,), (), (5,), nn.Tanh).double()
        x, y, t = torch.randn(4, 2).double(), torch.randn(4, 2).double(), torch.rand(4).double()
    weights = dict(critic.named_parameters())
    names = list(weights)

    class _With(nn.Module):
        def __init__(self, values: tuple[Tensor, ...]) -> None:
            super().__init__()
            self.values = dict(zip(names, values, strict=True))

        def forward(self, points: Tensor) -> Tensor:
            return torch.func.functional_call(critic, self.values, (points,))

    values = tuple(weights.values())
    assert torch.autograd.gradcheck(lambda *v: r1(_With(v), x), values)
    assert torch.autograd.gradcheck(lambda *v: one_centred(_With(v), x, y, t), values)


def test_penalties_stay_in_float32_under_autocast() -> None:
    critic, x = MLP((4,), (), (32, 32)), torch.randn(16, 4)
    exact = r1(critic, x)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(r1(critic, x.bfloat16().float()), r1(critic, x.bfloat16()))
        assert r1(critic, x).dtype == torch.float32
        assert torch.equal(r1(critic, x), exact)


# -- supervised


def test_mean_squared_error_over_vector_outputs() -> None:
    outputs, targets = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[0.0, 2.0], [3.0, 1.0]])
    assert mean_squared_error(outputs, targets).item() == pytest.approx((1 + 0 + 0 + 9) / 4)


def test_cross_entropy_of_labels_and_of_probabilities() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]], dtype=torch.float64)
    p = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(1, keepdims=True)
    by_hand = -np.mean([np.log(p[0, 1]), np.log(p[1, 2])])
    assert cross_entropy(logits, torch.tensor([1, 2])).item() == pytest.approx(by_hand)
    assert cross_entropy(logits, torch.eye(3).double()[[1, 2]]).item() == pytest.approx(by_hand)


def test_binary_cross_entropy_is_the_sum_over_labels() -> None:
    logits = torch.tensor([[0.3, -40.0], [2.0, 90.0]], dtype=torch.float64)
    targets = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    p = 1 / (1 + (-logits).exp())
    by_hand = -(p[0, 0].log() + (1 - p[1, 0]).log()) / 2  # the others are sure and right
    assert torch.isclose(binary_cross_entropy(logits, targets), by_hand, atol=1e-12)
    weighted = binary_cross_entropy(logits, targets, torch.tensor([2.0, 0.0], dtype=torch.float64))
    assert torch.isclose(weighted, -p[0, 0].log(), atol=1e-12)


@pytest.mark.parametrize("error", [cross_entropy, mean_squared_error, binary_cross_entropy])
def test_weights_of_samples(error: Any) -> None:
    outputs = torch.randn(4, 3, dtype=torch.float64)
    targets = torch.tensor([0, 2, 1, 1]) if error is cross_entropy else torch.rand(4, 3, dtype=torch.float64)
    alone = torch.stack([error(outputs[i : i + 1], targets[i : i + 1]) for i in range(4)])
    weights = torch.tensor([0.5, 2.0, 0.0, 1.5], dtype=torch.float64)
    assert torch.isclose(error(outputs, targets, weights), (weights * alone).mean())
    assert torch.isclose(error(outputs, targets, torch.ones(4, dtype=torch.float64)), error(outputs, targets))


def test_the_penalty_on_weights_is_its_formula() -> None:
    w = torch.tensor([[1.0, -2.0], [0.5, 0.0]], dtype=torch.float64, requires_grad=True)
    penalty = weight_penalty([w], l1=0.1, l2=0.3)
    assert torch.isclose(torch.as_tensor(penalty).detach(), torch.tensor(0.1 * 3.5 + 0.15 * 5.25, dtype=torch.float64))
    (slope,) = torch.autograd.grad(weight_penalty([w], l2=0.3), w)
    assert torch.allclose(slope, 0.3 * w.detach())


def test_soft_thresholding_is_the_proximal_step() -> None:
    w = torch.linspace(-2, 2, 41, dtype=torch.float64)
    shrunk = w.clone()
    soft_threshold(shrunk, 0.7)
    candidates = torch.linspace(-3, 3, 60001, dtype=torch.float64)
    costs = (candidates - w[:, None]).square() / 2 + 0.7 * candidates.abs()  # what the step minimises
    assert torch.allclose(shrunk, candidates[costs.argmin(1)], atol=1e-4)
    assert (shrunk[w.abs() <= 0.7] == 0).all()
