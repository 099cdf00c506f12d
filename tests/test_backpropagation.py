"""Backpropagation written out equals autograd, is taken only where it holds; and Adam's short way equals torch's."""

import copy
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import sparring as sp
from sparring.data.batches import Batches
from sparring.errors import Diverged, InputError
from sparring.networks import MLP
from sparring.objectives import binary_cross_entropy, cross_entropy, mean_squared_error
from sparring.place import Place
from sparring.training import State, supervised_game, train
from sparring.training.adam import Adam
from sparring.training.backpropagation import backpropagation
from sparring.training.checkpoint import path_of, read_newest, restore, write

N, P, K = 20, 4, 3
ACTIVATIONS = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Identity)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def _targets(error: Callable[..., Tensor], soft: bool = False) -> Tensor:
    if error is cross_entropy and not soft:
        return torch.randint(0, K, (N,))
    return torch.randint(0, 2, (N, K)).double() if error is binary_cross_entropy else torch.rand(N, K).double()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("error", "soft"),
    [(cross_entropy, False), (cross_entropy, True), (binary_cross_entropy, False), (mean_squared_error, False)],
)
@pytest.mark.parametrize(("activation", "dropout"), list(itertools.product(ACTIVATIONS, (0.0, 0.3))))
@pytest.mark.parametrize("hidden", [(), (7,), (8, 5, 6)])
def test_errors_and_gradients_are_autograds(
    hidden: tuple[int, ...],
    activation: type[nn.Module],
    dropout: float,
    error: Callable[..., Tensor],
    soft: bool,
    weighted: bool,
) -> None:
    network = MLP((P,), (K,), hidden, activation, dropout=dropout).double()
    x, targets = torch.randn(N, P).double(), _targets(error, soft)
    weights = (torch.rand(N).double(),) if weighted else ()
    written = backpropagation(network, error)
    assert written is not None
    torch.manual_seed(1)  # dropout draws the same masks in both
    expected = error(network(x), targets, *weights)
    gradients = torch.autograd.grad(expected, list(network.parameters()))
    torch.manual_seed(1)
    value, found = written(x, targets, *weights)
    torch.testing.assert_close(value, expected.detach())
    for one, other in zip(found, gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_layers_without_biases_and_images_read_flat() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 5, bias=False), nn.Tanh(), nn.Linear(5, K))
    x, y = torch.randn(N, 3, 4), torch.randint(0, K, (N,))
    written = backpropagation(network, cross_entropy)
    assert written is not None
    expected = torch.autograd.grad(cross_entropy(network(x), y), list(network.parameters()))
    for one, other in zip(written(x, y)[1], expected, strict=True):
        torch.testing.assert_close(one, other)


def test_huge_logits_stay_finite() -> None:
    network = MLP((P,), (K,), ())
    with torch.no_grad():
        network[0].weight.mul_(1e6)
    written = backpropagation(network, cross_entropy)
    assert written is not None
    value, found = written(torch.randn(N, P), torch.randint(0, K, (N,)))
    assert value.isfinite()
    assert all(gradient.isfinite().all() for gradient in found)


def _hooked() -> nn.Module:
    network = MLP((P,), (K,))
    network[0].register_forward_hook(lambda *_: None)
    return network


def _frozen() -> nn.Module:
    network = MLP((P,), (K,))
    network[0].weight.requires_grad_(False)
    return network


def _tied() -> nn.Module:
    network = nn.Sequential(nn.Linear(P, P), nn.ReLU(), nn.Linear(P, P))
    network[2].weight = network[0].weight
    return network


class _Own(MLP):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * 2


@pytest.mark.parametrize(
    "network",
    [
        _hooked(),
        _frozen(),
        _tied(),
        _Own((P,), (K,)),
        MLP((P,), (K,), activation=nn.SiLU),
        MLP((P,), (K,), last=nn.Tanh()),
        nn.Sequential(nn.Linear(P, K), nn.Dropout(0.5)),
        nn.Sequential(nn.Linear(P, K), nn.BatchNorm1d(K), nn.Linear(K, K)),
        nn.Sequential(nn.ReLU(), nn.Linear(P, K)),
        nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(P, K))),
        nn.Sequential(),
        nn.Linear(P, K),
    ],
)
def test_where_the_formulas_do_not_hold_autograd_is_used(network: nn.Module) -> None:
    assert backpropagation(network, cross_entropy) is None


def test_an_error_of_the_users_is_left_to_autograd() -> None:
    assert backpropagation(MLP((P,), (K,)), lambda outputs, targets: outputs.square().mean()) is None


@pytest.mark.parametrize("penalty", [{}, {"l2": 0.1}, {"l1": 0.01}, {"l1": 0.01, "l2": 0.1}])
def test_a_fit_is_the_same_either_way(penalty: dict[str, float]) -> None:
    x, y = torch.randn(60, P), torch.randint(0, K, (60,))
    ends, losses = [], []
    for by_hand in (True, False):
        torch.manual_seed(3)
        network = MLP((P,), (K,), (8,))
        if not by_hand:
            network[0].register_forward_hook(lambda *_: None)
        game = supervised_game(network, cross_entropy, torch.optim.SGD(network.parameters(), 0.1), **penalty)
        assert (game.turns[0].gradients is not None) == by_hand
        steps = [step.row(Place()) for step in train(game.turns, Batches(x, y, size=20), 40, State())]
        ends.append([weight.detach() for weight in network.parameters()])
        losses.append([[row[name] for name in sorted(row)] for row in steps])
    for one, other in zip(*ends, strict=True):
        torch.testing.assert_close(one, other)
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4, atol=1e-6)


def test_estimators_take_the_short_way_and_their_precision_is_kept() -> None:
    X, y = np.random.default_rng(0).normal(size=(40, P)), np.arange(40) % K
    plain = sp.Classifier((8,), max_iter=3, random_state=0, precision="bfloat16").fit(X, y)
    assert plain.predict(X).shape == (40,)  # under autocast: left to autograd


# -- Adam


@pytest.mark.parametrize("groups", [1, 2])
def test_adam_updates_to_the_bits_of_torchs_step(groups: int) -> None:
    ours, theirs = MLP((P,), (K,), (8, 8)), MLP((P,), (K,), (8, 8))
    theirs.load_state_dict(ours.state_dict())

    def parts(network: nn.Module) -> list:
        parameters = list(network.parameters())
        return parameters if groups == 1 else [{"params": parameters[:3]}, {"params": parameters[3:], "lr": 0.1}]

    one = Adam(parts(ours), lr=0.01, betas=(0.5, 0.9))
    other = torch.optim.Adam(parts(theirs), lr=0.01, betas=(0.5, 0.9), fused=True)
    for _ in range(20):
        gradients = [torch.randn_like(parameter) for parameter in ours.parameters()]
        one.update(gradients)
        for parameter, gradient in zip(theirs.parameters(), gradients, strict=True):
            parameter.grad = gradient.clone()
        other.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)
    states = one.state_dict()["state"], other.state_dict()["state"]
    assert states[0].keys() == states[1].keys()
    for key, state in states[0].items():
        assert state.keys() == states[1][key].keys()
        assert all(torch.equal(value, states[1][key][name]) for name, value in state.items())


def test_adams_state_is_saved_restored_and_shared_with_torchs_step(tmp_path: Path) -> None:
    network = MLP((P,), (K,), (8,))
    gradients = [torch.randn_like(parameter) for parameter in network.parameters()]
    adam = Adam(network.parameters())
    adam.update(gradients)
    write(tmp_path, 1, {"network": network, "optimizer": adam})
    assert path_of(tmp_path, 1).exists()
    fresh = copy.deepcopy(network)
    again = Adam(fresh.parameters())
    restore(read_newest(tmp_path), {"network": fresh, "optimizer": again})
    adam.update(gradients)
    for parameter, gradient in zip(fresh.parameters(), gradients, strict=True):
        parameter.grad = gradient
    again.step()  # torch's own goes on from the same state
    for a, b in zip(network.parameters(), fresh.parameters(), strict=True):
        assert torch.equal(a, b)


def test_adam_refuses_weights_of_several_types() -> None:
    weights = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2, dtype=torch.float64))]
    with pytest.raises(
        InputError, match=r"one type and on one device; got torch\.float32 on cpu, torch\.float64 on cpu"
    ):
        Adam(weights)


def test_gradients_written_out_are_watched_for_finiteness() -> None:
    network = MLP((P,), (K,))
    game = supervised_game(network, mean_squared_error, Adam(network.parameters()))
    batches = Batches(torch.full((8, P), torch.inf), torch.zeros(8, K), size=4)
    before = copy.deepcopy(network.state_dict())
    with pytest.raises(Diverged, match="step 1"):
        next(iter(train(game.turns, batches, 1)))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
