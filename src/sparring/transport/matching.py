"""Which column of one table is which of another, and which label which, found by second moments alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

__all__ = ["Matching", "Part", "matchings"]

Floats = NDArray[np.float64]
Places = tuple[tuple[int, int], ...]
RAREST = 1e-4  # mean square of a feature, below which it weighs no more
ROUNDS = 40  # of a climb, at most; a few are usual
PLACED = 40  # labels of a part, up to which exchanging any two of them is tried


@dataclass(frozen=True, eq=False)
class Part:
    """What rows say in one place. values: (n,), deviations of a number from its mean, NaN where it is missing; or None.

    codes: (n,), which of ``size`` labels it is, where it is no number.
    """

    values: Floats | None
    codes: NDArray[np.int64]
    size: int

    @property
    def features(self) -> Floats:
        """Of a label, one for each place; of a number v, (v^2 - 1) / 2, and whether it is missing."""
        if self.values is None:
            return (self.codes[:, None] == np.arange(self.size)).astype(np.float64)
        absent = np.isnan(self.values)
        v = np.where(absent, 0.0, self.values)
        return np.stack([v, np.where(absent, 0.0, (v**2 - 1) / 2), absent], axis=1)


@dataclass(frozen=True)
class Matching:
    """A renaming of A as B. numbers: (part of A, part of B, 1 or -1: whether they rise together or against each other).

    labels: (part of A, part of B, (place of A, place of B) for the labels that have a partner).
    gap: the Frobenius distance of A's second moments, renamed so, from B's, over the size of B's.
    """

    numbers: tuple[tuple[int, int, int], ...]
    labels: tuple[tuple[int, int, Places], ...]
    gap: float = np.inf


def matchings(
    a: Sequence[Part], b: Sequence[Part], count: int = 1, *, tries: int = 300, seed: int = 0
) -> list[Matching]:
    """Renamings of A's columns and labels as B's, the best first, at most ``count``; no pair of rows is looked at.

    With the second moments M = E[f f^T] of both sides' features (``Part.features``, each over its fourth moment's
    root, so that rare labels count), a renaming P that maximises tr(P^T M_A P M_B), and so minimises
    |P^T M_A P - M_B|, is climbed to from ``tries`` matrices by chance: the next P is the one that has the most in
    common with M_A P M_B, an assignment of columns to columns, and in each two of labels to labels. M is positive
    semidefinite, so every round gains. Then any two columns or labels are exchanged, and any number is turned round,
    as long as that brings the moments nearer. What has no partner in the other table, of which it has more, is left.
    Source: Umeyama 1988 for graphs by their matrices; the climb is the Frank-Wolfe step of Vogelstein et al. 2015.
    """
    one, other = _Side.of(a), _Side.of(b)
    rng, found = np.random.default_rng(seed), dict[tuple[object, object], Matching]()
    for _ in range(tries):
        made = _climbed(rng.normal(size=(len(one.moments), len(other.moments))), one, other)
        found.setdefault((made.numbers, made.labels), made)
    best = sorted(found.values(), key=_gap)
    polished = {(m.numbers, m.labels): m for m in (_polished(m, one, other) for m in best[: 8 * count])}
    return sorted({**found, **polished}.values(), key=_gap)[:count]


def _gap(matching: Matching) -> float:
    return matching.gap


@dataclass(frozen=True, eq=False)
class _Side:
    """moments: M. starts, sizes: of each part's features. numeric: whether it is a number."""

    moments: Floats
    starts: tuple[int, ...]
    sizes: tuple[int, ...]
    numeric: tuple[bool, ...]

    @classmethod
    def of(cls, parts: Sequence[Part]) -> "_Side":
        blocks = [part.features for part in parts]
        sizes = [block.shape[1] for block in blocks]
        f = np.hstack(blocks)
        f *= np.maximum((f**2).mean(0), RAREST) ** -0.25
        starts = np.cumsum([0, *sizes[:-1]]).tolist()
        return cls(f.T @ f / len(f), tuple(starts), tuple(sizes), tuple(part.values is not None for part in parts))

    @cached_property
    def size(self) -> float:
        return float(np.linalg.norm(self.moments))

    def part(self, i: int) -> slice:
        return slice(self.starts[i], self.starts[i] + self.sizes[i])

    def of_kind(self, numeric: bool) -> list[int]:
        return [i for i, found in enumerate(self.numeric) if found == numeric]


def _renaming(matching: Matching, one: _Side, other: _Side) -> Floats:
    """P, (features of A, features of B)."""
    p = np.zeros((len(one.moments), len(other.moments)))
    for i, j, sign in matching.numbers:
        s, t = one.starts[i], other.starts[j]
        p[[s, s + 1, s + 2], [t, t + 1, t + 2]] = sign, 1, 1
    for i, j, places in matching.labels:
        for k, m in places:
            p[one.starts[i] + k, other.starts[j] + m] = 1
    return p


def _measured(matching: Matching, one: _Side, other: _Side) -> Matching:
    p = _renaming(matching, one, other)
    return replace(matching, gap=float(np.linalg.norm(p.T @ one.moments @ p - other.moments)) / other.size)


def _climbed(start: Floats, one: _Side, other: _Side) -> Matching:
    found, p = Matching((), ()), start
    for _ in range(ROUNDS):
        before, found = found, _best(one.moments @ p @ other.moments, one, other)
        if found == before:
            break
        p = _renaming(found, one, other)
    return _measured(found, one, other)


def _best(gains: Floats, one: _Side, other: _Side) -> Matching:
    """The renaming P with the largest sum of P * gains."""
    numbers, labels = [], []
    for numeric in (True, False):
        rows, columns = one.of_kind(numeric), other.of_kind(numeric)
        inner = {(i, j): _inner(gains[one.part(i), other.part(j)], numeric) for i, j in product(rows, columns)}
        scores = np.array([[inner[i, j][0] for j in columns] for i in rows]).reshape(len(rows), len(columns))
        for x, y in zip(*linear_sum_assignment(scores, maximize=True), strict=True):
            (numbers if numeric else labels).append((rows[x], columns[y], inner[rows[x], columns[y]][1]))
    return Matching(tuple(numbers), tuple(labels))


def _inner(block: Floats, numeric: bool) -> tuple[float, int | Places]:
    """What two parts gain if they are each other's partners, and how they are."""
    if numeric:
        return abs(block[0, 0]) + block[1, 1] + block[2, 2], 1 if block[0, 0] >= 0 else -1
    rows, columns = linear_sum_assignment(block, maximize=True)
    return block[rows, columns].sum(), tuple(zip(rows.tolist(), columns.tolist(), strict=True))


def _polished(matching: Matching, one: _Side, other: _Side) -> Matching:
    while True:
        best = min((_measured(m, one, other) for m in _neighbours(matching, one, other)), key=_gap, default=matching)
        if best.gap >= matching.gap * (1 - 1e-9):
            return matching
        matching = best


def _neighbours(matching: Matching, one: _Side, other: _Side) -> Iterator[Matching]:
    """Renamings that differ in two numbers, two columns of labels, or two labels."""
    numbers, labels = matching.numbers, matching.labels
    for x, (i, j, sign) in enumerate(numbers):
        yield replace(matching, numbers=_with(numbers, {x: (i, j, -sign)}))
    for x, y in combinations(range(len(numbers)), 2):
        (i, j, _), (k, m, _) = numbers[x], numbers[y]
        for one_sign, other_sign in product((1, -1), repeat=2):
            yield replace(matching, numbers=_with(numbers, {x: (i, m, one_sign), y: (k, j, other_sign)}))
    gains = one.moments @ _renaming(matching, one, other) @ other.moments
    for x, y in combinations(range(len(labels)), 2):
        (i, j, _), (k, m, _) = labels[x], labels[y]
        new = {x: (i, m), y: (k, j)}
        made = {z: (*pair, _inner(gains[one.part(pair[0]), other.part(pair[1])], False)[1]) for z, pair in new.items()}
        yield replace(matching, labels=_with(labels, made))
    for x, (i, j, places) in enumerate(labels):
        if len(places) <= PLACED:
            for s, t in combinations(range(len(places)), 2):
                (k, m), (n, o) = places[s], places[t]
                yield replace(matching, labels=_with(labels, {x: (i, j, _with(places, {s: (k, o), t: (n, m)}))}))


def _with(found: tuple, changes: dict) -> tuple:
    made = list(found)
    for place, value in changes.items():
        made[place] = value
    return tuple(made)
