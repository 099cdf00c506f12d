"""Tunes in ABC notation: their text, and the notes they mean.

Source: the ABC music standard 2.1 (Walshaw 2011), its part for one voice; numbers below are its sections.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from sparring.data.abc_score import ACCIDENTAL, SHIFTS, Bar, Sound, fraction, note_length, performed, signature
from sparring.data.lines import read_lines
from sparring.data.rolls import KEYS, LOWEST, Note, Roll
from sparring.errors import DataError

__all__ = ["Tune", "read_abc"]

NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
TUPLETS = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}  # (4.13) notes, and in the time of how many; the others depend on the metre
FIELD = re.compile(r"([HIKLMNOPQRSTUVWXZmrsw+]):(?![|:])")  # not A to G, x and z: these are music before a bar line
HEADING = re.compile(r"[A-Za-z+]:")
METRE = re.compile(r"\(?\s*(\d{1,4}(?:\s*\+\s*\d{1,4})*)\s*\)?\s*/\s*([1-9]\d{0,3})")
TEMPO = re.compile(r"(?:((?:\d+/\d+\s*)+)=)?\s*(\d{1,4}(?:\.\d{1,4})?)")


@dataclass(frozen=True)
class Tune:
    """A tune of one voice.

    title, key, metre: as the header has them (T:, K:, M:), empty where it does not. unit: the note length (L:) in whole
    notes. text: header and music without comments, empty lines and blanks at ends of lines. notes: what is played, in
    quarter notes. length: in quarter notes, with the rests after the last note. tempo: quarter notes a minute.
    """

    title: str
    key: str
    metre: str
    unit: Fraction
    text: str
    notes: tuple[Note, ...]
    length: Fraction
    tempo: float = 120.0

    def roll(self, frame: float = 0.25, lowest: int = LOWEST, keys: int = KEYS) -> Roll:
        """The notes on a grid of ``frame`` quarter notes (see ``Roll.of_notes``): 1/12 holds quaver triplets.

        A note that is struck again at once is merged with the one before. Raises DataError for one off the keys.
        """
        return Roll.of_notes(self.notes, self.length, lowest, keys, frame, self.tempo)


def read_abc(path: str | Path, encoding: str = "utf-8") -> list[Tune]:
    """The tunes of an ABC file. Each begins with X:, its header ends with K:, and it ends at an empty line.

    Played are: notes, chords, rests, ties, accidentals to the end of the bar (in all octaves, 11.3), keys in all modes
    and with accidentals of their own, broken rhythm, tuplets, K:, L: and M: in the music, repeats with any endings. A
    tempo (Q:) is the first one, 120 without. Left out: words, decorations, chord symbols, slurs, grace notes, the order
    of parts (P:), da capo, and all text between tunes. M: and L: before the first tune count for all.

    Raises DataError, with the line, for what is not understood, for several voices (V:, &), and for a file without
    tunes; for another encoding as ``read_lines`` does.
    """
    tunes, common, lines = [], [], None
    numbered = [*enumerate(read_lines(path, encoding), 1), (0, "")]
    for number, raw in numbered:
        line = re.split(r"(?<!\\)%", raw)[0].rstrip()
        if line.startswith("X:"):
            tunes += [] if lines is None else [_tune(path, lines, common)]
            lines = [(number, line)]
        elif lines is None:
            common += [(number, line)] if line[:2] in ("L:", "M:") and not tunes else []
        elif not raw.strip():  # a line with only a comment does not end a tune
            tunes.append(_tune(path, lines, common))
            lines = None
        elif line:
            lines.append((number, line))
    if not tunes:
        raise DataError(f"{path} holds no tune: each begins with a line X: and a number.")
    return tunes


def _tune(path: str | Path, lines: list[tuple[int, str]], common: list[tuple[int, str]]) -> Tune:
    reader, place = _Reader(), lines[0][0]
    try:
        for place, line in [*common, *lines]:  # noqa: B007 (where it stopped)
            reader.read(line)
        notes, length = reader.played()
    except DataError as error:
        raise DataError(f"{path}, line {place}: {error}") from None
    title, key, metre = (reader.titles[name] for name in "TKM")
    text = "\n".join(line for _, line in lines) + "\n"
    return Tune(title, key, metre, reader.first_unit, text, tuple(notes), length, reader.tempo or 120.0)


@dataclass
class _Reader:
    """Reads a tune a line at a time, and knows what holds at the present place."""

    titles: dict[str, str] = field(default_factory=lambda: dict.fromkeys("TKM", ""))
    in_music: bool = False
    unit: Fraction = Fraction(0)  # in whole notes, as the bar is
    first_unit: Fraction = Fraction(0)
    bar: Fraction = Fraction(1)
    compound: bool = False
    tempo: float = 0.0
    voice: str = ""
    signature: dict[str, int] = field(default_factory=dict)
    raised: dict[str, int] = field(default_factory=dict)  # in this bar, by letter
    last: dict[int, int] = field(default_factory=dict)  # the last sound's pitches by their white keys
    tied: dict[int, int] = field(default_factory=dict)  # those of them that go on
    broken: Fraction = Fraction(1)  # what it makes of the next note
    tuplet: tuple[Fraction, int] = (Fraction(1), 0)  # factor, and notes left
    score: list[Sound | Bar] = field(default_factory=list)

    def read(self, line: str) -> None:
        form = FIELD if self.in_music else HEADING
        if form.match(line):
            self._field(line[0], line[2:].strip())
        elif self.in_music:
            self._music(line)
        else:
            raise DataError(f"a header has lines such as M:6/8, the last one K:; got {line[:60]!r}.")

    def _field(self, name: str, value: str) -> None:
        if name in "TM" and not self.in_music:
            self.titles[name] = (name == "T" and self.titles[name]) or value
        if name == "K":
            self._key(value)
        elif name == "L":
            self.unit = fraction(value)
        elif name == "M":
            self._metre(value)
        elif name == "Q" and not self.tempo:
            self._tempo(value)
        elif name == "V":
            voice = value.split()[0] if value else ""
            if self.voice not in ("", voice):
                raise DataError(f"a tune of one voice is needed; got the voices {self.voice} and {voice}.")
            self.voice = voice

    def _metre(self, value: str) -> None:
        known = {"C": "4/4", "C|": "2/2", "none": "1/1", "": "1/1"}
        found = METRE.fullmatch(known.get(value, value))
        if not found:
            raise DataError(f"a metre is a fraction such as 6/8, C, C| or none; got {value!r}.")
        beats = sum(int(beat) for beat in found[1].split("+"))
        self.bar, self.compound = Fraction(beats, int(found[2])), beats > 3 and beats % 3 == 0

    def _tempo(self, value: str) -> None:
        """Q:1/4=120, Q:3/8 1/8=60; the older Q:120 counts unit notes; text alone, such as "Allegro", says nothing."""
        found = TEMPO.fullmatch(re.sub(r'"[^"]*"', "", value).strip())
        if found and float(found[2]):
            parts = (found[1] or "").split()
            beat = sum((fraction(part) for part in parts), Fraction(0))
            self.tempo = float(4 * (beat or self._default_unit()) * Fraction(found[2]))

    def _default_unit(self) -> Fraction:
        return self.unit or Fraction(1, 16 if self.bar < Fraction(3, 4) else 8)  # 3.1.7

    def _key(self, value: str) -> None:
        self.signature, self.raised = signature(value, self.signature), {}
        if not self.in_music:
            self.titles["K"], self.in_music = value, True
            self.unit = self.first_unit = self._default_unit()

    def _music(self, line: str) -> None:
        place = 0
        self.tuplet = (Fraction(1), 0)
        while place < len(line):
            for form, act in TOKENS:
                found = form.match(line, place)
                if found:
                    act(self, found)
                    place = found.end()
                    break
            else:
                what = "another voice (&)" if line[place] == "&" else repr(line[place : place + 20])
                raise DataError(f"column {place + 1}: {what} is not understood.")

    def _nothing(self, found: re.Match[str]) -> None:
        """Blanks, marks and grace notes mean no sound of their own."""

    def _inline(self, found: re.Match[str]) -> None:
        self._field(found["name"], found["value"].strip())

    def _bar_line(self, found: re.Match[str]) -> None:
        self.raised = {}
        self.score.append(Bar.of(found["bar"] or "", found["ending"] or ""))

    def _tie(self, found: re.Match[str]) -> None:
        last = self._last(found)
        self.score[-1], self.tied = replace(last, tied=last.pitches), self.last

    def _broken_rhythm(self, found: re.Match[str]) -> None:
        short = Fraction(1, 2 ** len(found[0]))
        first, self.broken = (2 - short, short) if found[0][0] == ">" else (short, 2 - short)
        last = self._last(found)
        self.score[-1] = replace(last, length=last.length * first)

    def _last(self, found: re.Match[str]) -> Sound:
        if not (self.score and isinstance(self.score[-1], Sound)):
            raise DataError(f"column {found.start() + 1}: {found[0]} must follow a note or rest.")
        return self.score[-1]

    def _tuplet(self, found: re.Match[str]) -> None:
        count = int(found["count"])
        time = int(found["time"] or TUPLETS.get(count, 3 if self.compound else 2))
        self.tuplet = Fraction(time, count), int(found["notes"] or count)

    def _note(self, found: re.Match[str]) -> None:
        self._sound([found], _length(found))

    def _rest(self, found: re.Match[str]) -> None:
        self._sound([], _length(found))

    def _rest_of_bars(self, found: re.Match[str]) -> None:
        self._sound([], int(found["count"] or 1) * self.bar / self.unit)

    def _chord(self, found: re.Match[str]) -> None:
        """The first note's length counts for all (4.17)."""
        inside = re.sub(rf"\s|{MARK}", "", found["inside"])
        notes = [*NOTE.finditer(inside)]
        if not notes or NOTE.sub("", inside):
            raise DataError(f"column {found.start() + 1}: a chord holds notes, such as [CEG]; got {found[0]}.")
        self._sound(notes, _length(notes[0]) * _length(found))

    def _sound(self, written: Sequence[re.Match[str]], length: Fraction) -> None:
        """length: in unit notes, without what broken rhythm and tuplets make of it."""
        factor, left = self.tuplet
        duration = 4 * self.unit * length * self.broken * (factor if left else 1)
        self.broken, self.tuplet = Fraction(1), (factor, max(left - 1, 0))
        notes = [(*self._pitch(note), note["tie"]) for note in written]
        self.last = {white: pitch for white, pitch, _ in notes}
        self.tied = {white: pitch for white, pitch, tie in notes if tie}
        self.score.append(Sound(tuple(dict.fromkeys(self.last.values())), duration, tuple(self.tied.values())))

    def _pitch(self, note: re.Match[str]) -> tuple[int, int]:
        """The white key of a written note, and the pitch that is meant."""
        letter, marks = note["letter"].upper(), note["octave"]
        octave = (note["letter"] != letter) + marks.count("'") - marks.count(",")
        white = 60 + NATURAL[letter] + 12 * octave
        if note["accidental"]:
            self.raised[letter] = SHIFTS[note["accidental"]]
        elif white in self.tied:
            return white, self.tied[white]
        pitch = white + self.raised.get(letter, self.signature.get(letter, 0))
        if not 0 <= pitch <= 127:
            raise DataError(f"{note[0]} is MIDI note {pitch}; 0 to 127 are needed.")
        return white, pitch

    def played(self) -> tuple[list[Note], Fraction]:
        """The notes, with repeats played and ties joined, and the length of all."""
        if not self.in_music:
            raise DataError("a header ends with a line K:, which is missing.")
        if self.broken != 1:
            raise DataError("a broken rhythm (> or <) lacks its second note.")
        notes, length = performed(self.score)
        if not notes:
            raise DataError("the tune has no note.")
        return notes, length


def _length(found: re.Match[str]) -> Fraction:
    return note_length(found["over"], found["slashes"], found["under"])


LENGTH = r"(?P<over>\d{0,4})(?P<slashes>/{0,8})(?P<under>\d{0,4})"
PITCH = rf"(?P<accidental>{ACCIDENTAL})?(?P<letter>[A-Ga-g])(?P<octave>[,']*)"
ENDING = r"(?P<ending>[1-9](?:[,\-][1-9])*)"
MARK = r'"[^"]*"|![^!\s]*!|\+[\w.()<>]+\+|[.~H-Wh-w]'  # chord symbols and other text, decorations
NOTE = re.compile(rf"{PITCH}{LENGTH}(?P<tie>-?)")
TOKENS: list[tuple[re.Pattern[str], Callable[[_Reader, re.Match[str]], None]]] = [
    (NOTE, _Reader._note),
    (re.compile(rf"[\s`$#*;?@]+|y\d*|\\$|\)|{MARK}|!|\{{[^{{}}]*\}}"), _Reader._nothing),
    (re.compile(r"\[(?P<name>[A-Za-z]):(?P<value>[^\]]*)\]"), _Reader._inline),
    (re.compile(rf"(?P<bar>:*(?:\[\|\]?|\|+\]?)+:*|::+)(?: ?\[?{ENDING})?"), _Reader._bar_line),
    (re.compile(rf"(?P<bar>)\[{ENDING}"), _Reader._bar_line),
    (re.compile(rf"\[(?P<inside>[^\[\]|]*)\]{LENGTH}"), _Reader._chord),
    (re.compile(rf"[zx]{LENGTH}"), _Reader._rest),
    (re.compile(r"[ZX](?P<count>\d{0,4})"), _Reader._rest_of_bars),
    (re.compile(r"\((?P<count>[2-9])(?::(?P<time>[1-9]?))?(?::(?P<notes>[1-9]?))?"), _Reader._tuplet),
    (re.compile(r"\("), _Reader._nothing),
    (re.compile(r">+|<+"), _Reader._broken_rhythm),
    (re.compile(r"-"), _Reader._tie),
]
