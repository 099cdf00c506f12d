"""What ``sparring distance`` does."""

import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.cli.display import Display
from sparring.data.image import is_image, read_grey
from sparring.data.source import BUILT_IN, existing, read_points
from sparring.errors import DataError, InputError, ShapeError
from sparring.transport import Plan, against_floor, bootstrap, grey_mass, sliced, solve

__all__ = ["measure"]

UNEVEN = 20.0  # a column that spreads so many times wider than another decides alone


class _Side(NamedTuple):
    """Points (n, ...), or places with shares."""

    points: NDArray[Any]
    shares: NDArray[Any] | None
    names: tuple[str, ...]


def measure(first: str, second: str, chosen: dict[str, Any], as_json: bool) -> None:
    """Measure the distance between two data sets and print it with its certificate."""
    display = Display(as_json=as_json)
    x, y = (_side(data, chosen) for data in (first, second))
    x, y = _alike(first, second, x, y)
    if chosen["standardise"]:
        x, y = _standardised(x, y)
    else:
        _warn_of_units(x, display)
    _refuse(x, chosen)
    state: dict[str, Any] = {"first": first, "second": second, "points": [len(x.points), len(y.points)]}
    state |= {"p": chosen["p"], "metric": chosen["metric"]}
    how = {"metric": chosen["metric"], "p": chosen["p"]}
    if chosen["sliced"] is not None:
        found = sliced(
            x.points, y.points, x.shares, y.shares, projections=chosen["sliced"], p=chosen["p"],
            random_state=chosen["seed"],
        )  # fmt: skip
        state |= {"sliced": found.value, "standard_error": found.error}
    elif chosen["samples"] is None:
        state |= _exact(x, y, first, second, chosen)
    if chosen["floor"] or chosen["samples"] is not None:
        beside = against_floor(x.points, y.points, samples=chosen["samples"], random_state=chosen["seed"], **how)
        state["beside_floor"] = {
            "value": beside.value, "floor": beside.floor, "ratio": beside.ratio, "interval": beside.interval,
            "samples": beside.samples, "draws": beside.draws,
        }  # fmt: skip
    if chosen["interval"]:
        state["interval"] = bootstrap(x.points, y.points, random_state=chosen["seed"], **how)
    display.result(state, lambda: display.lines(_lines(state)))


def _exact(x: _Side, y: _Side, first: str, second: str, chosen: dict[str, Any]) -> dict[str, Any]:
    began = time.perf_counter()
    plan: Plan = solve(
        x.points, y.points, x.shares, y.shares, metric=chosen["metric"], p=chosen["p"], method=chosen["method"]
    )
    found = {
        "distance": plan.cost ** (1 / chosen["p"]), "cost": plan.cost, "gap": plan.gap, "certified": plan.certified,
        "pairs": int(np.count_nonzero(plan.coupling.data)), "seconds": round(time.perf_counter() - began, 3),
    }  # fmt: skip
    if chosen["plot"] is not None:
        from sparring.report.plans import draw_plan

        names = Path(first).name, Path(second).name
        found["plot"] = str(draw_plan(plan, chosen["plot"], names, pixels=x.shares is not None))
    return found


def _lines(state: dict[str, Any]) -> list[str]:
    n, m = state["points"]
    what = f"{n:,} points against {m:,}"
    lines = []
    if "sliced" in state:
        error = state["standard_error"]
        lines.append(f"sliced W{state['p']:g} = {state['sliced']:.6g} ± {error:.2g} (standard error; {what})")
    if "distance" in state:
        lines.append(
            f"W{state['p']:g} = {state['distance']:.10g} ({what}, {state['metric']}, {state['seconds']:.2f} s)"
        )
        lines.append(
            f"proven: no plan is cheaper by more than {max(state['gap'], 0.0):.1e} of {state['cost']:.6g}; "
            f"the plan uses {state['pairs']:,} pairs"
        )
    if "interval" in state:
        low, high = state["interval"]
        lines.append(f"95 % interval over new samples of this size: {low:.6g} to {high:.6g}")
    if "beside_floor" in state:
        lines += _beside(state["beside_floor"])
    if "plot" in state:
        lines.append(f"plan drawn in {state['plot']}")
    return lines


def _beside(found: dict[str, Any]) -> list[str]:
    size = f"{found['draws']} draws of {found['samples']:,} points"
    lines = [f"beside its floor: {found['value']:.6g} against {found['floor']:.6g} between parts of the first ({size})"]
    if found["ratio"] is None:
        return lines
    within = ""
    if found["interval"]:
        low, high = found["interval"]
        within = f" (95 % interval {low:.3f} to {high:.3f})"
        lines.append("the two differ by more than chance" if low > 1 else "chance alone could explain the difference")
    lines.insert(1, f"ratio {found['ratio']:.3f}{within}")
    return lines


# -- reading


def _side(data: str, chosen: dict[str, Any]) -> _Side:
    path = Path(data) if data in BUILT_IN else existing(data)
    if is_image(path):
        places, shares = grey_mass(read_grey(path, chosen["image_size"]))
        return _Side(places, shares, ("row", "column"))
    try:
        values = read_points(data, chosen["image_size"], chosen["columns"])
    except DataError as error:
        if ", column " in str(error) and not chosen["columns"]:
            raise DataError(f"{error} Or choose the columns of numbers by --columns.") from None
        raise
    if chosen["mass"]:
        places, shares = grey_mass(np.squeeze(np.asarray(values, np.float64)))
        return _Side(places, shares, ())
    names = tuple(map(str, values.columns)) if isinstance(values, pd.DataFrame) else ()
    return _Side(np.asarray(values), None, names)


def _alike(first: str, second: str, x: _Side, y: _Side) -> tuple[_Side, _Side]:
    """Both as points of one kind; columns that both name are matched by their names."""
    if (x.shares is None) != (y.shares is None):
        picture, other = (second, first) if x.shares is None else (first, second)
        raise InputError(
            f"{picture} is one picture, a distribution of grey, but {other} is a set of points; "
            "give two pictures, or two sets."
        )
    if x.shares is None and x.names and y.names and x.names != y.names:
        if set(x.names) != set(y.names):
            only = sorted(set(x.names) ^ set(y.names))
            raise DataError(
                f"{first} and {second} have different columns ({', '.join(only[:5])}); choose common ones by --columns."
            )
        y = y._replace(points=y.points[:, [y.names.index(name) for name in x.names]])
    if x.points.shape[1:] != y.points.shape[1:]:
        raise ShapeError(
            f"{first} holds points of the shape {x.points.shape[1:]} and {second} of {y.points.shape[1:]}; "
            "one shape is needed. For folders of images choose --image-size."
        )
    return x, y


def _standardised(x: _Side, y: _Side) -> tuple[_Side, _Side]:
    """Both in standard deviations of the first's columns; a constant column keeps its unit."""
    if x.shares is not None or x.points.ndim != 2:
        raise InputError("--standardise is for tables; pictures have one unit already.")
    spread = x.points.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    return x._replace(points=x.points / spread), y._replace(points=y.points / spread)


def _warn_of_units(x: _Side, display: Display) -> None:
    if x.shares is not None or x.points.ndim != 2 or x.points.shape[1] < 2:
        return
    spread = x.points.std(axis=0)
    spread = spread[spread > 0]
    if len(spread) and spread.max() > UNEVEN * spread.min():
        display.say(
            f"one column spreads {spread.max() / spread.min():,.0f} times wider than another and decides nearly alone; "
            "--standardise gives each the same say"
        )


def _refuse(x: _Side, chosen: dict[str, Any]) -> None:
    """What does not go together, before anything is measured."""
    subsampled = chosen["floor"] or chosen["interval"] or chosen["samples"] is not None
    if x.shares is not None and subsampled:
        raise InputError("--floor, --interval and --samples need sets of points; these are single distributions.")
    if chosen["plot"] is not None and (chosen["sliced"] is not None or chosen["samples"] is not None):
        raise InputError("--plot needs an exact plan; leave --sliced and --samples out.")
    if chosen["plot"] is not None and (x.points.ndim > 2 or x.points.shape[1] > 2):
        raise InputError("--plot draws points of one or two columns; choose some by --columns.")
    if chosen["sliced"] is not None and chosen["metric"] != "euclidean":
        raise InputError("--sliced is for the metric euclidean.")
