"""The report's drawings, as inline SVG. Colours are CSS variables of the page, so light and dark both work.

Every function takes numbers and gives markup; every text in it is escaped.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from sparring.report.axes import Axis, Limits, dots_of, limits, path_of, rules_of, svg_of, text_at
from sparring.report.words import number

__all__ = [
    "MANY",
    "PLOT",
    "Axis",
    "Drawing",
    "Line",
    "agreement",
    "curves",
    "floor_bar",
    "histogram",
    "limits",
    "scatter",
]

WIDTH, HEIGHT = 460, 210
LEFT, RIGHT, TOP, BOTTOM = 48, 20, 10, 26
PLOT = WIDTH - LEFT - RIGHT  # units between the first and the last step
SQUARE = 400
MANY = 1000  # rows above which a curve is drawn as means over bins
BINS = 250


@dataclass(frozen=True)
class Line:
    """A curve: one value a step. colour: a CSS variable's name without its dashes."""

    label: str
    steps: np.ndarray
    values: np.ndarray
    colour: str
    dashed: bool = False


@dataclass(frozen=True)
class Drawing:
    """An SVG, and what a reader must know to read it rightly."""

    svg: Markup
    notes: tuple[str, ...] = ()


# -- curves over steps


def _binned(line: Line, log: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(steps, means, lowest, highest) over BINS stretches of rows; what is not finite is left out."""
    rows = []
    for part in np.array_split(np.arange(len(line.steps)), BINS):
        values = line.values[part]
        values = values[np.isfinite(values) & ((values > 0) | (not log))]
        seen = (values.mean(), values.min(), values.max()) if len(values) else (np.nan,) * 3
        rows.append((line.steps[part].mean(), *seen))
    steps, means, lowest, highest = np.array(rows, float).T
    return steps, means, lowest, highest


def _band(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> str:
    """The area between two curves, in as many pieces as it has gaps."""
    parts = []
    ok = np.isfinite(low) & np.isfinite(high)
    for piece in np.split(np.arange(len(x)), np.flatnonzero(np.diff(ok.astype(int))) + 1):
        if ok[piece].all() and len(piece) > 1:
            there = [f"{px:.1f} {py:.1f}" for px, py in zip(x[piece], high[piece], strict=True)]
            back = [f"{px:.1f} {py:.1f}" for px, py in zip(x[piece][::-1], low[piece][::-1], strict=True)]
            parts.append("M" + " ".join(there + back) + "z")
    return "".join(parts)


def _curve(line: Line, x: Axis, y: Axis) -> str:
    style = f'style="--line:var(--{line.colour})"'
    kind = "curve dashed" if line.dashed else "curve"
    if len(line.steps) <= MANY:
        drawn = path_of(x(line.steps), y(line.values))
        return f'<path class="{kind}" {style} d="{drawn}"/>' if drawn else ""
    steps, means, lowest, highest = _binned(line, y.log)
    band = f'<path class="band" {style} d="{_band(x(steps), y(lowest), y(highest))}"/>'
    return band + f'<path class="{kind}" {style} d="{path_of(x(steps), y(means))}"/>'


def _notes(lines: Sequence[Line], y: Axis) -> tuple[tuple[str, ...], float | None]:
    """What the frame does not show, and the first step at which a value is not finite."""
    values = np.concatenate([line.values for line in lines])
    steps = np.concatenate([line.steps for line in lines])
    finite, notes = np.isfinite(values), []
    outside = int((finite & ((values < y.low) | (values > y.high)) & ((values > 0) | (not y.log))).sum())
    if outside:
        notes.append(f"{outside:,} of {len(values):,} values lie outside the frame (lowest "
                     f"{number(values[finite].min())}, highest {number(values[finite].max())}).")  # fmt: skip
    if y.log and (hidden := int((finite & (values <= 0)).sum())):
        notes.append(f"{hidden:,} values are zero or less, which a logarithmic scale cannot show.")
    bad = steps[~finite]
    if len(bad):
        notes.append(f"{len(bad):,} values are not finite, the first at step {number(bad.min())}.")
    return tuple(notes), float(bad.min()) if len(bad) else None


def curves(
    lines: Sequence[Line], last_step: float, label: str, log: bool = False, chosen: float | None = None
) -> Drawing:
    """Curves over the steps of training, on one pair of axes.

    lines: at least one. last_step: the right end of the horizontal axis. label: what it shows, for
    readers who cannot see it. chosen: a step to be marked, whose weights were kept. Values that are
    not finite break the curve, and are marked and noted.
    """
    values = np.concatenate([line.values for line in lines])
    x = Axis(0.0, max(last_step, 1.0), LEFT, WIDTH - RIGHT)
    y = Axis(*limits(values, log), HEIGHT - BOTTOM, TOP, log)
    notes, broken = _notes(lines, y)
    parts = rules_of(x, y)
    if broken is not None:
        parts.append(f'<path class="broken" d="M{float(x(broken)):.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
    if chosen is not None:
        at = float(x(chosen))
        side, room = ("end", -5) if at > (x.start + x.end) / 2 else ("start", 5)
        parts.append(f'<path class="chosen" d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        parts.append(text_at(at + room, TOP + 10, "chosen", side, ' class="name"'))
    parts.append(f'<path class="cursor" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}"/>')
    parts.append(f'<svg x="{LEFT}" y="{TOP}" width="{PLOT}" height="{HEIGHT - TOP - BOTTOM}" '
                 f'viewBox="{LEFT} {TOP} {PLOT} {HEIGHT - TOP - BOTTOM}">')  # fmt: skip
    parts += [_curve(line, x, y) for line in lines]
    return Drawing(svg_of(WIDTH, HEIGHT, label, [*parts, "</svg>"], "curves"), notes)


# -- tables of samples


def _common(real: np.ndarray | None, frames: Sequence[np.ndarray]) -> Limits:
    """A range for one column: all real values, and the last samples as far as they are not far away."""
    last = frames[-1] if frames else np.empty(0)
    real = np.empty(0) if real is None else real[np.isfinite(real)]
    if not len(real):
        return limits(last)
    low, high = float(real.min()), float(real.max())
    width = high - low or 1.0
    last = last[np.isfinite(last)]
    if len(last):
        inner_low, inner_high = (float(value) for value in np.quantile(last, (0.01, 0.99)))
        low, high = max(min(low, inner_low), low - width / 2), min(max(high, inner_high), high + width / 2)
    return low - 0.05 * width, high + 0.05 * width


def _square(x: Axis, y: Axis, names: tuple[str, str], marks: Sequence[str], label: str) -> Markup:
    middle = (SQUARE - BOTTOM - 16 + TOP) / 2
    parts = rules_of(x, y, 4, 4, upright=True)
    parts.append(text_at((x.start + x.end) / 2, SQUARE - 3, names[0], extra=' class="name"'))
    turned = f' class="name" transform="rotate(-90 12 {middle:g})"'
    parts.append(text_at(12, middle, names[1], extra=turned))
    inner = f'x="{x.start:g}" y="{y.end:g}" width="{x.end - x.start:g}" height="{y.start - y.end:g}"'
    box = f'viewBox="{x.start:g} {y.end:g} {x.end - x.start:g} {y.start - y.end:g}"'
    return svg_of(SQUARE, SQUARE, label, [*parts, f"<svg {inner} {box}>", *marks, "</svg>"], "square")


def _axes(x: Limits, y: Limits) -> tuple[Axis, Axis]:
    return Axis(*x, LEFT + 14, SQUARE - RIGHT), Axis(*y, SQUARE - BOTTOM - 16, TOP)


def _frames(marks: Sequence[str], kind: str) -> list[str]:
    """The generated samples of every step; the page's slider shows one. Without it, the last is shown."""
    shown = ["frame"] * (len(marks) - 1) + ["frame shown"] * bool(marks)
    return [f'<path class="{state} {kind}" d="{mark}"/>' for state, mark in zip(shown, marks, strict=True)]


def scatter(
    real: np.ndarray | None, frames: Sequence[np.ndarray], names: tuple[str, str], behind: bool = False
) -> tuple[Drawing, Drawing | None]:
    """Two columns against each other: the samples of every step before the real data, and the real data alone.

    real: (n, 2) or None; frames: a list of (n, 2), oldest first.
    """
    columns = [_common(None if real is None else real[:, i], [part[:, i] for part in frames]) for i in (0, 1)]
    x, y = _axes(*columns)
    marks = _frames([dots_of(x(part[:, 0]), y(part[:, 1])) for part in frames], "dots fake")
    below = [] if real is None else [f'<path class="dots real" d="{dots_of(x(real[:, 0]), y(real[:, 1]))}"/>']
    back = [] if real is None else [f'<path class="dots behind" d="{dots_of(x(real[:, 0]), y(real[:, 1]))}"/>']
    notes = _outside(frames[-1], columns) if frames else ()
    made = Drawing(_square(x, y, names, back + marks, "Generated samples before real data"), notes)
    return made, None if real is None else Drawing(_square(x, y, names, below, "Real data"))


def _outside(last: np.ndarray, columns: Sequence[Limits]) -> tuple[str, ...]:
    low, high = np.array(columns).T
    count = int((~((last >= low) & (last <= high)).all(axis=1)).sum())
    return (f"{count:,} of the {len(last):,} newest samples lie outside the frame.",) if count else ()


def agreement(pairs: Sequence[tuple[float, float]]) -> Markup:
    """Answers (upright) against true values (across); on the thin line they agree."""
    points = np.array(pairs, float)
    both = limits(points.ravel())
    x, y = _axes(both, both)
    ends = [f"{float(axis(value)):.1f}" for value in both for axis in (x, y)]
    line = f'<path class="rule zero" d="M{ends[0]} {ends[1]}L{ends[2]} {ends[3]}"/>'
    dots = f'<path class="dots real" d="{dots_of(x(points[:, 0]), y(points[:, 1]))}"/>'
    return _square(x, y, ("true value", "answer"), [line, dots], "Answers against true values")


def _stairs(counts: np.ndarray, edges: np.ndarray, x: Axis, y: Axis) -> str:
    tops = "".join(
        f"V{float(y(count)):.1f}H{float(x(edge)):.1f}" for count, edge in zip(counts, edges[1:], strict=True)
    )
    return f"M{x.start:.1f} {y.start:.1f}{tops}V{y.start:.1f}"


def histogram(real: np.ndarray | None, frames: Sequence[np.ndarray], name: str) -> tuple[Drawing, Drawing | None]:
    """One column: shares of the samples of every step, before the real data's; and the real data's alone.

    real: (n,) or None; frames: a list of (n,), oldest first.
    """
    column = _common(real, frames)
    edges = np.linspace(*column, 41)
    every = [*frames] if real is None else [*frames, real]
    shares = [np.histogram(part[np.isfinite(part)], edges)[0] / max(len(part), 1) for part in every]
    tallest = max([float(share.max()) for share in (shares[-2:])], default=0.0) or 1.0
    x, y = _axes(column, (0.0, 1.15 * tallest))
    stairs = [_stairs(share, edges, x, y) for share in shares]
    names = (name, "share of samples")
    marks = _frames(stairs[: len(frames)], "stairs fake")
    back = [] if real is None else [f'<path class="stairs behind" d="{stairs[-1]}"/>']
    notes = _outside(frames[-1][:, None], [column]) if frames else ()
    made = Drawing(_square(x, y, names, back + marks, "Generated samples before real data"), notes)
    if real is None:
        return made, None
    alone = [f'<path class="stairs real" d="{stairs[-1]}"/>']
    return made, Drawing(_square(x, y, names, alone, "Real data"))


# -- the verdict


def floor_bar(value: float | None, floor: float | None, interval: Limits | None, grade: str | None) -> Markup:
    """A bar for a value, a tick for its floor and a whisker for its interval (in the value's unit)."""
    known = [number for number in (value, floor, *(interval or ())) if number is not None and math.isfinite(number)]
    if value is None or not math.isfinite(value) or not known:
        return Markup("")
    low, high = min(0.0, *known), max(0.0, *known)
    x = Axis(low, high if high > low else low + 1, 2, 138)
    zero, end = float(x(0)), float(x(value))
    colour = grade if grade in ("good", "fair", "poor") else "soft"
    parts = [
        '<path class="track" d="M2 12H138"/>',
        f'<path class="bar" style="--line:var(--{colour})" d="M{zero:.1f} 12H{end:.1f}"/>',
    ]
    if interval is not None and all(math.isfinite(side) for side in interval):
        start, stop = (float(x(side)) for side in interval)
        parts.append(f'<path class="whisker" d="M{start:.1f} 12H{stop:.1f}M{start:.1f} 9v6M{stop:.1f} 9v6"/>')
    if floor is not None and math.isfinite(floor):
        parts.append(f'<path class="floor" d="M{float(x(floor)):.1f} 3v18"/>')
    return svg_of(140, 24, f"value {number(value)}, floor {number(floor)}", parts, "against")
