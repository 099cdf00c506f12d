"""What the judge is given, arrays or tables of any columns: as points to measure, and columns as numbers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.data.columns import LABELLED
from sparring.data.frames import as_pandas, is_plain
from sparring.data.mixed import MixedSchema, without
from sparring.data.schema import Schema
from sparring.data.table import refuse_names
from sparring.errors import DataError, InputError
from sparring.judging.compared import drawn
from sparring.judging.units import Features, Units, like
from sparring.transport.clouds import Floats, numbers

__all__ = ["Arrays", "Given", "Part", "Tables", "reader_of"]


@dataclass(frozen=True, eq=False)
class Given:
    """Checked rows. points: (n, ...), between which distances are measured. exact: (n, ...), what an exact copy equals.

    cells: of tables, each column's numbers (n, c), NaN where one is missing, below 0 for a label never seen; else None.
    part: where these are some of more rows.
    """

    points: NDArray[Any]
    exact: NDArray[Any]
    cells: Floats | None = None
    part: "Part | None" = None

    def __len__(self) -> int:
        return len(self.points)

    @property
    def every(self) -> NDArray[Any]:
        """``exact`` of all rows that were given."""
        return self.exact if self.part is None else self.part.every

    def of_these(self, labels: NDArray[Any]) -> NDArray[Any]:
        """What belongs to these rows, out of what belongs to all that were given."""
        return labels if self.part is None else labels[self.part.numbers]

    def some(self, picked: Any) -> Self:
        cells = None if self.cells is None else self.cells[picked]
        return replace(self, points=self.points[picked], exact=self.exact[picked], cells=cells, part=None)

    @classmethod
    def joined(cls, parts: Sequence["Given"]) -> Self:
        cells = [part.cells for part in parts if part.cells is not None]
        points, exact = (np.concatenate([getattr(part, name) for part in parts]) for name in ("points", "exact"))
        return cls(points, exact, np.concatenate(cells) if cells else None)


class Part(NamedTuple):
    """Some of the rows that were given: their numbers, and ``Given.exact`` of all."""

    numbers: NDArray[np.intp]
    every: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Arrays:
    """Rows (n, ...) of numbers, as they are.

    train: the training rows. columns: (name, kind) of each of a table with names, else none.
    """

    train: NDArray[Any]
    columns: tuple[tuple[str, str], ...]
    labelled: tuple[bool, ...]

    @classmethod
    def of(cls, train: Any) -> Self:
        names = [str(name) for name in train.columns] if isinstance(train, pd.DataFrame) else []
        columns = tuple((name, "number") for name in names) if len(names) > 1 else ()
        return cls(numbers("train", train), columns, (False,) * len(columns))

    def read(self, name: str, data: Any, most: int | None = None, seed: int = 0) -> Given:
        """most: rows of a table that are drawn, by a seed, if there are more; None: all; images are all taken.

        Raises DataError, InputError or ShapeError for rows unlike the training rows.
        """
        data = as_pandas(data)
        if isinstance(data, pd.DataFrame) and {column for column, _ in self.columns} <= set(map(str, data.columns)):
            by_name = {str(column): column for column in data.columns}
            data = data[[by_name[column] for column, _ in self.columns]] if self.columns else data
        rows = like(name, data, self.train)
        chosen = drawn(len(rows), most or len(rows), seed) if rows.ndim == 2 else None
        some = rows if chosen is None else rows[chosen]
        part = None if chosen is None else Part(chosen, rows)
        return Given(some, some, some.astype(np.float64) if self.columns else None, part)

    def units(self, train: Given, features: Any) -> Units | Features:
        return Units.of(train.points) if features is None else Features.named(features)


@dataclass(frozen=True, eq=False)
class Tables:
    """DataFrames of any columns, as a schema tells them."""

    schema: MixedSchema

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """(name, kind) of each."""
        return tuple((str(column.name), column.kind) for column in self.schema.columns)

    @property
    def labelled(self) -> tuple[bool, ...]:
        return tuple(column.kind in LABELLED for column in self.schema.columns)

    def read(self, name: str, data: Any, most: int | None = None, seed: int = 0) -> Given:
        """most: rows that are drawn, by a seed, if there are more; None: all.

        Raises DataError for what is no table with these columns, or holds what they cannot.
        """
        frame = as_pandas(data)
        try:
            if isinstance(frame, pd.DataFrame):
                refuse_names(frame)
            found = self.schema.numbers(frame, strict=False)
        except DataError as error:
            raise DataError(f"{name}: {error}") from None
        by_name = {str(column): frame[column] for column in frame.columns}
        cells, exact = np.empty((2, len(frame), len(self.schema.columns)))
        for i, column in enumerate(self.schema.columns):
            cells[:, i] = found[column.name]
            if column.kind in LABELLED:
                cells[np.isnan(cells[:, i]) & by_name[str(column.name)].notna().to_numpy(bool), i] = -1
            elif np.isinf(cells[:, i]).any():
                row = int(np.isinf(cells[:, i]).argmax())
                raise DataError(f"{name}, column {column.name!r}, row {row}: every number must be finite.")
            digits = column.kind == "continuous" and column.decimals is None  # so that a copy made in float32 counts
            exact[:, i] = cells[:, i].astype(np.float32) if digits else cells[:, i]
        exact[np.isnan(exact)] = np.inf  # two missing values are equal
        chosen = drawn(len(frame), most or len(frame), seed)
        if chosen is None:
            return Given(self.schema.points_of(found), exact, cells)
        points = self.schema.points_of({name: values[chosen] for name, values in found.items()})
        return Given(points, exact[chosen], cells[chosen], Part(chosen, exact))

    def units(self, train: Given, features: Any) -> Units | Features:
        if features is not None:
            return Features.named(features)
        return replace(Units.of(train.points), space="ranks of numbers, and categories that are 1 apart")


def reader_of(train: Any, schema: Schema | None, leave_out: Collection[str | int]) -> tuple[Arrays | Tables, Any]:
    """(how rows are read, the training rows): by a schema that is known, else by what the training rows are.

    Raises DataError for texts and identifiers, and for columns to leave out of what has none; InputError for columns
    to leave out beside a schema.
    """
    train = as_pandas(train)
    if leave_out and schema is not None:
        raise InputError("leave_out is for tables whose columns are found out; a schema says which are looked at.")
    if not isinstance(train, pd.DataFrame):
        if leave_out:
            raise DataError("columns can be left out of a table that names them: a DataFrame, a CSV or Parquet.")
    elif schema is None:
        train = without(refuse_names(train), leave_out)
        if len(train) and not is_plain(train):
            try:
                schema = MixedSchema.of(train)
            except DataError as error:
                raise DataError(f"train: {error}") from None
    return (Tables(schema) if isinstance(schema, MixedSchema) else Arrays.of(train)), train
