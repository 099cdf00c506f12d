"""Labelled sequences in the .ts format of the UEA and UCR archives."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparring.data.lines import read_lines
from sparring.data.series import finite_number
from sparring.errors import DataError

__all__ = ["read_ts"]


def read_ts(path: str | Path, encoding: str = "utf-8") -> tuple[list[NDArray[np.float64]], list[str]]:
    """The cases of a .ts file (.gz too), each float64 (t, channels), and their labels; no labels if the file has none.

    Format: lines that begin with # are remarks, lines that begin with @ say what the file holds, and after "@data" each
    line is a case: channels parted by colons, their values by commas, and the label last if "@classLabel true" (or
    "@targetLabel true", for numbers to predict) is there. Cases may differ in length.

    Raises DataError with the line for a missing value, a text, channels of different lengths, another number of
    channels than the cases before, and a label that the file does not name; and for cases with times.
    Source: Bagnall et al. 2018, "The UEA multivariate time series classification archive".
    """
    lines = read_lines(path, encoding)
    said, start = _header(path, lines)
    labelled = bool({"classlabel", "targetlabel"} & {key for key, words in said.items() if words[:1] == ["true"]})
    known = said.get("classlabel", [])[1:]
    channels = _channels(said)
    cases: list[NDArray[np.float64]] = []
    labels: list[str] = []
    for number, line in enumerate(lines[start:], start + 1):
        if not line.strip() or line.startswith("#"):
            continue
        where = f"{path}, line {number}"
        cells = line.strip().split(":")
        if labelled:
            labels.append(_label(where, cells.pop().strip(), known))
        channels = channels or len(cells)
        if len(cells) != channels:
            raise DataError(f"{where}: {len(cells)} channels, but {channels} are needed, as in the rest of the file.")
        cases.append(_case(where, cells))
    if not cases:
        raise DataError(f"{path} holds no case.")
    return cases, labels


def _header(path: str | Path, lines: list[str]) -> tuple[dict[str, list[str]], int]:
    """What the lines with @ say, by their first word in small letters, and the place of the first line of data."""
    said: dict[str, list[str]] = {}
    for number, line in enumerate(lines, 1):
        words = line.strip().split()
        if not words or words[0].startswith("#"):
            continue
        if not words[0].startswith("@"):
            raise DataError(f"{path}, line {number}: a line with # or @ is needed before @data; got {line[:40]!r}.")
        key = words[0][1:].lower()
        if key == "data":
            return said, number
        said[key] = [words[1].lower(), *words[2:]] if len(words) > 1 else []
        if key == "timestamps" and said[key] == ["true"]:
            raise DataError(f"{path}, line {number}: cases with times are not read; values alone are needed.")
    raise DataError(f"{path} has no line @data; a .ts file of the UEA or UCR archive is needed.")


def _channels(said: dict[str, list[str]]) -> int | None:
    """How many channels the header promises, if it does."""
    for key in ("dimensions", "dimension"):
        if said.get(key) and said[key][0].isdecimal():
            return int(said[key][0])
    return 1 if said.get("univariate") == ["true"] else None


def _label(where: str, label: str, known: list[str]) -> str:
    if not label or (known and label not in known):
        shown = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
        raise DataError(f"{where}: a label{f' ({shown})' if known else ''} is needed last; got {label[:40]!r}.")
    return label


def _case(where: str, cells: list[str]) -> NDArray[np.float64]:
    """(t, channels) of one text for each channel."""
    channels = []
    for channel, text in enumerate(cells, 1):
        values = text.split(",")
        numbers = [finite_number(value) for value in values]
        if None in numbers:
            found = values[numbers.index(None)].strip()
            raise DataError(
                f"{where}, channel {channel}, value {numbers.index(None) + 1}: found {found[:40]!r}; a finite number "
                "is needed. Fill missing values first, or leave out the case."
            )
        channels.append(numbers)
        if len(numbers) != len(channels[0]):
            raise DataError(
                f"{where}: channel {channel} has {len(numbers)} values, but channel 1 has {len(channels[0])}; "
                "as many are needed in all channels of a case."
            )
    return np.array(channels, np.float64).T
