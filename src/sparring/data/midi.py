"""MIDI files as piano rolls, and piano rolls as MIDI files that one can play."""

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from sparring.data.rolls import KEYS, LOWEST, Note, Roll, frame_length
from sparring.errors import DataError, FolderError, InputError
from sparring.files import explained, replaced_file, replaced_folder

__all__ = ["read_midi", "write_midi", "write_midis"]

DRUMS = 9  # the channel, counted from 0
MINUTE = 60_000_000  # microseconds
SLOWEST = 2**24 - 1  # microseconds of a quarter note that a file can hold
TICKS = 480  # of a quarter note, about
LOUDNESS = 80  # of 127
ENDINGS = (".mid", ".midi")


def read_midi(path: str | Path, frame: float = 0.25, lowest: int = LOWEST, keys: int = KEYS) -> Roll:
    """What sounds in a MIDI file, of all tracks and channels but the drums' (channel 10), on a grid of frames.

    frame: quarter notes a frame; starts and ends of notes go to the nearest edges (see ``Roll.of_notes``). The tempo is
    the file's first, or 120; a roll holds no other. A key that is struck again at once is merged with the note before:
    a roll holds what sounds, not what is struck. Loudness and pedals are left out. A note that is never released
    sounds until its track ends.

    Raises DataError, with the file, if it is damaged or cut off, if it holds no note but drums, if its tracks are not
    to be played together (type 2) or its times are not in quarter notes (SMPTE), and for a note that is not among the
    keys: leaving it out would change the music. InputError without mido (the extra "music").
    """
    file = _parsed(Path(path))
    if file.type == 2:
        raise DataError(f"{path} is of MIDI type 2, tracks that do not play together; type 0 or 1 is needed.")
    if file.ticks_per_beat <= 0:
        raise DataError(f"{path} counts time in video frames (SMPTE), not in quarter notes, which a roll needs.")
    notes = [note for track in file.tracks for note in _notes(track, file.ticks_per_beat)]
    if not notes:
        raise DataError(f"{path} holds no note on a channel other than the drums'.")
    length = max(Fraction(sum(message.time for message in track), file.ticks_per_beat) for track in file.tracks)
    tempos = (message.tempo for message in file.merged_track if message.type == "set_tempo" and message.tempo)
    try:
        return Roll.of_notes(notes, length, lowest, keys, frame, MINUTE / next(tempos, 500_000))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _mido() -> Any:
    try:
        import mido
    except ImportError as error:
        raise InputError("a MIDI file needs mido: pip install 'sparring[music]'") from error
    return mido


def _parsed(path: Path) -> Any:
    mido = _mido()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}.") from error
    if not content.startswith(b"MThd"):
        raise DataError(
            f"{path} is no MIDI file: it must begin with MThd, and {'does not' if content else 'is empty'}."
        )
    try:
        return mido.MidiFile(file=io.BytesIO(content))
    except EOFError as error:
        raise DataError(f"{path} is cut off: its {len(content):,} bytes end within a track or its heading.") from error
    except Exception as error:  # what damaged bytes make of the parser is beyond listing
        raise DataError(f"{path} is a damaged MIDI file: {error or type(error).__name__}.") from error


def _notes(track: Any, ticks: int) -> Iterator[Note]:
    """The notes of a track, each from where it is struck to the release that follows.

    A release ends what was struck before its own tick: some files write the next stroke first. A note struck and
    released within one tick is as short as that.
    """
    held: dict[tuple[int, int], list[int]] = {}
    now = 0
    for message in track:
        now += message.time
        if message.type not in ("note_on", "note_off") or message.channel == DRUMS:
            continue
        key = message.channel, message.note
        if message.type == "note_on" and message.velocity:
            held.setdefault(key, []).append(now)
            continue
        struck = held.pop(key, [])
        ended = [start for start in struck if start < now] or struck
        held[key] = [start for start in struck if start not in ended]
        yield from (Note(key[1], Fraction(start, ticks), Fraction(now, ticks)) for start in ended)
    for (_, pitch), struck in held.items():
        yield from (Note(pitch, Fraction(start, ticks), Fraction(now, ticks)) for start in struck)


def write_midi(roll: Roll, path: str | Path, program: int = 0) -> None:
    """A MIDI file of one track that plays a roll, written whole or not at all. ``read_midi`` gives the same frames.

    Each longest stretch of frames that a key sounds in becomes one note. program: the instrument, 0 to 127 as General
    MIDI numbers them (0 piano, 19 organ, 40 violin, 73 flute). A roll without a note makes a silent file, which
    ``read_midi`` refuses. Raises InputError for a tempo below 3.6, another program, or without mido; FolderError if the
    file cannot be written.
    """
    file = _played(roll, program)
    with replaced_file(Path(path)) as partial:
        file.save(filename=partial)


def write_midis(rolls: Sequence[Roll], path: str | Path, program: int = 0) -> Path:
    """One roll as a .mid file, or any number of them as a new or empty folder of 0001.mid, 0002.mid, ...; the path.

    Raises InputError for several rolls and a file's name, or another ending; FolderError if the folder is not empty or
    cannot be written; and what ``write_midi`` raises.
    """
    path = Path(path)
    if path.suffix.lower() in ENDINGS and len(rolls) == 1:
        write_midi(rolls[0], path, program)
        return path
    if path.suffix or not path.name:
        raise InputError(f"{path}: a single roll goes to a .mid file, several to a new folder; got {len(rolls)}.")
    files = [_played(roll, program) for roll in rolls]
    with explained(path):
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise FolderError(f"{path} exists and is not empty. MIDI files need a new or empty folder.")
    digits = max(4, len(str(len(files))))
    with replaced_folder(path) as partial:
        for i, file in enumerate(files, 1):
            file.save(filename=partial / f"{i:0{digits}d}.mid")
    return path


def _played(roll: Roll, program: int) -> Any:
    mido = _mido()
    if not 0 <= program <= 127:
        raise InputError(f"a program is one of 0 to 127; got {program}.")
    quarter = round(MINUTE / roll.tempo)
    if not 1 <= quarter <= SLOWEST:
        raise InputError(f"a MIDI file holds tempos of 3.6 to 60,000,000 quarter notes a minute; got {roll.tempo}.")
    unit = frame_length(roll.frame)
    ticks = unit.denominator * max(1, TICKS // unit.denominator)  # so that every frame is a whole number of ticks
    track = mido.MidiTrack(
        [mido.MetaMessage("set_tempo", tempo=quarter), mido.Message("program_change", program=program)]
    )
    now = 0
    for tick, struck, pitch in sorted(_events(roll, ticks)):
        track.append(mido.Message("note_on", note=pitch, velocity=LOUDNESS * struck, time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=int(len(roll) * unit * ticks) - now))
    return mido.MidiFile(type=0, ticks_per_beat=ticks, tracks=[track])


def _events(roll: Roll, ticks: int) -> Iterator[tuple[int, bool, int]]:
    """When a key is struck or released, in ticks; releases sort before strokes of the same tick."""
    for note in roll.notes():
        yield int(note.start * ticks), True, note.pitch
        yield int(note.stop * ticks), False, note.pitch
