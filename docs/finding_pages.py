"""The numbers and the picture on every finding's page, from the run that the page shows.

python docs/finding_pages.py [NAME ...]

Each page in docs/findings has a run in Python, which makes ``model``, ``found`` and, for a game, ``data``. It is run
here; what was found is written between the marks of the page, and what its line "draw:" names is drawn: measures of the
rows, several on the same axes with commas between, "log" for a logarithmic scale, "points" for samples of a plane.
"""

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from sparring.diagnose.finding import Finding
from sparring.report.words import number

PAGES, PICTURES = Path(__file__).parent / "findings", Path(__file__).parent / "images" / "findings"
REAL, FAKE, HOLDS, INK = "#1f7391", "#cc5526", "#f6d9cc", "#333333"
NUMBERS = re.compile(r"<!-- numbers -->.*?\n\n(?=It is found)", re.DOTALL)


def written(text: str, found: Finding, steps: int) -> str:
    """The page with the numbers of what was found."""
    rows = [f"| `{part.name}` | {number(part.value)} | {part.normal} |" for part in found.evidence]
    table = "\n".join(["| measure | here | healthy |", "| --- | --- | --- |", *rows])
    end = "" if found.until is None else f", and was over at step {found.until:,}"
    when = f"It began at step {found.since:,} of {steps:,}, was certain at step {found.seen:,}{end}."
    made, count = NUMBERS.subn(lambda _: f"<!-- numbers -->\n\n{table}\n\n{when}\n\n", text)
    assert count == 1, "the page has no place for numbers"
    return made


def drawn(plan: str, model: Any, data: Any, found: Finding) -> Figure:
    """The measures over the steps, shaded while the finding holds; and the samples, if they are points."""
    panels = [panel.strip() for panel in plan.split(";")]
    figure = Figure(figsize=(3.3 * len(panels) + 0.3, 2.6), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(panels)))
    for area, panel in zip(axes, panels, strict=True):
        if panel == "points":
            _points(area, data, np.asarray(model.sample(1_000, random_state=0)))
        else:
            _curves(area, model.record_.rows(), panel.removesuffix(" log"), found, panel.endswith(" log"))
    return figure


def _curves(area: Axes, rows: list[dict[str, float]], names: str, found: Finding, log: bool) -> None:
    several = [name.strip() for name in names.split(",")]
    area.axvspan(found.since, found.until or rows[-1]["step"], color=HOLDS, linewidth=0)
    for name, colour in zip(several, (REAL, FAKE), strict=False):
        pairs = [(row["step"], row[name]) for row in rows if name in row and np.isfinite(row[name])]
        area.plot(*np.array(pairs).T, color=colour, linewidth=1.4, label=name)
    if log:
        area.set_yscale("log")
        area.yaxis.set_minor_formatter(NullFormatter())
    else:
        area.ticklabel_format(useOffset=False)
        low, high = area.get_ylim()
        if high - low < 0.1 * high:  # hardly any change: not to be drawn as one
            area.set_ylim(0, 1.15 * high)
    area.set_title(names if len(several) == 1 else several[0].rpartition("/")[2], fontsize=9, color=INK)
    area.set_xlabel("step", fontsize=8)
    area.tick_params(labelsize=7)
    area.spines[["top", "right"]].set_visible(False)
    if len(several) > 1:
        area.legend(fontsize=7, frameon=False)


def _points(area: Axes, data: np.ndarray, samples: np.ndarray) -> None:
    reach = 1.3 * np.abs(data).max()
    inside = samples[(np.abs(samples) <= reach).all(axis=1)]
    away = 1 - len(inside) / len(samples)
    for points, colour, label in ((data[:1_000], REAL, "real"), (inside, FAKE, "generated")):
        area.scatter(*points.T, s=4, color=colour, alpha=0.5, linewidths=0, label=label)
    area.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
    area.set_aspect("equal")
    area.set_title("samples at the end" + (f", {away:.0%} outside" if away > 0 else ""), fontsize=9, color=INK)
    area.legend(fontsize=7, frameon=False, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2, markerscale=2)


def main(names: list[str]) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    for page in sorted(PAGES.glob("*.md")):
        if names and page.stem not in names:
            continue
        text, made = page.read_text(), {}
        code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        plan = re.findall(r"<!-- draw: (.*?) -->", text)
        exec(code[0], made)
        model, found = made["model"], made["found"]
        drawn(plan[0], model, made.get("data"), found).savefig(PICTURES / f"{page.stem}.png", dpi=90)
        page.write_text(written(text, found, int(model.record_.rows()[-1]["step"])))
        print(page.stem, found)


if __name__ == "__main__":
    main(sys.argv[1:])
