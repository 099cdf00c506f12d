"""What the tests of precision try: a row for every network, and for every gradient that is written out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sparring import networks
from sparring.networks import CRF, Choices, MapNorm, Places, Ranked, SequenceNetwork, TaggingNetwork
from sparring.networks.recurrent import reversed_rows
from sparring.networks.winograd import _Convolved
from sparring.objectives import Moments

__all__ = ["FUNCTIONS", "NETWORKS", "Row", "gradients_of", "settled"]


@dataclass(frozen=True)
class Row:
    """made: a module, or what stands in for one. given: what it is called with. answer: how; None: as it is called.

    exact: whether it computes in full precision though the precision around it is another, but for rounded inputs.
    smooth: whether it can be differentiated by its inputs or weights at all.
    """

    made: Callable[[], nn.Module]
    given: Callable[[], tuple[Any, ...]]
    answer: Callable[..., Tensor] | None = None
    exact: bool = False
    smooth: bool = True

    def settled(self) -> tuple[nn.Module, tuple[Any, ...]]:
        """The module and its inputs, the same at every call."""
        return settled(self.made), settled(self.given)

    def called(self, module: nn.Module, given: tuple[Any, ...]) -> Tensor:
        return module(*given) if self.answer is None else self.answer(module, *given)


def settled(make: Callable[[], Any]) -> Any:
    """What is made with torch's global state at one place, which is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return make()


def gradients_of(row: Row, module: nn.Module, given: tuple[Any, ...], around: Any) -> tuple[Tensor, list[Tensor]]:
    """The answer, and the gradients of a sum of it by the inputs and by all weights, taken outside of ``around``."""
    leaves = [one for one in given if isinstance(one, Tensor) and one.is_floating_point()]
    for leaf in leaves:
        leaf.requires_grad_()
    with around:
        found = row.called(module, given)
    weights = settled(lambda: torch.randn(found.shape)).to(found.dtype)
    by = [*leaves, *module.parameters()]
    return found, list(torch.autograd.grad((found * weights).sum(), by, allow_unused=True, materialize_grads=True))


# -- what several rows take


def _rows(*shape: int) -> Callable[[], tuple[Tensor, ...]]:
    return lambda: (torch.randn(*shape),)


def _words(n: int = 4, t: int = 5) -> Callable[[], tuple[Tensor, Tensor]]:
    return lambda: (torch.randint(2, 9, (n, t)), torch.tensor([t, 1, 3, 2]))


LAYOUT = Places(
    parts=[3, 4],
    spans=[(3, 6)],
    number=torch.tensor([-1, -1, -1, 0, 0, 0, -1]),
    middle=torch.tensor([0.0, 0, 0, 0.15, 0.5, 0.85, 0]),
    reach=torch.tensor([0.0, 0, 0, 0.15, 0.2, 0.15, 0]),
    lump=torch.zeros(7, dtype=torch.bool),
    scalars=[0],
)
LEVELS = torch.tensor([[0.0], [0.0], [0.0], [-0.7], [0.0], [0.7], [0.0]])


def _encoded() -> tuple[Tensor, ...]:
    places = torch.arange(12)
    chosen = [nn.functional.one_hot(places % 3, 3), nn.functional.one_hot(places % 4, 4)]
    return (torch.cat([*chosen, torch.linspace(-0.9, 0.9, 12)[:, None]], 1).float(),)


def _apart() -> tuple[Tensor, ...]:
    """Numbers whose order no rounding changes."""
    return (torch.stack([torch.randperm(8) for _ in range(12)]).float() / 4 - 1,)


def _said(crf: nn.Module, scores: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
    assert isinstance(crf, CRF)
    return crf.log_likelihood(scores, tags, lengths)


def _tagged(network: nn.Module, words: Tensor, lengths: Tensor) -> Tensor:
    assert isinstance(network, TaggingNetwork)
    tags = (words % 3).masked_fill(torch.arange(words.shape[1]) >= lengths[:, None], -100)
    return network.error(network(words, lengths), tags)


def _reading(**more: Any) -> SequenceNetwork:
    return SequenceNetwork(3, words=9, width=4, hidden=6, **more)


class _Frozen(nn.Module):
    """No weights of its own."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *given: Any) -> Tensor:
        return self.function(*given)


# -- networks

NETWORKS: Mapping[str, Row] = {
    "AdditiveAttention": Row(
        lambda: networks.AdditiveAttention(3, 4, 5),
        lambda: (torch.randn(2, 6, 3), torch.randn(2, 4, 4), torch.arange(4) < torch.tensor([[4], [1]])),
        lambda a, states, outputs, inside: a(states, outputs, a.keys(outputs), inside)[0],
    ),
    "CRF": Row(
        lambda: CRF(3, *networks.forbidden_in_bio(["O", "B-x", "I-x"])),
        lambda: (torch.randn(4, 5, 3), torch.tensor([[0, 1, 2, 0, 1]] * 4), torch.tensor([5, 1, 3, 2])),
        _said,
        exact=True,
    ),
    "Carrying": Row(
        lambda: networks.Carrying(_reading(answer="each"), 4),
        lambda: (torch.randint(2, 9, (4, 5)), torch.tensor([True, False, True, False])),
    ),
    "Choices": Row(lambda: Choices([3, 4], [(3, 6)]), _apart, exact=True),
    "Chords": Row(lambda: networks.Chords(5), lambda: (torch.randn(4, 5), (torch.randn(4, 5) > 0).float())),
    "Clamp": Row(networks.Clamp, _rows(6, 2, 4, 4)),
    "ConvCritic": Row(lambda: networks.ConvCritic((2, 8, 8), 4), _rows(6, 2, 8, 8)),
    "ConvGenerator": Row(lambda: networks.ConvGenerator(5, (2, 8, 8), 4, "batch", nn.Tanh()), _rows(6, 5)),
    "ConvNet": Row(lambda: networks.ConvNet((2, 8, 8), (3,), 4, None, dropout=0.0), _rows(6, 2, 8, 8)),
    "Dropout": Row(lambda: networks.Dropout(0.0), _rows(6, 5)),
    "EncoderDecoder": Row(
        lambda: networks.EncoderDecoder(9, 8, 6, 6, 2, "lstm", dropout=0.0),
        lambda: (*_words()(), torch.randint(2, 8, (4, 6))),
    ),
    "ImageTranslator": Row(
        lambda: networks.ImageTranslator((2, 7, 8), 1, 4, 1, 1, norm="instance", last=networks.Clamp()),
        _rows(3, 2, 7, 8),
    ),
    "LabelledCritic": Row(
        lambda: networks.LabelledCritic(networks.MLP((4,), (3,), (8,))),
        lambda: (torch.randn(6, 4), torch.arange(6) % 3),
    ),
    "LabelledGenerator": Row(
        lambda: networks.LabelledGenerator(networks.MLP((4 + 3,), (2,), (8,)), 3),
        lambda: (torch.randn(6, 4), torch.arange(6) % 3),
    ),
    "MLP": Row(lambda: networks.MLP((4,), (3,), (8, 8)), _rows(6, 4)),
    "MapNorm": Row(lambda: MapNorm(3), _rows(2, 3, 4, 5), exact=True),
    "Maxout": Row(lambda: networks.Maxout(4, 3), _rows(6, 4)),
    "PatchCritic": Row(lambda: networks.PatchCritic((2, 8, 8), 4, norm="instance"), _rows(3, 2, 8, 8)),
    "Placing": Row(lambda: networks.Placing(LAYOUT), lambda: (torch.cat([_apart()[0][:, :7], torch.rand(12, 1)], 1),)),
    "Ranked": Row(lambda: Ranked(nn.Linear(9, 3), LEVELS), _encoded),
    "Ranking": Row(lambda: networks.Ranking(LAYOUT), _encoded, exact=True),
    "Ranks": Row(lambda: networks.Ranks(LEVELS), _encoded, exact=True),
    "Recurrent": Row(
        lambda: networks.Recurrent(3, 5, 2, "gru", bidirectional=True, learned_start=True),
        lambda: (torch.randn(4, 5, 3), torch.tensor([5, 1, 3, 2])),
        lambda network, x, lengths: networks.ends(network(x, lengths)[0], lengths, 2),
    ),
    "ResidualCritic": Row(lambda: networks.ResidualCritic((2, 8, 8), 4), _rows(4, 2, 8, 8)),
    "ResidualGenerator": Row(lambda: networks.ResidualGenerator(5, (2, 8, 8), 4), _rows(4, 5)),
    "SequenceNetwork": Row(lambda: _reading(answer="max", letters=None), _words()),
    "Signs": Row(lambda: networks.Signs(2), _rows(6, 4)),
    "Skipping": Row(lambda: networks.Skipping(4, 7, (8, 8), "layer"), _rows(12, 4)),
    "Symmetry": Row(lambda: networks.Symmetry(True, mirrored=True), _rows(3, 2, 4, 4)),
    "TableTranslator": Row(lambda: networks.TableTranslator(LAYOUT, LAYOUT, (8,)), _encoded, exact=True),
    "TaggingNetwork": Row(lambda: TaggingNetwork(_reading(answer="each"), CRF(3)), _words(), _tagged),
    "VectorTranslator": Row(lambda: networks.VectorTranslator(4, 3, (8,)), _rows(6, 4)),
    "Waves": Row(lambda: networks.Waves(3, (1.0, 2.0)), _rows(6, 3)),
    "WholeScores": Row(lambda: networks.WholeScores(networks.PatchCritic((2, 8, 8), 4)), _rows(3, 2, 8, 8)),
    "WinogradConv2d": Row(lambda: networks.WinogradConv2d(64, 64), _rows(8, 64, 8, 8)),
    "WordInputs": Row(
        lambda: networks.WordInputs(9, 4, 7, 3, 5),
        lambda: (torch.cat([torch.randint(2, 9, (3, 4, 1)), torch.randint(1, 7, (3, 4, 6))], 2),),
    ),
}

# -- gradients that are written out, by the name of their torch.autograd.Function


def _moments() -> Moments:
    rows = _encoded()[0]
    return Moments.of(lambda part: rows[part], len(rows), LEVELS)


def _gap(rows: Tensor) -> Tensor:
    moments = _moments()
    if rows.dtype == torch.float64:
        moments = Moments(moments.inner.double(), moments.target.double(), moments.norm.double())
    return moments.gap(rows)


def _convolved(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    found: Any = _Convolved.apply(x, weight, bias)
    return found


FUNCTIONS: Mapping[str, Row] = {
    "_Choice": NETWORKS["Choices"],
    "_Convolved": Row(
        lambda: _Frozen(_convolved), lambda: (torch.randn(2, 3, 5, 4), torch.randn(4, 3, 3, 3), torch.randn(4))
    ),
    "_Gap": Row(lambda: _Frozen(_gap), lambda: (_encoded()[0].roll(3, 0),), exact=True),
    "_Normalised": NETWORKS["MapNorm"],
    "_Reordered": Row(
        lambda: _Frozen(reversed_rows), lambda: (torch.randn(4, 5, 3), torch.tensor([5, 1, 3, 2])), exact=True
    ),
}
