"""Healthy games that end early, and what is found in them: a false alarm, whatever it is.

A game of a sixth of its usual steps or less is far from its data at its end, and its critic not sure yet. They are
games of the default settings that are healthy in diagnosis.py when they are played on (spoiled.HEALTHY), and of two
small tables more. Those of even seeds set the thresholds ("tuning"), of odd seeds are quoted ("test"). Beside them
stand games of few rows that are played for long, and clipped ones, in which a finding is right.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_diabetes, load_wine
from spoiled import HEALTHY, MIXTURES, TABLES, Game, data_of

import sparring as sp
from sparring.data import toy

__all__ = ["WARNED", "short_games"]

STEPS = 1_600  # sixteen looks of the probes
SMALL = {"wine": load_wine, "diabetes": load_diabetes}
WARNED = ("underfit-critic", "memorised-rows")


@dataclass(frozen=True)
class Short:
    """A game. meant: "healthy", or what is to be found. held_out: the share of its rows."""

    meant: str
    name: str
    recipe: str
    seed: int
    rows: np.ndarray
    held_out: float
    settings: dict[str, Any]


def _games(seeds: Sequence[int]) -> list[Short]:
    found = []
    for seed in seeds:
        for name, recipe, _ in HEALTHY:
            if name in MIXTURES or name in TABLES or name == "digits":
                rows, _ = data_of(Game("healthy", name, recipe, seed, STEPS), None)
                # few held-out rows, so that chance has room
                found.append(Short("healthy", name, recipe, seed, rows[:4_000], 0.2, {"steps": STEPS}))
        for name, load in SMALL.items():
            for recipe in ("r3gan", "nonsaturating", "wgan-gp"):
                rows = load(return_X_y=True)[0]
                found.append(Short("healthy", name, recipe, seed, rows, 0.4, {"steps": STEPS}))
        few = load_diabetes().data[np.random.default_rng(seed).permutation(442)[:200]]
        found.append(Short("memorised-rows", "diabetes", "r3gan", seed, few, 0.5, {"steps": 3_000}))
        ring, clipped = toy.ring().sample(4_000, seed), {"steps": 2_000, "changes": {"critic_steps": 1}}
        found.append(Short("underfit-critic", "ring", "wgan", seed, ring, 0.0, clipped))
    return found


def short_games(seeds: Sequence[int], half: str, only: str | None = None) -> None:
    """Play all, and print what was found. only: those that are meant so."""
    torch.set_num_threads(1)
    told: list[tuple[Short, set[str]]] = []
    for game in _games(seeds):
        if only not in (None, game.meant):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sp.TroubleWarning)
            gan = sp.GAN(
                game.recipe, validation_fraction=game.held_out, random_state=game.seed, threads=1, **game.settings
            ).fit(game.rows)
        told.append((game, {finding.name for finding in gan.findings_}))
        found = ", ".join(sorted(told[-1][1])) or "nothing"
        print(f"{game.meant}: {game.name}, {game.recipe}, seed {game.seed}: {found}", flush=True)
    healthy = [names for game, names in told if game.meant == "healthy"]
    print(f"\nOf the {half} half: {len(healthy)} healthy short games")
    print("| finding | in healthy ones | found where it is right |\n| --- | --- | --- |")
    for name in sorted({*WARNED, *(one for names in healthy for one in names)}):
        right = [name in names for game, names in told if game.meant == name]
        print(f"| {name} | {sum(name in names for names in healthy)} | {sum(right)} of {len(right)} |")
