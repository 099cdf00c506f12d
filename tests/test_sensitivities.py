"""Backpropagation: the lecture's closed formulas, autograd and finite differences agree."""

import pytest
import torch
from torch import Tensor, nn

from sparring.errors import InputError, ShapeError
from sparring.networks import MLP
from sparring.objectives import cross_entropy
from sparring.training.sensitivities import sensitivities

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
