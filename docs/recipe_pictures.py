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


def main(folder: Path, out: Path) -> None:
    names = ["real", *RECIPES]
    figure = Figure(figsize=(13, 6.2), layout="constrained")
    for part, (what, truth) in zip(
        figure.subfigures(2, 1, hspace=0.04), {"grid": toy.grid(), "ring": toy.ring()}.items(), strict=True
    ):
        for axes, name in zip(part.subplots(1, len(names)), names, strict=True):
            kept = folder / f"{what}-{name}-0.npy"
            points = truth.sample(2_500, 0) if name == "real" else np.load(kept, allow_pickle=False)
            found = truth.modes_and_quality(points)
            axes.scatter(*points.T, s=2.5, alpha=0.35, linewidths=0, color=REAL if name == "real" else FAKE)
            axes.set(xlim=(-LIMITS[what], LIMITS[what]), ylim=(-LIMITS[what], LIMITS[what]), xticks=[], yticks=[])
            axes.set_aspect("equal")
            axes.set_title(name, fontsize=10)
            axes.set_xlabel(f"{found.modes} modes, {found.high_quality:.0%} good", fontsize=8)
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
