"""The table of settings on every recipe's page, from the recipes themselves: ``make docs`` runs it.

python docs/recipe_settings.py
"""

from pathlib import Path

import numpy as np

from sparring.data.source import read
from sparring.estimators import GAN
from sparring.estimators.design import settle
from sparring.training import RECIPES

MARK = "<!-- settings -->"
PAGES = Path(__file__).parent / "recipes"
EXAMPLES = {
    "table": np.random.default_rng(0).normal(size=(20, 2)),
    "small image": np.random.default_rng(0).integers(0, 256, (20, 8, 8), dtype=np.uint8),
    "image": np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8),
}
"""Two columns, 8 x 8 pixels and 28 x 28 pixels: the noise's length depends on the data."""


def table(recipe: str) -> str:
    """The settings of a recipe for each kind of data, as a Markdown table."""
    given = {**GAN().get_params(deep=False), "recipe": recipe}
    columns = {kind: settle(given, read(data).schema).described() for kind, data in EXAMPLES.items()}
    rows = [f"| | {' | '.join(columns)} |", f"| --- |{' --- |' * len(columns)}"]
    for name in next(iter(columns.values())):
        cells = [_cell(found[name]) for found in columns.values()]
        if name != "classes" and any(cells):
            rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _cell(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return "" if value in (None, False) else f"{value:,}" if isinstance(value, int) and value > 9999 else str(value)


def page(recipe: str) -> str:
    """A recipe's page with its table anew."""
    text = (PAGES / f"{recipe}.md").read_text()
    return f"{text[: text.index(MARK)]}{MARK}\n\n{table(recipe)}\n"


if __name__ == "__main__":
    for name in RECIPES:
        (PAGES / f"{name}.md").write_text(page(name))
