"""The report's look at a mixed table: each column real and generated, the pairs that fit worst, what goes with what."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from sparring.judging.together import Grid, pairs_apart, shares_together
from sparring.record import Record
from sparring.report.axes import svg_of, text_at

__all__ = ["ColumnPicture", "TablePictures", "WorstPair", "read_columns"]

WIDTH, ROW, TEXT = 300, 20, 110
BARS, BINS = 7, 24  # labels of a category, bins of a histogram
WORST = 6
MOST = 24  # columns of the picture of what goes with what


@dataclass(frozen=True)
class ColumnPicture:
    """A column drawn twice. apart: the total variation between real and generated, in the bins drawn, in words."""

    name: str
    kind: str
    apart: str
    svg: Markup


@dataclass(frozen=True)
class WorstPair:
    """Two columns whose joint shares are far apart; floor: those of two halves of the real rows."""

    names: tuple[str, str]
    apart: str
    floor: str


@dataclass(frozen=True)
class TablePictures:
    heading: str
    rows: tuple[int, int]
    columns: tuple[ColumnPicture, ...]
    worst: tuple[WorstPair, ...]
    together: Markup | None


def read_columns(record: Record) -> tuple[TablePictures, ...]:
    """Of a run on mixed tables, from its newest samples and the real rows beside them; of a translator's, both ways.

    Nothing of other runs, and of files that cannot be read.
    """
    found, about = record.samples(), record.about
    if not found:
        return ()
    newest, folder = found[-1][1], record.folder / "samples"
    schemas = about.get("schemas")
    sides = schemas if isinstance(schemas, Mapping) else {}
    wanted = [
        ("Columns", about.get("schema"), folder / "real.csv", newest),
        ("Columns of B, and of G(A)", sides.get("B"), folder / "real.csv", newest),
        ("Columns of A, and of F(B)", sides.get("A"), folder / "real-a.csv", newest.with_stem(f"{newest.stem}-b-a")),
    ]
    pictures = [_pictured(*one) for one in wanted]
    return tuple(one for one in pictures if one is not None)


def _pictured(heading: str, schema: Any, real: Path, made: Path) -> TablePictures | None:
    if not isinstance(schema, Mapping) or schema.get("kind") != "mixed table" or not real.is_file():
        return None
    kinds = {str(column["name"]): str(column["kind"]) for column in schema["columns"]}
    try:
        sides = tuple(_numbered(path, kinds) for path in (real, made))
    except (OSError, ValueError):
        return None
    names = [name for name, kind in kinds.items() if name in sides[0] and name in sides[1] and kind != "constant"]
    drawn = tuple(_drawn(name, kinds[name], sides[0][name], sides[1][name]) for name in names)
    rows = tuple(len(next(iter(side.values()), ())) for side in sides)
    if len(names) < 2:
        return TablePictures(heading, (rows[0], rows[1]), drawn, (), None)
    binned = _Binned.of(names, sides[0], sides[1])
    return TablePictures(heading, (rows[0], rows[1]), drawn, binned.worst(), _together(binned))


def _numbered(path: Path, kinds: Mapping[str, str]) -> dict[str, NDArray[Any]]:
    """Columns as numbers (dates in days), or as texts; "" and NaN where a value is missing."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    found: dict[str, NDArray[Any]] = {}
    for name in frame.columns:
        texts: Any = frame[name]
        if kinds.get(name) in ("continuous", "integer"):
            numbers: Any = pd.to_numeric(texts, errors="coerce")
            found[name] = numbers.to_numpy(float)
        elif kinds.get(name) == "date":
            moments = pd.to_datetime(texts, errors="coerce", utc=True, format="ISO8601")
            found[name] = (moments - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(float) / 86_400
        elif kinds.get(name) == "duration":
            found[name] = pd.to_timedelta(texts, errors="coerce").dt.total_seconds().to_numpy(float)
        else:
            found[name] = texts.to_numpy(object)
    return found


# -- one column


def _drawn(name: str, kind: str, real: NDArray[Any], made: NDArray[Any]) -> ColumnPicture:
    label = f"{name}: real and generated"
    if real.dtype == object:
        shares, names = _shares(real, made)
        svg = _bars(shares, names, label)
    else:
        shares, ends = _histograms(real, made)
        svg = _steps(shares, ends, kind, label)
    gaps = "" if not _absent(real).any() else f", missing {_absent(real).mean():.1%} and {_absent(made).mean():.1%}"
    return ColumnPicture(name, kind, f"{_apart(*shares):.1%} apart{gaps}", svg)


def _absent(values: NDArray[Any]) -> NDArray[np.bool_]:
    return values == "" if values.dtype == object else np.isnan(values)


def _apart(one: NDArray[Any], other: NDArray[Any]) -> float:
    return float(np.abs(one - other).sum() / 2)


def _shares(real: NDArray[Any], made: NDArray[Any]) -> tuple[tuple[NDArray[Any], NDArray[Any]], list[str]]:
    """Of the commonest labels, and all others together."""
    counts = pd.Series(real).value_counts()
    names = [str(name) for name in counts.index[:BARS]]
    sides = [np.array([(side == name).mean() for name in names]) for side in (real, made)]
    if len(counts) > BARS:
        sides = [np.append(side, 1 - side.sum()) for side in sides]
        names.append(f"{len(counts) - BARS} others")
    return (sides[0], sides[1]), [name or "(missing)" for name in names]


def _bars(shares: tuple[NDArray[Any], NDArray[Any]], names: list[str], label: str) -> Markup:
    most = max(float(shares[0].max()), float(shares[1].max()), 1e-9)
    room = WIDTH - TEXT - 46
    parts = []
    for i, name in enumerate(names):
        top = i * ROW + 4
        parts.append(text_at(TEXT - 8, top + 11, name if len(name) < 17 else name[:15] + "…", "end", ' class="name"'))
        for side, (kind, share) in enumerate((("real", shares[0][i]), ("fake", shares[1][i]))):
            width = max(room * float(share) / most, 0.5)
            parts.append(f'<rect class="share {kind}" x="{TEXT}" y="{top + 7 * side}" width="{width:.1f}" height="6"/>')
        parts.append(text_at(TEXT + room * float(max(shares[0][i], shares[1][i])) / most + 6, top + 11,
                             f"{shares[1][i]:.0%}", "start"))  # fmt: skip
    return svg_of(WIDTH, len(names) * ROW + 6, label, parts, "column")


def _histograms(real: NDArray[Any], made: NDArray[Any]) -> tuple[tuple[NDArray[Any], NDArray[Any]], NDArray[Any]]:
    known = real[~np.isnan(real)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    ends = np.linspace(low, high if high > low else low + 1, BINS + 1)
    sides = [np.histogram(side[~np.isnan(side)], ends)[0] / max((~np.isnan(side)).sum(), 1) for side in (real, made)]
    return (sides[0], sides[1]), ends


def _steps(shares: tuple[NDArray[Any], NDArray[Any]], ends: NDArray[Any], kind: str, label: str) -> Markup:
    height, foot = 110, 18
    # heights by their roots, so that a lump leaves the rest to be seen
    most = np.sqrt(max(float(shares[0].max()), float(shares[1].max()), 1e-9))
    parts = [f'<path class="rule zero" d="M0 {height}H{WIDTH}"/>']
    for side, name in ((shares[0], "real"), (shares[1], "fake")):
        tops = height - (height - 8) * np.sqrt(side) / most
        xs = np.linspace(0, WIDTH, BINS + 1)
        line = "".join(f"V{top:.1f}H{x:.1f}" for top, x in zip(tops, xs[1:], strict=True))
        parts.append(f'<path class="stairs {name}" d="M0 {height}{line}V{height}"/>')
    for at, anchor, end in ((0, "start", ends[0]), (WIDTH, "end", ends[-1])):
        parts.append(text_at(at, height + foot - 3, _said(float(end), kind), anchor))
    return svg_of(WIDTH, height + foot, label, parts, "column")


def _said(value: float, kind: str) -> str:
    if kind == "date":
        return str(np.datetime64(0, "D") + np.timedelta64(int(value), "D"))
    return f"{value:,.0f}" if abs(value) >= 1000 or value.is_integer() else f"{value:.3g}"


# -- columns together


@dataclass(frozen=True, eq=False)
class _Binned:
    """Columns of both sides as the places that the real rows set. codes: real and made, (n, columns)."""

    names: list[str]
    sizes: list[int]
    codes: tuple[NDArray[np.int64], NDArray[np.int64]]

    @classmethod
    def of(cls, names: list[str], real: Mapping[str, NDArray[Any]], made: Mapping[str, NDArray[Any]]) -> "_Binned":
        columns, sizes = [], []
        for name in names:
            one, other = _as_numbers(real[name], made[name])
            grid = Grid.of(one, real[name].dtype == object)
            sizes.append(grid.size)
            columns.append((grid(one), grid(other)))
        return cls(names, sizes, (np.stack([c[0] for c in columns], 1), np.stack([c[1] for c in columns], 1)))

    def worst(self) -> tuple[WorstPair, ...]:
        """By how far they are above what two halves of the real rows are apart; all from as many rows."""
        real, made = self.codes
        half = min(len(real) // 2, len(made))
        if not half:
            return ()
        truth, *others = (
            shares_together(part, self.sizes) for part in (real[:half], made[:half], real[half : 2 * half])
        )
        apart, floor = (pairs_apart(truth, other, self.sizes) for other in others)
        pairs = list(combinations(self.names, 2))
        order = np.argsort(floor - apart, kind="stable")[:WORST]
        return tuple(WorstPair(pairs[i], f"{apart[i]:.1%}", f"{floor[i]:.1%}") for i in order)


def _as_numbers(real: NDArray[Any], made: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Texts as places among the real ones, below 0 for others and NaN where missing; numbers as they are."""
    if real.dtype != object:
        return real, made
    labels = pd.Index(real[real != ""]).unique()
    one, other = (np.where(side == "", np.nan, labels.get_indexer(pd.Index(side))) for side in (real, made))
    return one, other


def _strength(table: NDArray[np.float64], rows_seen: int) -> float:
    """Cramér's V without its chance part (Bergsma 2013): 0 for independent columns, 1 where each fixes the other.

    table: the shares of all combinations.
    """
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    rows, columns = table.shape
    if min(rows, columns) < 2:
        return 0.0
    expected = table.sum(1, keepdims=True) * table.sum(0)
    phi, n = float((np.square(table - expected) / expected).sum()), max(rows_seen - 1, 1)
    phi = max(phi - (rows - 1) * (columns - 1) / n, 0.0)
    least = min(rows - (rows - 1) ** 2 / n, columns - (columns - 1) ** 2 / n) - 1
    return float(np.sqrt(min(phi / least, 1.0))) if least > 0 else 0.0


def _together(binned: _Binned) -> Markup:
    """A square for every two columns: below the diagonal the real rows', above it the generated ones'."""
    names, sizes = binned.names[:MOST], binned.sizes[:MOST]
    tables = [shares_together(side[:, : len(names)], sizes).astype(np.float64) for side in binned.codes]
    ends = np.cumsum([0, *sizes])
    cell, left = 26, 130
    parts = []
    for i, a in enumerate(names):
        parts.append(text_at(left - 8, i * cell + 17, a if len(a) < 19 else a[:17] + "…", "end", ' class="name"'))
        for j, b in enumerate(names):
            if i != j:
                side = 0 if j < i else 1
                block = tables[side][ends[i] : ends[i + 1], ends[j] : ends[j + 1]]
                strength = _strength(block, len(binned.codes[side]))
                colour = "real" if side == 0 else "fake"
                parts.append(f'<rect class="share {colour}" x="{left + j * cell}" y="{i * cell}" width="{cell - 2}" '
                             f'height="{cell - 2}" opacity="{0.04 + 0.96 * strength:.2f}"><title>'
                             f"{Markup.escape(a)} and {Markup.escape(b)}: {strength:.2f}</title></rect>")  # fmt: skip
    side = len(names) * cell
    return svg_of(left + side, side, "How strongly columns go together: real and generated", parts, "together")
