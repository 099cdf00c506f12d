"""Convolutions with fewer products: the same function and gradients as torch's, and its own where they are no gain."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from sparring.networks import ImageTranslator, WinogradConv2d, winograd
from sparring.networks.winograd import MANY, MORE, WIDE, WIDER, _Convolved

SHAPES = [(2, 3, 4, 7, 8), (1, 2, 2, 1, 1), (1, 3, 2, 1, 5), (3, 2, 5, 6, 9), (2, 2, 2, 4, 4)]


def drawn(n: int, c: int, k: int, h: int, w: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, ...]:
    chance = torch.Generator().manual_seed(0)
    made = (torch.randn(shape, generator=chance, dtype=dtype) for shape in ((n, c, h, w), (k, c, 3, 3), (k,)))
    return tuple(one.requires_grad_() for one in made)


def convolved(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    found: Tensor = _Convolved.apply(x, weight, bias)  # pyright: ignore[reportAssignmentType]
    return found


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("products", [True, False])
def test_it_is_the_convolution(
    shape: tuple[int, int, int, int, int], layout: torch.memory_format, products: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, weight, bias = drawn(*shape)
    monkeypatch.setattr(winograd, "WIDER", 0)
    monkeypatch.setattr(winograd, "MORE", 0 if products else 10**9)
    x = x.detach().contiguous(memory_format=layout).requires_grad_()
    ours, known = convolved(x, weight, bias), conv2d(x, weight, bias, padding=1)
    assert ours.shape == known.shape
    assert torch.allclose(ours, known, atol=1e-12)
    grad = torch.randn_like(known).contiguous(memory_format=layout)
    for one, other in zip(
        torch.autograd.grad(ours, (x, weight, bias), grad),
        torch.autograd.grad(known, (x, weight, bias), grad),
        strict=True,
    ):
        assert torch.allclose(one, other, atol=1e-12)


def test_gradients_agree_with_finite_differences() -> None:
    assert torch.autograd.gradcheck(convolved, drawn(2, 2, 3, 3, 4))
    assert torch.autograd.gradgradcheck(convolved, drawn(1, 2, 2, 3, 4))


@pytest.mark.parametrize("needed", [(True, False, False), (False, True, False), (False, False, True)])
def test_only_what_is_needed_is_computed(needed: tuple[bool, ...]) -> None:
    x, weight, bias = inputs = [
        one.detach().requires_grad_(wanted) for one, wanted in zip(drawn(1, 2, 3, 4, 5), needed, strict=True)
    ]
    asked = [one for one in inputs if one.requires_grad]
    (known,) = torch.autograd.grad(conv2d(x, weight, bias, padding=1).square().sum(), asked)
    convolved(x, weight, bias).square().sum().backward()
    for one, wanted in zip(inputs, needed, strict=True):
        assert (one.grad is not None) == wanted
        assert not wanted or (one.grad is not None and torch.allclose(one.grad, known, atol=1e-10))


def test_rounding_is_no_worse_than_a_few_units(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight, bias = drawn(2, 128, 128, 16, 16, torch.float32)
    weight = (weight / 1152**0.5).detach().requires_grad_()
    monkeypatch.setattr(winograd, "MORE", 0)
    found, exact = convolved(x, weight, bias), conv2d(x.double(), weight.double(), bias.double(), padding=1)
    assert torch.allclose(found.double(), exact, rtol=0, atol=2e-5)
    grad = torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
    for one, other in zip(
        torch.autograd.grad(found, (x, weight, bias), grad),
        torch.autograd.grad(exact, (x, weight, bias), grad.double()),
        strict=True,
    ):
        assert torch.allclose(one, other, rtol=1e-5, atol=2e-4)


def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[int]:
    """How often a function of the fast way is called."""
    taken, known = [], getattr(winograd, name)
    monkeypatch.setattr(winograd, name, lambda *given: (taken.append(1), known(*given))[1])
    return taken


def test_gradients_are_taken_so_where_it_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = counted(monkeypatch, "_written_read")
    wide, narrow = WinogradConv2d(WIDE, WIDE), WinogradConv2d(WIDE - 1, WIDE)
    side = 2 * math.isqrt(MANY // WIDE) + 2
    x = torch.randn(1, WIDE, side, side, requires_grad=True)
    wide(x).sum().backward()
    assert len(taken) == 1
    narrow(x[:, 1:]).sum().backward()
    wide(x[:, :, :8, :8]).sum().backward()
    wide.double()(x.double()).sum().backward()
    with torch.autocast("cpu", torch.bfloat16):
        found = wide.float()(x)
    assert found.dtype == torch.bfloat16
    found.sum().backward()
    assert wide(x[:0]).shape == (0, WIDE, side, side)
    assert len(taken) == 1


def test_maps_are_made_so_where_it_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = counted(monkeypatch, "_written")
    side = 2 * math.isqrt(MORE // WIDER) - 2
    wide, x = WinogradConv2d(WIDER, WIDER), torch.randn(1, WIDER, side, side)
    wide(x)
    assert not taken
    wide(torch.cat([x, x]))
    assert len(taken) == 1


def test_a_translator_learns_as_with_torchs_convolutions(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    translator = ImageTranslator((3, 32, 30), 3, width=WIDE // 2, blocks=2, halvings=1, norm="instance")
    x, taken = torch.rand(2, 3, 32, 30), counted(monkeypatch, "_read")

    def learned() -> list[Tensor]:
        loss = translator(x).square().sum()
        return [loss, *torch.autograd.grad(loss, list(translator.parameters()))]

    fast = learned()
    assert len(taken) == 4
    monkeypatch.setattr(WinogradConv2d, "forward", nn.Conv2d.forward)
    for one, other in zip(fast, learned(), strict=True):
        assert float((one - other).detach().norm()) <= 1e-4 * float(other.detach().norm()) + 1e-2
