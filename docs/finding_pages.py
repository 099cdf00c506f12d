"""The pages and pictures of findings, one for each: an example is played, drawn, and written down with its numbers.

python docs/finding_pages.py [NAME ...]

The words come from the package (``diagnose.modes``), the examples from ``finding_examples.py``; every page's code is
run by the tests, as all code in the documents is.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from finding_examples import EXAMPLES, Example
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sparring.diagnose.finding import Finding
from sparring.diagnose.modes import MODES
from sparring.diagnose.remedies import CURES, REMEDIES
from sparring.report.words import number

PAGES, PICTURES = Path(__file__).parent / "findings", Path(__file__).parent / "images" / "findings"
REAL, FAKE, HOLDS, INK = "#1f7391", "#cc5526", "#f6d9cc", "#333333"
SEVERITIES = {"failure": "A failure", "warning": "A warning"}


# -- the picture


def draw(name: str, example: Example, made: dict[str, Any], found: Finding) -> None:
    """The measures over the steps, shaded while the finding holds; for a game's points, samples beside them."""
    rows, samples = made["rows"], made.get("samples")
    panels = len(example.measures) + (samples is not None)
    figure = Figure(figsize=(3.3 * panels + 0.3, 2.6), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, panels))
    for area, measure in zip(axes, example.measures, strict=False):
        _curve(area, rows, measure, found, log=measure in example.log)
    if samples is not None:
        _points(axes[-1], made["data"], samples)
    PICTURES.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURES / f"{name}.png", dpi=90)


def _curve(area: Axes, rows: list[dict[str, float]], measure: str, found: Finding, log: bool) -> None:
    last = rows[-1]["step"]
    area.axvspan(found.since, found.until or last, color=HOLDS, linewidth=0)
    for i, name in enumerate(part.strip() for part in measure.split(",")):
        pairs = [(row["step"], row[name]) for row in rows if name in row and np.isfinite(row[name])]
        area.plot(*np.array(pairs).T, color=(REAL, FAKE)[i % 2], linewidth=1.4, label=name)
    if "," in measure:
        area.legend(fontsize=7, frameon=False)
    if log:
        area.set_yscale("log")
    area.set_title(measure if "," not in measure else measure.rpartition("/")[2], fontsize=9, color=INK)
    area.set_xlabel("step", fontsize=8)
    area.tick_params(labelsize=7)
    area.spines[["top", "right"]].set_visible(False)


def _points(area: Axes, data: np.ndarray, samples: np.ndarray) -> None:
    some = data[:1_000]
    reach = 1.3 * np.abs(some).max()
    area.scatter(*some.T, s=3, color=REAL, alpha=0.4, linewidths=0, label="real")
    inside = samples[(np.abs(samples) <= reach).all(axis=1)]
    area.scatter(*inside.T, s=3, color=FAKE, alpha=0.6, linewidths=0, label="generated")
    away = len(samples) - len(inside)
    area.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
    area.set_aspect("equal")
    area.set_title(
        "samples at the end" + (f", {away / len(samples):.0%} outside" if away else ""), fontsize=9, color=INK
    )
    area.legend(fontsize=7, frameon=False, loc="upper right", markerscale=2)


# -- the page


def page(name: str, example: Example, found: Finding | None = None, steps: int = 0) -> str:
    """A finding's page; without an example that was played, its parts that need none."""
    mode = MODES[name]
    title = mode.title[0].upper() + mode.title[1:]
    cause, cure = (text[0].upper() + text[1:] for text in (mode.cause, mode.cure))
    head = f"# {title}\n\n{SEVERITIES[mode.severity]}: {mode.meaning}\n\n![{title}](../images/findings/{name}.png)\n\n"
    return (
        f"{head}{example.says}\n\n## The numbers\n\n{_numbers(found, steps) if found else ''}\n"
        f"{example.rule}\n\n## What it comes of\n\n{cause}\n\n## What helps\n\n{cure}{_remedies(name)}\n\n"
        f"## See it happen\n\n```python\n{example.code.strip()}\n```\n\nBack to [all findings](../diagnosis.md).\n"
    )


def _numbers(found: Finding, steps: int) -> str:
    rows = [f"| `{part.name}` | {number(part.value)} | {part.normal} |" for part in found.evidence]
    table = "\n".join(["| measure | here | healthy |", "| --- | --- | --- |", *rows])
    return f"{table}\n\nIt holds since step {found.since:,} of {steps:,}, and was certain at step {found.seen:,}.\n"


def _remedies(name: str) -> str:
    ways = [f"`{cure}` ({REMEDIES[cure].does})" for cure in CURES.get(name, ())]
    if not ways:
        return ""
    return f' By itself, with `on_trouble="remedy"`, a run tries {", then ".join(ways)}.'


def main(names: list[str]) -> None:
    PAGES.mkdir(exist_ok=True)
    for name in names or list(MODES):
        example, made = EXAMPLES[name], {}
        exec(example.code, made)
        model, found = made["model"], made["found"]
        rows = model.record_.rows()
        shown = {"rows": rows, "data": made.get("data")}
        if example.points:
            shown["samples"] = model.sample(1_000, random_state=0)
        draw(name, example, shown, found)
        (PAGES / f"{name}.md").write_text(page(name, example, found, int(rows[-1]["step"])))
        print(name, found)


if __name__ == "__main__":
    main(sys.argv[1:])
