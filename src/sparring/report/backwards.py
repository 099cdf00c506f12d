"""The curve of delta back in time: how much of it reaches a sequence's early steps, at the first look and the last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparring.report.axes import Axis, levels_of, limits, path_of, svg_of, text_at
from sparring.report.figures import Drawing
from sparring.report.words import finite, number

__all__ = ["TIME_DELTA", "Look", "looks_back", "time_curves"]

TIME_DELTA = "time_delta"
WIDTH, HEIGHT = 460, 230
LEFT, RIGHT, TOP, BOTTOM = 48, 20, 10, 44


@dataclass(frozen=True)
class Look:
    """Delta as it was at a step of training. back: steps back from the end, rising, such as 0, 1, 2, 4; sizes: there.

    >>> Look(50, np.array([0, 1, 2]), np.array([0.8, 0.2, 0.1])).said
    '× 0.125 over 2 steps'
    """

    step: int
    back: np.ndarray
    sizes: np.ndarray

    @property
    def said(self) -> str:
        """Which part of delta is there at the earliest step; "" if the end has none itself."""
        if len(self.back) < 2 or not self.sizes[0] > 0 or not np.isfinite(self.sizes[-1]):
            return ""
        left = float(self.sizes[-1] / self.sizes[0])
        return f"× {number(left)} over {int(self.back[-1]):,} steps"


def looks_back(rows: Sequence[Mapping[str, Any]]) -> list[Look]:
    """The first and the last look among a run's rows, whose keys are "back K/time_delta"; one of them, or none."""
    found = [(row, _sizes(row)) for row in rows]
    found = [(row, sizes) for row, sizes in found if sizes and finite(row.get("step")) is not None]
    chosen = [found[0], found[-1]] if len(found) > 1 else found
    return [Look(int(row["step"]), *np.array(sorted(sizes.items()), float).T) for row, sizes in chosen]


def _sizes(row: Mapping[str, Any]) -> dict[int, float]:
    sizes = {}
    for key, value in row.items():
        where, _, quantity = key.rpartition("/")
        back = where.removeprefix("back ")
        if quantity == TIME_DELTA and back.isdecimal() and isinstance(value, int | float):
            sizes[int(back)] = float(value)
    return sizes


def time_curves(looks: Sequence[Look]) -> Drawing:
    """The curves of at least one look, the last drawn full, others dashed.

    Across are the steps back on a logarithmic scale, on which 0 stands as far before 1 as 1 before 2; so an exponential
    fall bends down, and a power's fall is straight from 1 on.
    """
    most = max(float(look.back[-1]) for look in looks)
    x = Axis(0.0, max(float(_place(most)), 1.0), LEFT + 8, WIDTH - RIGHT - 8)
    values = np.concatenate([look.sizes for look in looks])
    y = Axis(*limits(values, True), HEIGHT - BOTTOM, TOP, True)
    frame = Axis(0.0, 1.0, LEFT, WIDTH - RIGHT)
    parts = levels_of(frame, y)
    parts += [text_at(float(x(_place(k))), HEIGHT - BOTTOM + 17, number(k)) for k in _ticks(looks)]
    parts.append(text_at((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "steps back from the end", extra=' class="name"'))
    for i, look in enumerate(looks):
        drawn = path_of(x(_place(look.back)), y(look.sizes))
        last = i + 1 == len(looks)
        kind, colour = ("curve", "c0") if last else ("curve dashed", "c1")
        if drawn:
            parts.append(f'<path class="{kind}" style="--line:var(--{colour})" d="{drawn}"/>')
    return Drawing(svg_of(WIDTH, HEIGHT, _label(looks), parts, "curves"), _notes(looks))


def _place(back: np.ndarray | float) -> np.ndarray:
    """0 at 0, 1 at 1, and every doubling one further."""
    steps = np.asarray(back, float)
    return np.where(steps > 0, 1 + np.log2(np.maximum(steps, 1)), 0.0)


def _ticks(looks: Sequence[Look]) -> list[float]:
    """Every measured step back, or every second where they would touch."""
    every = np.unique(np.concatenate([look.back for look in looks]))
    return [float(k) for k in (every if len(every) <= 10 else every[::2])]


def _label(looks: Sequence[Look]) -> str:
    said = "; ".join(f"at step {look.step:,} {look.said}" for look in looks)
    return f"Size of delta against steps back from the end: {said}"


def _notes(looks: Sequence[Look]) -> tuple[str, ...]:
    notes = []
    for look in looks:
        hidden = look.back[look.sizes <= 0]
        if len(hidden):
            where = ", ".join(number(k) for k in hidden)
            notes.append(f"At step {look.step:,} it is zero {where} steps back, which the scale cannot show.")
        if not np.isfinite(look.sizes).all():
            notes.append(f"At step {look.step:,} it is not finite everywhere.")
    return tuple(notes)
