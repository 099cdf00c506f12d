"""Gaps in rows, filled in from made rows.

A gap is first given what one of the nearest of 20,000 made rows has, in the judge's distance. Then each column with
gaps is drawn anew from its distribution given all others, as a tree tells it that learned from made rows, and so five
times around (Gibbs sampling). What a rule of the data determines is computed, and no draw may break one.
Sources: Andridge & Little 2010 (hot deck imputation); Burgette & Reiter 2010 (trees), with made rows as donors.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from sparring.data.frames import as_pandas
from sparring.data.mixed import MixedSchema
from sparring.data.mixed_source import framed
from sparring.data.relations import Numbers, Relation, Total
from sparring.data.schema import Schema, nearest
from sparring.errors import DataError, InputError

__all__ = ["completed"]

POOL = 20_000  # made rows to look among
NEAREST = 20  # of them that may give a row what it lacks
CHOSEN = 5  # of these, by chance, if they keep to what holds in every row
AT_ONCE = 512  # rows that are compared with the pool at once
JITTER = 1e-4  # squared distances are told apart by chance below this, so that equal rows differ in what they are given
BROKEN = 1e6  # added to the distance of donors that break a rule
BINS = 20  # of a column, whose shares a tree tells
LEAF = 10  # made rows in a leaf, at least
SWEEPS = 5
TRIES = 5  # draws until one keeps to the rules
Bools = NDArray[np.bool_]


def completed(sample: Callable[..., Any], schema: Schema, rows: Any, columns: Collection[Any] | None, seed: int) -> Any:
    """The rows, with values wherever one was missing in the columns (None: in any).

    sample: (how many, random_state=) to made rows. Known values stay as they are, and so do other columns, the order
    and the index.
    Raises DataError for columns that are not there or were not learned, and where no made row has a value.
    """
    frame = _frame_of(rows, schema)
    pool, known = _pool_of(sample(POOL, random_state=seed), schema)
    names = list(known.names) if columns is None else _checked(columns, known)
    numbers = _numbers_of(frame, known)
    gaps = {name: frame[name].isna().to_numpy(bool) for name in names}
    _by_rule(known, numbers, gaps)
    donors, rng = _Donors.of(known, pool), np.random.default_rng(seed)
    _by_likeness(donors, numbers, gaps, rng)
    _by_trees(donors, numbers, gaps, rng)
    filled = _with(frame, known, numbers, {name: frame[name].isna().to_numpy(bool) for name in names})
    return filled if not isinstance(rows, np.ndarray) else filled.to_numpy(rows.dtype)


def _frame_of(rows: Any, schema: Schema) -> pd.DataFrame:
    """As a DataFrame with the columns that were learned."""
    if isinstance(rows, np.ndarray) and schema.kind == "table":
        if rows.ndim != 2 or rows.shape[1] != schema.shape[0]:
            raise DataError(f"rows must have the shape (n, {schema.shape[0]}); got {rows.shape}.")
        return pd.DataFrame(rows, columns=list(schema.names))  # type: ignore[attr-defined]
    if not schema.kind.endswith("table"):
        raise InputError(f"gaps are filled in tables; this model makes {schema.kind}s.")
    frame, _ = framed(as_pandas(rows), strict=False)
    if frame is None:
        raise DataError("a DataFrame, or the path of a table, is needed.")
    if not len(frame):
        raise DataError("there are no rows to fill.")
    return frame.rename(columns={name: _plain(name) for name in frame.columns})


def _numbers_of(frame: pd.DataFrame, known: MixedSchema) -> Numbers:
    """A column without any value may be of any dtype."""
    known.check(frame)
    found: Numbers = {}
    for column in known.columns:
        values: Any = frame[column.name]
        empty = bool(values.isna().all())
        found[column.name] = np.full(len(frame), np.nan) if empty else column.numbers(values, strict=False)
    return found


def _plain(name: Any) -> str | int:
    return int(name) if isinstance(name, int | np.integer) else str(name)


def _pool_of(made: Any, schema: Schema) -> tuple[pd.DataFrame, MixedSchema]:
    """Made rows, and a schema that compares such rows: the model's own, or of plain numbers that of the made rows."""
    if isinstance(schema, MixedSchema):
        return made, schema
    frame = made if isinstance(made, pd.DataFrame) else pd.DataFrame(made, columns=list(schema.names))  # type: ignore[attr-defined]
    return frame, MixedSchema.of(frame, relations=())


def _checked(columns: Collection[Any], known: MixedSchema) -> list[Any]:
    if isinstance(columns, str):
        raise InputError(f"columns must be a list of names; got {columns!r}")
    for name in columns:
        if name not in known.names:
            raise DataError(f"there is no column {name!r}{nearest(str(name), map(str, known.names))}")
    return list(columns)


def _by_rule(known: MixedSchema, numbers: Numbers, gaps: dict[Any, Bools]) -> None:
    """What other columns determine, again and again as long as that says more."""
    found = True
    while found:
        found = False
        for relation in known.relations:
            for name in set(relation.columns) & set(gaps):
                due = relation.told(name, numbers)
                there = gaps[name] & ~np.isnan(due) if due is not None else np.zeros(0, bool)
                if due is not None and there.any():
                    numbers[name][there], gaps[name] = due[there], gaps[name] & ~there
                    found = True


@dataclass(frozen=True)
class _Donors:
    """Made rows: their numbers, and their points by columns."""

    schema: MixedSchema
    numbers: Numbers
    points: dict[Any, NDArray[np.float32]]

    @classmethod
    def of(cls, schema: MixedSchema, pool: pd.DataFrame) -> "_Donors":
        numbers = schema.numbers(pool, strict=False)
        return cls(schema, numbers, schema.points_by_column(numbers))

    def some(self, chosen: NDArray[Any]) -> "_Donors":
        return _Donors(
            self.schema,
            {name: values[chosen] for name, values in self.numbers.items()},
            {name: points[chosen] for name, points in self.points.items()},
        )


def _by_likeness(donors: _Donors, numbers: Numbers, gaps: dict[Any, Bools], rng: np.random.Generator) -> None:
    """From the nearest donors. Rows with gaps in the same columns are treated together."""
    if not gaps:
        return
    lacking = np.stack(list(gaps.values()), axis=1)
    patterns, which = np.unique(lacking, axis=0, return_inverse=True)
    for i, pattern in enumerate(patterns):
        if pattern.any():
            names = [name for name, missing in zip(gaps, pattern, strict=True) if missing]
            there = np.logical_and.reduce([~np.isnan(donors.numbers[name]) for name in names])
            if not there.any():
                raise DataError(f"no row that was made has a value in {', '.join(map(repr, names))}.")
            rows = np.flatnonzero(which == i)
            for start in range(0, len(rows), AT_ONCE):
                _fill(donors.some(np.flatnonzero(there)), numbers, rows[start : start + AT_ONCE], names, rng)


def _fill(donors: _Donors, numbers: Numbers, rows: NDArray[Any], names: list[Any], rng: np.random.Generator) -> None:
    """Give the rows what a near donor has in the columns ``names``, or what a rule says once it has."""
    given = {name: values[rows] for name, values in numbers.items()}
    told = _told_later(donors.schema, given, names)
    near = _nearest(donors, given, names, [rule for rule in donors.schema.relations if rule not in told.values()], rng)
    first = min(CHOSEN, near.shape[1])
    order = np.argsort(rng.random((len(rows), first)), axis=1)
    near[:, :first] = np.take_along_axis(near[:, :first], order, 1)
    columns = {column.name: column for column in donors.schema.columns}
    waiting = np.ones(len(rows), bool)
    for candidate in near.T:  # the first one with which every rule holds; the first of all where there is none
        tried = {**given, **{name: donors.numbers[name][candidate] for name in names}}
        fits = np.ones(len(rows), bool)
        for name, rule in told.items():
            due = rule.told(name, tried)
            assert due is not None
            tried[name] = due
            fits &= np.isclose(due, columns[name].settled(due))
        for rule in donors.schema.relations:
            fits &= rule.holds(tried)
        taken = waiting & (fits | (candidate == near[:, 0]))
        for name in names:
            numbers[name][rows[taken]] = tried[name][taken]
        waiting &= ~fits


def _told_later(schema: MixedSchema, given: Numbers, names: list[Any]) -> dict[Any, Total]:
    """Columns that follow from a sum once its others are there: its total, or its last part that is missing."""
    found = {}
    for rule in schema.relations:
        missing = [name for name in rule.columns if name in names]
        if isinstance(rule, Total) and len(missing) > 1:
            found[missing[-1]] = rule
    return found


def _nearest(
    donors: _Donors, given: Numbers, names: list[Any], rules: list[Relation], rng: np.random.Generator
) -> NDArray[np.int64]:
    """(rows, most): the donors nearest in all columns that are known; those that break a rule come last."""
    points = donors.schema.points_by_column(given)
    seen = [name for name in points if name not in names and points[name].shape[1]]
    n, m = len(next(iter(given.values()))), len(next(iter(donors.numbers.values())))
    apart = torch.from_numpy(rng.random((n, m), np.float32) * np.float32(JITTER))
    if seen:
        a, b = (torch.from_numpy(np.hstack([side[name] for name in seen])) for side in (points, donors.points))
        apart += b.square().sum(1) - 2 * a @ b.T  # and |a|^2, which is the same for all donors
    for rule in rules:
        concerned = [name for name in rule.columns if name in names]
        if concerned and len(concerned) < len(rule.columns):
            sides = {
                name: np.broadcast_to(donors.numbers[name][None] if name in names else given[name][:, None], (n, m))
                for name in rule.columns
            }
            apart += torch.from_numpy(~rule.holds(sides)) * BROKEN
    return apart.topk(min(NEAREST, m), dim=1, largest=False).indices.numpy().copy()


# -- given all other columns


@dataclass(frozen=True)
class _Tree:
    """A column's distribution given others: the values of the made rows that fall into the same leaf.

    The tree tells apart twenty bins of the values, so that it finds whatever changes their distribution, not their
    mean alone. order: the rows by their leaves; starts, counts: of each leaf in it.
    """

    seen: list[Any]
    tree: DecisionTreeClassifier
    values: NDArray[np.float64]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, made: Numbers, name: Any, seen: list[Any], seed: int) -> "_Tree":
        there = ~np.isnan(made[name])
        values = made[name][there]
        cuts = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]))
        few = len(np.unique(values)) <= BINS
        tree = DecisionTreeClassifier(min_samples_leaf=LEAF, random_state=seed)
        rows = np.stack([made[other][there] for other in seen], axis=1)
        leaves = tree.fit(rows, values if few else np.searchsorted(cuts, values, side="right")).apply(rows)
        counts = np.bincount(leaves, minlength=tree.tree_.node_count)
        order = np.argsort(leaves, kind="stable")
        return cls(seen, tree, values[order], np.cumsum(counts) - counts, counts)

    def drawn(self, given: Numbers, rng: np.random.Generator) -> NDArray[np.float64]:
        leaves = self.tree.apply(np.stack([given[other] for other in self.seen], axis=1))
        return self.values[self.starts[leaves] + (rng.random(len(leaves)) * self.counts[leaves]).astype(np.int64)]


def _by_trees(donors: _Donors, numbers: Numbers, gaps: dict[Any, Bools], rng: np.random.Generator) -> None:
    """Draw what was filled in again from each column's distribution given all others, in turn."""
    computed = {rule.columns[-1] for rule in donors.schema.relations if not rule.learned}
    seen = [c.name for c in donors.schema.columns if c.name not in computed and c.kind != "constant"]
    columns = [name for name in seen if name in gaps and gaps[name].any()]
    if len(seen) < 2:
        return
    trees = {
        name: _Tree.of(donors.numbers, name, [other for other in seen if other != name], int(rng.integers(2**31)))
        for name in columns
    }
    for _ in range(SWEEPS if len(columns) > 1 else 1):
        for name in columns:
            _draw(trees[name], name, donors.schema.relations, numbers, gaps, rng)


def _draw(
    tree: _Tree,
    name: Any,
    rules: Sequence[Relation],
    numbers: Numbers,
    gaps: dict[Any, Bools],
    rng: np.random.Generator,
) -> None:
    """A new value where one was missing; the old one stays where no rule lets another in."""
    rows = np.flatnonzero(gaps[name])
    for _ in range(TRIES):
        given = {other: values[rows] for other, values in numbers.items()}
        tried = {**given, name: tree.drawn(given, rng)}
        for rule in rules:
            last = rule.columns[-1]
            if not rule.learned and last in gaps:  # a computed column that was missing follows
                due = rule.told(last, tried)
                tried[last] = np.where(gaps[last][rows], tried[last] if due is None else due, tried[last])
        fits = np.logical_and.reduce([np.ones(len(rows), bool), *(rule.holds(tried) for rule in rules)])
        for other in {name, *(rule.columns[-1] for rule in rules)}:
            numbers[other][rows[fits]] = tried[other][fits]
        rows = rows[~fits]
        if not len(rows):
            return


# -- back to a table


def _with(frame: pd.DataFrame, known: MixedSchema, numbers: Numbers, gaps: dict[Any, Bools]) -> pd.DataFrame:
    """The frame with its gaps filled, and columns of the dtype that was learned where that holds all their values."""
    made = frame.copy()
    for column in known.columns:
        missing = gaps.get(column.name)
        if missing is not None and missing.any():
            filled: Any = column.values(numbers[column.name])
            filled.index = frame.index
            joined = frame[column.name].astype(object).where(~missing, filled.astype(object))
            made[column.name] = _typed(joined, filled.dtype)
    return made


def _typed(values: Any, dtype: Any) -> Any:
    try:
        typed = values.astype(dtype)
        return typed if typed.isna().equals(values.isna()) and (typed == values).all() else values.infer_objects()
    except (ValueError, TypeError):
        return values.infer_objects()
