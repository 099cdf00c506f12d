"""Columns of any kind as inputs of a network: what they are is found out, and new rows need not be as clean.

Like ``Features`` this goes one way only. Columns go by name, never by place: inputs are in the order of the names.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.data.columns import LABELLED, LEFT_OUT, Column, column_of
from sparring.data.features import plain_numbers
from sparring.data.input_codes import Code, OneHot, code_from_json, code_of
from sparring.data.plain import refuse
from sparring.data.schema import nearest
from sparring.errors import DataError, UnseenWarning

__all__ = ["MixedFeatures", "inputs_of", "refuse_left_out"]

PART = 2**14  # rows that are encoded at once


@dataclass(frozen=True)
class MixedFeatures:
    """Rows of a DataFrame -> float32 (n, inputs).

    A number, a moment and the level of an ordered label are scaled, and told in pieces (``Amount``); a label has a
    place of its own (``OneHot``); a date has its weekday, month and time of day besides (``Calendar``); a constant
    column becomes nothing. A gap counts as the median or as none of the labels; where training rows had some, one more
    input says so. columns: in the table's order. codes: one each.
    """

    columns: tuple[Column, ...]
    codes: tuple[Code, ...]
    kind = "mixed features"

    @classmethod
    def of(cls, columns: Sequence[Column], numbers: NDArray[np.float64], rows: NDArray[np.int64] | None = None) -> Self:
        """The codes of rows that ``inputs_of`` gave, or of some of them. Raises DataError if nothing varies."""
        rows = np.arange(len(numbers)) if rows is None else rows
        found = {i: code_of(columns[i], numbers[rows, place]) for place, i in enumerate(_arranged(columns))}
        made = cls(tuple(columns), tuple(found[i] for i in range(len(columns))))
        if not made.shape[0]:
            raise DataError("every column is constant or empty; there is nothing to learn from.")
        return made

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(str(column.name) for column in self.columns)

    @cached_property
    def shape(self) -> tuple[int]:
        return (sum(code.width for code in self.codes),)

    # -- rows

    def chosen(self, frame: Any) -> pd.DataFrame:
        """The columns that were learned from, by name; others are passed over. Raises DataError if one is missing."""
        if not isinstance(frame, pd.DataFrame):
            shown = ", ".join(self.names[:5]) + (", ..." if len(self.names) > 5 else "")
            raise DataError(f"a DataFrame with the columns that were learned from ({shown}) is needed.")
        there = {str(name): i for i, name in enumerate(frame.columns)}
        missing = [name for name in self.names if name not in there]
        if missing:
            raise DataError(f"there is no column {missing[0]!r}{nearest(missing[0], there)}; the model needs it.")
        return frame.iloc[:, [there[name] for name in self.names]]

    def numbers(self, values: Any) -> NDArray[np.float64]:
        """Rows as a number for each column, in the order of their names; NaN for a gap, -1 for a label never learned.

        Warns (UnseenWarning) of labels that were never learned from, and of gaps where there were none, by column.
        Raises DataError for columns that are not there, and for what no such column holds.
        """
        frame = self.chosen(values)
        made = np.empty((len(frame), len(self.columns)))
        for place, i in enumerate(_arranged(self.columns)):
            made[:, place] = self._seen(self.columns[i], self.codes[i], frame.iloc[:, i])
        return made

    def _seen(self, column: Column, code: Code, values: pd.Series) -> NDArray[np.float64]:
        """A column's numbers, after a warning about what the code has no place for."""
        found = _numbers(column, values)
        gaps = np.isnan(found)
        strange = found == -1 if column.kind in LABELLED else np.zeros(len(found), bool)
        if isinstance(code, OneHot):
            known = np.isin(np.arange(code.count), code.order)
            strange |= ~gaps & ~known[np.where(gaps, 0, found).astype(np.int64)]
            found[strange] = -1
        elif column.kind == "constant" and not column.labels:  # nothing but gaps
            strange, gaps = ~values.isna().to_numpy(bool), np.zeros(len(found), bool)
        if strange.any():
            example: Any = values.iloc[int(strange.argmax())]
            shown = example.item() if isinstance(example, np.generic) else example
            what = "hold values" if column.kind == "constant" else "hold labels"
            _warn(column, strange, f"{what} that were never learned from, such as {shown!r}", code)
        if gaps.any() and not code.missing:
            _warn(column, gaps, f"are missing (first in row {int(gaps.argmax())}), and none was in training", code)
        if not isinstance(code, OneHot):
            found[strange] = np.nan
        return found

    def scaled(self, numbers: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Some rows of what ``numbers`` gave, as inputs."""
        made = np.empty((len(rows), *self.shape), np.float32)
        for first in range(0, len(rows), PART):
            some, start = rows[first : first + PART], 0
            for place, i in enumerate(_arranged(self.columns)):
                end = start + self.codes[i].width
                made[first : first + PART, start:end] = self.codes[i].encode(numbers[some, place])
                start = end
        return made

    def encode(self, values: Any) -> NDArray[np.float32]:
        """Rows as inputs; warns as ``numbers`` does."""
        numbers = self.numbers(values)
        return self.scaled(numbers, np.arange(len(numbers)))

    # -- as plain values

    def to_json(self) -> dict[str, Any]:
        columns, codes = [x.to_json() for x in self.columns], [x.to_json() for x in self.codes]
        return {"kind": self.kind, "columns": columns, "codes": codes}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        columns, codes = tuple(map(Column.from_json, content["columns"])), tuple(map(code_from_json, content["codes"]))
        refuse(len(columns) != len(codes) or not columns, "each column has its code")
        for column, code in zip(columns, codes, strict=True):
            refuse(isinstance(code, OneHot) and code.count != len(column.labels), "each label has its place")
            refuse(isinstance(code, OneHot) != (column.kind == "category"), "categories are told by their labels")
        return cls(columns, codes)


def inputs_of(
    frame: pd.DataFrame, columns: Sequence[Column] | None = None
) -> tuple[tuple[Column, ...], NDArray[np.float64]] | None:
    """What the columns of training rows are, and their numbers (n, p) in the order of the names.

    None for a table of plain numbers, which ``Features`` are for. columns: what they are, if a schema says so.
    Raises DataError for texts and identifiers, and for columns of no known kind.
    """
    if columns is None and plain_numbers(frame):
        return None
    named: Any = frame.set_axis([str(name) for name in frame.columns], axis=1)
    told = tuple(column_of(name, named[name]) for name in named.columns) if columns is None else tuple(columns)
    refuse_left_out(told)
    numbers = [_numbers(told[i], frame.iloc[:, i]) for i in _arranged(told)]
    return told, np.stack(numbers, axis=1)


def refuse_left_out(columns: Sequence[Column]) -> None:
    """Raise DataError if there are texts or identifiers, which a network cannot learn from."""
    refused = [column for column in columns if column.kind in LEFT_OUT]
    if refused:
        said = "; ".join(
            f"column {column.name!r} is {_article(column.kind)} ({column.reason})" for column in refused[:3]
        )
        names = [str(column.name) for column in refused]
        options = " ".join(f"--leave-out {name}" for name in names)
        raise DataError(
            f"texts and identifiers cannot be learned from: {said}. Leave them out: leave_out={names} ({options})."
        )


def _article(kind: str) -> str:
    return "an identifier" if kind == "identifier" else f"free {kind}"


def _arranged(columns: Sequence[Column]) -> list[int]:
    """Places of the columns in the order of their names."""
    return sorted(range(len(columns)), key=lambda i: str(columns[i].name))


def _warn(column: Column, rows: NDArray[np.bool_], said: str, code: Code) -> None:
    count = int(rows.sum())
    warnings.warn(
        f"column {column.name!r}: {count:,} of {len(rows):,} rows {said}; they count as {code.said()}.",
        UnseenWarning,
        stacklevel=2,
    )


def _numbers(column: Column, values: pd.Series) -> NDArray[np.float64]:
    """A column's numbers: NaN where a value is missing, -1 for a label that there is not."""
    absent = values.isna().to_numpy(bool)
    if absent.all():
        return np.full(len(values), np.nan)
    if column.kind == "constant" and not column.labels:
        return np.full(len(values), np.nan)
    if column.kind in LABELLED:
        return _places(column, values, absent)
    found = column.numbers(values, strict=False)
    if np.isinf(found).any():
        row = int(np.isinf(found).argmax())
        raise DataError(f"column {column.name!r} holds {values.iloc[row]} in row {row}; finite numbers are needed.")
    return found


def _places(column: Column, values: pd.Series, absent: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Places among the labels: by value, else as they are written: a file tells 1, 1.0 and "1" apart by chance."""
    given: Any = values.astype(object)
    labels = pd.Index(np.array(column.labels, dtype=object))
    places = labels.get_indexer(pd.Index(given, dtype=object)).astype(np.float64)
    unknown = (places < 0) & ~absent
    if unknown.any():
        written = {_written(label): i for i, label in enumerate(column.labels)}
        codes, different = pd.factorize(given[unknown].to_numpy())
        places[unknown] = np.array([written.get(_written(value), -1) for value in different], float)[codes]
    places[absent] = np.nan
    return places


def _written(label: Any) -> str:
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)
