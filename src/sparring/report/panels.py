"""The report's curves: a panel for every group of quantities that a run's rows hold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from markupsafe import Markup

from sparring.metrics import Metric, metric
from sparring.report.backwards import TIME_DELTA, looks_back, time_curves
from sparring.report.figures import Line, curves
from sparring.report.words import finite, number

__all__ = ["Panel", "panels"]

# title, the quantities it holds, whether its scale is logarithmic
PANELS: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("Scores", ("real_score", "fake_score"), False),
    ("Training and validation error", ("error",), False),
    ("Score on validation rows", ("score",), False),
    ("Samples beside real rows", ("w1", "coverage", "recall"), False),
    ("Variety of the samples", ("dispersion", "missed", "duplicates", "nearer"), False),
    ("How well the critic tells real from generated", ("auc", "memory", "accuracy"), False),
    ("How far what comes back has strayed", ("cycle", "identity"), True),
    ("Translations and rows", ("moved", "returned", "hidden"), False),
    ("What the critics say against the fakes", ("adversarial",), False),
    ("Size of delta, layer by layer", ("delta",), True),
    ("Size of delta through time", (TIME_DELTA,), True),
    ("Dead units, layer by layer", ("dead",), False),
    ("Losses", ("loss",), False),
    ("Objectives", ("objective",), False),
    ("Gradient norms", ("gradient",), True),
    ("Penalties", ("r1", "r2", "one_centred"), False),
    ("Penalty on the weights", ("penalty",), False),
    ("Learning rates", ("rate",), False),
)
CLOSER: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("Pull of the layers", ("pull",), True),
    ("What steps before the end hear", ("heard",), True),
    ("Gradient norms, layer by layer", ("layer_gradient",), True),
    ("Updates over weights", ("update",), True),
    ("Jumps of the gradient from step to step", ("jumps",), False),
    ("Critic's slope at samples", ("slope",), True),
    ("Critic's estimate of Wasserstein-1", ("estimate",), False),
    ("Scores of the critic", ("score_size", "score_spread"), True),
    ("Largest singular values, layer by layer", ("singular",), True),
)
"""Panels for those who look closer, in a part of their own."""
LABELS = {
    "real_score": "real",
    "fake_score": "generated",
    "r1": "R1",
    "r2": "R2",
    "one_centred": "one-centred",
    "w1": "W1",
    "auc": "AUC",
    "score_size": "largest score",
    "score_spread": "spread of scores",
}
OWN_COLOURS = {"real_score": "real", "fake_score": "fake"}
COLOURS = ("c0", "c1", "c2", "c3", "c4", "c5")
UNDRAWN = ("epoch",)  # quantities that say where a row stands
TABLED = "restart"  # a player whose figures stand in a table


@dataclass(frozen=True)
class Panel:
    """A drawing of curves with its words. legend: (label, colour, dashed, newest value)."""

    title: str
    unit: str
    legend: tuple[tuple[str, str, bool, str], ...]
    svg: Markup
    notes: tuple[str, ...]
    metrics: tuple[tuple[str, Metric], ...]
    log: bool
    closer: bool = False


def _series(rows: Iterable[Mapping[str, Any]]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(steps, values) of every key that holds numbers, in the order of their first appearance."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        step = finite(row.get("step"))
        for key, value in row.items():
            if key != "step" and step is not None and isinstance(value, int | float):
                found.setdefault(key, []).append((step, float(value)))
    made = {key: np.array(pairs, float).T for key, pairs in found.items()}
    return {key: (pair[0], pair[1]) for key, pair in made.items()}


def _parts(key: str) -> tuple[str, str]:
    """(player, quantity) of a key; the player is "" where there is none."""
    player, _, quantity = key.rpartition("/")
    return player, quantity


def _layer(player: str) -> tuple[str, int | None]:
    """A player's network and its layer, if it is one: ("critic", 2) of "critic layer 2"."""
    network, _, number = player.rpartition(" layer ")
    return (network, int(number)) if network and number.isdigit() else (player, None)


def panels(rows: list[dict[str, Any]], last: int, chosen: float | None) -> list[Panel]:
    """A panel for every group of quantities that the rows hold; a quantity of no group has its own."""
    found = _series(rows).items()
    series = {key: pair for key, pair in found if _parts(key)[1] not in UNDRAWN and _parts(key)[0] != TABLED}
    players = list(dict.fromkeys(_parts(key)[0] for key in series))
    grouped = {quantity for _, quantities, _ in (*PANELS, *CLOSER) for quantity in quantities}
    others = dict.fromkeys(_parts(key)[1] for key in series if _parts(key)[1] not in grouped)
    wanted = [*PANELS, *((quantity, (quantity,), False) for quantity in others), *CLOSER]
    made = []
    for title, quantities, log in wanted:
        if quantities == (TIME_DELTA,):
            made += _back_in_time(title, rows)
            continue
        keys = [key for key in series if _parts(key)[1] in quantities]
        if keys:
            marked = chosen if {_parts(key)[1] for key in keys} & {"error", "score"} else None
            panel = _panel(title, keys, series, players, log, last, marked)
            made.append(replace(panel, closer=(title, quantities, log) in CLOSER))
    return made


def _panel(
    title: str,
    keys: list[str],
    series: Mapping[str, tuple[np.ndarray, np.ndarray]],
    players: list[str],
    log: bool,
    last: int,
    chosen: float | None = None,
) -> Panel:
    here = list(dict.fromkeys(_parts(key)[0] for key in keys))
    quantities = list(dict.fromkeys(_parts(key)[1] for key in keys))
    lines = []
    for key in keys:
        player, quantity = _parts(key)
        several = len(quantities) > 1
        words = [
            player if len(here) > 1 or not several else "",
            LABELS.get(quantity, quantity) if several else "",
        ]
        network, layer = _layer(player)
        own = quantities.index(quantity) if several else layer or players.index(player)
        colour = OWN_COLOURS.get(quantity, COLOURS[own % len(COLOURS)])
        label = " ".join(word for word in words if word) or quantity
        dashed = network == "generator" if layer is not None else several and here.index(player) % 2 == 1
        lines.append(Line(label, *series[key], colour, dashed))
    lines = _merged(lines)
    known = [(LABELS.get(quantity, quantity), entry) for quantity in quantities if (entry := _metric(quantity))]
    drawing = curves(lines, last, f"{title}: {', '.join(line.label for line in lines)}, over the steps", log, chosen)
    return Panel(
        title=title,
        unit=" · ".join(dict.fromkeys(entry.unit for _, entry in known if entry.unit)),
        legend=tuple((line.label, line.colour, line.dashed, number(line.values[-1])) for line in lines),
        svg=drawing.svg,
        notes=drawing.notes,
        metrics=tuple(known),
        log=log,
    )


def _back_in_time(title: str, rows: list[dict[str, Any]]) -> list[Panel]:
    """Delta against steps back instead of steps of training; none if it was not looked at."""
    looks = looks_back(rows)
    if not looks:
        return []
    names = ("first look", "last look") if len(looks) > 1 else ("only look",)
    marks = (("c1", True), ("c0", False))[-len(looks) :]
    drawing, entry = time_curves(looks), metric(TIME_DELTA)
    legend = [
        (f"{name}, step {look.step:,}", *mark, look.said) for name, mark, look in zip(names, marks, looks, strict=True)
    ]
    return [Panel(title, entry.unit, tuple(legend), drawing.svg, drawing.notes, ((TIME_DELTA, entry),), log=True)]


def _merged(lines: list[Line]) -> list[Line]:
    """Lines that lie on each other as one: otherwise the last would hide the rest."""
    made: list[Line] = []
    for line in lines:
        twin = next((i for i, other in enumerate(made) if _same(line, other)), None)
        if twin is None:
            made.append(line)
        else:
            made[twin] = replace(made[twin], label=f"{made[twin].label} and {line.label}")
    return made


def _same(line: Line, other: Line) -> bool:
    return np.array_equal(line.steps, other.steps) and np.array_equal(line.values, other.values, equal_nan=True)


def _metric(quantity: str) -> Metric | None:
    try:
        return metric(quantity)
    except KeyError:
        return None
