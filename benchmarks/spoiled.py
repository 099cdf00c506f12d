"""The games that the diagnosis is measured on: healthy ones, and others that are spoiled on purpose.

A game is spoiled for one of the four failures in one of several ways. What truly becomes of it is another matter:
diagnosis.py decides that afterwards, by what its gradients and samples are like.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from images import read as images_in
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import train_test_split

from sparring.data import toy
from sparring.networks import perceptrons

__all__ = ["FAILURES", "HEALTHY", "MIXTURES", "SPOILED", "Game", "data_of", "games"]

TABLES = {"diabetes": load_diabetes, "cancer": load_breast_cancer}
MIXTURES = {"ring": toy.ring, "grid": toy.grid}
FAILURES = ("divergence", "vanishing-gradient", "unstable-gradient", "mode-collapse")
HEAVY = partial(torch.optim.SGD, momentum=0.9, fused=True)
WIDE, DEEP = perceptrons((128, 128, 128)), perceptrons((64, 64, 64), (64,) * 6)
ROWS = 20_000  # at most

Changes = dict[str, Any]
Ways = dict[str, tuple[str, Changes]]

DIVERGENCE: Ways = {
    "heavy": (
        "nonsaturating",
        {"penalties": {}, "optimizer": HEAVY, "generator_rate": 0.5, "critic_rate": 0.5, "hold": 1.0},
    ),
    "squares": ("lsgan", {"optimizer": HEAVY, "generator_rate": 0.3, "critic_rate": 0.3}),
    "unbounded": (
        "wgan",
        {"clip": None, "optimizer": "adam", "generator_rate": 1e-3, "critic_rate": 1e-3, "hold": 1.0},
    ),
    "fast": ("r3gan", {"penalties": {}, "generator_rate": 0.1, "critic_rate": 0.1, "hold": 1.0}),
}
MINIMAX = {"optimizer": "adam", "networks": WIDE, "batch_size": 64}
VANISHING: Ways = {
    "sure critic": ("gan-2014", {**MINIMAX, "critic_steps": 10, "critic_rate": 1e-3, "generator_rate": 1e-5}),
    "large critic": ("gan-2014", {**MINIMAX, "critic_steps": 5, "critic_rate": 2e-3, "generator_rate": 1e-4}),
    "fast critic": ("gan-2014", {**MINIMAX, "critic_steps": 3, "critic_rate": 1e-2, "generator_rate": 1e-4}),
}
STEEP = {"penalties": {}, "hold": 1.0}
UNSTABLE: Ways = {
    "deep clipping": (
        "wgan",
        {
            "clip": 0.4,
            "critic_rate": 1e-3,
            "generator_rate": 1e-4,
            "critic_steps": 3,
            "networks": DEEP,
            "batch_size": 16,
        },
    ),
    "small batches": (
        "gan-2014",
        {**MINIMAX, "batch_size": 4, "critic_steps": 2, "critic_rate": 1e-3, "generator_rate": 5e-4},
    ),
    "unbounded hinge": (
        "hinge",
        {
            "spectral": False,
            "critic_rate": 1e-2,
            "generator_rate": 5e-4,
            "critic_steps": 3,
            "batch_size": 2,
            "networks": WIDE,
        },
    ),
    "fast critic": (
        "dcgan",
        {"critic_rate": 1e-2, "generator_rate": 5e-4, "critic_steps": 2, "batch_size": 2, "networks": WIDE},
    ),
}
COLLAPSE: Ways = {
    "fast generator": ("dcgan", {"generator_rate": 1e-2, "critic_rate": 1e-4}),
    "slow critic": ("dcgan", {"generator_rate": 3e-3, "critic_rate": 3e-5}),
    "no penalty": ("nonsaturating", {**STEEP, "generator_rate": 2e-2, "critic_rate": 2e-4}),
    "heavy generator": ("dcgan", {"optimizer": HEAVY, "generator_rate": 0.2, "critic_rate": 0.01}),
}
SPOILED: dict[str, Ways] = dict(zip(FAILURES, (DIVERGENCE, VANISHING, UNSTABLE, COLLAPSE), strict=True))
SPOILED_SETS, SPOILED_STEPS = ("ring", "grid", "diabetes", "cancer", "digits"), 1_500
HEALTHY: tuple[tuple[str, str, int], ...] = (
    ("grid", "r3gan", 12_000),
    ("grid", "nonsaturating", 12_000),
    ("ring", "r3gan", 12_000),
    ("ring", "wgan-gp", 5_000),
    ("digits", "r3gan", 5_000),
    ("digits", "nonsaturating", 5_000),
    ("cancer", "r3gan", 5_000),
    ("cancer", "nonsaturating", 5_000),
    ("cancer", "wgan-gp", 3_000),
    ("cancer", "dcgan", 5_000),
    ("mnist", "r3gan", 2_500),
    ("mnist", "nonsaturating", 2_500),
)


@dataclass(frozen=True)
class Game:
    """What is played. meant: "healthy", or the failure that it is spoiled for; way: how, or the recipe."""

    meant: str
    data: str
    way: str
    seed: int
    steps: int

    @property
    def file(self) -> str:
        return f"{self.meant}_{self.data}_{self.way.replace(' ', '-')}_{self.seed}.json"

    @property
    def settings(self) -> tuple[str, Changes | None]:
        """The recipe and the changes."""
        return (self.way, None) if self.meant == "healthy" else SPOILED[self.meant][self.way]


def games(seeds: list[int], only: str | None, mnist: bool) -> list[Game]:
    healthy = [
        Game("healthy", data, recipe, seed, steps)
        for seed in seeds
        for data, recipe, steps in HEALTHY
        if mnist or data != "mnist"
    ]
    spoiled = [
        Game(meant, data, way, seed, SPOILED_STEPS)
        for seed in seeds
        for meant, ways in SPOILED.items()
        for way in ways
        for data in SPOILED_SETS
    ]
    return [game for game in (*spoiled, *healthy) if only is None or game.meant == only]


def data_of(game: Game, mnist: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Rows to learn from, and others that neither the game nor its probes see."""
    if game.data in MIXTURES:
        truth = MIXTURES[game.data]()
        return truth.sample(ROWS, 1_000 + game.seed), truth.sample(1_000, 7)
    if game.data == "digits":
        return toy.digits_split()[:2]
    if game.data in TABLES:
        table: Any = TABLES[game.data]()
        parts: Any = train_test_split(table.data, test_size=0.3, random_state=0)
        return parts[0], parts[1]
    assert mnist is not None
    return images_in(mnist, "train")[0][:ROWS], images_in(mnist, "t10k")[0][:1_000]
