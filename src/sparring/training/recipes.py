"""Recipes: adversarial games with their settings, for each kind of data."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

import torch
from torch.optim import SGD, RMSprop

from sparring.chance import symmetric_uniform
from sparring.networks import convolutional, maxout, perceptrons, skipping
from sparring.objectives import (
    HINGE,
    LEAST_SQUARES,
    MINIMAX,
    NON_SATURATING,
    RELATIVISTIC,
    WASSERSTEIN,
    Objective,
)
from sparring.training.adam import Adam
from sparring.training.recipe import Penalty, Recipe
from sparring.training.schedules import more_at_first
from sparring.training.slopes import PENALTIES

__all__ = ["RECIPES"]

TABLE, MIXED, SMALL, IMAGE = "table", "mixed table", "small image", "image"


# -- the settings that did best in benchmarks/RESULTS.md

WAVES = (4.0, 16.0, 64.0)  # a table's numbers have deviation one; wavelengths from 1.6 of them to a tenth


def _roomy(numbers: int) -> int:
    """More noise than a row has numbers: for two, 8."""
    return min(max(2 * numbers, 8), 64)


def _slopes(names: str, first: float, last: float, every: int) -> tuple[Penalty, ...]:
    return tuple(Penalty(name, PENALTIES[name], first, last, every) for name in names.split())


def _penalised(objective: Objective, names: str) -> Mapping[str, Recipe]:
    return {
        TABLE: Recipe(
            objective,
            _slopes(names, 0.05, 0.015, every=2),
            generator_rate=1.8e-3,
            critic_rate=3e-3,
            half_life=300.0,
            latent_size=_roomy,
            networks=perceptrons((64, 64, 64), (64, 64), waves=WAVES, signs=2),
            batch_size=512,
            steps=20_000,
        ),
        MIXED: Recipe(
            objective,
            _slopes(names, 0.2, 0.2, every=4),
            shared=True,
            moments=0.01,
            networks=skipping((128, 128), norm="layer"),
            batch_size=500,
            steps=3_000,
            passes=300,
        ),
        SMALL: Recipe(
            objective,
            _slopes(names, 1.0, 1.0, every=4),
            generator_rate=1.5e-3,
            critic_rate=1.5e-3,
            half_life=1_000,
            batch_size=64,
            steps=5_000,
        ),
        IMAGE: Recipe(
            objective,
            _slopes(names, 0.5, 0.5, every=4),
            generator_rate=2e-3,
            critic_rate=2e-3,
            batch_size=64,
            steps=10_000,
        ),
    }


# -- the papers' own

DCGAN_ADAM = partial(Adam, betas=(0.5, 0.999))
SNGAN_ADAM = partial(Adam, betas=(0.0, 0.9))
PAPER = partial(Recipe, hold=1.0, half_life=0.0)  # neither falling rates nor an average of weights
PLAIN = perceptrons()  # papers on images say nothing of tables: the networks of our own recipe, without its waves


def _dcgan(objective: Objective, batch_size: int, pack: int = 1) -> Mapping[str, Recipe]:
    settings = partial(PAPER, objective, optimizer=DCGAN_ADAM, noise=symmetric_uniform, pack=pack)
    image = settings(
        generator_rate=2e-4,
        critic_rate=2e-4,
        latent_size=100,
        networks=convolutional(32, "batch", "batch"),
        batch_size=batch_size,
        steps=10_000,
    )
    table = settings(generator_rate=1e-3, critic_rate=1e-3, networks=PLAIN, batch_size=128, steps=20_000)
    return {TABLE: table, SMALL: image, IMAGE: image}


def _hinge() -> Mapping[str, Recipe]:
    settings = partial(PAPER, HINGE, optimizer=SNGAN_ADAM, spectral=True, critic_steps=5)
    image = settings(
        generator_rate=2e-4,
        critic_rate=2e-4,
        latent_size=128,
        networks=convolutional(32, "batch"),
        batch_size=64,
        steps=4_000,
    )
    table = settings(generator_rate=1e-3, critic_rate=1e-3, networks=PLAIN, steps=5_000)
    return {TABLE: table, SMALL: image, IMAGE: image}


def _wgan() -> Mapping[str, Recipe]:
    settings = partial(
        PAPER,
        WASSERSTEIN,
        clip=0.01,
        critic_steps=more_at_first(5, 100, rounds=25, again=500),
        optimizer=partial(RMSprop, foreach=True),
        generator_rate=5e-5,
        critic_rate=5e-5,
        batch_size=64,
        steps=5_000,
    )
    image = settings(latent_size=100, networks=convolutional(32, "batch", "batch"))
    return {TABLE: settings(networks=PLAIN), SMALL: image, IMAGE: image}


def _one_centred_with(weight: float) -> tuple[Penalty, ...]:
    return (Penalty("one_centred", PENALTIES["one_centred"], weight, weight),)


def _wgan_gp() -> Mapping[str, Recipe]:
    settings = partial(Recipe, WASSERSTEIN, critic_steps=5, optimizer=SNGAN_ADAM, steps=5_000, half_life=200.0)
    paper = partial(PAPER, WASSERSTEIN, critic_steps=5, optimizer=SNGAN_ADAM)
    image = paper(
        _one_centred_with(10.0),
        generator_rate=1e-4,
        critic_rate=1e-4,
        latent_size=128,
        networks=convolutional(32, "batch", "layer"),
        batch_size=64,
        steps=3_000,
    )
    return {
        TABLE: settings(_one_centred_with(0.1), networks=PLAIN),
        SMALL: settings(_one_centred_with(10.0)),
        IMAGE: image,
    }


def _gan_2014() -> Mapping[str, Recipe]:
    settings = partial(PAPER, MINIMAX, optimizer=partial(SGD, momentum=0.5, fused=True))
    paper = partial(
        settings,
        generator_rate=0.1,
        critic_rate=0.1,
        hold=0.0,
        noise=symmetric_uniform,
        latent_size=100,
        batch_size=100,
    )
    table = settings(generator_rate=0.03, critic_rate=0.03, noise=torch.randn, networks=PLAIN)
    small, image = maxout((256, 256), (64, 64)), maxout((1200, 1200), (240, 240))
    return {TABLE: table, SMALL: paper(networks=small), IMAGE: paper(networks=image)}


def _with_mixed(recipe: Mapping[str, Recipe]) -> Mapping[str, Recipe]:
    """Papers say nothing of tables with categories either: their own settings for tables, in our networks for them."""
    mixed = replace(recipe[TABLE], networks=skipping((128, 128), norm="layer"), noise=torch.randn, latent_size=None)
    return recipe if MIXED in recipe else {**recipe, MIXED: mixed}


RECIPES: Mapping[str, Mapping[str, Recipe]] = MappingProxyType(
    {
        name: _with_mixed(recipe)
        for name, recipe in {
            "r3gan": _penalised(RELATIVISTIC, "r1 r2"),
            "nonsaturating": _penalised(NON_SATURATING, "r1"),
            "wgan-gp": _wgan_gp(),
            "hinge": _hinge(),
            "pacgan": _dcgan(NON_SATURATING, 128, pack=2),
            "wgan": _wgan(),
            "lsgan": _dcgan(LEAST_SQUARES, 64),
            "dcgan": _dcgan(NON_SATURATING, 128),
            "gan-2014": _gan_2014(),
        }.items()
    }
)
"""Recipe name -> kind of data -> settings."""
