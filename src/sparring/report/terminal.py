"""Samples and verdicts as text for a terminal. Plain strings: who prints them decides where they go."""

import csv
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sparring.errors import DataError, FolderError, InputError, ShapeError
from sparring.judging.said import WORDS, Section, sections
from sparring.judging.saved import answers_from_json
from sparring.report.axes import Axis, Limits
from sparring.report.samples import first_rows, two_columns
from sparring.report.words import cut, duration, finite, number, ratio
from sparring.shapes import check, describe

__all__ = ["answer_lines", "file_picture", "picture", "scatter", "verdict_lines"]

LONGEST_NAME = 40
SHADES = " ░▒▓█"
RESET = "\x1b[0m"
REAL, FAKE, BOTH = "38;2;88;166;200", "38;2;232;120;70", "38;2;150;150;150"
BRAILLE = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # dots of a cell, 4 rows of 2


def _wide_enough(width: int, least: int = 1) -> None:
    if width < least:
        raise InputError(f"a width of {width} columns is too small; at least {least} are needed.")


# -- pictures


def picture(image: np.ndarray, width: int, colour: bool = True) -> str:
    """An image as text: one character for one pixel across and two down.

    image: (h, w) grey, (h, w, 3) RGB or (h, w, 4) RGBA, uint8; what is see-through is laid on black.
    width: the most columns it may take; a wider image is scaled down, a narrower one is left as it is.
    colour: ▀ in 24-bit ANSI colours; otherwise the five shades ' ░▒▓█', the brightest densest.
    Returns ceil(height / 2) lines without a last line break. Raises ShapeError or InputError.

    >>> print(picture(np.array([[0, 255], [0, 255]], np.uint8), width=2, colour=False))
     █
    """
    _wide_enough(width)
    pixels = _scaled(image, width)
    if len(pixels) % 2:
        pixels = np.concatenate([pixels, np.zeros_like(pixels[:1])])
    upper, lower = pixels[0::2], pixels[1::2]
    if colour:
        return "\n".join(_coloured(above, below) for above, below in zip(upper, lower, strict=True))
    grey = (upper.astype(float) + lower).mean(axis=2) / 2
    levels = np.minimum((grey / 256 * len(SHADES)).astype(int), len(SHADES) - 1)
    return "\n".join("".join(SHADES[level] for level in row) for row in levels)


def _scaled(image: np.ndarray, width: int) -> np.ndarray:
    """(h, w, 3) uint8, at most ``width`` wide."""
    if image.dtype != np.uint8:
        raise InputError(f"a picture must have uint8 pixels from 0 to 255; got {image.dtype}.")
    if image.ndim not in (2, 3) or 0 in image.shape or (image.ndim == 3 and image.shape[2] not in (3, 4)):
        raise ShapeError(f"a picture must have the shape (h, w), (h, w, 3) or (h, w, 4); got {describe(image.shape)}.")
    whole = Image.fromarray(image)
    if whole.mode == "RGBA":
        whole = Image.alpha_composite(Image.new("RGBA", whole.size, (0, 0, 0, 255)), whole)
    whole = whole.convert("RGB")
    if whole.width > width:
        height = max(round(whole.height * width / whole.width), 1)
        whole = whole.resize((width, height), Image.Resampling.BOX)
    return np.asarray(whole)


def _coloured(above: np.ndarray, below: np.ndarray) -> str:
    """A line of half blocks; a colour is given only where it changes."""
    parts, before = [], None
    for top, bottom in zip(above.tolist(), below.tolist(), strict=True):
        if (top, bottom) != before:
            parts.append("\x1b[38;2;{};{};{};48;2;{};{};{}m".format(*top, *bottom))
            before = (top, bottom)
        parts.append("▀")
    return "".join(parts) + RESET


def file_picture(path: Path, width: int, colour: bool = True) -> str:
    """A file of samples as text: a picture, or the first two columns of numbers of a table.

    path: a .csv, or an image; a table is drawn with the real.csv beside it, if there is one, and the first rows of one
    with fewer than two columns of numbers are written out.
    width, colour: as for ``picture``. Raises DataError if it cannot be read or drawn.
    """
    try:
        if path.suffix != ".csv":
            with Image.open(path) as image:
                return picture(np.asarray(image.convert("RGB")), width, colour)
        real, fake = path.with_name("real.csv"), two_columns(path)
        if fake is None:
            return first_rows(path, width)
        real_points = two_columns(real) if real.is_file() else None
    except (OSError, SyntaxError, ValueError, csv.Error) as error:
        raise DataError(f"{path} cannot be shown: {error}. A picture, or a table of numbers, is needed.") from None
    points = np.empty((0, 2)) if real_points is None else real_points
    return scatter(points, fake, width, max(width // 4, 1), colour)


# -- points


def scatter(points_real: np.ndarray, points_fake: np.ndarray, width: int, height: int, colour: bool = True) -> str:
    """Two sets of points as braille dots, eight to a character.

    points_real, points_fake: (n, 2); points that are not finite are left out. width, height: of the
    drawing, in characters; a line that names the sets is added above it. colour: both sets in one
    drawing, in ANSI colours (grey where both are); otherwise the real points left, the generated right.
    The frame holds all real points and the inner 98 % of the generated ones. Raises ShapeError or InputError.
    """
    _wide_enough(width, 24)
    _wide_enough(height)
    sets = []
    for name, points in (("real points", points_real), ("generated points", points_fake)):
        check(name, points, "n 2")
        sets.append(np.asarray(points, float)[np.isfinite(points).all(axis=1)])
    frame = _frame(*sets)
    if not colour:
        half = (width - 2) // 2
        sides = [_cells(points, frame, half, height) for points in sets]
        lines = [f"{'real':<{half}}  {'generated':<{half}}"]
        return "\n".join(lines + [f"{_row(a)}  {_row(b)}" for a, b in zip(*sides, strict=True)])
    real, fake = (_cells(points, frame, width, height) for points in sets)
    legend = f"\x1b[{REAL}m⣿ real{RESET} \x1b[{FAKE}m⣿ generated{RESET} \x1b[{BOTH}m⣿ both{RESET}"
    return "\n".join([legend, *(_mixed(a, b) for a, b in zip(real, fake, strict=True))])


def _frame(real: np.ndarray, fake: np.ndarray) -> tuple[Limits, Limits]:
    sides = []
    for column in (0, 1):
        ends = [np.quantile(fake[:, column], (0.01, 0.99))] if len(fake) else []
        ends += [np.array([real[:, column].min(), real[:, column].max()])] if len(real) else []
        low, high = (min(e[0] for e in ends), max(e[1] for e in ends)) if ends else (0.0, 1.0)
        room = 0.02 * (high - low) or 1.0
        sides.append((float(low - room), float(high + room)))
    return sides[0], sides[1]


def _cells(points: np.ndarray, frame: tuple[Limits, Limits], width: int, height: int) -> np.ndarray:
    """(height, width) braille patterns, 0 to 255."""
    columns, rows = 2 * width, 4 * height
    across = np.floor(Axis(*frame[0], 0, columns)(points[:, 0])).astype(int)
    down = np.floor(Axis(*frame[1], rows, 0)(points[:, 1])).astype(int)
    inside = (across >= 0) & (across < columns) & (down >= 0) & (down < rows)
    dots = np.zeros((rows, columns), int)
    dots[down[inside], across[inside]] = 1
    return (dots.reshape(height, 4, width, 2) * BRAILLE[None, :, None, :]).sum(axis=(1, 3))


def _row(cells: np.ndarray) -> str:
    return "".join(chr(0x2800 + cell) for cell in cells.tolist())


def _mixed(real: np.ndarray, fake: np.ndarray) -> str:
    parts, before = [], ""
    for a, b in zip(real.tolist(), fake.tolist(), strict=True):
        ink = BOTH if a and b else REAL if a else FAKE if b else before
        parts.append((f"\x1b[{ink}m" if ink != before else "") + chr(0x2800 + (a | b)))
        before = ink
    return "".join(parts) + (RESET if before else "")


# -- answers


def answer_lines(content: Mapping[str, Any]) -> list[str]:
    """How good a network's answers are, a line or a few. content: of answers.json, of any kind.

    Raises FolderError if it cannot be used.
    """
    try:
        lines = answers_from_json(content).lines()
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise FolderError(f"the run's answers.json cannot be used: {error}. Judge the run again.") from None
    return [_clean(line) for line in lines]


# -- the verdict


def verdict_lines(verdict: Mapping[str, Any], width: int, meanings: bool = True) -> list[str]:
    """A verdict as plain lines, none longer than ``width``: the summary and a table.

    meanings: also what each figure means, and the worst columns and pairs of a table.
    verdict: the content of verdict.json. Raises InputError for fewer than 24 columns.
    """
    _wide_enough(width, 24)
    found = [part.short() for part in sections(verdict)]
    figures = [figure for part in found for _, figure in part.rows]
    lines = textwrap.wrap(_clean(verdict.get("summary") or ""), width)
    lines += ["", *_tables(found, width, meanings)] if figures else []
    said = [f"{_count(verdict.get(name))} {name}" for name in ("samples", "draws") if verdict.get(name)]
    said += [duration(verdict["seconds"])] if verdict.get("seconds") is not None else []
    if figures and said:
        floor = "The floor is the same figure between two sets of real data; in brackets is the ratio's 95 % interval."
        where = f", in {_clean(verdict['space'])}" if verdict.get("space") else ""
        lines += ["", *textwrap.wrap(f"{floor} Judged on {', '.join(said)}{where}.", width)]
    for note in verdict.get("notes") or ():
        lines += textwrap.wrap(_clean(note), width)
    return lines[1:] if lines[:1] == [""] else lines


def _clean(text: Any) -> str:
    """Text without control characters, which a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))


def _count(value: Any) -> str:
    return number(value) if isinstance(value, int | float) else _clean(value)


def _cells_of(name: str, figure: Mapping[str, Any]) -> list[str]:
    over, interval = ratio(figure), figure.get("interval")
    sides = f" ({number(interval[0])} to {number(interval[1])})" if interval else ""
    return [
        cut(_clean(name), LONGEST_NAME),
        number(finite(figure.get("value"))),
        number(finite(figure.get("floor"))),
        number(over) + sides,
        WORDS.get(str(figure.get("grade")), "–"),
    ]


def _tables(found: Sequence[Section], width: int, meanings: bool) -> list[str]:
    """The sections under one head; without meanings, figures of the whole alone and no headings."""
    shown = found if meanings else [part for part in found if not part.detailed]
    cells = [
        [_cells_of(name if part.detailed else name.replace("_", " "), figure) for name, figure in part.rows]
        for part in shown
    ]
    head = ["figure", "value", "floor", "value / floor", "which is"]
    everything = [head, *(row for rows in cells for row in rows)]
    sizes = [max(len(row[column]) for row in everything) for column in range(len(head))]
    wide = sum(sizes) + 2 * (len(sizes) - 1) <= width
    lines = [_aligned(head, sizes)] if wide else []
    for part, rows in zip(shown, cells, strict=True):
        if meanings and part.heading:
            lines += ["", *textwrap.wrap(part.heading, width)]
        for (_, figure), row in zip(part.rows, rows, strict=True):
            said = f"{row[0]}: {row[1]}, floor {row[2]}, ratio {row[3]}, {row[4]}"
            lines += [_aligned(row, sizes)] if wide else textwrap.wrap(said, width)
            meaning = _clean(figure.get("meaning") or "") if meanings and not part.detailed else ""
            lines += textwrap.wrap(meaning, width, initial_indent="  ", subsequent_indent="  ")
        lines += textwrap.wrap(part.note, width) if meanings else []
    return lines


def _aligned(cells: list[str], sizes: list[int]) -> str:
    """Names and grades from the left, numbers from the right."""
    sides = ["<", ">", ">", ">", "<"]
    return "  ".join(f"{cell:{side}{size}}" for cell, side, size in zip(cells, sides, sizes, strict=True)).rstrip()
