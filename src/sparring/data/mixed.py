"""Tables of any columns: numbers, categories, dates, gaps. What they are is found out, and all of it comes back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.data.codecs import Codec, Labels, Nothing, codec_from_json, codec_of
from sparring.data.columns import LEFT_OUT, Column, column_of
from sparring.data.plain import refuse
from sparring.data.relations import Numbers, Relation, found_relations, relation_from_json
from sparring.data.schema import Schema, nearest
from sparring.errors import DataError
from sparring.shapes import describe

__all__ = ["MixedSchema", "without"]


@dataclass(frozen=True)
class MixedSchema(Schema):
    """Rows of a DataFrame <-> float32: one-hot parts, all columns' one after the other, and then scalars in [-1, 1].

    columns: in the order of the table. codecs: one each. relations: what holds in every row. shares: of the rows, for
    each place of each part. classes: the column of the rows' classes, where these were given apart from the table.
    The compact form of a row is the place of the 1 in each part, and the same scalars: (n, parts + scalars), which is
    what is kept in memory.
    """

    columns: tuple[Column, ...]
    codecs: tuple[Codec, ...]
    relations: tuple[Relation, ...] = ()
    shares: tuple[float, ...] = ()
    classes: str | None = None
    kind = "mixed table"

    @classmethod
    def of(
        cls, frame: pd.DataFrame, columns: Sequence[Column] | None = None, relations: Sequence[Relation] | None = None
    ) -> Self:
        """The schema of some rows. columns, relations: what is known already, else found out.

        Raises DataError for texts and identifiers, which cannot be made, and for columns of no known kind.
        """
        told = (
            tuple(column_of(_name(name), _series(frame, name)) for name in frame.columns)
            if columns is None
            else columns
        )
        refused = [column for column in told if column.kind in LEFT_OUT]
        if refused:
            said = "; ".join(f"{column.name!r} is {_article(column.kind)} ({column.reason})" for column in refused[:3])
            raise DataError(f"texts and identifiers cannot be made: column {said}. Leave such columns out.")
        by_name = {_name(name): name for name in frame.columns}
        numbers: Numbers = {column.name: column.numbers(_series(frame, by_name[column.name])) for column in told}
        found = found_relations(told, numbers) if relations is None else relations
        computed = {relation.columns[-1] for relation in found if not relation.learned}
        codecs = tuple(
            Nothing() if column.name in computed else codec_of(column, numbers[column.name]) for column in told
        )
        if not any(codec.parts or codec.scalars for codec in codecs):
            raise DataError("every column is constant or empty; there is nothing to learn.")
        shares = [
            np.bincount(codes, minlength=size) / len(frame)
            for column, codec in zip(told, codecs, strict=True)
            for codes, size in zip(codec.encode(numbers[column.name])[0].T, codec.parts, strict=True)
        ]
        return cls(tuple(told), codecs, tuple(found), tuple(np.concatenate(shares).tolist()) if shares else ())

    # -- sizes

    @property
    def names(self) -> tuple[str | int, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def gapped(self) -> tuple[str | int, ...]:
        """Columns of whole numbers of which some are missing."""
        return tuple(column.name for column in self.columns if column.kind == "integer" and column.missing)

    @cached_property
    def parts(self) -> tuple[int, ...]:
        """How many places each one-hot part has, in order."""
        return tuple(size for codec in self.codecs for size in codec.parts)

    @property
    def scalars(self) -> int:
        return sum(codec.scalars for codec in self.codecs)

    @property
    def shape(self) -> tuple[int]:
        return (sum(self.parts) + self.scalars,)

    @property
    def row_shape(self) -> tuple[int]:
        return (len(self.columns),)

    @property
    def bounded(self) -> bool:
        return True

    # -- for networks

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each part begins in an encoded row."""
        return np.cumsum([0, *self.parts[:-1]])[: len(self.parts)]

    @cached_property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """For each scalar the places (start, end), in an encoded row, of the bins that it is in."""
        found, part = [], 0
        for codec in self.codecs:
            found += [(self.starts[part + i] + start, self.starts[part + i] + end) for i, start, end in codec.spans()]
            part += len(codec.parts)
        return tuple((int(start), int(end)) for start, end in found)

    @cached_property
    def levels(self) -> NDArray[np.float32]:
        """(places, ranks): for each part with an order, where its places stand in it, in [-1, 1]."""
        told = [levels for codec in self.codecs for levels in codec.levels()]
        columns = []
        for start, levels in zip(self.starts, told, strict=True):
            if len(levels):
                columns.append(np.zeros(sum(self.parts), np.float32))
                columns[-1][start : start + len(levels)] = levels
        return np.stack(columns, axis=1) if columns else np.empty((sum(self.parts), 0), np.float32)

    # -- there

    def check(self, values: Any) -> None:
        if not isinstance(values, pd.DataFrame):
            found = describe(np.shape(values))
            raise DataError(f"a DataFrame with the columns that were learned from is needed; got an array {found}.")
        there = {_name(name) for name in values.columns}
        missing = [name for name in self.names if name not in there]
        if missing:
            near = nearest(str(missing[0]), map(str, there))
            raise DataError(f"there is no column {missing[0]!r}{near}; the model needs it.")

    def numbers(self, values: pd.DataFrame, strict: bool = True) -> Numbers:
        """Each column's numbers (float64, NaN where a value is missing). strict: as in ``Column.numbers``."""
        self.check(values)
        by_name = {_name(name): name for name in values.columns}
        return {column.name: column.numbers(_series(values, by_name[column.name]), strict) for column in self.columns}

    def compact(self, values: pd.DataFrame) -> NDArray[np.float32]:
        """Rows as places in the parts and scalars: float32 (n, parts + scalars)."""
        return self.compacted(self.numbers(values))

    def compacted(self, numbers: Numbers) -> NDArray[np.float32]:
        """The same of what ``numbers`` gives."""
        told = [codec.encode(numbers[column.name]) for column, codec in zip(self.columns, self.codecs, strict=True)]
        return np.hstack([*(codes for codes, _ in told), *(places for _, places in told)]).astype(np.float32)

    def encode(self, values: pd.DataFrame) -> NDArray[np.float32]:
        return self.spread(self.compact(values))

    def spread(self, compact: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rows in the compact form with their parts one-hot."""
        spread = np.zeros((len(compact), *self.shape), np.float32)
        if self.parts:
            places = compact[:, : len(self.parts)].astype(np.int64) + self.starts
            np.put_along_axis(spread, places, 1.0, axis=1)
        spread[:, sum(self.parts) :] = compact[:, len(self.parts) :]
        return spread

    def points(self, values: Any) -> NDArray[np.float32]:
        """float32 (n, d, 1), so that its columns, which have one unit, are not scaled again.

        The squared distance of two rows is the sum over columns, each of which gives at most 1: numbers and dates by
        the difference of their ranks among the rows that the schema is of, labels that differ 1. Computed columns
        give nothing.
        """
        return self.points_of(self.numbers(values, strict=False))  # rows to judge by may hold what was never learned

    def points_of(self, numbers: Numbers) -> NDArray[np.float32]:
        """The points of rows that are numbers already."""
        return np.hstack(list(self.points_by_column(numbers).values()))[..., None]

    def points_by_column(self, numbers: Numbers) -> dict[str | int, NDArray[np.float32]]:
        """Each column's part of the points, (n, d)."""
        return {c.name: codec.points(numbers[c.name]) for c, codec in zip(self.columns, self.codecs, strict=True)}

    def apart(self, one: pd.DataFrame, other: pd.DataFrame) -> NDArray[np.float64]:
        """How far rows are from other rows, (n,): the mean of ``apart_by_column``."""
        return np.mean(list(self.apart_by_column(one, other).values()), axis=0)

    def apart_by_column(self, one: pd.DataFrame, other: pd.DataFrame) -> dict[str | int, NDArray[np.float64]]:
        """For each column that is not constant or computed how far it is apart in each row, (n,), from 0 to 1.

        Labels that differ are 1 apart, numbers and dates the difference of their ranks, as ``points`` says.
        """
        sides = [self.points_by_column(self.numbers(rows, strict=False)) for rows in (one, other)]
        return {
            name: np.linalg.norm(there.astype(np.float64) - sides[1][name], axis=1)
            for name, there in sides[0].items()
            if there.shape[1]
        }

    # -- and back

    def decode(self, encoded: NDArray[Any]) -> pd.DataFrame:
        rows = np.asarray(encoded)
        ends = [*self.starts[1:], sum(self.parts)]
        places = [rows[:, start:end].argmax(1) for start, end in zip(self.starts, ends, strict=bool(self.parts))]
        codes = np.stack(places, axis=1).astype(np.int32) if places else np.empty((len(rows), 0), np.int32)
        return self.expanded(codes, rows[:, sum(self.parts) :].astype(np.float32))

    def expanded(self, codes: NDArray[np.int32], scalars: NDArray[np.float32]) -> pd.DataFrame:
        """The table of rows in the compact form."""
        numbers: Numbers = {}
        part = scalar = 0
        for column, codec in zip(self.columns, self.codecs, strict=True):
            there, beside = slice(part, part + len(codec.parts)), slice(scalar, scalar + codec.scalars)
            numbers[column.name] = column.settled(codec.decode(codes[:, there], scalars[:, beside]))
            part, scalar = there.stop, beside.stop
        by_name = {column.name: column for column in self.columns}
        for relation in self.relations:
            relation.hold(numbers, by_name)
        made = {column.name: column.values(numbers[column.name]) for column in self.columns}
        return pd.DataFrame(made, columns=list(self.names))

    def typical(self) -> pd.DataFrame:
        """Three rows with a value in every column that has some, which tell its type."""
        ends = {c.name: (0.0 if c.labels or c.low is None else c.low, c.high or 0.0) for c in self.columns}
        numbers = {
            name: np.array([low, 0.0 if low == high else (low + high) / 2, high]) for name, (low, high) in ends.items()
        }
        return pd.DataFrame({column.name: column.values(numbers[column.name]) for column in self.columns})

    # -- as plain values

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "columns": [column.to_json() for column in self.columns],
            "codecs": [codec.to_json() for codec in self.codecs],
            "relations": [relation.to_json() for relation in self.relations],
            "shares": list(self.shares),
            **({} if self.classes is None else {"classes": self.classes}),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        columns = tuple(map(Column.from_json, content["columns"]))
        codecs = tuple(map(codec_from_json, content["codecs"]))
        relations = tuple(map(relation_from_json, content["relations"]))
        made = cls(columns, codecs, relations, tuple(content["shares"]), content.get("classes"))
        refuse(len(columns) != len(codecs) or not columns, "each column has its codec")
        for column, codec in zip(columns, codecs, strict=True):
            refuse(isinstance(codec, Labels) and codec.count != len(column.labels), "each label has its place")
        names = [*made.names]
        refuse(len({*names}) != len(names), "columns have a name each")
        spoken = {name for relation in relations for name in relation.columns}
        refuse(not spoken <= {*names}, "relations speak of columns")
        refuse(made.classes is not None and made.classes not in names, "classes are a column")
        refuse(len(made.shares) != sum(made.parts), "each place has its share")
        shares = np.array(made.shares, np.float64)
        refuse(~np.isfinite(shares) | (shares < 0), "shares are numbers of at least 0")
        return made


def without(frame: pd.DataFrame, names: Collection[str | int]) -> pd.DataFrame:
    """The other columns. Raises DataError for a name that is not there."""
    there = {_name(name): name for name in frame.columns}
    for name in names:
        if name not in there:
            raise DataError(f"there is no column {name!r} to leave out{nearest(str(name), map(str, there))}.")
    kept: Any = frame[[original for name, original in there.items() if name not in names]]
    return kept


def _series(frame: pd.DataFrame, name: Any) -> pd.Series:
    found: Any = frame[name]
    return found


def _name(name: Any) -> str | int:
    return int(name) if isinstance(name, int | np.integer) else str(name)


def _article(kind: str) -> str:
    return "an identifier" if kind == "identifier" else f"free {kind}"
