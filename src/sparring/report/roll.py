"""A piano roll as a drawing: keys upwards, time to the right."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from sparring.report.axes import Axis, svg_of, text_at
from sparring.report.words import number

__all__ = ["key_name", "roll_drawn", "roll_range"]

WIDTH, HEIGHT = 520, 210
LEFT, RIGHT, TOP, BOTTOM = 40, 10, 8, 34
NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
BLACK = (1, 3, 6, 8, 10)
OCTAVE = 12
Frames = NDArray[np.bool_]


def key_name(note: int) -> str:
    """A MIDI note's name.

    >>> key_name(60), key_name(21), key_name(70)
    ('C4', 'A0', 'A♯4')
    """
    return f"{NAMES[note % OCTAVE]}{note // OCTAVE - 1}"


def roll_range(rolls: Sequence[Frames]) -> tuple[int, int]:
    """The first key and the one after the last that sound in any of some rolls (t, keys): an octave at least.

    >>> roll_range([np.eye(88, dtype=bool)[40:43]])
    (35, 48)
    """
    keys = max((roll.shape[1] for roll in rolls), default=OCTAVE)
    sounding = [key for roll in rolls for key in np.flatnonzero(roll.any(0)).tolist()]
    low, high = (min(sounding) - 1, max(sounding) + 2) if sounding else (keys // 2, keys // 2)
    short = max(OCTAVE + 1 - (high - low), 0)
    return max(low - short // 2, 0), min(high + short - short // 2, keys)


def roll_drawn(roll: Frames, label: str, lowest: int, keys: tuple[int, int], frames: int, kind: str) -> Markup:
    """A roll (t, keys) on a scale that several can share.

    lowest: the MIDI note of key 0. keys: the first and the one after the last that are drawn. frames: how long the
    scale is. kind: "real" or "fake". A note is a stretch of frames in which its key sounds.
    """
    x = Axis(0.0, float(max(frames, 1)), LEFT, WIDTH - RIGHT)
    y = Axis(float(keys[0]), float(keys[1]), HEIGHT - BOTTOM, TOP)
    tall = abs(float(y(1.0)) - float(y(0.0)))
    parts = [*_keys(x, y, lowest, keys, tall), *_times(x, y)]
    notes = "".join(_notes(roll[:frames], x, y, keys, tall))
    parts.append(f'<path class="notes {kind}" d="{notes}"/>')
    return svg_of(WIDTH, HEIGHT, label, parts, "roll")


def _keys(x: Axis, y: Axis, lowest: int, keys: tuple[int, int], tall: float) -> list[str]:
    """A band behind each black key, a line below each C with its name."""
    black = [key for key in range(*keys) if (lowest + key) % OCTAVE in BLACK]
    bands = "".join(f"M{x.start:g} {float(y(key + 1)):.1f}H{x.end:g}v{tall:.2f}H{x.start:g}z" for key in black)
    parts = [f'<path class="black" d="{bands}"/>']
    for key in range(*keys):
        if (lowest + key) % OCTAVE == 0:
            at = float(y(key))
            parts.append(f'<path class="rule" d="M{x.start:g} {at:.1f}H{x.end:g}"/>')
            parts.append(text_at(x.start - 7, at - tall / 2 + 4, key_name(lowest + key), "end"))
    return parts


def _times(x: Axis, y: Axis) -> list[str]:
    parts = []
    for frame in x.ticks(6):
        if float(frame).is_integer():
            at = float(x(frame))
            parts.append(f'<path class="rule" d="M{at:.1f} {y.start:g}V{y.end:g}"/>')
            parts.append(text_at(at, y.start + 16, number(frame)))
    return [*parts, text_at(x.end, y.start + 30, "frames", "end")]


def _notes(roll: Frames, x: Axis, y: Axis, keys: tuple[int, int], tall: float) -> list[str]:
    edges = np.diff(np.pad(roll.astype(np.int8), ((1, 1), (0, 0))), axis=0).T
    starts, stops = (np.argwhere(edges == sign).tolist() for sign in (1, -1))  # by key, in time
    return [
        f"M{float(x(start)):.1f} {float(y(key + 1)):.1f}H{float(x(stop)) - 0.8:.1f}v{tall:.2f}H{float(x(start)):.1f}z"
        for (key, start), (_, stop) in zip(starts, stops, strict=True)
        if keys[0] <= key < keys[1]
    ]
