"""What ABC notation writes, in its parts: keys, lengths, sounds and bar lines, and the order in which they are played.

Source: the ABC music standard 2.1 (Walshaw 2011); numbers are its sections.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Self

from sparring.data.rolls import Note
from sparring.errors import DataError

__all__ = ["ACCIDENTAL", "SHIFTS", "Bar", "Sound", "fraction", "note_length", "performed", "signature"]

FIFTHS = "FCGDAEB"  # the order in which keys gain sharps; flats come from its end
MODES = {"": 0, "maj": 0, "ion": 0, "lyd": 1, "mix": -1, "dor": -2, "min": -3, "aeo": -3, "phr": -4, "loc": -5}  # turns
SHIFTS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}  # semitones
ACCIDENTAL = r"(\^{1,2}|_{1,2}|=)"
KEY = re.compile(
    r"(?:(?P<fixed>HP|Hp|none)|(?P<letter>[A-G])(?P<sign>[#b]?)\s*(?P<mode>[A-Za-z]*))?"
    rf"(?P<own>(?:\s*{ACCIDENTAL}[A-Ga-g])*)"
)
CLEF = re.compile(r"\b(?:(?:clef|middle|stafflines|staffscale|style)=\S+|(?:treble|alto|tenor|bass|perc|exp)\b\d?)\s*")
TRANSPOSED = re.compile(r"(?:octave|transpose)=|[+-]8")


@dataclass(frozen=True)
class Sound:
    """Pitches that start together, none for a rest; tied: those that go on in the next sound. In quarter notes."""

    pitches: tuple[int, ...]
    length: Fraction
    tied: tuple[int, ...] = ()


@dataclass(frozen=True)
class Bar:
    """A bar line. starts, ends: colons after and before it. endings: the passes that play what follows; () for all."""

    starts: int = 0
    ends: int = 0
    double: bool = False
    endings: tuple[int, ...] = ()

    @classmethod
    def of(cls, text: str, ending: str = "") -> Self:
        """A bar line such as |: or :|], and the numbers that follow it, such as 1 or 2,4-5."""
        numbers = [part.partition("-")[::2] for part in ending.split(",") if part]
        endings = tuple(number for low, high in numbers for number in range(int(low), int(high or low) + 1))
        starts, ends = len(text) - len(text.rstrip(":")), len(text) - len(text.lstrip(":"))
        if text and not text.strip(":"):  # ::, which is short for :|:
            starts = ends = 1
        return cls(starts, ends, any(form in text for form in ("||", "|]", "[|")), endings)


def performed(score: Sequence[Sound | Bar]) -> tuple[list[Note], Fraction]:
    """The notes that a score means, repeats played and ties joined, and the length of all, in quarter notes."""
    notes: list[Note] = []
    now, held = Fraction(0), dict[int, int]()
    for sound in _in_order(score):
        stop, places = now + sound.length, {}
        for pitch in sound.pitches:
            places[pitch] = held.get(pitch, len(notes))
            if pitch in held:
                notes[held[pitch]] = notes[held[pitch]]._replace(stop=stop)
            else:
                notes.append(Note(pitch, now, stop))
        held, now = {pitch: places[pitch] for pitch in sound.tied}, stop
    return notes, now


def _in_order(score: Sequence[Sound | Bar]) -> Iterator[Sound]:
    """The sounds as they are played (4.8 to 4.10).

    A section begins at |:, after :|, after a double bar that ends its last ending and, if it has no |:, at any double
    bar. It is played once, or as often as its :| and endings say.
    """
    section: list[tuple[tuple[int, ...], Sound]] = []
    ending, starts, passes = (), 0, 1
    for item, after in pairwise([*score, Bar()]):
        if isinstance(item, Sound):
            section.append((ending, item))
            continue
        if item.ends:
            passes = max(passes, item.ends + 1, starts + 1)
        goes_on = item.endings or (ending and isinstance(after, Bar) and after.endings)
        over = item.ends or (item.double and (not starts or (ending and passes > 1)))
        if item.starts or (over and not goes_on):
            yield from _passes(section, passes)
            section, ending, starts, passes = [], (), item.starts, 1
        ending = item.endings or ending
        passes = max(passes, *item.endings, 0)
    yield from _passes(section, passes)


def _passes(section: list[tuple[tuple[int, ...], Sound]], passes: int) -> Iterator[Sound]:
    for i in range(1, passes + 1):
        yield from (sound for ending, sound in section if not ending or i in ending)


def signature(value: str, current: Mapping[str, int]) -> dict[str, int]:
    """The sharps and flats that a key (K:) means, in semitones by letter (3.1.14, 4.6).

    A clef alone leaves the current ones as they are, accidentals alone are added to them. HP and Hp, of Highland pipes,
    have the sharps of D. Raises DataError for another mode, more than 7 sharps or flats, and for transposition.

    >>> signature("D dorian", {}), signature("Fm", {}), signature("D exp _e ^f", {})
    ({}, {'B': -1, 'E': -1, 'A': -1, 'D': -1}, {'E': -1, 'F': 1})
    """
    found = KEY.fullmatch(CLEF.sub("", value).strip())
    if not found or TRANSPOSED.search(value):
        raise DataError(f"a key is such as G, Bbmin or F# dorian, not transposed; got {value!r}.")
    own = {letter.upper(): SHIFTS[sign] for sign, letter in re.findall(ACCIDENTAL + "([A-Ga-g])", found["own"])}
    if found["fixed"] or not value or re.search(r"\bexp\b", value):
        return {**({"F": 1, "C": 1} if found["fixed"] in ("HP", "Hp") else {}), **own}
    if not found["letter"]:
        return {**current, **own}
    turn = MODES.get("min" if found["mode"] == "m" else found["mode"].lower()[:3], 99)
    count = FIFTHS.index(found["letter"]) - 1 + {"#": 7, "b": -7, "": 0}[found["sign"]] + turn
    if abs(count) > 7:
        raise DataError(f"a key has a known mode and at most 7 sharps or flats; got {value!r}.")
    return {**(dict.fromkeys(FIFTHS[:count], 1) if count > 0 else dict.fromkeys(FIFTHS[::-1][:-count], -1)), **own}


def note_length(over: str, slashes: str, under: str) -> Fraction:
    """What follows a note: 2 is twice the unit, / half, // a quarter, 3/2 one and a half (4.3)."""
    parts = int(under) if under else 2 ** len(slashes)
    if (under and len(slashes) != 1) or not parts or not int(over or 1):
        raise DataError(f"a length is such as 2, 3/2, / or //; got {over}{slashes}{under}.")
    return Fraction(int(over or 1), parts)


def fraction(text: str) -> Fraction:
    """1/8, 3/8, or 1. Raises DataError for what is no positive fraction."""
    found = re.fullmatch(r"([1-9]\d{0,3})(?:/([1-9]\d{0,3}))?", text)
    if not found:
        raise DataError(f"a length or beat is a fraction such as 1/8; got {text!r}.")
    return Fraction(int(found[1]), int(found[2] or 1))
