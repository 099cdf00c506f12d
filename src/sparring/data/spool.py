"""A table from a file too large for memory, as a file of numbers that is gone through as often as need be."""

import contextlib
import hashlib
import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.data.columns import LABELLED, Column
from sparring.data.frame_parts import CELLS, Conflict, Kind, frame_parts, joined, kind_of_part, part_with_dates
from sparring.data.frames import are_numbers, form_of, mistaken, no_number
from sparring.data.relations import Numbers
from sparring.errors import DataError

__all__ = ["MOST_TEXTS", "Spool", "Texts", "heard"]

LOG = logging.getLogger("sparring")
EVERY = 5.0  # seconds between two lines about a long reading
MOST_TEXTS = 250_000  # different ones of a column, beyond which they are not kept
GAP = np.float64(np.nan).view(np.int64)  # stands for a missing value of any kind
CODED = ("boolean", "text", "category")
Words = NDArray[np.int64]


@contextlib.contextmanager
def heard(say: Callable[[str], None] | None) -> Iterator[None]:
    """Tell how far a reading in parts is while the block runs. say: takes a line now and then; None: nothing."""
    if say is None:
        yield
        return
    handler, level = logging.Handler(logging.INFO), LOG.level
    handler.emit = lambda record: say(record.getMessage())
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOG.setLevel(level)
        LOG.removeHandler(handler)


class Texts:
    """The different values of a column in the order in which they are met, and in how many rows each is."""

    def __init__(self) -> None:
        self.places: dict[Any, int] = {}
        self.counts: list[int] = []
        self.too_many = False
        self.odd: tuple[int, int, str] | None = None  # how many are no numbers, and the first one's row and text

    def codes(self, values: Any, start: int, told: bool) -> Words:
        """The places of a part's values, which begin at row ``start``. told: whether numbers are looked for."""
        if told:
            self._look(values, start)
        codes, uniques = pd.factorize(values)
        known = np.array([self.place(value) for value in uniques.tolist()], np.int64)
        met = np.bincount(codes[codes >= 0], minlength=len(known))
        for place, count in zip(known.tolist(), met.tolist(), strict=True):
            self.counts[place] += count
        absent = codes < 0
        if absent.all():
            return np.full(len(codes), GAP)
        return np.where(absent, GAP, known[np.where(absent, 0, codes)])

    def place(self, value: Any) -> int:
        """Of one value; 0 for one that is not kept."""
        if value not in self.places:
            if len(self.places) >= MOST_TEXTS:
                self.too_many = True
                return 0
            self.places[value] = len(self.places)
            self.counts.append(0)
        return self.places[value]

    def _look(self, values: Any, start: int) -> None:
        known: Any = values.dropna()
        odd = ~are_numbers(known)
        if odd.any():
            row = int(odd.to_numpy().argmax())
            count, first, text = self.odd or (0, start + int(known.index[row]), str(known.iloc[row]))
            self.odd = (count + int(odd.sum()), first, text)


class Spool:
    """All cells of a table as 64-bit words, in a file beside the data, row after row.

    A number is its float64, a date or duration its count of microseconds or nanoseconds, what has labels its place
    among them. kinds: of the columns. texts: of those that have labels. runs: columns of numbers that go up by one from
    row to row. fingerprint: a hash of all.
    """

    def __init__(self, path: Path, words: Path, leave_out: Collection[str | int] = ()) -> None:
        """Read a whole table, and write its words. Raises DataError for one that cannot be used."""
        self.path, self.words = path, words
        told: dict[str | int, str] = {}
        while True:
            try:
                self._read(leave_out, told)
                return
            except Conflict as conflict:
                if conflict.told.items() <= told.items():
                    name = next(iter(conflict.told))
                    raise DataError(f"{path}: column {name!r} changes its kind; make it one kind first.") from None
                told |= conflict.told
                LOG.info("%s: %s are of two kinds; reading again", path, ", ".join(map(repr, conflict.told)))

    def _read(self, leave_out: Collection[str | int], told: dict[str | int, str]) -> None:
        self.rows, self.names, self.told = 0, (), told
        self.kinds: dict[str | int, Kind] = {}
        self.texts: dict[str | int, Texts] = {}
        self.known: dict[str | int, int] = {}
        self.runs: dict[str | int, float] = {}  # the last number of those that run
        digest, began = hashlib.blake2b(digest_size=16), time.monotonic()
        is_text = self.path.suffix.lower() != ".parquet"
        with open(self.words, "wb") as file:
            for frame, share in frame_parts(self.path, leave_out, told):
                part = self._part(part_with_dates(frame, told) if is_text else frame, file)
                digest.update(part.data)
                if time.monotonic() - began > EVERY:
                    began = time.monotonic()
                    LOG.info("%s: %s rows, %.0f %% of the file", self.path, f"{self.rows:,}", 100 * share)
        for name, kind in self.kinds.items():
            labels = "".join(f"{label!r}," for label in self.texts[name].places) if name in self.texts else ""
            digest.update(f"{name}:{kind.dtype}:{labels};".encode())
        self.fingerprint = f"parts-{digest.hexdigest()}"
        self._refuse_mistakes()

    def _part(self, frame: pd.DataFrame, file: BinaryIO) -> Words:
        """Take note of a part, and write it."""
        self.names = tuple(frame.columns)
        words, conflicts = np.empty(frame.shape, np.int64), {}
        for i, name in enumerate(self.names):
            values: Any = frame[name]
            try:
                found = kind_of_part(name, values)
                self.kinds[name] = joined(name, self.kinds[name], found) if name in self.kinds else found
            except Conflict as conflict:
                conflicts |= conflict.told
                continue
            words[:, i] = self._words_of(name, values)
            self.known[name] = self.known.get(name, 0) + int((words[:, i] != GAP).sum())
        if conflicts:
            raise Conflict(conflicts)
        file.write(words.tobytes())
        self.rows += len(words)
        return words

    def _words_of(self, name: str | int, values: Any) -> Words:
        kind = self.kinds[name].name
        if kind == "empty":
            return np.full(len(values), GAP)
        if kind in CODED:
            texts = self.texts.setdefault(name, Texts())
            if kind == "category":
                for label in values.dtype.categories if isinstance(values.dtype, pd.CategoricalDtype) else ():
                    texts.place(label)
                values = values.astype(object)
            return texts.codes(values, self.rows, self.told.get(name) == "text")
        if kind == "number":
            numbers = values.to_numpy(np.float64, na_value=np.nan)
            self._run(name, numbers[~np.isnan(numbers)])
            return np.where(np.isnan(numbers), GAP, numbers.view(np.int64))
        counts = self._dates(name, values).to_numpy().view(np.int64)
        return np.where(values.isna(), GAP, counts)

    def _dates(self, name: str | int, values: Any) -> Any:
        plain = (
            values.dt.tz_convert("UTC").dt.tz_localize(None) if isinstance(values.dtype, pd.DatetimeTZDtype) else values
        )
        return plain.astype(f"{plain.dtype.kind}8[{self.unit(name)}]")

    def unit(self, name: str | int) -> str:
        """Of a column's dates."""
        kind = self.kinds[name]
        return "ns" if self.told.get(name) == "ns" or "[ns" in str(kind.dtype) else "us"

    def _run(self, name: str | int, numbers: NDArray[np.float64]) -> None:
        if not len(numbers) or (name in self.known and self.known[name] and name not in self.runs):
            return
        before = self.runs.pop(name, numbers[0] - 1)
        if (np.diff(numbers, prepend=before) == 1).all():
            self.runs[name] = float(numbers[-1])

    def _refuse_mistakes(self) -> None:
        for name, texts in self.texts.items():
            if texts.odd is not None and mistaken(texts.odd[0], self.known[name]):
                raise no_number(self.path, texts.odd[1] + form_of(self.path).first_line, name, texts.odd[2])

    # -- again

    def parts(self) -> Iterator[tuple[int, Words]]:
        """(first row, words) of all parts, in order; read, not mapped, so that they do not stay in memory."""
        width = len(self.names)
        size = max(CELLS // max(width, 1), 1)
        with open(self.words, "rb") as file:
            for start in range(0, self.rows, size):
                words = np.fromfile(file, np.int64, min(size, self.rows - start) * width)
                yield start, words.reshape(-1, width)

    def frame(self, rows: NDArray[np.int64]) -> pd.DataFrame:
        """Some rows, in ascending order, as if the table had been read at once; their numbers are the index."""
        found = [
            words[rows[slice(*np.searchsorted(rows, (start, start + len(words))))] - start]
            for start, words in self.parts()
        ]
        words = np.concatenate(found)
        made: Any = {name: self._values(name, words[:, i]) for i, name in enumerate(self.names)}
        return pd.DataFrame(made, columns=list(self.names)).set_index(pd.Index(rows))

    def _values(self, name: str | int, words: Words) -> pd.Series:
        kind, absent = self.kinds[name], words == GAP
        if kind.name in CODED:
            return self._coded(name, words, absent)
        if kind.name in ("date", "duration"):
            code = "m8" if kind.name == "duration" else "M8"
            counts = np.where(absent, np.array("NaT", code).view(np.int64), words)
            series = pd.Series(counts.view(f"{code}[{self.unit(name)}]"))
            if isinstance(kind.dtype, pd.DatetimeTZDtype):
                return series.dt.tz_localize("UTC").dt.tz_convert(kind.dtype.tz).astype(kind.dtype)
            return series.astype(kind.dtype)
        numbers = pd.Series(words.view(np.float64))
        if kind.name == "empty":
            return numbers.astype(kind.dtype)
        return numbers.mask(absent, None).astype(kind.dtype) if absent.any() else numbers.astype(kind.dtype)

    def _coded(self, name: str | int, words: Words, absent: NDArray[np.bool_]) -> pd.Series:
        dtype: Any = self.kinds[name].dtype
        labels = np.array([*self.texts[name].places, None], dtype=object)
        made = pd.Series(labels[np.where(absent, len(labels) - 1, words)], dtype=object)
        return made.astype(dtype) if dtype != np.dtype(object) else made.where(~absent, np.nan)

    def numbers(self, columns: Sequence[Column], words: Words) -> Numbers:
        """The numbers of some rows, as a schema's columns take them; NaN also for what a column does not know."""
        places = {str(name): i for i, name in enumerate(self.names)}
        return {column.name: self._numbers(column, words[:, places[str(column.name)]]) for column in columns}

    def _numbers(self, column: Column, words: Words) -> NDArray[np.float64]:
        name, kind = next((n, k) for n, k in self.kinds.items() if str(n) == str(column.name))
        if kind.name in CODED:
            labels: Any = pd.Series(list(self.texts[name].places), dtype=object)
            told = np.append(column.numbers(labels, strict=False), np.nan)
            return told[np.where(words == GAP, len(told) - 1, words)]
        if kind.name == "number" and column.kind not in LABELLED:
            return words.view(np.float64) if words.flags.c_contiguous else words.copy().view(np.float64)
        return column.numbers(self._values(name, words), strict=False)
