"""The settings of a CycleGAN for each kind of data, and the paper's own."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from sparring.objectives import RELATIVISTIC
from sparring.training.adam import Adam
from sparring.training.cycle import CycleRecipe
from sparring.training.recipe import Penalty
from sparring.training.slopes import PENALTIES

__all__ = ["CYCLE_RECIPES", "PAPER"]

PAPER = CycleRecipe(
    adversarial=(2.0, 2.0), width=64, blocks=9, halvings=2, kernel=7, depth=3, norm="instance", direct=False
)
"""Zhu et al. 2017, for images of 256 x 256 pixels. Its generators' squares are not halved, as ours are: hence the 2."""


def _slopes(first: float, last: float, every: int) -> tuple[Penalty, ...]:
    return tuple(Penalty(name, PENALTIES[name], first, last, every) for name in ("r1", "r2"))


_IMAGE = CycleRecipe(
    RELATIVISTIC,
    penalties=(Penalty("r1", PENALTIES["r1"], 0.1, 0.1, 2),),
    buffer=0,
    generator_rate=1e-3,
    critic_rate=1e-3,
    half_life=100.0,
)

CYCLE_RECIPES: Mapping[str, CycleRecipe] = MappingProxyType(
    {
        "table": CycleRecipe(
            RELATIVISTIC,
            cycle=(1.0, 1.0),
            penalties=_slopes(0.05, 0.015, every=2),
            buffer=0,
            optimizer=partial(Adam, betas=(0.0, 0.99)),
            generator_rate=1e-3,
            critic_rate=3e-3,
            half_life=300.0,
            batch_size=256,
            steps=3_000,
        ),
        "mixed table": CycleRecipe(
            RELATIVISTIC,
            penalties=_slopes(0.2, 0.2, every=4),
            buffer=0,
            optimizer=partial(Adam, betas=(0.0, 0.99)),
            generator_rate=5e-4,
            critic_rate=5e-4,
            half_life=100.0,
            batch_size=256,
            steps=1_000,
            hidden=(128, 128),
        ),
        "small image": replace(_IMAGE, batch_size=32, steps=1_000, depth=1),
        "image": replace(_IMAGE, batch_size=16, steps=1_000, blocks=3, halvings=1, depth=3),
    }
)
"""Kind of data -> settings."""
