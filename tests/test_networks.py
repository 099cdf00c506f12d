"""Every network: shapes, a gradient for every parameter, save and load."""

import math

import pytest
import torch
from torch import nn

from sparring.errors import InputError
from sparring.networks import (
    MLP,
    Average,
    ConvCritic,
    ConvGenerator,
    ConvNet,
    count_parameters,
    has_batch_statistics,
    layers,
)

SIZES = [(1, 28, 28), (3, 32, 32), (4, 17, 23), (2, 9, 40), (1, 5, 5), (7, 64, 48), (3, 1, 12), (1, 1, 1)]


@pytest.mark.parametrize("shape", SIZES, ids=str)
@pytest.mark.parametrize("norm", [None, "batch"])
def test_convolutional_pair_takes_any_size(shape: tuple[int, int, int], norm: str | None) -> None:
    generator = ConvGenerator(6, shape, width=4, norm=norm, last=nn.Tanh())
    critic = ConvCritic(shape, width=4, norm=norm)
    images = generator(torch.randn(3, 6))
    scores = critic(images)
    assert images.shape == (3, *shape)
    assert scores.shape == (3,)
    scores.square().sum().backward()
    for network in (generator, critic):
        assert all(parameter.grad is not None for parameter in network.parameters())
    assert has_batch_statistics(generator) == (norm == "batch")


def test_critic_and_generator_mirror_each_other() -> None:
    critic = ConvCritic((3, 37, 50), width=2)
    x = torch.zeros(1, 3, 37, 50)
    sides = []
    for layer in critic.layers:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            sides.append(tuple(x.shape[2:]))
    assert sides == [(19, 25), (10, 13), (5, 7)]
    assert ConvGenerator(2, (3, 37, 50), width=2).start[1:] == (5, 7)


@pytest.mark.parametrize(("inputs", "outputs"), [((3,), (2,)), ((3,), ()), ((1, 8, 8), ()), ((5,), (2, 4, 4))])
def test_mlp_shapes_and_gradients(inputs: tuple[int, ...], outputs: tuple[int, ...]) -> None:
    network = MLP(inputs, outputs, hidden=(7, 6))
    result = network(torch.randn(4, *inputs))
    assert result.shape == (4, *outputs)
    result.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    sizes = [math.prod(inputs), 7, 6, math.prod(outputs)]
    assert count_parameters(network) == sum((a + 1) * b for a, b in zip(sizes, sizes[1:], strict=False))


def test_mlp_is_the_lectures_formula() -> None:
    network = MLP((2,), (1,), hidden=(3,), activation=nn.Sigmoid).double()
    w1, b1, w2, b2 = (p.detach().numpy() for p in network.parameters())
    x = torch.randn(5, 2).double()
    hidden = 1 / (1 + torch.exp(-(x @ torch.from_numpy(w1).T + torch.from_numpy(b1))))
    torch.testing.assert_close(network(x), hidden @ torch.from_numpy(w2).T + torch.from_numpy(b2))


@pytest.mark.parametrize(
    "make",
    [lambda: MLP((2,), (3,)), lambda: ConvGenerator(4, (1, 9, 9), 4, "batch"), lambda: ConvCritic((1, 9, 9), 4)],
)
def test_save_and_load(make) -> None:  # noqa: ANN001
    one, other = make(), make()
    other.load_state_dict(one.state_dict())
    x = torch.randn(2, 1, 9, 9) if isinstance(one, ConvCritic) else torch.randn(2, 2 if isinstance(one, MLP) else 4)
    assert torch.equal(one.eval()(x), other.eval()(x))


def test_unknown_norm_is_refused() -> None:
    with pytest.raises(InputError, match="norm must be None, 'batch' or 'layer'"):
        ConvCritic((1, 28, 28), norm="instance")


def test_average_follows_its_recurrence() -> None:
    source = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(source.weight)
    average, expected = Average(source, half_life=3.0), 0.0
    for step in range(1, 60):
        nn.init.constant_(source.weight, float(step))
        average.update()
        decay = 2 ** (-1 / min(3.0, 0.1 * step))
        expected = decay * expected + (1 - decay) * step
        assert average.module.weight.item() == pytest.approx(expected, rel=1e-5)
    assert not average.module.weight.requires_grad


def test_average_copies_buffers_and_survives_a_reload() -> None:
    source = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    average, again = Average(source, 10.0), Average(source, 10.0)
    source(torch.randn(8, 2))
    average.update()
    assert torch.equal(average.module[1].running_mean, source[1].running_mean)
    again.load_state_dict(average.state_dict())
    assert again.steps == 1
    assert torch.equal(again.module[0].weight, average.module[0].weight)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 8, 8), (3, 5, 64), (4, 33, 17), (1, 28, 28)])
def test_a_convnet_takes_any_size(shape: tuple[int, ...]) -> None:
    network = ConvNet(shape, (3,), norm=None if min(shape[1:]) < 2 else "batch").eval()
    x = torch.randn(4, *shape)
    outputs = network(x)
    assert outputs.shape == (4, 3)
    assert torch.allclose(outputs[:1], network(x[:1]), atol=1e-5)  # no sample depends on its batch mates
    assert all(gradient is not None for gradient in torch.autograd.grad(outputs.square().sum(), network.parameters()))
    other = ConvNet(shape, (3,), norm=None if min(shape[1:]) < 2 else "batch").eval()
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(x), outputs)


def test_the_convnet_for_small_grey_images_is_below_100_000_weights() -> None:
    network = ConvNet((1, 28, 28), (10,))
    found = layers(network, (1, 28, 28))
    assert count_parameters(network) == sum(layer.parameters for layer in found) == 98_666
    pools = [layer.shape for layer in found if layer.kind == "MaxPool2d"]
    assert pools == [(32, 14, 14), (64, 7, 7), (64, 3, 3)]
    assert network.training  # looking left its mode alone


def test_an_unknown_norm_is_refused() -> None:
    with pytest.raises(InputError, match="norm must be None or 'batch'"):
        ConvNet((1, 8, 8), (2,), norm="group")
