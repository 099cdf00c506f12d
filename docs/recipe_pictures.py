"""The picture of what every recipe makes of the grid and the ring, from samples that the benchmark kept.

python benchmarks/quality.py grid ring --recipes all --seeds 1 --keep samples
python docs/recipe_pictures.py samples docs/images/recipes.png
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from sparring.data import toy
from sparring.training import RECIPES

REAL, FAKE = "#1f7391", "#cc5526"
LIMITS = {"grid": 5.2, "ring": 1.35}


def _first(folder: Path, name: str) -> np.ndarray:
    """The samples of the lowest seed that was kept."""
    kept = min(folder.glob(f"{name}-[0-9]*.npy"), key=lambda path: int(path.stem.rpartition("-")[2]))
    return np.load(kept, allow_pickle=False)


def main(folder: Path, out: Path) -> None:
    names = ["real", *RECIPES]
    figure = Figure(figsize=(13, 3.9), layout="constrained")
    for part, (what, truth) in zip(
        figure.subfigures(2, 1, hspace=0.02), {"grid": toy.grid(), "ring": toy.ring()}.items(), strict=True
    ):
        for axes, name in zip(part.subplots(1, len(names)), names, strict=True):
            points = truth.sample(2_500, 0) if name == "real" else _first(folder, f"{what}-{name}")
            found = truth.modes_and_quality(points)
            axes.scatter(*points.T, s=2.5, alpha=0.35, linewidths=0, color=REAL if name == "real" else FAKE)
            axes.set(xlim=(-LIMITS[what], LIMITS[what]), ylim=(-LIMITS[what], LIMITS[what]), xticks=[], yticks=[])
            axes.set_aspect("equal")
            axes.set_title(name, fontsize=10)
            outside = (np.abs(points) > LIMITS[what]).any(axis=1).mean()
            away = f"{outside:.0%} outside" if outside > 0.5 else f"{found.high_quality:.0%} good"
            axes.set_xlabel(f"{found.modes} modes, {away}", fontsize=8)
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
