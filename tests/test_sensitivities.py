"""Backpropagation: the lecture's closed formulas, autograd and finite differences agree."""

import itertools
import math

import pytest
import torch
from torch import Tensor, nn

from sparring.errors import InputError, ShapeError
from sparring.networks import MLP
from sparring.objectives import cross_entropy, mean_squared_error
from sparring.training.reach import layer_pulls
from sparring.training.sensitivities import delta_sizes, sensitivities

N, P, M, K = 6, 4, 5, 3


def _sum_of_squares(z: Tensor, target: Tensor) -> Tensor:
    return (z - target).square().sum()


@pytest.fixture
def case() -> tuple[nn.Sequential, Tensor, Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = MLP((P,), (K,), (M,), nn.Tanh, last=nn.Sigmoid()).double()
        return network, torch.randn(N, P).double(), torch.rand(N, K).double()


def test_the_lectures_two_layer_formulas(case: tuple[nn.Sequential, Tensor, Tensor]) -> None:
    network, x, target = case
    alpha, a, beta, b = (parameter.detach() for parameter in network.parameters())
    y = torch.tanh(x @ alpha.T + a)
    z = torch.sigmoid(y @ beta.T + b)
    delta = 2 * (z - target) * z * (1 - z)  # sigma_z' = z (1 - z)
    delta_hat = (1 - y**2) * (delta @ beta)  # sigma_y' = 1 - y^2
    first, last = sensitivities(network, x, target, _sum_of_squares)
    torch.testing.assert_close(last.delta, delta)
    torch.testing.assert_close(first.delta, delta_hat)
    torch.testing.assert_close(last.gradient, torch.einsum("ik,im->km", delta, y))
    torch.testing.assert_close(first.gradient, torch.einsum("im,ip->mp", delta_hat, x))
    assert (first.name, last.name) == ("0", "2")


@pytest.mark.parametrize("loss", [_sum_of_squares, nn.functional.mse_loss])
def test_gradients_are_autograds(case: tuple[nn.Sequential, Tensor, Tensor], loss) -> None:  # noqa: ANN001
    network, x, target = case
    found = torch.autograd.grad(loss(network(x), target), list(network.parameters()))
    made = [g for layer in sensitivities(network, x, target, loss) for g in (layer.gradient, layer.bias_gradient)]
    for one, other in zip(found, made, strict=True):
        torch.testing.assert_close(one, other)


def test_deltas_by_finite_differences(case: tuple[nn.Sequential, Tensor, Tensor]) -> None:
    # a small push on a layer's bias, for one sample alone, changes the cost by delta times the push
    network, x, target = case
    step = 1e-6
    for layer, number in zip(sensitivities(network, x, target, _sum_of_squares), (0, 2), strict=True):
        bias = network[number].bias
        for i in range(N):
            for unit in range(len(bias)):
                costs = []
                for sign in (1, -1):
                    with torch.no_grad():
                        bias[unit] += sign * step
                        costs.append(_sum_of_squares(network(x[i : i + 1]), target[i : i + 1]).item())
                        bias[unit] -= sign * step
                slope = (costs[0] - costs[1]) / (2 * step)
                assert layer.delta[i, unit].item() == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_deep_networks_have_a_delta_per_layer_and_vanish_through_sigmoids() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network, x, y = MLP((8,), (2,), (16,) * 6, nn.Sigmoid), torch.randn(20, 8), torch.randint(2, (20,))
    layers = sensitivities(network, x, y, cross_entropy)
    assert [tuple(layer.delta.shape) for layer in layers] == [(20, 16)] * 6 + [(20, 2)]
    assert layers[0].delta.norm() < 1e-3 * layers[-1].delta.norm()


def test_the_network_is_left_as_it_was(case: tuple[nn.Sequential, Tensor, Tensor]) -> None:
    network, x, target = case
    network.eval()
    with torch.no_grad():
        sensitivities(network, x, target, _sum_of_squares)
    assert not network.training
    assert all(parameter.grad is None for parameter in network.parameters())
    assert not any(module._forward_hooks for module in network.modules())


def test_what_has_no_sensitivity_is_refused(case: tuple[nn.Sequential, Tensor, Tensor]) -> None:
    network, x, target = case
    shared = nn.Linear(P, P).double()
    with pytest.raises(InputError, match="used twice"):
        sensitivities(nn.Sequential(shared, shared), x, x, _sum_of_squares)
    with pytest.raises(InputError, match="no linear layer"):
        sensitivities(nn.Tanh(), x, x, _sum_of_squares)
    with pytest.raises(ShapeError, match="one number"):
        sensitivities(network, x, target, lambda z, t: (z - t).square())
    with pytest.raises(ShapeError, match=r"must see \(n, inputs\)"):
        sensitivities(nn.Linear(P, 2).double(), x[None], x[None, :, :2], _sum_of_squares)


def test_the_size_of_delta_is_that_of_the_sensitivities() -> None:
    network = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Dropout(0.5), nn.Linear(5, 2)).double()
    x, y = torch.randn(6, 3).double(), torch.randn(6, 2).double()
    sizes = delta_sizes(network, x, y, mean_squared_error)
    found = sensitivities(network.eval(), x, y, mean_squared_error)
    assert [name for name, _ in sizes] == [each.name for each in found]
    for (_, size), each in zip(sizes, found, strict=True):
        assert math.isclose(size, 6 * each.delta.square().mean().sqrt().item(), rel_tol=1e-6)


def test_a_vanishing_gradient_shows_layer_by_layer() -> None:
    layers: list[nn.Module] = []
    for _ in range(6):
        layers += [nn.Linear(20, 20), nn.Sigmoid()]
    network = nn.Sequential(*layers, nn.Linear(20, 1)).train()
    sizes = [size for _, size in delta_sizes(network, torch.randn(50, 20), torch.randn(50, 1), mean_squared_error)]
    assert all(before < 0.5 * after for before, after in itertools.pairwise(sizes))  # sigma' is at most 1/4
    assert network.training


def test_convolutions_have_deltas_too() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 1))
    assert [
        name for name, _ in delta_sizes(network, torch.randn(3, 1, 4, 4), torch.randn(3, 1), mean_squared_error)
    ] == ["0", "2"]


@pytest.mark.parametrize("made", [lambda: nn.Linear(3, 5), lambda: nn.Conv1d(1, 5, 3)])
def test_layers_that_work_in_place_have_the_same_deltas(made) -> None:  # noqa: ANN001
    torch.manual_seed(1)
    first, x = made(), torch.randn(6, 3)
    x = x if isinstance(first, nn.Linear) else x[:, None]
    last, y = nn.Linear(5, 2), torch.randn(6, 2)
    nets = [nn.Sequential(first, nn.ReLU(inplace=place), nn.Flatten(), last) for place in (False, True)]
    apart, in_place = ([size for _, size in delta_sizes(net, x, y, mean_squared_error)] for net in nets)
    assert apart == in_place
    if isinstance(first, nn.Linear):
        given = [sensitivities(net, x, y, mean_squared_error)[0].delta for net in nets]
        assert torch.equal(*given)


def test_pulls_of_homogeneous_layers_are_of_one_size_however_wide() -> None:
    """One unit in each layer: |W| |dC / dW| = |<W, dC / dW>| = |y dC / dy| in all of them."""
    network = nn.Sequential(
        nn.Linear(1, 1, bias=False), nn.ReLU(), nn.Linear(1, 1, bias=False), nn.ReLU(), nn.Linear(1, 1, bias=False)
    ).double()
    for layer, weight in zip(network[::2], (0.01, 50.0, 3.0), strict=True):
        nn.init.constant_(layer.weight, weight)  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType]
    x = torch.full((7, 1), 2.0, dtype=torch.float64)
    found = layer_pulls(network, x, torch.zeros(7, 1, dtype=torch.float64), lambda z, _: z.mean())
    assert [name for name, _ in found] == ["0", "2", "4"]
    assert [pull for _, pull in found] == pytest.approx([3.0, 3.0, 3.0])  # y = 2 * 0.01 * 50 * 3
    network[2].requires_grad_(requires_grad=False)
    assert [name for name, _ in layer_pulls(network, x, x, lambda z, _: z.mean())] == ["0", "4"]


def test_the_pull_of_a_filter_does_not_depend_on_the_number_of_its_places() -> None:
    pulls = []
    for side in (4, 16):
        network = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 1))
        nn.init.constant_(network[0].weight, 2.0)  # pyright: ignore[reportArgumentType]
        nn.init.constant_(network[3].weight, 1.0)  # pyright: ignore[reportArgumentType]
        found = layer_pulls(network, torch.ones(3, 1, side, side), torch.zeros(3, 1), lambda z, _: z.mean())
        pulls.append([pull for _, pull in found])
    assert pulls[0] == pytest.approx(pulls[1])
    assert pulls[0] == pytest.approx([2.0, 2.0])
