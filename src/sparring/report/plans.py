"""Pictures of transport plans: which mass goes where, for points on a line and in the plane."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sparring.errors import InputError
from sparring.files import replaced_file
from sparring.transport import Plan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_plan", "plan_figure"]

FROM, TO, WAY = "#1f7391", "#cc5526", "#8a979e"
MOST_WAYS = 3000  # lines drawn; beyond that the heaviest
FEW = 60  # points on a line up to which every pair is a dot
BINS = 60
ENDINGS = (".png", ".svg", ".pdf")


def draw_plan(plan: Plan, path: Path | str, names: tuple[str, str] = ("x", "y"), pixels: bool = False) -> Path:
    """Write the picture of a plan as .png, .svg or .pdf, whole or not at all. See ``plan_figure``."""
    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{path}: a plan is drawn as {', '.join(ENDINGS)}.")
    figure = plan_figure(plan, names, pixels)
    with replaced_file(path) as partial:
        figure.savefig(partial, format=path.suffix[1:].lower(), dpi=130)
    return path


def plan_figure(plan: Plan, names: tuple[str, str] = ("x", "y"), pixels: bool = False) -> "Figure":
    """A plan between points of one column as its joint distribution, with both marginals at the sides (the lecture's
    picture); between points of two columns as lines from each point of x to where its mass goes.

    pixels: the points are places (row, column) of an image, whose rows go down.
    Raises InputError for points of more columns, and for a plan that was made from a matrix.
    """
    if plan.points is None or plan.points[0].shape[1] > 2:
        columns = "none" if plan.points is None else plan.points[0].shape[1]
        raise InputError(f"plans are drawn for points of one or two columns; here are {columns}.")
    from matplotlib.figure import Figure  # half a second

    figure = Figure(figsize=(6, 6), layout="constrained")
    if plan.points[0].shape[1] == 1:
        _joint(figure, plan, names)
    else:
        _ways(figure, plan, names, pixels)
    return figure


def _joint(figure: "Figure", plan: Plan, names: tuple[str, str]) -> None:
    assert plan.points is not None
    x, y = (points[:, 0] for points in plan.points)
    pairs = plan.coupling.tocoo()
    parts: Any = figure.subplot_mosaic(
        [["above", "."], ["joint", "side"]], width_ratios=(4, 1), height_ratios=(1, 4), sharex=False
    )
    joint, above, side = parts["joint"], parts["above"], parts["side"]
    if max(len(x), len(y)) <= FEW:
        sizes = 300 * pairs.data / pairs.data.max()
        joint.scatter(x[pairs.row], y[pairs.col], s=sizes, color="#1c2228", alpha=0.8, linewidths=0)
        above.vlines(x, 0, plan.coupling.sum(axis=1), color=FROM, linewidth=3)
        side.hlines(y, 0, plan.coupling.sum(axis=0), color=TO, linewidth=3)
    else:
        joint.hist2d(x[pairs.row], y[pairs.col], bins=BINS, weights=pairs.data, cmap="Greys")
        above.hist(x, BINS, weights=plan.coupling.sum(axis=1), color=FROM)
        side.hist(y, BINS, weights=plan.coupling.sum(axis=0), color=TO, orientation="horizontal")
    joint.axline((float(x[0]), float(x[0])), slope=1, color=WAY, linewidth=0.8, linestyle=":")
    joint.set(xlabel=names[0], ylabel=names[1])
    above.set(xlim=joint.get_xlim(), xticks=[], yticks=[])
    side.set(ylim=joint.get_ylim(), xticks=[], yticks=[])
    above.set_title(_title(plan), loc="left", fontsize=10)
    for axis in (above, side):
        axis.spines[:].set_visible(False)


def _ways(figure: "Figure", plan: Plan, names: tuple[str, str], pixels: bool) -> None:
    from matplotlib.collections import LineCollection

    assert plan.points is not None
    x, y = (points[:, ::-1] if pixels else points for points in plan.points)
    pairs = plan.coupling.tocoo()
    heaviest = np.argsort(pairs.data)[::-1][:MOST_WAYS]
    heaviest = heaviest[pairs.data[heaviest] > 0]
    strength = pairs.data[heaviest] / pairs.data.max()
    lines = np.stack([x[pairs.row[heaviest]], y[pairs.col[heaviest]]], axis=1)
    axis = figure.add_subplot()
    axis.add_collection(LineCollection(list(lines), colors=WAY, linewidths=0.3 + 1.2 * strength, alpha=0.7, zorder=1))
    for points, weights, colour, name in (
        (x, plan.coupling.sum(axis=1), FROM, names[0]), (y, plan.coupling.sum(axis=0), TO, names[1]),
    ):  # fmt: skip
        largest = 60 if len(points) <= 200 else 16
        sizes = largest * weights / weights.max()
        axis.scatter(*points.T, s=sizes, color=colour, label=name, linewidths=0, alpha=0.85, zorder=2)
    axis.set_aspect("equal", adjustable="datalim")
    if pixels:
        axis.invert_yaxis()
    axis.spines[["top", "right"]].set_visible(False)
    shown = "" if len(heaviest) == np.count_nonzero(pairs.data) else f"; the {MOST_WAYS:,} heaviest ways"
    axis.set_title(_title(plan) + shown, loc="left", fontsize=10)
    figure.legend(loc="outside lower center", frameon=False, ncols=2)


def _title(plan: Plan) -> str:
    return f"W{plan.power:g} = {plan.cost ** (1 / plan.power):.4g}"
