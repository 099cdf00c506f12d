"""The search for a likely sequence, word by word: the best word at each step, or a beam of hypotheses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from sparring.errors import InputError
from sparring.shapes import check

__all__ = ["Found", "Step", "beam", "greedy", "length_penalty"]

Step = Callable[[Any, Any, Any], tuple[Tensor, Any]]
"""(words (n,), memory, state) to (log-probabilities (n, vocabulary) of the next word, state).

At the first step words and state are None. memory and state are a tensor or a tuple of tensors, or of such tuples, each
with a row for each hypothesis; a step must treat every row by itself.
"""


@dataclass(frozen=True)
class Found:
    """What was found for one source, the best first. words: without the end. ended: whether the end was said.

    scores: sums of log-probabilities, in nats, the end's included; divided by ``length_penalty`` if found by ``beam``.
    """

    words: tuple[tuple[int, ...], ...]
    scores: tuple[float, ...]
    ended: tuple[bool, ...]


def length_penalty(length: int, alpha: float) -> float:
    """((5 + length) / 6)^alpha, which is 1 at length 1. Source: Wu et al. 2016, eq. 14.

    >>> length_penalty(1, 0.7), length_penalty(7, 1.0), length_penalty(7, 0.0)
    (1.0, 2.0, 1.0)
    """
    return ((5 + length) / 6) ** alpha


@torch.no_grad()
def greedy(step: Step, memory: Any, end: int, most: int | Tensor, never: Sequence[int] = ()) -> list[Found]:
    """The likeliest word at each step, for each of n sources, until it is ``end``; of equal ones the first.

    memory: a row for each source. most: steps at most, the end's included; one number, or one for each source (n,).
    never: words that are not said. The score is a sum of log-probabilities. A row's answer depends on no other row,
    but for the rounding of the step's own arithmetic.

    Raises InputError for limits below 1, and where the step returns no log-probabilities.

    >>> def step(words, memory, state):  # after each word the next one is the likeliest, with probability 0.8
    ...     before = torch.zeros(len(memory), dtype=torch.long) if words is None else words
    ...     return (torch.eye(4)[(before + 1) % 4] * 0.75 + 0.05).clamp(max=0.85).log(), ()
    >>> greedy(step, torch.zeros(1, 1), end=3, most=9)[0].words
    ((1, 2),)
    """
    limits = _limits(most, memory)
    said: list[list[int]] = [[] for _ in limits]
    sums = [0.0] * len(limits)
    alive, words, state = list(range(len(limits))), None, None
    while alive:
        log_probabilities, state = step(words, memory, state)
        values, words = _checked(log_probabilities, len(alive), never).max(dim=1)
        for row, value, word in zip(alive, values.tolist(), words.tolist(), strict=True):
            sums[row] += value
            said[row].append(word)
        on = [i for i, row in enumerate(alive) if said[row][-1] != end and len(said[row]) < limits[row]]
        if len(on) < len(alive):
            alive = [alive[i] for i in on]
            words, memory, state = _rows((words, memory, state), torch.tensor(on, dtype=torch.long))
    ended = [row[-1] == end for row in said]
    return [
        Found((tuple(row[: len(row) - over]),), (total,), (over,))
        for row, total, over in zip(said, sums, ended, strict=True)
    ]


@torch.no_grad()
def beam(
    step: Step,
    memory: Any,
    end: int,
    most: int | Tensor,
    size: int = 5,
    alpha: float = 1.0,
    best: int = 1,
    never: Sequence[int] = (),
) -> list[Found]:
    """The best sequences that a beam of ``size`` hypotheses finds, for each of n sources, by log p(y | x) / lp(|y|).

    At each step the hypotheses' continuations are ranked by their log-probabilities, in float64. Those among the first
    ``size`` that say ``end`` are finished; the first ``size`` that do not go on. |y| counts words and the end, lp is
    ``length_penalty``. A row is done when no hypothesis can beat its ``best``-th finished one: log-probabilities only
    fall, and lp only grows, so a hypothesis with the sum l cannot come above l / lp(most). At the last step of all, the
    first ``size`` continuations count as they are, whether they end or not.

    most: steps at most, the end's included, for each source (n,) or for all. alpha: 0 ranks by log-probability, which
    prefers short ones; 1 nearly by its mean over the words. best: how many sequences to return, at most ``size``; fewer
    are found where there are fewer. never: words that are not said. Equal ones rank by their hypotheses' ranks, then by
    their words' numbers; the one finished first is the better. A row's answer depends on no other row, but for the
    rounding of the step's own arithmetic. With size 1 and alpha 0 it is that of ``greedy``.

    Raises InputError as ``greedy`` does, and for settings out of range.
    Source: Wu et al. 2016, section 7, without coverage penalty and pruning; they stop by other rules.
    """
    if size < 1 or alpha < 0 or not 1 <= best <= size:
        raise InputError(f"a beam needs size >= 1, alpha >= 0, 1 <= best <= size; got {size}, {alpha}, {best}.")
    rows = [_Row(limit, alpha, best) for limit in _limits(most, memory)]
    alive, held, words, state = torch.arange(len(rows)), memory, None, None
    live = _Live(torch.zeros(len(rows), 1, dtype=torch.float64), torch.zeros(len(rows), 1, 0, dtype=torch.long))
    while len(alive):
        log_probabilities, state = step(words, held, state)
        log_probabilities = _checked(log_probabilities, live.sums.numel(), never)
        ranked, parents = live.continued(log_probabilities, 2 * size)  # of these, half at most say the end
        going = torch.tensor([rows[i].take(ranked, at, size, end) for at, i in enumerate(alive.tolist())])
        kept = (ranked.last == end).to(torch.uint8).argsort(dim=1, stable=True)[:, :size]
        before, width = live, kept.shape[1]
        live = ranked.chosen(kept).without(end).rows(going)
        flat = (parents.gather(1, kept) + torch.arange(len(alive))[:, None] * before.sums.shape[1])[going]
        alive = alive[going]
        words, state = live.last.flatten().to(log_probabilities.device), _rows(state, flat.flatten())
        if not going.all() or width != before.sums.shape[1]:
            held = _rows(memory, alive.repeat_interleave(width))
    return [row.found() for row in rows]


@dataclass(frozen=True)
class _Live:
    """Hypotheses: the sums of their log-probabilities (r, k), falling along k, and what they say, (r, k, t)."""

    sums: Tensor
    said: Tensor

    @property
    def last(self) -> Tensor:
        return self.said[:, :, -1]

    def continued(self, log_probabilities: Tensor, count: int) -> tuple["_Live", Tensor]:
        """The best continuations by one word, and which hypothesis each continues, (r, count)."""
        values, words = _largest(log_probabilities, count)
        each = values.shape[1]
        sums = (self.sums[:, :, None] + values.cpu().double().reshape(*self.sums.shape, each)).flatten(1)
        sums, places = _largest(sums, count)
        parents, new = places // each, words.cpu().reshape(len(sums), -1).gather(1, places)
        return _Live(sums, torch.cat([_along(self.said, parents), new[:, :, None]], dim=2)), parents

    def chosen(self, places: Tensor) -> "_Live":
        return _Live(self.sums.gather(1, places), _along(self.said, places))

    def without(self, word: int) -> "_Live":
        """Where there were too few others, hypotheses that ended fill the beam: none continues them."""
        return _Live(self.sums.masked_fill(self.last == word, -torch.inf), self.said)

    def rows(self, kept: Tensor) -> "_Live":
        return _Live(self.sums[kept], self.said[kept])


@dataclass
class _Row:
    """One source's finished hypotheses, (score, words, ended), the best first."""

    limit: int
    alpha: float
    best: int
    finished: list[tuple[float, tuple[int, ...], bool]] = field(default_factory=list)

    def take(self, ranked: _Live, at: int, size: int, end: int) -> bool:
        """Keep what is finished among a step's best continuations. Returns whether the row goes on."""
        steps = ranked.said.shape[2]
        sums, last = ranked.sums[at].tolist(), ranked.last[at].tolist()
        for place, (total, word) in enumerate(zip(sums[:size], last, strict=False)):
            if total > -torch.inf and (word == end or steps == self.limit):
                words = ranked.said[at, place].tolist()
                score = total / length_penalty(steps, self.alpha)
                self.finished.append((score, tuple(words[:-1] if word == end else words), word == end))
        self.finished = sorted(self.finished, key=lambda one: -one[0])[: self.best]  # equal ones stay in their order
        hope = max((total for total, word in zip(sums, last, strict=True) if word != end), default=-torch.inf)
        bound = hope / length_penalty(self.limit, self.alpha)
        worst = self.finished[-1][0] if len(self.finished) == self.best else -torch.inf
        return steps < self.limit and bound > worst

    def found(self) -> Found:
        scores, words, ended = zip(*self.finished, strict=True)
        return Found(words, scores, ended)


def _limits(most: int | Tensor, memory: Any) -> list[int]:
    """Steps at most for each row of a memory."""
    n = _count(memory)
    if isinstance(most, Tensor):
        check("most", most, "n", n=n)
    limits = [int(limit) for limit in (most.tolist() if isinstance(most, Tensor) else [most] * n)]
    if min(limits, default=1) < 1:
        raise InputError(f"a search needs at least 1 step for each source; got most={min(limits)}.")
    return limits


def _count(nest: Any) -> int:
    return len(nest) if isinstance(nest, Tensor) else _count(nest[0])


def _rows(nest: Any, places: Tensor) -> Any:
    """The rows of every tensor in nested tuples."""
    if isinstance(nest, Tensor):
        return nest[places.to(nest.device)]
    parts = [_rows(part, places) for part in nest]
    return type(nest)(*parts) if hasattr(nest, "_fields") else tuple(parts)


def _along(x: Tensor, places: Tensor) -> Tensor:
    """x (r, k, t) at the places (r, m) along k: (r, m, t)."""
    return x.gather(1, places[:, :, None].expand(-1, -1, x.shape[2]))


def _checked(log_probabilities: Tensor, n: int, never: Sequence[int]) -> Tensor:
    check("the step's log-probabilities", log_probabilities, "n words", "One row for each hypothesis.", n=n)
    if never:
        places = torch.tensor(list(never), device=log_probabilities.device)
        log_probabilities = log_probabilities.index_fill(1, places, -torch.inf)
    largest = log_probabilities.amax(dim=1)  # nan, if there is one
    if not (largest > -torch.inf).all():
        raise InputError("the step must leave a word to say; got nan, or a row in which every word has probability 0.")
    if (largest > 1e-3).any():  # rounding apart
        raise InputError(f"log-probabilities are at most 0; got {largest.max():.4g}. Did the step return logits?")
    return log_probabilities


def _largest(x: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The largest numbers of each row, falling, and their places; of equal ones those that come first.

    topk is quick, but does not say which of equal ones it takes: rows with such are sorted whole.
    """
    asked = min(count + 1, x.shape[1])
    values, places = x.topk(asked, dim=1)
    tied = ((values[:, 1:] == values[:, :-1]) & (values[:, 1:] > -torch.inf)).any(dim=1)
    if tied.any():
        places[tied] = x[tied].argsort(dim=1, descending=True, stable=True)[:, :asked]
        values = x.gather(1, places)
    return values[:, :count], places[:, :count]
