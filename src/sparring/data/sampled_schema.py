"""The schema of a table that does not fit into memory: of some of its rows, and of all that contradict these.

A schema is fitted to a uniform random sample; then every row is held against it. Rows that it could not hold (a label
never seen, a number out of bounds or with more decimals, a gap where there was none, one that breaks a relation) join
the sample, and it is fitted again, until there are none. So what must be true of all rows is; bins and spikes are those
of the sample.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.data.codecs import WIDEST, Bins, Clock, Codec, Labels
from sparring.data.columns import DECIMALS, LABELLED, LEFT_OUT, MANY, Column, column_of, of_texts
from sparring.data.mixed import MixedSchema
from sparring.data.order import Shuffled
from sparring.data.relations import MOST, AtMost, Determines, Numbers, Relation, Total
from sparring.data.schema_file import corrected
from sparring.data.spool import GAP, MOST_TEXTS, Spool, Words
from sparring.seeds import derive

__all__ = ["SAMPLE", "sampled_columns", "sampled_rows", "sampled_schema"]

LOG = logging.getLogger("sparring")
SAMPLE = 200_000  # rows
WITNESSES = 64  # rows that join the sample for one reason, at most, each time
Found = NDArray[np.int64]


def sampled_schema(
    spool: Spool, told: Mapping[str, Any] | None = None, strict: bool = True
) -> tuple[pd.DataFrame, tuple[Column, ...], MixedSchema | None]:
    """(the rows that it is of, what the columns are, the schema of a whole table but for its shares of places).

    told: as ``schema_file.corrected`` takes it. strict: whether columns that cannot be made are refused, else they are
    passed over; the schema is None if nothing is left.
    Raises DataError as ``MixedSchema.of`` and ``corrected`` do.
    """
    rows = sampled_rows(spool)
    while True:
        frame = spool.frame(rows)
        columns = sampled_columns(spool, frame, told)
        made = _fitted(frame, columns, told, strict)
        if made is None:
            return frame, columns, None
        against = np.setdiff1d(_Against(spool, made).rows(), rows) if len(rows) < spool.rows else rows[:0]
        if not len(against):
            return frame, columns, replace(made, codecs=tuple(map(_by_counts(spool), made.columns, made.codecs)))
        LOG.info("%s: %s rows say more than the sample; fitting again", spool.path, f"{len(against):,}")
        rows = np.union1d(rows, against)


def _fitted(frame: Any, columns: Sequence[Column], told: Any, strict: bool) -> MixedSchema | None:
    if told is not None:
        return corrected(frame, told, columns)[1]
    kept = columns if strict else [column for column in columns if column.kind not in LEFT_OUT]
    if not strict and all(column.kind == "constant" for column in kept):
        return None
    names = {column.name for column in kept}
    return MixedSchema.of(frame[[name for name in frame.columns if name in names]], kept)


def sampled_rows(spool: Spool) -> Found:
    """The sample, in the table's order; all rows if there are no more."""
    if spool.rows <= SAMPLE:
        return np.arange(spool.rows)
    return np.sort(Shuffled(spool.rows, derive(0, "sample"))[:SAMPLE])


def sampled_columns(spool: Spool, frame: Any, told: Mapping[str, Any] | None = None) -> tuple[Column, ...]:
    """What the columns, or those told of, are: by some rows; where it depends on how many there are, by all."""
    wanted = [name for name in frame.columns if told is None or str(name) in told.get("columns", {})]
    return tuple(_column(spool, name, frame[name]) for name in wanted)


def _column(spool: Spool, name: str | int, values: Any) -> Column:
    kind, known, missing = spool.kinds[name], spool.known[name], spool.known[name] < spool.rows
    if kind.name == "text":
        return _of_texts(spool, name, str(values.dtype), values, known, missing)
    found = column_of(name, values)
    if kind.name != "number" or found.kind not in ("integer", "identifier"):
        return found
    if name in spool.runs and known >= MANY:
        return Column(name, "identifier", found.dtype, missing, reason=f"{known:,} different whole numbers, one a row")
    if found.kind == "identifier" and len(values) < spool.rows:
        return replace(found, reason=f"all whole numbers of {len(values):,} rows are different")
    return found


def _of_texts(spool: Spool, name: str | int, dtype: str, values: Any, known: int, missing: bool) -> Column:
    texts = spool.texts[name]
    made = of_texts(name, dtype, list(texts.places), known, values.dropna())
    if texts.too_many:
        reason = f"more than {MOST_TEXTS:,} texts differ"
        return Column(name, made.kind if made.kind in LEFT_OUT else "identifier", dtype, missing, reason=reason)
    if made.kind == "category" and len(made.labels) == 1 and not missing:
        return Column(name, "constant", dtype, labels=made.labels)
    return replace(made, missing=missing)


def _by_counts(spool: Spool) -> Any:
    """Labels of many texts in the order of how often they are met in all rows."""

    def settled(column: Column, codec: Codec) -> Codec:
        texts = spool.texts.get(column.name)
        if not isinstance(codec, Labels) or codec.count <= WIDEST or texts is None:
            return codec
        met = np.array([texts.counts[texts.places[label]] if label in texts.places else 0 for label in column.labels])
        return replace(codec, order=tuple(np.argsort(-met, kind="stable").tolist()))

    return settled


class _Against:
    """Rows that a schema does not hold, found in one pass."""

    def __init__(self, spool: Spool, schema: MixedSchema) -> None:
        self.spool, self.schema = spool, schema
        self.found: dict[Any, list[int]] = defaultdict(list)
        self.ends: dict[Any, tuple[float, int]] = {}  # the farthest number beyond an end, and its row
        self.met: dict[Any, set[float]] = defaultdict(set)
        self.keys: dict[Any, dict[float | None, tuple[float | None, int]]] = {}

    def rows(self) -> Found:
        places = {str(name): i for i, name in enumerate(self.spool.names)}
        for start, words in self.spool.parts():
            numbers = self.spool.numbers(self.schema.columns, words)
            for column, codec in zip(self.schema.columns, self.schema.codecs, strict=True):
                own = words[:, places[str(column.name)]]
                self._column(column, own, numbers[column.name], start)
                for key, bins, values in _streams(column, codec, numbers[column.name]):
                    self._bins(key, bins, values, start)
            for relation in self.schema.relations:
                self._relation(relation, numbers, start)
        ends = [row for _, row in self.ends.values()]
        return np.unique(np.array([*(row for rows in self.found.values() for row in rows), *ends], np.int64))

    def _first(self, key: Any, bad: NDArray[np.bool_], start: int) -> None:
        """One row a part."""
        if len(self.found[key]) < WITNESSES and bad.any():
            self.found[key].append(start + int(bad.argmax()))

    def _end(self, key: Any, numbers: NDArray[np.float64], start: int, sign: int, end: float) -> None:
        """The row whose number is farthest beyond an end. numbers: NaN where they do not count."""
        if np.isnan(numbers).all():
            return
        row = int(np.nanargmax(sign * numbers))
        farthest = sign * float(numbers[row])
        if farthest > sign * end and (key not in self.ends or farthest > self.ends[key][0]):
            self.ends[key] = (farthest, start + row)

    def _each(self, key: Any, values: NDArray[Any], rows: Found) -> None:
        """A row for every different value, up to as many as are taken."""
        for value, place in zip(*np.unique(values, return_index=True), strict=True):
            if len(self.met[key]) < WITNESSES and float(value) not in self.met[key]:
                self.met[key].add(float(value))
                self.found[key].append(int(rows[place]))

    def _column(self, column: Column, words: Words, numbers: NDArray[np.float64], start: int) -> None:
        name, absent = column.name, words == GAP
        if not column.missing:
            self._first((name, "gap"), absent, start)
        if column.kind in LABELLED:
            odd = np.flatnonzero(np.isnan(numbers) & ~absent)
            if len(odd):
                self._each((name, "label"), words[odd], start + odd)
            return
        if column.low is not None and column.high is not None:
            self._end((name, "low"), numbers, start, -1, column.low)
            self._end((name, "high"), numbers, start, 1, column.high)
        if column.kind != "continuous" or column.decimals is not None:
            self._decimals(column, numbers, start)
        kind = self.spool.kinds[name]
        if kind.name in ("date", "duration") and column.step != "nanosecond" and self.spool.unit(name) == "ns":
            self._first((name, "fine"), ~absent & (words % 1000 != 0), start)

    def _decimals(self, column: Column, numbers: NDArray[np.float64], start: int) -> None:
        """A row whose number has more decimals than others, if one has more than the column."""
        rows = np.flatnonzero(~np.isnan(numbers))
        for decimals in range(column.decimals or 0, DECIMALS + 1):
            rows = (left := rows)[numbers[rows].round(decimals) != numbers[rows]]
            if not len(rows):
                rows = left if decimals > (column.decimals or 0) else rows
                break
        if len(rows) and len(self.found[column.name, "decimals"]) < WITNESSES:
            self.found[column.name, "decimals"].append(start + int(rows[0]))

    def _bins(self, key: Any, bins: Bins, values: NDArray[np.float64], start: int) -> None:
        """Numbers that are no spike and in no bin."""
        spikes = np.array(bins.spikes)
        places = np.searchsorted(spikes, values).clip(0, max(len(spikes) - 1, 0))
        rest = np.where(spikes[places] == values, np.nan, values) if len(spikes) else values
        if bins.edges:
            self._end((*key, "low"), rest, start, -1, bins.edges[0])
            self._end((*key, "high"), rest, start, 1, bins.edges[-1] - bins.whole)
            return
        odd = np.flatnonzero(~np.isnan(rest))
        if len(odd):
            self._each((*key, "value"), rest[odd], start + odd)
            self._end((*key, "low"), rest, start, -1, np.inf)
            self._end((*key, "high"), rest, start, 1, -np.inf)

    # -- relations

    def _relation(self, relation: Relation, numbers: Numbers, start: int) -> None:
        key = (relation.kind, relation.columns)
        if isinstance(relation, AtMost):
            low, high = numbers[relation.low] * relation.ratio + relation.shift, numbers[relation.high]
            self._first(key, low > high, start)
        if isinstance(relation, Total):
            made = np.sum([numbers[part] for part in relation.parts], axis=0)
            total = next(column for column in self.schema.columns if column.name == relation.total)
            most = max(abs(total.low or 0.0), abs(total.high or 0.0))
            self._first(key, ~np.isclose(made, numbers[relation.total], rtol=1e-12, atol=1e-9 * most), start)
        if isinstance(relation, Determines):
            self._determined(key, relation, numbers, start)

    def _determined(self, key: Any, relation: Determines, numbers: Numbers, start: int) -> None:
        """Rows that break a relation, and one for every number of the source that it does not know yet."""
        source, target = numbers[relation.source], numbers[relation.target]
        keys, values = np.array(relation.keys), np.array(relation.values)
        places = np.searchsorted(keys, source).clip(0, len(keys) - 1)
        known = _same(keys[places], source)
        self._first(key, known & ~_same(values[places], target), start)
        new, met = np.flatnonzero(~known), self.keys.setdefault(key, {})
        for row in new[_firsts(source[new], target[new])].tolist():
            if self.found[key] or len(met) > MOST:  # it does not hold, or is of too many numbers to be one
                return
            number, value = (None if x != x else float(x) for x in (source[row], target[row]))
            before, first = met.setdefault(number, (value, start + row))
            if before != value:
                self.found[key].append(start + row)
            elif first == start + row:
                self.found[key, "key"].append(first)


def _same(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (one == other) | (np.isnan(one) & np.isnan(other))


def _firsts(one: NDArray[np.float64], other: NDArray[np.float64]) -> Found:
    """The first place of each pair of numbers."""
    if not len(one):
        return np.empty(0, np.int64)
    pairs = np.stack([one, other], axis=1)
    return np.unique(np.where(np.isnan(pairs), np.inf, pairs), axis=0, return_index=True)[1]


def _streams(
    column: Column, codec: Codec, numbers: NDArray[np.float64]
) -> Iterator[tuple[Any, Bins, NDArray[np.float64]]]:
    """(a name, bins, the numbers that are put into them) of a codec."""
    if isinstance(codec, Bins):
        yield (column.name,), codec, numbers
    if isinstance(codec, Clock):
        yield (column.name, "day"), codec.day, np.floor(numbers / codec.per_day)
        yield (column.name, "time"), codec.time, numbers % codec.per_day
