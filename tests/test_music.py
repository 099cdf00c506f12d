"""Piano rolls, MIDI files and tunes in ABC notation."""

import gzip
import json
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sparring.data.abc_tunes import Tune, read_abc
from sparring.data.midi import read_midi, write_midi, write_midis
from sparring.data.rolls import Note, Roll, frame_length, read_rolls
from sparring.errors import DataError, FolderError, InputError, ShapeError

CHORDS = [(60, 64, 67), (60, 64, 67), (), (62, 65), (21, 108)]
FRAMES = [0.25, 0.5, 1.0, 1 / 3, 1 / 12, 0.3, 1 / 7, 0.123, 1.5]
rolls = st.builds(
    Roll,
    arrays(np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 8))),
    st.integers(0, 120),
    st.sampled_from(FRAMES),
    st.sampled_from([30.0, 60.0, 100.0, 120.0, 240.0]),
)


# -- rolls


@given(st.lists(st.sets(st.integers(21, 108)), max_size=20))
def test_chords_survive_a_roll(chords: list[set[int]]) -> None:
    roll = Roll.of_chords(chords)
    assert roll.frames.shape == (len(chords), 88)
    assert roll.chords() == [tuple(sorted(chord)) for chord in chords]
    assert Roll.of_chords(roll.chords()) == roll


@given(rolls)
def test_notes_survive_a_roll(roll: Roll) -> None:
    notes, length = roll.notes(), len(roll) * frame_length(roll.frame)
    assert Roll.of_notes(notes, length, roll.lowest, roll.keys, roll.frame, roll.tempo) == roll
    first = roll.frames & ~np.pad(roll.frames, ((1, 0), (0, 0)))[:-1]
    assert len(notes) == first.sum()  # a note for each frame that sounds after one that does not


def test_notes_go_to_the_nearest_edges() -> None:
    third, eighth = Fraction(1, 3), Fraction(1, 8)
    triplet = [Note(60, 0 * third, third), Note(62, third, 2 * third), Note(64, 2 * third, 3 * third)]
    assert Roll.of_notes(triplet).chords() == [(60,), (62,), (62,), (64,)]  # edges 0, 4/3, 8/3, 4
    assert Roll.of_notes(triplet, frame=1 / 3).chords() == [(60,), (62,), (64,)]
    short = [Note(60, 0 * eighth, eighth), Note(62, eighth, 2 * eighth)]
    assert Roll.of_notes(short).chords() == [(60, 62)]  # both start in the one frame
    assert Roll.of_notes([], Fraction(2)).frames.shape == (8, 88)
    with pytest.raises(DataError, match=r"4,000,000 frames of 1/4 quarter notes; 1,000,000 at most"):
        Roll.of_notes([Note(60, Fraction(0), Fraction(1_000_000))])


def test_rolls_that_differ_are_not_equal() -> None:
    roll = Roll.of_chords(CHORDS)
    assert roll == Roll(np.asarray(roll.frames, np.float32))  # type: ignore[arg-type]
    assert hash(roll) == hash(Roll.of_chords(CHORDS))
    others = [
        Roll.of_chords(CHORDS[1:]),
        Roll(roll.frames, frame=0.5),
        Roll(roll.frames, 22),
        Roll(roll.frames, tempo=9),
    ]
    assert all(roll != other for other in others)
    assert Roll.of_chords(CHORDS, tempo=90).seconds == pytest.approx(5 / 6, rel=1e-12)  # 1.25 quarter notes


def test_what_a_roll_refuses() -> None:
    with pytest.raises(ShapeError, match=r"\(t, keys\); got \(3"):
        Roll(np.zeros(3, np.bool_))
    with pytest.raises(DataError, match="0 and 1; frame 1, key 2 is 3"):
        Roll(np.array([[0, 1, 0], [0, 0, 3]]))
    with pytest.raises(DataError, match="0 and 1; frame 0, key 0 is nan"):
        Roll(np.array([[np.nan]]))
    with pytest.raises(InputError, match="notes 0 to 127; got 88 from 60 on"):
        Roll(np.zeros((1, 88), np.bool_), 60)
    for frame in (0.0, -1.0, float("nan"), 1e-9):
        with pytest.raises(InputError, match="a frame is a positive number"):
            Roll(np.zeros((1, 2), np.bool_), frame=frame)
    with pytest.raises(InputError, match="a tempo is a positive number"):
        Roll(np.zeros((1, 2), np.bool_), tempo=0)
    with pytest.raises(DataError, match="note 20 at frame 1 is not among 21 to 108; .*lowest=0, keys=128"):
        Roll.of_chords([[60], [20]])
    with pytest.raises(DataError, match=r"notes of frame 0: a MIDI note is a whole number; got 60.5"):
        Roll.of_chords([[60.5]])  # type: ignore[list-item]


# -- files of rolls


def _cells(*pieces: np.ndarray) -> np.ndarray:
    cells = np.empty((1, len(pieces)), object)
    cells[0, :] = pieces
    return cells


def test_every_kind_of_file_holds_the_same_rolls(tmp_path: Path) -> None:
    parts = {"train": [CHORDS, CHORDS[1:]], "valid": [CHORDS[2:]], "test": [[[60]], CHORDS[:1]]}
    expected = {part: [Roll.of_chords(piece) for piece in pieces] for part, pieces in parts.items()}
    content = json.dumps({part: parts[part] for part in ("test", "train", "valid")}).encode()
    (tmp_path / "a.json").write_bytes(content)
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(content))
    cells = {f"{part}data": _cells(*(roll.frames.astype(np.uint8) for roll in expected[part])) for part in parts}
    scipy.io.savemat(tmp_path / "a.mat", cells)
    for name in ("a.json", "a.json.gz", "a.mat"):
        assert read_rolls(tmp_path / name) == [*expected["train"], *expected["valid"], *expected["test"]]
        assert read_rolls(tmp_path / name, "valid") == expected["valid"]
    frames = [roll.frames for roll in expected["train"]]
    np.save(tmp_path / "a.npy", frames[0])
    np.savez(tmp_path / "a.npz", *frames)
    assert read_rolls(tmp_path / "a.npy") == expected["train"][:1]
    assert read_rolls(tmp_path / "a.npz") == expected["train"]
    assert read_rolls(tmp_path / "a.npy", lowest=30, frame=1)[0] == Roll(frames[0], 30, 1)


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"

    class Harm:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (mark,)  # type: ignore[return-value]

    np.save(tmp_path / "a.npy", np.array([Harm()], object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", np.array([Harm()], object))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(DataError, match=rf"{name} is not an array of numbers \(steps, keys\): Object arrays"):
            read_rolls(tmp_path / name)
    assert not mark.exists()
    np.load(tmp_path / "a.npy", allow_pickle=True)
    assert mark.exists()  # so it would have


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.mat", b"no matrix", "a.mat is not a .mat file of version 7"),
        (
            "a.mat",
            b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400),
            "a.mat is not a .mat file of version 7",
        ),
        ("a.npy", b"\x93NUMPY\x01\x00", "a.npy is not an array of numbers"),
        ("a.npz", b"PK\x03\x04", "a.npz is not an array of numbers"),
        ("a.json", b'{"train": [[[60]]', 'a.json is not JSON with "train"'),
        ("a.json", b"[" * 100_000, "a.json is not JSON"),
        ("a.json", b"[[[60]]]", "holds none of train, valid, test"),
        ("a.json", b'{"train": 3}', "a.json, train: a list of pieces is needed; got int"),
        (
            "a.json",
            b'{"train": [[[60]], [60]]}',
            "train, piece 1: a list of steps is needed, each a list of MIDI notes",
        ),
        ("a.json", b'{"train": [[[60], ["C"]]]}', "train, piece 0: the notes of frame 1: .*got 'C'"),
        ("a.json", b'{"train": [[[60], [5]]]}', "train, piece 0: MIDI note 5 at frame 1 is not among 21 to 108"),
        ("a.json.gz", b"{}", "cannot read .*Not a gzipped file"),
        ("a.wav", b"RIFF", "rolls are read from .mat"),
    ],
)
def test_an_odd_file_of_rolls_is_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_rolls(tmp_path / name)


def test_arrays_that_are_no_rolls_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", one=np.eye(3), two=np.eye(3) * 2)
    with pytest.raises(DataError, match="a.npz, array two: a roll holds 0 and 1; frame 0, key 0 is 2.0"):
        read_rolls(tmp_path / "a.npz")
    np.save(tmp_path / "a.npy", np.zeros((2, 3, 4)))
    with pytest.raises(DataError, match=r"a.npy: .*the shape \(t, keys\); got \(2, 3, 4\)"):
        read_rolls(tmp_path / "a.npy")
    scipy.io.savemat(tmp_path / "a.mat", {"traindata": _cells(np.eye(3), np.ones((2, 3)) * 0.5)})
    with pytest.raises(DataError, match="a.mat, traindata, piece 1: a roll holds 0 and 1; frame 0, key 0 is 0.5"):
        read_rolls(tmp_path / "a.mat")
    with pytest.raises(DataError, match="a.mat holds none of testdata"):
        read_rolls(tmp_path / "a.mat", "test")
    with pytest.raises(InputError, match="a part is one of train, valid, test; got 'dev'"):
        read_rolls(tmp_path / "a.mat", "dev")
    with pytest.raises(InputError, match="a.npy has no parts"):
        read_rolls(tmp_path / "a.npy", "train")
    with pytest.raises(DataError, match="cannot read .*missing.npy: No such file"):
        read_rolls(tmp_path / "missing.npy")


# -- MIDI


@given(rolls.filter(lambda roll: bool(roll.frames.any())))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_roll_survives_a_midi_file(tmp_path: Path, roll: Roll) -> None:
    write_midi(roll, tmp_path / "a.mid", program=40)
    found = read_midi(tmp_path / "a.mid", roll.frame, roll.lowest, roll.keys)
    assert np.array_equal(found.frames, roll.frames)
    assert found.tempo == pytest.approx(roll.tempo, rel=1e-5)  # whole microseconds


def _midi(path: Path, *tracks: Sequence[Any], ticks: int = 100, kind: int = 1) -> Path:
    file = mido.MidiFile(type=kind, ticks_per_beat=ticks, tracks=[mido.MidiTrack(track) for track in tracks])
    file.save(filename=path)
    return path


def _on(note: int, time: int = 0, **more: Any) -> mido.Message:
    return mido.Message("note_on", note=note, time=time, **more)


def _off(note: int, time: int = 0, **more: Any) -> mido.Message:
    return mido.Message("note_off", note=note, time=time, **more)


def test_what_is_written_is_what_is_played(tmp_path: Path) -> None:
    roll = Roll.of_chords([[60, 64], [60], [], [60]], frame=0.5, tempo=90)
    write_midi(roll, tmp_path / "a.mid", program=73)
    file = mido.MidiFile(tmp_path / "a.mid")
    played = [(round(1.5 * sum(m.time for m in file.tracks[0][: i + 1])), m) for i, m in enumerate(file.tracks[0])]
    notes = [(time / 1.5 / file.ticks_per_beat, m.velocity > 0, m.note) for time, m in played if m.type == "note_on"]
    sixty = [(0.0, True, 60), (1.0, False, 60), (1.5, True, 60), (2.0, False, 60)]
    assert sorted(notes) == sorted([*sixty, (0.0, True, 64), (0.5, False, 64)])
    assert [m.program for m in file.tracks[0] if m.type == "program_change"] == [73]
    assert file.length == pytest.approx(roll.seconds, rel=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mid"]  # no partial file is left


def test_tracks_and_channels_play_together_without_drums(tmp_path: Path) -> None:
    tempo = [mido.MetaMessage("set_tempo", tempo=750_000), mido.MetaMessage("set_tempo", tempo=1, time=50)]
    held = [_on(60), _on(38, channel=9), _off(60, 150), _off(38, channel=9)]
    same = [_on(60, 100, channel=3), _on(72, channel=3), _on(60, 100, channel=3, velocity=0), _off(72, channel=3)]
    found = read_midi(_midi(tmp_path / "a.mid", tempo, held, same), frame=0.5)
    assert found.tempo == 80
    assert found.chords() == [(60,), (60,), (60, 72), (60, 72)]


def test_releases_end_what_was_struck_before(tmp_path: Path) -> None:
    crossed = [_on(60), _on(60, 100), _off(60), _off(60, 100)]  # the second stroke is written before the first's end
    assert read_midi(_midi(tmp_path / "a.mid", crossed), frame=1).chords() == [(60,), (60,)]
    no_length = [_on(60), _off(60), _on(62), _off(62, 200)]
    assert read_midi(_midi(tmp_path / "a.mid", no_length), frame=1).chords() == [(60, 62), (62,)]
    never = [_on(60), _on(62, 100), _off(62, 100), mido.MetaMessage("end_of_track", time=100)]
    assert read_midi(_midi(tmp_path / "a.mid", never), frame=1).chords() == [(60,), (60, 62), (60,)]


def test_a_note_struck_again_at_once_is_merged(tmp_path: Path) -> None:
    again = [_on(60), _off(60, 100), _on(60), _off(60, 100)]
    found = read_midi(_midi(tmp_path / "a.mid", again))
    assert found.notes() == [Note(60, Fraction(0), Fraction(2))]


def test_a_note_off_the_keys_is_refused_with_its_place(tmp_path: Path) -> None:
    path = _midi(tmp_path / "a.mid", [_on(60), _off(60, 150), _on(110), _off(110, 100)])
    with pytest.raises(DataError, match=r"a.mid: MIDI note 110 at quarter note 1.5 is not among 21 to 108"):
        read_midi(path)
    assert read_midi(path, lowest=0, keys=128).chords()[-1] == (110,)


def test_a_damaged_midi_file_is_named(tmp_path: Path) -> None:
    path = _midi(tmp_path / "a.mid", [_on(60), _off(60, 100)])
    whole = path.read_bytes()
    for content, words in (
        (b"", "is no MIDI file: it must begin with MThd, and is empty"),
        (b"RIFF", "is no MIDI file: it must begin with MThd, and does not"),
        *((whole[:end], r"is cut off: its \d+ bytes end within") for end in range(4, len(whole))),
        (whole[:20] + bytes([255] * 4) + whole[24:], "is a damaged MIDI file|is cut off"),
        (whole[:12] + b"\xe7\x28" + whole[14:], "counts time in video frames"),
        (whole.replace(b"\x90\x3c", b"\x90\xbc"), "is a damaged MIDI file: data byte must be in range"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"a.mid {words}"):
            read_midi(path)
    with pytest.raises(DataError, match=r"cannot read .*missing.mid: No such file"):
        read_midi(tmp_path / "missing.mid")
    with pytest.raises(DataError, match="a.mid is of MIDI type 2"):
        read_midi(_midi(path, [_on(60), _off(60, 9)], kind=2))
    for silent in ([], [_on(38, channel=9), _off(38, 100, channel=9)]):
        with pytest.raises(DataError, match="holds no note on a channel other than the drums'"):
            read_midi(_midi(path, silent))


def test_what_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    roll = Roll.of_chords(CHORDS)
    with pytest.raises(InputError, match="a program is one of 0 to 127; got 128"):
        write_midi(roll, tmp_path / "a.mid", program=128)
    with pytest.raises(InputError, match=r"tempos of 3.6 .*got 3"):
        write_midi(Roll(roll.frames, tempo=3), tmp_path / "a.mid")
    monkeypatch.setitem(sys.modules, "mido", None)
    for act in (lambda: write_midi(roll, tmp_path / "a.mid"), lambda: read_midi(tmp_path / "a.mid")):
        with pytest.raises(InputError, match=r"needs mido: pip install 'sparring\[music\]'"):
            act()
    assert not list(tmp_path.iterdir())


def test_many_rolls_are_a_folder(tmp_path: Path) -> None:
    several = [Roll.of_chords(CHORDS[i:]) for i in range(3)]
    folder = write_midis(several, tmp_path / "made")
    assert [read_midi(path) for path in sorted(folder.iterdir())] == several
    assert sorted(path.name for path in folder.iterdir()) == ["0001.mid", "0002.mid", "0003.mid"]
    assert read_midi(write_midis(several[:1], tmp_path / "one.mid")) == several[0]
    with pytest.raises(FolderError, match="made exists and is not empty"):
        write_midis(several, folder)
    with pytest.raises(InputError, match="several to a new folder; got 3"):
        write_midis(several, tmp_path / "a.mid")
    with pytest.raises(InputError, match="a single roll goes to a .mid file"):
        write_midis(several[:1], tmp_path / "a.wav")


# -- ABC


def _tune(path: Path, music: str, key: str = "C", metre: str = "4/4", unit: str = "1/4") -> Tune:
    (path / "a.abc").write_text(f"X:1\nT:A tune\nM:{metre}\nL:{unit}\nK:{key}\n{music}\n")
    (tune,) = read_abc(path / "a.abc")
    return tune


def _lengths(tune: Tune) -> list[tuple[int, float]]:
    return [(note.pitch, float(note.stop - note.start)) for note in tune.notes]


def _pitches(tune: Tune) -> list[int]:
    return [note.pitch for note in tune.notes]


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("C, C c c' c''", [48, 60, 72, 84, 96]),  # 4.1: octaves
        ("CDEFGAB", [60, 62, 64, 65, 67, 69, 71]),
        ("^C _D =E ^^F __B", [61, 61, 64, 67, 69]),  # 4.2: accidentals
        ("^F F f F, | F", [66, 66, 78, 54, 65]),  # to the end of the bar, in all octaves (11.3)
        ("^F =F F", [66, 65, 65]),
        ('"Am"A !trill!B ~c .d {ef}e (fg) u"^up"a', [69, 71, 72, 74, 76, 77, 79, 81]),  # no sounds of their own
        ("A y B $ c ` d", [69, 71, 72, 74]),
        ("A B % c d", [69, 71]),
        ("A B \\\nc d", [69, 71, 72, 74]),
        ("A\nw:la la B c\nN:c d e\nB", [69, 71]),
        ("[K:G] F [K:F] B [K:C] B\nK:D\nF", [66, 70, 71, 66]),
    ],
)
def test_pitches_of_abc(tmp_path: Path, music: str, expected: list[int]) -> None:
    assert _pitches(_tune(tmp_path, music)) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("C", "C D E F G A B"),
        ("none", "C D E F G A B"),
        ("A", "C# D E F# G# A B"),
        ("Eb", "C D Eb F G Ab Bb"),
        ("Am", "C D E F G A B"),
        ("F# minor", "C# D E F# G# A B"),
        ("Ddor", "C D E F G A B"),
        ("E Dorian", "C# D E F# G A B"),
        ("Amix", "C# D E F# G A B"),
        ("Bb mixolydian", "C D Eb F G Ab Bb"),
        ("F Lydian", "C D E F G A B"),
        ("F phr", "C Db Eb F Gb Ab Bb"),
        ("C locrian", "C Db Eb F Gb Ab Bb"),
        ("HP", "C# D E F# G A B"),
        ("G clef=bass", "C D E F# G A B"),
        ("D bass ^g =c", "C D E F# G# A B"),
        ("D exp ^g", "C D E F G# A B"),
    ],
)
def test_keys_of_abc(tmp_path: Path, key: str, expected: str) -> None:
    semitones = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
    pitches = [60 + semitones[name[0]] + name.count("#") - name[1:].count("b") for name in expected.split()]
    assert _pitches(_tune(tmp_path, "CDEFGAB", key)) == pitches


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("C2 D/2 E/ F// G3/2 A3/ B/4", [2, 0.5, 0.5, 0.25, 1.5, 1.5, 0.25]),  # 4.3
        ("C>D E<F G>>A B<<c", [1.5, 0.5, 0.5, 1.5, 1.75, 0.25, 0.25, 1.75]),  # 4.4
        ("C2 > D | E<{g}F", [3, 0.5, 0.5, 1.5]),  # blanks and grace notes between
        ("(3CDE F", [2 / 3, 2 / 3, 2 / 3, 1]),  # 4.13
        ("(3{g}CDE F", [2 / 3, 2 / 3, 2 / 3, 1]),
        ("(3:2:2 C2D E", [4 / 3, 2 / 3, 1]),
        ("(2CD (4CDEF", [1.5, 1.5, 0.75, 0.75, 0.75, 0.75]),
        ("(5CDEFG", [0.4] * 5),
        ("(3C>DE", [1, 1 / 3, 2 / 3]),
        ("C-C D", [2, 1]),  # 4.11
        ("C2-|C2 D", [4, 1]),
        ("C-|\nC D-E", [2, 1, 1]),  # a tie to another pitch is none
        ("[L:1/8] C2 C [L:1/2] C", [1, 0.5, 2]),
    ],
)
def test_lengths_of_abc(tmp_path: Path, music: str, expected: list[float]) -> None:
    assert [length for _, length in _lengths(_tune(tmp_path, music))] == pytest.approx(expected, rel=1e-12)


def test_tuplets_of_five_depend_on_the_metre(tmp_path: Path) -> None:
    assert _lengths(_tune(tmp_path, "(5CDEFG", metre="6/8")) == [(pitch, 0.6) for pitch in (60, 62, 64, 65, 67)]


def test_chords_rests_and_ties_keep_time(tmp_path: Path) -> None:
    tune = _tune(tmp_path, "[CE-G]2 [EG] | z/ A x Z B | ^c-|c c", metre="3/4")
    spans = [(note.pitch, float(note.start), float(note.stop)) for note in tune.notes]
    assert spans[:4] == [(60, 0, 2), (64, 0, 3), (67, 0, 2), (67, 2, 3)]  # the E alone goes on
    assert spans[4:6] == [(69, 3.5, 4.5), (71, 8.5, 9.5)]  # Z rests for a bar of three
    assert spans[6:] == [(73, 9.5, 11.5), (72, 11.5, 12.5)]  # the sharp goes on with the tie, and no further
    assert tune.length == Fraction(25, 2)
    assert _lengths(_tune(tmp_path, "[C2E4] [^F_G]")) == [(60, 2), (64, 2), (66, 1)]  # 4.17; one key sounds once


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("A B |: C :| D", "A B C C D"),
        ("A B :| C D :|", "A B A B C D C D"),
        ("A |: B :: C :| D", "A B B C C D"),
        ("A || B :| C", "A B B C"),  # without |:, back to the double bar (4.8)
        ("|: A || B :| C", "A B A B C"),
        ("|: A |1 B :|2 C | D", "A B A C D"),
        ("|: A [1 B :| [2 C || D :|", "A B A C D D"),
        ("|: A |1 B :|2 C :| D", "A B A C D"),
        ("|: A |1 B :|\n|2 C |: D :|", "A B A C D D"),
        ("|: A |1,3 B :|2 C :| D", "A B A C A B D"),
        ("|: A |1-3 B :|4 C |]", "A B A B A B A C"),
        ("|:: A ::| B", "A A A B"),
        ("|: A |1 B :| C", "A B A C"),
        ("A |: B |]", "A B"),
        ("A |]", "A"),
    ],
)
def test_repeats_of_abc(tmp_path: Path, music: str, expected: str) -> None:
    pitches = {"A": 69, "B": 71, "C": 60, "D": 62}
    assert _pitches(_tune(tmp_path, music)) == [pitches[name] for name in expected.split()]


SESSION = """\
%abc-2.1
M:3/4
L:1/8

This text is of no tune. K:no key

X: 1
T: One % a comment
T: Another name
Q: 1/4=90
K: G
G2 AB | c6 |]   % a comment
% a comment alone

Some more text.

X:2
T:Two
M:6/8
Q:3/8=60 "slowly"
K:Am
|: A3 B3 :|
X:3
M:2/4
K:C
C
"""


def test_a_file_of_several_tunes(tmp_path: Path) -> None:
    path = tmp_path / "a.abc"
    path.write_bytes(SESSION.replace("\n", "\r\n").encode())
    one, two, three = read_abc(path)
    assert (one.title, one.key, one.metre, one.unit, one.tempo) == ("One", "G", "3/4", Fraction(1, 8), 90)
    assert one.text == "X: 1\nT: One\nT: Another name\nQ: 1/4=90\nK: G\nG2 AB | c6 |]\n"
    assert _lengths(one) == [(67, 1), (69, 0.5), (71, 0.5), (72, 3)]
    assert (two.title, two.key, two.metre, two.tempo) == ("Two", "Am", "6/8", 90)
    assert two.text.count("\n") == 6
    assert _lengths(two) == [(69, 1.5), (71, 1.5)] * 2
    assert (three.title, three.tempo, three.metre) == ("", 120, "2/4")


def test_the_unit_follows_from_the_metre(tmp_path: Path) -> None:
    path = tmp_path / "a.abc"
    for header, unit in (("M:2/4\n", 16), ("M:3/4\n", 8), ("M:C|\n", 8), ("", 8), ("M:none\n", 8), ("M:2+3/8\n", 16)):
        path.write_text(f"X:1\n{header}K:C\nC\n")
        assert read_abc(path)[0].unit == Fraction(1, unit)


def test_a_tune_as_a_roll(tmp_path: Path) -> None:
    tune = _tune(tmp_path, "[CE] z/ D/ (3:2:3 c/d/e/ z2")
    assert tune.roll(1 / 12).frames.sum() == 2 * 12 + 6 + 3 * 4
    assert tune.roll(0.5).chords() == [(60, 64), (60, 64), (), (62,), (72, 74), (76,), (), (), (), ()]
    assert tune.roll().tempo == 120
    with pytest.raises(DataError, match="MIDI note 64 at quarter note 0 is not among 60 to 63"):
        tune.roll(lowest=60, keys=4)


@pytest.mark.parametrize(
    ("music", "words"),
    [
        ("A B\nc & d", r"line 7: column 3: another voice \(&\)"),
        ("V:1\nA B\nV:2\nA B", "line 8: a tune of one voice is needed; got the voices 1 and 2"),
        ("A B\n\n\nX:2\nK:C\nA ^", r"line 11: column 3: '\^' is not understood"),
        ("[CE", r"line 6: column 1: '\[CE'"),
        ("A [z] B", "column 3: a chord holds notes"),
        ("A//3", "line 6: a length is such as 2, 3/2"),
        ("A0", "line 6: a length is"),
        ("A/0", "line 6: a length is"),
        ("A99999", "line 6: a length is such as .*got 99999"),
        ("| - A", "column 3: - must follow a note or rest"),
        ("> A", "column 1: > must follow"),
        ("A B>", "line 6: a broken rhythm .* lacks its second note"),
        ("C,,,,,,", "C,,,,,, is MIDI note -12"),
        ("K:H\nA", "line 6: a key is such as G"),
        ("K:G#\nA", "at most 7 sharps or flats; got 'G#'"),
        ("K:Gfoo\nA", "a known mode"),
        ("K:C treble-8\nA", "a key is such as .* not transposed"),
        ("M:6:8\nA", "line 6: a metre is a fraction"),
        ("L:0\nA", "line 6: a length or beat is a fraction"),
        ("z4 |", "line 6: the tune has no note"),
    ],
)
def test_what_is_not_understood_is_named_with_its_line(tmp_path: Path, music: str, words: str) -> None:
    with pytest.raises(DataError, match=rf"a.abc, .*{words}"):
        _tune(tmp_path, music)


def test_files_that_hold_no_tune(tmp_path: Path) -> None:
    path = tmp_path / "a.abc"
    for content, words in (
        (b"", "a.abc holds no tune"),
        (b"A B c\n", "a.abc holds no tune"),
        (b"X:1\nT:A\n\nK:C\nA\n", "line 2: a header ends with a line K:"),
        (b"X:1\nA B\nK:C\n", "line 2: a header has lines such as"),
        (b"X:1\nT:caf\xe9\nK:C\nA\n", r"line 2: byte 9 \(0xe9\) is not in utf-8"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=words):
            read_abc(path)
    assert read_abc(path, "latin-1")[0].title == "café"
    with pytest.raises(DataError, match="cannot read .*missing"):
        read_abc(tmp_path / "missing")


@given(st.text("XTMLKQV:CDEFGab^_=,'/23|[]()-<>zZ&{}\"!+% \n", max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_is_a_tune_or_refused(tmp_path: Path, music: str) -> None:
    (tmp_path / "a.abc").write_text(f"X:1\nK:C\n{music}\n")
    try:
        tunes = read_abc(tmp_path / "a.abc")
    except DataError:
        return
    for tune in tunes:
        assert tune.notes
        assert all(0 <= note.start < note.stop <= tune.length for note in tune.notes)
