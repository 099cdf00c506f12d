"""How good translations between two collections are: each direction beside its floors, and beside the truth."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sparring.data.columns import LABELLED
from sparring.errors import InputError, ShapeError, SparringError
from sparring.judging.judge import judge
from sparring.judging.ssim import ssim
from sparring.judging.table_truth import Pairing, pairing_of
from sparring.judging.truths import AS_IT_IS, LINEAR, TRANSLATED, ColumnError, Error, Side, Truth
from sparring.judging.verdict import Verdict
from sparring.seeds import seed_from
from sparring.transport.clouds import Floats, distances

__all__ = ["Direction", "TranslationVerdict", "judge_translations"]

Kind = Literal["table", "image", "signal", "mixed table"]
REPLICATES = 1000  # of pairs, for an interval


@dataclass(frozen=True)
class Direction:
    """One way. name: "A to B" or "B to A". verdict: the translations as samples of the other side.

    cycle_error: mean absolute difference of rows and what came back, in the unit of ``Error.mae``. unit: in words.
    """

    name: str
    verdict: Verdict
    cycle_error: float
    unit: str
    truth: Truth | None = None


@dataclass(frozen=True)
class TranslationVerdict:
    """Both directions. ``verdict["A to B"]`` is one; ``str(verdict)`` are tables."""

    directions: tuple[Direction, ...]
    seconds: float = field(compare=False)
    summary: str
    kind: str = "translations"

    def __getitem__(self, name: str) -> Direction:
        for direction in self.directions:
            if direction.name == name:
                return direction
        raise KeyError(f"there is no direction {name!r}; there are 'A to B' and 'B to A'")

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers."""
        plain = asdict(self)
        for direction, made in zip(self.directions, plain["directions"], strict=True):
            made["verdict"] = direction.verdict.to_json()
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """The verdict that ``to_json`` wrote. Raises InputError for anything else."""
        try:
            directions = tuple(_direction(found) for found in plain["directions"])
            return cls(directions, float(plain["seconds"]), str(plain["summary"]))
        except (KeyError, TypeError) as error:
            raise InputError(f"this is no verdict on translations ({error}); one of to_json is needed.") from None

    def lines(self) -> list[str]:
        """What was found, for a terminal."""
        return str(self).split("\n")

    def __str__(self) -> str:
        parts = [self.summary]
        for direction in self.directions:
            parts += ["", f"{direction.name}: {_returned(direction)}", *_true(direction), "", str(direction.verdict)]
        return "\n".join(parts)

    def to_markdown(self) -> str:
        """The same as tables in Markdown."""
        parts = [self.summary, ""]
        for direction in self.directions:
            parts += [f"**{direction.name}**: {_returned(direction)}", "", *_true(direction), ""]
            parts += [direction.verdict.to_markdown()]
        return "\n".join(parts)


def judge_translations(
    kind: Kind,
    sides: Mapping[str, Side],
    pairs: ArrayLike | None = None,
    *,
    draws: int = 10,
    random_state: Any = 0,
) -> TranslationVerdict:
    """Judge both directions of a translator by rows that it has not learned from.

    kind: of the data, which says what a channel is: a column of a table, the last axis of an image (n, h, w, c), or of
    a signal (n, t, c). sides: "A" and "B". pairs: (k, 2), which test row of A is which of B, where that is known; they
    are used for the errors, and half of either side is then left out of the distances, so that no row meets its own
    partner there. draws, random_state: as for ``judge``.
    Raises InputError (and its kinds) for pairs that cannot be, and what ``judge`` raises, with the direction.
    """
    began = time.perf_counter()
    known = None if pairs is None else _checked_pairs(pairs, len(sides["A"].test), len(sides["B"].test))
    seed = seed_from(random_state)
    found = []
    for source, target, order in (("A", "B", (0, 1)), ("B", "A", (1, 0))):
        own, other, name = sides[source], sides[target], f"{source} to {target}"
        made, real = _strangers(own.translated, other.test, None if known is None else known[:, list(order)], seed)
        try:
            verdict = judge(made, other.train, real, draws=draws, random_state=seed, schema=other.schema)
        except SparringError as error:
            raise type(error)(f"{name}: {error}") from None
        away, unit = _strayed(kind, own)
        truth = None if known is None else _truth(kind, own, other, known[:, list(order)], seed)
        found.append(Direction(name, verdict, away, unit, truth))
    return TranslationVerdict(tuple(found), time.perf_counter() - began, _summary(found))


def _strayed(kind: Kind, side: Side) -> tuple[float, str]:
    """How far rows are from what came back, and in which unit."""
    if side.schema is not None:
        unit = "of a column: labels that differ count 1, numbers the difference of their ranks"
        return float(side.schema.apart(side.returned, side.test).mean()), unit
    scale, unit = _scale(kind, side)
    return float(np.abs((_channels(kind, side.returned) - _channels(kind, side.test)) / scale).mean()), unit


# -- the truth


def _checked_pairs(pairs: ArrayLike, a: int, b: int) -> NDArray[np.int64]:
    found = np.asarray(pairs)
    if found.ndim != 2 or found.shape[1:] != (2,) or len(found) < 2 or found.dtype.kind not in "iu":
        raise ShapeError(
            "pairs must be whole numbers of the shape (k, 2), two or more, a test row of A and one of B each; "
            f"got {found.dtype} {found.shape}."
        )
    for column, (side, count) in enumerate((("A", a), ("B", b))):
        numbers = found[:, column]
        if numbers.min() < 0 or numbers.max() >= count:
            raise InputError(f"pairs name row {numbers.max()} of {side}, which has {count} test rows (from 0).")
        if len(set(numbers.tolist())) < len(numbers):
            raise InputError(f"pairs name a row of {side} twice; each may have one partner.")
    return found.astype(np.int64)


def _strangers(made: Any, real: Any, pairs: NDArray[np.int64] | None, seed: int) -> tuple[Any, Any]:
    """Translations and real rows none of which are each other's partners: a true partner is nearer than chance."""
    if pairs is None:
        return made, real
    order = np.random.default_rng(seed).permutation(len(pairs))
    half = len(pairs) // 2
    left_out, taken = pairs[order[:half], 0], pairs[order[half:], 1]
    return _without(made, left_out), _without(real, taken)


def _without(rows: Any, numbers: NDArray[np.int64]) -> Any:
    kept = np.delete(np.arange(len(rows)), numbers)
    return rows.iloc[kept] if isinstance(rows, pd.DataFrame) else rows[kept]


def _channels(kind: Kind, rows: NDArray[Any]) -> Floats:
    """Rows as (n, places, channels)."""
    values = np.asarray(rows, np.float64)
    if kind == "table":
        return values.reshape(len(values), 1, -1)
    apart = values.ndim == (4 if kind == "image" else 3)
    return values.reshape(len(values), -1, values.shape[-1] if apart else 1)


def _scale(kind: Kind, side: Side) -> tuple[Floats, str]:
    """What differences of a side's rows are divided by, by channel, and in words."""
    if kind == "image" and side.span is not None:
        return np.array([side.span[1] - side.span[0]]), "shares of the range"
    deviations = _channels(kind, side.train).std((0, 1))
    return np.where(deviations > 0, deviations, 1.0), "deviations of the training columns"


def _truth(kind: Kind, own: Side, other: Side, pairs: NDArray[np.int64], seed: int) -> Truth:
    found = _paired(kind, own, other, pairs) if other.schema is None else pairing_of(own, other, pairs)
    by_pair, rng = found.apart, np.random.default_rng(seed)
    draws = rng.integers(len(pairs), size=(REPLICATES, len(pairs)))
    errors = []
    for name, apart in by_pair.items():
        relative = float(found.sizes[name].mean() / max(float(found.far.mean()), 1e-12))
        interval = _middle(apart[draws].mean(1))
        errors.append(Error(name, float(apart.mean()), interval, relative, found.alike.get(name)))
    best = min((error for error in errors if error.name != TRANSLATED), key=lambda error: error.mae).name
    gap = _middle((by_pair[TRANSLATED] - by_pair[best])[draws].mean(1))
    return Truth(len(pairs), tuple(errors), gap, _retrieval(*found.points), found.columns)


def _paired(kind: Kind, own: Side, other: Side, pairs: NDArray[np.int64]) -> Pairing:
    """What is tried in the place of the truth, and how far from it that is."""
    sources, partners = _channels(kind, own.test[pairs[:, 0]]), _channels(kind, other.test[pairs[:, 1]])
    tried = {TRANSLATED: _channels(kind, own.translated[pairs[:, 0]])}
    if sources.shape == partners.shape:
        tried[AS_IT_IS] = sources
    tried[LINEAR] = _linear(sources, partners)
    scale, _ = _scale(kind, other)
    middle = _channels(kind, other.train).mean(0)
    alike = {}
    if kind == "image":
        shape, low, high = other.test[pairs[:, 1]].shape, *(other.span or (0.0, 1.0))
        truth = partners.reshape(shape)
        alike = {n: float(ssim(m.clip(low, high).reshape(shape), truth, high - low).mean()) for n, m in tried.items()}
    return Pairing(
        {name: np.abs((made - partners) / scale).mean((1, 2)) for name, made in tried.items()},
        {name: _length(made - partners) for name, made in tried.items()},
        _length(partners - middle),
        (tried[TRANSLATED], partners),
        alike,
    )


def _length(apart: Floats) -> Floats:
    return np.linalg.norm(apart.reshape(len(apart), -1), axis=1)


def _linear(sources: Floats, partners: Floats) -> Floats:
    """The least-squares map of each channel by itself; of all to all where they are not as many."""
    x, y = sources.reshape(-1, sources.shape[2]), partners.reshape(-1, partners.shape[2])
    if len(x) != len(y):
        return np.broadcast_to(partners.mean(0), partners.shape)
    if x.shape[1] != y.shape[1]:
        full = np.hstack([x, np.ones((len(x), 1))])
        return (full @ np.linalg.lstsq(full, y, rcond=None)[0]).reshape(partners.shape)
    middle, centred = y.mean(0), x - x.mean(0)
    slopes = (centred * (y - middle)).sum(0) / np.maximum((centred**2).sum(0), 1e-12)
    return (middle + centred * slopes).reshape(partners.shape)


def _middle(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def _retrieval(made: Floats, partners: Floats) -> float:
    apart = distances(made.reshape(len(made), -1), partners.reshape(len(made), -1))
    return float((np.diag(apart) <= apart.min(1)).mean())


# -- in words


def _summary(directions: list[Direction]) -> str:
    said = []
    for direction in directions:
        w1 = direction.verdict["w1"]
        ratio = "" if w1.ratio is None else f" ({w1.ratio:.2f} times its floor)"
        part = f"{direction.name}: {w1.word}{ratio}"
        if direction.truth is not None:
            than = "nearer to the truth than" if direction.truth.better else "no nearer to the truth than"
            part += f", {than} leaving rows as they are or the best linear map"
        said.append(part)
    return "; ".join(said) + "."


def _returned(direction: Direction) -> str:
    return f"what is translated back strays by {direction.cycle_error:.4f} {direction.unit}."


def _true(direction: Direction) -> list[str]:
    truth = direction.truth
    if truth is None:
        return []
    lines = []
    for error in truth.errors:
        low, high = error.interval
        alike = "" if error.ssim is None else f", SSIM {error.ssim:.3f}"
        lines.append(
            f"- {error.name}: mean absolute error {error.mae:.4f} ({low:.4f} to {high:.4f}), "
            f"relative {error.relative:.4f}{alike}"
        )
    for column in truth.columns:
        what = "wrong in {0:.1%} (always the commonest: {1:.1%})"
        what = what if column.kind in LABELLED else "ranks off by {0:.4f} (always the middle: {1:.4f})"
        lines.append(f"- {column.name}: {what.format(column.error, column.usual)}")
    return [*lines, f"- the true partner is nearest of {truth.pairs:,} in {truth.retrieval:.1%}"]


def _direction(found: Mapping[str, Any]) -> Direction:
    truth = found["truth"]
    if truth is not None:
        errors = tuple(Error(**{**error, "interval": tuple(error["interval"])}) for error in truth["errors"])
        columns = tuple(ColumnError(**column) for column in truth.get("columns", ()))
        truth = Truth(truth["pairs"], errors, tuple(truth["gap"]), truth["retrieval"], columns)
    return Direction(**{**found, "verdict": Verdict.from_json(found["verdict"]), "truth": truth})
