"""Texts and music to learn to write like: from lists, text files, ABC tunes, MIDI files and piano rolls."""

import os
from pathlib import Path
from typing import Any

from sparring.data.abc_tunes import read_abc
from sparring.data.lines import read_lines
from sparring.data.midi import read_midi
from sparring.data.rolls import read_rolls
from sparring.data.sequence_files import Sequences
from sparring.data.sequences import rows_of
from sparring.data.source import existing
from sparring.errors import DataError

__all__ = ["read_works"]

MIDI = (".mid", ".midi")
ROLLS = (".mat", ".npz", ".npy", ".json")


def read_works(data: Any, encoding: str = "utf-8", whole: bool = False) -> Sequences:
    """Sequences without targets: lists as they are; or from a path:

    - a text file, compressed or not: its lines that are not empty, or with ``whole`` all of it as one text;
    - .abc: each tune as its ABC text; .mid, or a folder of them: each piece as a ``Roll``;
    - .mat, .npz, .npy or .json of piano rolls (``read_rolls``);
    - a folder of text files: each one's text.

    Raises DataError with what was found, where, and what is needed.
    """
    if isinstance(data, Sequences):
        return data
    if not isinstance(data, str | os.PathLike):
        return Sequences(rows_of(data), None)
    path = existing(os.fspath(data))
    return Sequences(_from_path(path, encoding, whole), None, str(data))


def _from_path(path: Path, encoding: str, whole: bool) -> list[Any]:
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
        pieces = [file for file in files if file.suffix.lower() in MIDI]
        texts = [file for file in files if file.suffix.lower() in (".txt", ".gz")]
        if not pieces and not texts:
            raise DataError(f"{path} holds no .mid and no .txt file.")
        return [read_midi(file) for file in pieces] or [_text(file, encoding) for file in texts]
    kind = Path(path.name.removesuffix(".gz")).suffix.lower()
    if kind in MIDI:
        return [read_midi(path)]
    if kind == ".abc":
        return [tune.text for tune in read_abc(path, encoding)]
    if kind in ROLLS:
        return list(read_rolls(path))
    if whole:
        return [_text(path, encoding)]
    lines = [line.strip() for line in read_lines(path, encoding) if line.strip()]
    if not lines:
        raise DataError(f"{path} holds no text.")
    return lines


def _text(path: Path, encoding: str) -> str:
    text = "\n".join(read_lines(path, encoding))
    if not text.strip():
        raise DataError(f"{path} holds no text.")
    return text
