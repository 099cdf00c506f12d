"""Piano rolls: which keys sound in every frame of a piece, and the files that hold them."""

import io
import json
import math
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import index
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparring.data.unpacking import member_array, unpacked, whole_array
from sparring.errors import DataError, InputError, ShapeError
from sparring.shapes import describe

__all__ = ["FINEST", "KEYS", "LOWEST", "PARTS", "Note", "Roll", "frame_length", "read_rolls"]

MAT_READER = Path(__file__).with_name("mat_reader.py")

LOWEST, KEYS = 21, 88  # a piano's, A0 to C8
NOTES = 128  # of MIDI
FINEST = 32_767  # parts of a quarter note that a MIDI file can tell apart
LONGEST = 1_000_000  # frames: more than a day of semiquavers
PARTS = ("train", "valid", "test")


class Note(NamedTuple):
    """A MIDI note (60: middle C), and when it starts and stops, in quarter notes from the beginning."""

    pitch: int
    start: Fraction
    stop: Fraction


def frame_length(frame: float) -> Fraction:
    """A frame's length in quarter notes as an exact fraction, so that a third has no rounding errors.

    Raises InputError unless it is positive, finite, and long enough for a MIDI file, which is as fine as 1/32,767.

    >>> frame_length(1 / 3)
    Fraction(1, 3)
    """
    exact = Fraction(frame).limit_denominator(FINEST) if math.isfinite(frame) else Fraction(0)
    if exact <= 0:
        raise InputError(f"a frame is a positive number of quarter notes, at least 1/{FINEST:,}; got {frame}.")
    return exact


@dataclass(frozen=True, eq=False)
class Roll:
    """What sounds in every frame of a piece. A note that is struck again at once looks like one that is held.

    frames: (t, keys) of booleans, or of numbers that are 0 and 1: key k is the MIDI note lowest + k (60: middle C).
    frame: quarter notes a frame. tempo: quarter notes a minute. Raises ShapeError, DataError or InputError for others.

    >>> roll = Roll.of_chords([[60, 64, 67], [], [62]], tempo=60)
    >>> roll.frames.shape, roll.seconds
    ((3, 88), 0.75)
    >>> roll.chords()
    [(60, 64, 67), (), (62,)]
    """

    frames: NDArray[np.bool_]
    lowest: int = LOWEST
    frame: float = 0.25
    tempo: float = 120.0

    def __post_init__(self) -> None:
        frames = np.asarray(self.frames)
        if frames.ndim != 2 or frames.shape[1] == 0:
            raise ShapeError(f"a roll's frames must have the shape (t, keys); got {describe(frames.shape)}.")
        object.__setattr__(self, "frames", _booleans(frames))
        _check_keys(self.lowest, frames.shape[1])
        frame_length(self.frame)
        if not (math.isfinite(self.tempo) and self.tempo > 0):
            raise InputError(f"a tempo is a positive number of quarter notes a minute; got {self.tempo}.")

    @classmethod
    def of_chords(
        cls,
        chords: Iterable[Iterable[int]],
        lowest: int = LOWEST,
        keys: int = KEYS,
        frame: float = 0.25,
        tempo: float = 120.0,
    ) -> Self:
        """The roll in which the MIDI notes of each chord sound in its frame: what ``chords`` gives, taken back.

        Raises DataError, with the frame counted from 0, for a note that is no whole number or not among the keys.
        """
        _check_keys(lowest, keys)
        found = [list(chord) for chord in chords]
        frames = np.zeros((len(found), keys), np.bool_)
        for i, chord in enumerate(found):
            for note in chord:
                frames[i, _key(note, lowest, keys, f"frame {i}")] = True
        return cls(frames, lowest, frame, tempo)

    @classmethod
    def of_notes(
        cls,
        notes: Iterable[Note],
        length: Fraction = Fraction(0),
        lowest: int = LOWEST,
        keys: int = KEYS,
        frame: float = 0.25,
        tempo: float = 120.0,
    ) -> Self:
        """Notes on the grid of frames: each sounds from the frame's edge next to its start to the one next to its end.

        So notes that follow each other never share a frame, unless they are too short for one of their own: these take
        the frame they start in. length: of the piece in quarter notes, with the rests after its last note.

        Raises DataError for a note that is not among the keys, and for a piece longer than 1,000,000 frames.
        """
        _check_keys(lowest, keys)
        unit = frame_length(frame)
        spans, end = [], _nearest(length / unit)
        for note in notes:
            key = _key(note.pitch, lowest, keys, f"quarter note {float(note.start):g}")
            start, stop = _nearest(note.start / unit), _nearest(note.stop / unit)
            if stop <= start:
                start = math.floor(note.start / unit)
                stop = start + 1
            spans.append((key, start, stop))
            end = max(end, stop)
        if end > LONGEST:
            raise DataError(f"the piece would have {end:,} frames of {unit} quarter notes; {LONGEST:,} at most.")
        frames = np.zeros((end, keys), np.bool_)
        for key, start, stop in spans:
            frames[start:stop, key] = True
        return cls(frames, lowest, frame, tempo)

    def __len__(self) -> int:
        return len(self.frames)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Roll) and self._rest == other._rest and np.array_equal(self.frames, other.frames)

    def __hash__(self) -> int:
        return hash((self._rest, self.frames.tobytes()))

    @property
    def _rest(self) -> tuple[int, int, float, float]:
        return self.keys, self.lowest, self.frame, self.tempo

    @property
    def keys(self) -> int:
        return self.frames.shape[1]

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return len(self) * self.frame * 60 / self.tempo

    def chords(self) -> list[tuple[int, ...]]:
        """The MIDI notes that sound in each frame, the lowest first."""
        return [tuple((np.flatnonzero(row) + self.lowest).tolist()) for row in self.frames]

    def notes(self) -> list[Note]:
        """A note for each longest stretch of frames that a key sounds in; the first to start come first."""
        edges = np.diff(np.pad(self.frames.astype(np.int8), ((1, 1), (0, 0))), axis=0).T
        unit = frame_length(self.frame)
        pairs = zip(np.argwhere(edges == 1).tolist(), np.argwhere(edges == -1).tolist(), strict=True)  # by key, in time
        found = [Note(key + self.lowest, start * unit, stop * unit) for (key, start), (_, stop) in pairs]
        return sorted(found, key=lambda note: (note.start, note.pitch))


def _booleans(frames: NDArray[Any]) -> NDArray[np.bool_]:
    if frames.dtype.kind not in "biuf":
        raise DataError(f"a roll holds 0 and 1; got {frames.dtype}.")
    wrong = np.argwhere((frames != 0) & (frames != 1))
    if len(wrong):
        i, key = wrong[0].tolist()
        raise DataError(f"a roll holds 0 and 1; frame {i}, key {key} is {frames[i, key]}.")
    return frames.astype(np.bool_, copy=False)


def _nearest(place: Fraction) -> int:
    """The nearest whole number, the upper one of two, so that an end and the start that follows it agree."""
    return math.floor(place + Fraction(1, 2))


def _check_keys(lowest: int, keys: int) -> None:
    if keys < 1 or lowest < 0 or lowest + keys > NOTES:
        raise InputError(f"keys are among the MIDI notes 0 to {NOTES - 1}; got {keys} from {lowest} on.")


def _key(note: Any, lowest: int, keys: int, where: str) -> int:
    try:
        key = index(note) - lowest
    except TypeError as error:
        raise DataError(f"the notes of {where}: a MIDI note is a whole number; got {note!r}.") from error
    if not 0 <= key < keys:
        raise DataError(
            f"MIDI note {note} at {where} is not among {lowest} to {lowest + keys - 1}; other keys are needed "
            f"(lowest=0, keys={NOTES} hold every MIDI note), or a piece in another octave."
        )
    return key


# -- files


def read_rolls(path: str | Path, part: str | None = None, lowest: int = LOWEST, frame: float = 0.25) -> list[Roll]:
    """The rolls of a file, in their order. None of these files says how long a step is, or which note the first key.

    .mat: cells traindata, validdata and testdata of arrays (steps, keys), as Boulanger-Lewandowski et al. (2012)
    published them. .json, .json.gz: {"train": ..., "valid": ..., "test": ...}, each a list of pieces, each a list of
    steps, each a list of MIDI notes, on 88 keys. .npy: one roll (steps, keys). .npz: a roll in each array.

    part: "train", "valid" or "test" of a .mat or .json; None takes all, in this order. frame: quarter notes a step.
    Raises DataError for a file that cannot be read or holds something else. Nothing in a file is ever executed; a
    damaged .mat may crash SciPy's reader and the process with it, so take those from places you trust.
    """
    if part is not None and part not in PARTS:
        raise InputError(f"a part is one of {', '.join(PARTS)}; got {part!r}.")
    name = Path(path).name.lower()
    if name.endswith((".npy", ".npz")):
        if part is not None:
            raise InputError(f"{path} has no parts; leave {part!r} away.")
        return [_roll(frames, f"{path}{where}", lowest, frame) for where, frames in _arrays(Path(path)).items()]
    if name.endswith(".mat"):
        content = _chosen(_read_mat(Path(path)), path, "{}data", part)
        return [_roll(cell, where, lowest, frame) for where, cell in content]
    if name.endswith((".json", ".json.gz")):
        content = _chosen(_read_json(Path(path)), path, "{}", part)
        return [_roll_of_chords(chords, where, lowest, frame) for where, chords in content]
    raise DataError(
        f"{path}: rolls are read from .mat, .json, .json.gz, .npy and .npz (MIDI: read_midi; ABC: read_abc)."
    )


def _roll(frames: ArrayLike, where: str, lowest: int, frame: float) -> Roll:
    try:
        return Roll(np.asarray(frames), lowest, frame)
    except (ShapeError, DataError) as error:
        raise DataError(f"{where}: {error}") from error


def _roll_of_chords(chords: Any, where: str, lowest: int, frame: float) -> Roll:
    try:
        return Roll.of_chords(chords, lowest, min(KEYS, NOTES - lowest), frame)
    except (DataError, TypeError) as error:
        needed = error if isinstance(error, DataError) else "a list of steps is needed, each a list of MIDI notes."
        raise DataError(f"{where}: {needed}") from error


def _chosen(content: Any, path: str | Path, form: str, part: str | None) -> list[tuple[str, Any]]:
    """The pieces of the parts that are asked for, and where each of them is."""
    wanted = {form.format(name): name for name in ((part,) if part else PARTS)}
    held = [name for name in wanted if isinstance(content, Mapping) and name in content]
    if not held:
        raise DataError(f"{path} holds none of {', '.join(wanted)}.")
    pieces = []
    for name in held:
        cells = content[name].ravel() if isinstance(content[name], np.ndarray) else content[name]
        if isinstance(cells, str) or not isinstance(cells, Sequence | np.ndarray):
            raise DataError(f"{path}, {name}: a list of pieces is needed; got {type(cells).__name__}.")
        pieces += [(f"{path}, {name}, piece {i}", cell) for i, cell in enumerate(cells)]
    return pieces


def _read_mat(path: Path) -> dict[str, list[NDArray[Any]]]:
    """The arrays in a .mat's cells, by the names of the cells; read by a process of its own, which may crash."""
    if not path.is_file():
        raise DataError(f"cannot read {path}: No such file or directory.")
    names = [f"{part}data" for part in PARTS]
    done = subprocess.run([sys.executable, "-I", str(MAT_READER), str(path), *names], capture_output=True)
    if done.returncode:
        told = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = told[-1] if done.returncode > 0 and told else "it makes its reader crash"
        raise DataError(f"{path} is not a .mat file of version 7 or before: {reason}")
    cells: dict[str, list[NDArray[Any]]] = {}
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as arrays:
        for key in arrays.files:
            cells.setdefault(key.partition("/")[0], []).append(arrays[key])
    return cells


def _read_json(path: Path) -> Any:
    def parse() -> Any:
        return json.loads(unpacked(path))

    return _parsed(path, parse, 'JSON with "train", "valid" or "test"')


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a .npy or .npz, by what follows the path in a message."""

    def parse() -> dict[str, NDArray[Any]]:
        with open(path, "rb") as file:
            if path.suffix.lower() == ".npy":
                return {"": whole_array(file, path.stat().st_size)}
            with zipfile.ZipFile(file) as archive:
                names = [name for name in archive.namelist() if name.endswith(".npy")]
                return {f", array {name.removesuffix('.npy')}": member_array(path, archive, name) for name in names}

    return _parsed(path, parse, "an array of numbers (steps, keys)")


def _parsed(path: Path, parse: Any, needed: str) -> Any:
    try:
        return parse()
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}.") from error
    except Exception as error:  # what damaged bytes make of these parsers is beyond listing
        raise DataError(f"{path} is not {needed}: {error or type(error).__name__}") from error
