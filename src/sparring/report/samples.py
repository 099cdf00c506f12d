"""The samples of a run as the page shows them: some steps of all, as pictures or as drawings of a table."""

import base64
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup
from PIL import Image

from sparring.record import Record
from sparring.report.figures import Drawing, histogram, scatter

__all__ = ["Picture", "Samples", "Way", "first_rows", "picture_of", "read_samples", "two_columns"]

FRAMES = 16  # steps on the slider
POINTS = 1000  # points of a table in a drawing
HEAVY = 60_000  # bytes above which a picture is packed again, smaller
PARTS = ("", "-a-a", "-b-a", "-b-b")  # of a translator's step: G(A), F(G(A)), F(B), G(F(B))
PACKINGS = ((1024, 85), (768, 85), (512, 85), (512, 60), (384, 60))  # longest side, WebP quality


@dataclass(frozen=True)
class Picture:
    """An image as a data URI. small: its pixels are to be seen as squares."""

    uri: str
    small: bool


@dataclass(frozen=True)
class Way:
    """One direction of a translator of tables: the rows it starts from, where they come, and what comes back."""

    names: tuple[str, str, str]
    drawings: tuple[Markup, Markup, Markup]


@dataclass(frozen=True)
class Samples:
    """What the slider shows. pictures: one a step, or empty where ``made`` or ``ways`` hold the steps of a table."""

    steps: tuple[int, ...] = ()
    pictures: tuple[Picture, ...] = ()
    real_picture: Picture | None = None
    made: Markup | None = None
    real: Markup | None = None
    ways: tuple[Way, ...] = ()
    notes: tuple[str, ...] = ()


def read_samples(record: Record) -> Samples:
    """Some of a run's samples, from the first to the last, and the real data if they were kept.

    A file that cannot be read is left out, and named in the notes.
    """
    found = record.samples()
    if not found:
        return Samples()
    suffix = found[-1][1].suffix
    found = _spread([entry for entry in found if entry[1].suffix == suffix])
    real = record.folder / "samples" / f"real{suffix}"
    if suffix == ".csv" and real.with_name("real-a.csv").is_file():
        return _both_ways(found, real)
    if suffix == ".csv":
        return _tables(found, real if real.is_file() else None)
    return _pictures(found, real if real.is_file() else None)


def _spread(found: list[tuple[int, Path]]) -> list[tuple[int, Path]]:
    chosen = np.unique(np.linspace(0, len(found) - 1, min(FRAMES, len(found))).round().astype(int))
    return [found[index] for index in chosen]


# -- pictures


def _pictures(found: list[tuple[int, Path]], real: Path | None) -> Samples:
    steps, pictures, notes = [], [], []
    for step, path in found:
        try:
            pictures.append(picture_of(path))
            steps.append(step)
        except (OSError, SyntaxError, ValueError) as error:
            notes.append(f"{path.name} cannot be shown: {type(error).__name__}.")
    shown = None
    if real is not None:
        try:
            shown = picture_of(real)
        except (OSError, SyntaxError, ValueError) as error:
            notes.append(f"{real.name} cannot be shown: {type(error).__name__}.")
    return Samples(tuple(steps), tuple(pictures), shown, notes=tuple(notes))


def picture_of(path: Path) -> Picture:
    """The file as it is if it is light, or else packed as WebP, and made smaller until it is light."""
    raw = path.read_bytes()
    with Image.open(io.BytesIO(raw)) as image:
        image.load()
        small, kind = max(image.size) < 400, Image.MIME[image.format or "PNG"]
        if len(raw) > HEAVY:
            raw, kind = _lighter(image), "image/webp"
    return Picture(f"data:{kind};base64,{base64.b64encode(raw).decode()}", small)


def _lighter(image: Image.Image) -> bytes:
    """The image as WebP: the first packing that is light, or the last."""
    plain, packed = image.convert("RGBA" if "A" in image.getbands() else "RGB"), b""
    tried = None
    for side, quality in PACKINGS:
        plain.thumbnail((side, side), Image.Resampling.LANCZOS)
        if tried == (tried := (plain.size, quality)):
            continue
        buffer = io.BytesIO()
        plain.save(buffer, "WEBP", quality=quality)
        packed = buffer.getvalue()
        if len(packed) <= HEAVY:
            break
    return packed


# -- tables


def _tables(found: list[tuple[int, Path]], real: Path | None) -> Samples:
    notes, tables = [], {}
    for step, path in [*found, *([(-1, real)] if real is not None else [])]:
        try:
            tables[step] = _table(path)
        except (OSError, ValueError, csv.Error) as error:
            notes.append(f"{path.name} cannot be shown: {error}.")
    truth, steps = tables.pop(-1, None), tuple(tables)
    names = _numeric(truth if truth is not None else tables[steps[-1]]) if tables or truth else []
    frames = [_columns(tables[step], names) for step in steps]
    behind = None if truth is None else _columns(truth, names)
    if not names:
        said = "No column holds numbers alone, so there is nothing to draw; the samples are in the folder samples."
        return Samples(notes=(*notes, said))
    made, alone = _drawn(behind, frames, names)
    return Samples(steps, (), None, made.svg, alone and alone.svg, notes=(*notes, *made.notes))


def _both_ways(found: list[tuple[int, Path]], b: Path) -> Samples:
    """Of a translator: A, G(A) before B, F(G(A)) before A, and the same from B."""
    notes: list[str] = []
    a, ways = b.with_name("real-a.csv"), []
    found = [(step, path) for step, path in found if all(_part(path, part).is_file() for part in PARTS)]
    for start, end, parts, names in (
        (a, b, ("", "-a-a"), ("A", "G(A) before B", "F(G(A)) before A")),
        (b, a, ("-b-a", "-b-b"), ("B", "F(B) before A", "G(F(B)) before B")),
    ):
        there, back = (
            _tables([(step, _part(path, part)) for step, path in found], real)
            for part, real in zip(parts, (end, start), strict=True)
        )
        notes += [*there.notes, *back.notes]
        if there.made is not None and back.made is not None and back.real is not None:
            ways.append(Way(names, (back.real, there.made, back.made)))
    return Samples(tuple(step for step, _ in found), ways=tuple(ways), notes=tuple(dict.fromkeys(notes)))


def _part(path: Path, part: str) -> Path:
    return path.with_stem(path.stem + part)


def _drawn(real: np.ndarray | None, frames: Sequence[np.ndarray], names: list[str]) -> tuple[Drawing, Drawing | None]:
    if len(names) > 1:
        return scatter(real, frames, (names[0], names[1]))
    return histogram(None if real is None else real[:, 0], [part[:, 0] for part in frames], names[0])


def two_columns(path: Path) -> np.ndarray | None:
    """(n, 2): the first two columns of numbers of a .csv, at most POINTS rows of it; None if it has fewer of them.

    Raises ValueError if it is no table.
    """
    table = _table(path)
    names = _numeric(table)
    return _columns(table, names) if len(names) == 2 else None


def first_rows(path: Path, width: int, rows: int = 8) -> str:
    """The first rows of a .csv as aligned text, each line at most so many characters wide."""
    columns = [[name, *cells[:rows]] for name, cells in _table(path).items()]
    widths = [max(map(len, column)) for column in columns]
    lines = [
        "  ".join(cell.ljust(size) for cell, size in zip(line, widths, strict=True))
        for line in zip(*columns, strict=True)
    ]
    return "\n".join(line.rstrip() if len(line) <= width else f"{line[: width - 1]}…" for line in lines)


def _table(path: Path) -> dict[str, list[str]]:
    """Columns by name, some rows of all. Raises ValueError if a row has another width than the first."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if row]
    if not rows:
        raise ValueError("it is empty")
    names = rows.pop(0)
    if all(_is_number(cell) for cell in names):
        rows.insert(0, names)
        names = [f"column {index + 1}" for index in range(len(names))]
    if any(len(row) != len(names) for row in rows):
        raise ValueError(f"its rows do not all have {len(names)} cells")
    if len(rows) > POINTS:
        rows = [rows[index] for index in np.linspace(0, len(rows) - 1, POINTS).round().astype(int)]
    return {name: [row[index] for row in rows] for index, name in enumerate(names)}


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numeric(table: dict[str, list[str]]) -> list[str]:
    """The first two columns of numbers; an empty cell is a missing number."""
    fits = [name for name, cells in table.items() if any(cells) and all(_is_number(cell or "nan") for cell in cells)]
    return fits[:2]


def _columns(table: dict[str, list[str]], names: list[str]) -> np.ndarray:
    """(n, columns) as float; what is missing or no number is NaN, and is not drawn."""
    rows = max((len(cells) for cells in table.values()), default=0)
    cells = [table.get(name, [""] * rows) for name in names]
    parsed = [[float(cell) if _is_number(cell) else np.nan for cell in column] for column in cells]
    return np.array(parsed, float).reshape(len(names), rows).T
