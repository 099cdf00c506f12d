"""What a sequence model left in its folder for the page: texts or music that it wrote, and where it looked."""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from sparring.data.words import END
from sparring.documents import MOST_BYTES, parsed, read_whole
from sparring.errors import FolderError
from sparring.record import Record
from sparring.report.roll import key_name, roll_drawn, roll_range
from sparring.report.words import cut, finite

__all__ = ["Alignment", "Writings", "read_alignments", "read_writings"]

LETTERS = 700  # of a text
WORD = 24  # letters of a word
WORDS = 40  # of a side of an alignment
PIECES = 8  # samples that are shown
FRAMES = 256  # of a roll
LOWEST = 21  # MIDI note of the first key, where the run does not say it
REAL = "real"


@dataclass(frozen=True)
class Writings:
    """What was drawn after training. texts, real: of letters or words. rolls: (name, drawing), the real one first."""

    texts: tuple[str, ...] = ()
    real: tuple[str, ...] = ()
    rolls: tuple[tuple[str, Markup], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Alignment:
    """Where a translator looked: source words across, said words down, weights in percent, (said, source)."""

    source: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]


def read_writings(record: Record) -> Writings | None:
    """The samples of a generator, samples/written.json or .npz; None if there are none. A broken file is noted."""
    for suffix, read in ((".json", _texts), (".npz", _music)):
        path = record.folder / "samples" / f"written{suffix}"
        if not path.is_file():
            continue
        try:
            return read(path, record.about.get("coding"))
        except (OSError, ValueError, LookupError, TypeError, AttributeError, zipfile.BadZipFile) as error:
            return Writings(notes=(f"{path.name} cannot be shown: {type(error).__name__}.",))
    return None


def _texts(path: Path, _: Any) -> Writings:
    found = parsed(read_whole(path))
    texts, real = (tuple(cut(text, LETTERS) for text in found[name][:PIECES]) for name in ("texts", REAL))
    return Writings(texts, real)


def _music(path: Path, coding: Any) -> Writings:
    """Rolls on one scale, the real one first. coding: of the run, which may know the lowest key."""
    with path.open("rb") as file:  # NumPy leaves a file open that it cannot read
        if sum(part.file_size for part in zipfile.ZipFile(file).infolist()) > MOST_BYTES:
            raise ValueError(f"its arrays have more than {MOST_BYTES:,} bytes")
        file.seek(0)
        arrays = np.load(file, allow_pickle=False)
        found = {name: np.asarray(arrays[name])[:FRAMES] != 0 for name in arrays.files[: PIECES + 1]}
    if not found or any(roll.ndim != 2 for roll in found.values()):
        raise ValueError("rolls have two dimensions")
    lowest = finite(coding.get("lowest")) if isinstance(coding, Mapping) else None
    first = LOWEST if lowest is None else int(lowest)
    keys, frames = roll_range(list(found.values())), max(len(roll) for roll in found.values())
    names = {REAL: "Real"} if REAL in found else {}
    names |= {name: f"Written, {i}" for i, name in enumerate((name for name in found if name != REAL), 1)}
    span = f"keys {key_name(first + keys[0])} to {key_name(first + keys[1] - 1)}"
    drawings = []
    for name, title in names.items():
        label, kind = f"{title}: {len(found[name])} frames, {span}", REAL if name == REAL else "fake"
        drawings.append((title, roll_drawn(found[name], label, first, keys, frames, kind)))
    return Writings(rolls=tuple(drawings))


# -- attention


def read_alignments(record: Record) -> list[Alignment]:
    """Where a translator looked, from alignments.json; none if there is no such file. Raises FolderError if broken."""
    path = record.folder / "pictures" / "alignments.json"
    if not path.is_file():
        return []
    try:
        return [_alignment(entry["source"], entry["said"], entry["weights"]) for entry in parsed(read_whole(path))]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise FolderError(f"{path} cannot be used: {error}. Judge the run again.") from None


def _alignment(source: Sequence[str], said: Sequence[str], weights: Sequence[Sequence[float]]) -> Alignment:
    shares = np.array(weights, float)
    if shares.shape != (len(said), len(source)) or not np.isfinite(shares).all():
        raise ValueError(f"weights of {len(said)} by {len(source)} words have the shape {shares.shape}")
    percent = np.clip(100 * shares[:WORDS, :WORDS], 0, 100)
    names = ["(end)" if word == END else cut(word, WORD) for word in said[:WORDS]]
    rows = [(word, tuple(row)) for word, row in zip(names, percent.tolist(), strict=True)]
    return Alignment(tuple(cut(word, WORD) for word in source[:WORDS]), tuple(rows))
