"""Tags that depend on their neighbours: a conditional random field on what a network says of each step."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sparring.errors import InputError
from sparring.networks.layers import APART
from sparring.networks.recurrent import ends, reversed_rows
from sparring.shapes import check

__all__ = ["CRF", "PADDED", "forbidden_in_bio"]

PADDED = -100  # the tag of padding in what is decoded; the number that cross-entropy leaves out
NEVER = -1e4  # the logarithm of zero, nearly: e^-10000 is zero in float64, and sums of it stay finite in float32


class CRF(nn.Module):
    """A linear-chain conditional random field over padded rows of ``tags`` different tags.

    p(y | s) = exp(score(y)) / sum of exp(score(y')) over all sequences y' of tags, where

        score(y) = starts[y_1] + sum_i s_i[y_i] + sum_i transitions[y_(i-1), y_i] + ends[y_last]

    s are a network's scores of every tag at every step; starts, transitions (from a tag in the row to one in the
    column) and ends are learned. They begin at zero, where steps are independent: p is a softmax at each step.
    forbidden (tags, tags) and forbidden_start (tags,): bool, the transitions and first tags that can never be. Their
    scores are -10,000 and not learned, and no best sequence has one while another sequence is left.

    scores: (n, t, tags), taken in the precision of the learned numbers. lengths: (n,), at least 1, what is not padding;
    None: all of it. What stands in the padding, and the other rows of the batch, change nothing.

    Source: Lafferty, McCallum & Pereira 2001; on recurrent networks Lample et al. 2016, section 2.2, whose tags of
    start and end are our ``starts`` and ``ends``.

    >>> crf = CRF(3, *forbidden_in_bio(["O", "B-city", "I-city"]))
    >>> scores = torch.tensor([[[0.0, 1.0, 5.0], [0.0, 1.0, 5.0], [2.0, 1.0, 0.0]]])
    >>> crf.decode(scores)  # B I O, though I has the best score at the first step
    tensor([[1, 2, 0]])
    >>> crf.log_likelihood(scores, torch.tensor([[1, 2, 0]])).exp().item() > 0.5
    True
    """

    forbidden: Tensor
    forbidden_start: Tensor

    def __init__(self, tags: int, forbidden: Tensor | None = None, forbidden_start: Tensor | None = None) -> None:
        super().__init__()
        self.tags = tags
        self.transitions = nn.Parameter(torch.zeros(tags, tags))
        self.starts = nn.Parameter(torch.zeros(tags))
        self.ends = nn.Parameter(torch.zeros(tags))
        self.register_buffer("forbidden", _mask("forbidden", forbidden, tags, tags))
        self.register_buffer("forbidden_start", _mask("forbidden_start", forbidden_start, tags))

    def log_likelihood(self, scores: Tensor, tags: Tensor, lengths: Tensor | None = None) -> Tensor:
        """ln p(tags | scores) of each row, (n,), at most 0. tags: (n, t) int64; those of padding may be any number.

        The loss is its negative, often divided by the row's length. A row with a forbidden transition gets about
        -10,000 for each of them, and its gradient still teaches the scores: refuse such rows before training. Raises
        ShapeError for shapes that do not fit.
        """
        scores, outside = self._checked(scores, lengths)
        check("tags", tags, "n t", n=scores.shape[0], t=scores.shape[1])
        starts, transitions = self._allowed(NEVER)
        sums = _sums(scores, starts, transitions)
        all_of_them = (ends(sums, lengths) + self.ends).logsumexp(1)
        tags = tags.masked_fill(outside, 0)
        chosen = scores.gather(2, tags[:, :, None])[:, :, 0]
        rows = nn.functional.embedding(
            tags[:, :-1], transitions
        )  # adds up its gradients in one order; indexing may not
        steps = rows.gather(2, tags[:, 1:, None])[:, :, 0].masked_fill(outside[:, 1:], 0.0)
        borders = starts[tags[:, 0]] + self.ends[ends(tags, lengths)]
        return chosen.sum(1) + steps.sum(1) + borders - all_of_them

    @torch.no_grad()
    def decode(self, scores: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The most probable tags of each row, (n, t) int64, with -100 (``PADDED``) in the padding.

        By the algorithm of Viterbi 1967: the best way to each tag at each step, and back from the best end.
        """
        scores, outside = self._checked(scores, lengths)
        starts, transitions = self._allowed(-torch.inf)
        into = transitions.T.contiguous()
        first, *others = scores.unbind(1)
        best, ways = [starts + first], []
        for step in others:
            value, way = (best[-1][:, None] + into).max(2)
            best.append(value + step)
            ways.append(way)
        tag = (ends(torch.stack(best, 1), lengths) + self.ends).argmax(1)
        found = [tag]
        for way, padding in zip(reversed(ways), reversed(outside.unbind(1)), strict=False):
            tag = torch.where(padding, tag, way.gather(1, tag[:, None])[:, 0])
            found.append(tag)
        return torch.stack(found[::-1], 1).masked_fill(outside, PADDED)

    def marginals(self, scores: Tensor, lengths: Tensor | None = None) -> Tensor:
        """p(y_i = k | scores) of each tag k at each step i, (n, t, tags): sums to 1 at a step, and 0 in the padding.

        By the forward-backward algorithm (Rabiner 1989, eq. 27), whose backward half is its forward half on rows and
        transitions turned around.
        """
        scores, outside = self._checked(scores, lengths)
        starts, transitions = self._allowed(NEVER)
        before = _sums(scores, starts, transitions)
        after = reversed_rows(_sums(reversed_rows(scores, lengths), self.ends, transitions.T), lengths)
        return (before + after - scores).softmax(2).masked_fill(outside[:, :, None], 0.0)  # both have counted the step

    def _checked(self, scores: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """The scores, with zeros in their padding, and where that is, (n, t)."""
        check("scores", scores, "n t tags", tags=self.tags)
        n, steps = scores.shape[:2]
        scores = scores.to(self.transitions.dtype)
        if lengths is None:
            return scores, torch.zeros(n, steps, dtype=torch.bool, device=scores.device)
        check("lengths", lengths, "n", n=n)
        outside = torch.arange(steps, device=scores.device) >= lengths[:, None]
        return scores.masked_fill(outside[:, :, None], 0.0), outside

    def _allowed(self, never: float) -> tuple[Tensor, Tensor]:
        """The starts and transitions, with ``never`` where they are forbidden."""
        return (
            self.starts.masked_fill(self.forbidden_start, never),
            self.transitions.masked_fill(self.forbidden, never),
        )


def _mask(name: str, given: Tensor | None, *shape: int) -> Tensor:
    if given is None:
        return torch.zeros(shape, dtype=torch.bool)
    check(name, given, " ".join(map(str, shape)))
    if given.dtype != torch.bool:
        raise InputError(f"{name} must be a bool tensor, True for what can never be; got {given.dtype}.")
    return given.clone()


def _sums(scores: Tensor, starts: Tensor, transitions: Tensor) -> Tensor:
    """ln of the sum of exp(score) over all beginnings of a row that end at a step with a tag, (n, t, tags).

    In logarithms throughout: products of probabilities would take two thirds of the time, but underflow.
    """
    into = transitions.T.contiguous()  # the sum then runs over numbers side by side
    first, *others = scores.unbind(1)
    found = [starts + first]
    for step in others:
        found.append((found[-1][:, None] + into).logsumexp(2) + step)
    return torch.stack(found, 1)


def forbidden_in_bio(tags: Sequence[str]) -> tuple[Tensor, Tensor]:
    """The transitions (tags, tags), from row to column, and the first tags (tags,) that BIO does not have, as bool.

    I-x stands only after B-x or I-x, so never at the start. Raises InputError for a name that is not O, B-x or I-x.

    >>> transitions, starts = forbidden_in_bio(["O", "B-city", "I-city"])
    >>> transitions.int()
    tensor([[0, 0, 1],
            [0, 0, 0],
            [0, 0, 0]], dtype=torch.int32)
    >>> starts
    tensor([False, False,  True])
    """
    for tag in tags:
        if tag != "O" and not (tag[:2] in ("B-", "I-") and len(tag) > 2):
            raise InputError(f"a tag in BIO is O, or B or I with a kind, such as B-city; got {tag!r}. Convert to BIO.")
    inside = torch.tensor([tag.startswith("I-") for tag in tags], dtype=torch.bool)
    same = torch.tensor([[before[1:] == tag[1:] for tag in tags] for before in tags], dtype=torch.bool)
    return inside & ~same, inside


APART.add(CRF)
