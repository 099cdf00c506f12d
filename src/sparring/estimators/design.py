"""Networks, sizes and settings that suit the data, where the user names none."""

import copy
import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import nn

from sparring.chance import ambient_seed
from sparring.data.mixed import MixedSchema
from sparring.data.schema import Schema
from sparring.errors import InputError, ShapeError
from sparring.estimators.provenance import plain
from sparring.networks import (
    Choices,
    LabelledCritic,
    LabelledGenerator,
    Pair,
    adopted,
    begin_at_shares,
    convolutional,
    count_parameters,
    perceptrons,
    ranking,
    skipping,
    spectrally_normalised,
)
from sparring.objectives import scores
from sparring.seeds import derive
from sparring.shapes import describe
from sparring.training import RECIPES, Penalty, Recipe, changed
from sparring.training.adversarial import packed

__all__ = ["Design", "Settings", "called", "check_positive", "design", "kind_of", "settle", "threads_for"]

Given = nn.Module | Callable[..., nn.Module] | None
SMALL = 16  # pixels: up to this side a fully connected network is better and faster than a convolutional one
NETWORKS = {
    "table": perceptrons(),
    "mixed table": skipping((128, 128)),
    "small image": perceptrons((256, 256, 256)),
    "image": convolutional(),
}  # where a recipe names none
MIXED_NOISE = 128  # numbers of noise for a mixed table
LEAST = 300  # steps of a game with few rows
SMALL_WORK = 2**25  # multiplications of a pass over a batch, below which a second thread costs more than it brings


# -- settings


@dataclass(frozen=True)
class Settings:
    """What a GAN's parameters mean for some data. recipe: with the user's changes. classes: told apart, or 0."""

    recipe: Recipe
    steps: int
    latent_size: int
    classes: int = 0

    def described(self) -> dict[str, Any]:
        """The settings as plain values, for the record."""
        recipe = self.recipe
        return {
            "objective": recipe.objective.name,
            "penalties": [_described(penalty) for penalty in recipe.penalties],
            "clip": recipe.clip,
            "spectral": recipe.spectral,
            "pack": recipe.pack,
            "steps": self.steps,
            "batch_size": recipe.batch_size,
            "latent_size": self.latent_size,
            "noise": _name_of(recipe.noise),
            "critic_steps": recipe.critic_steps if isinstance(recipe.critic_steps, int) else "by the step",
            "optimizer": _name_of(recipe.optimizer),
            "generator_rate": recipe.generator_rate,
            "critic_rate": recipe.critic_rate,
            "hold": recipe.hold,
            "shared": recipe.shared,
            "moments": recipe.moments,
            "average_half_life": recipe.half_life,
            "networks": None if recipe.networks is None else recipe.networks.name,
            "classes": self.classes,
        }


def _described(penalty: Penalty) -> str:
    weight = f"{penalty.first:g}" if penalty.first == penalty.last else f"{penalty.first:g} to {penalty.last:g}"
    return f"{penalty.name}, weight {weight}, every {penalty.every} step(s)"


def _name_of(made: Any) -> str:
    """A function's name, and the settings that are bound to it."""
    if isinstance(made, partial):
        bound = ", ".join(f"{name}={value}" for name, value in made.keywords.items())
        return f"{_name_of(made.func)}({bound})"
    return getattr(made, "__name__", type(made).__name__)


def settle(parameters: dict[str, Any], schema: Schema, classes: int = 0, rows: int | None = None) -> Settings:
    """Fill what the user left open from the recipe for such data. rows: to learn from, if that is known.

    Raises InputError for an unknown recipe (with the known ones) or an impossible number.
    """
    for name in ("steps", "batch_size", "latent_size", "critic_steps", "checkpoint_every", "threads"):
        check_positive(name, parameters[name], whole=True)
    check_positive("learning_rate", parameters["learning_rate"], whole=False)
    kind = kind_of(schema)
    recipe = changed(_recipe(parameters["recipe"], schema), parameters["changes"] or {})
    recipe = recipe.with_rate(plain(parameters["learning_rate"]))
    given = {name: int(parameters[name]) for name in ("batch_size", "critic_steps") if parameters[name] is not None}
    recipe = replace(recipe, **given)
    if classes and recipe.pack > 1:
        raise InputError(f"packs of {recipe.pack} samples have no one class; give no classes, or pack=1")
    recipe = replace(recipe, networks=recipe.networks or NETWORKS[kind])
    latent_size = parameters["latent_size"] or _latent_size(recipe, schema)
    asked = parameters["steps"] or (parameters["changes"] or {}).get("steps")
    return Settings(recipe, int(asked or _usual_steps(recipe, rows)), int(latent_size), classes)


def _usual_steps(recipe: Recipe, rows: int | None) -> int:
    if rows is None or recipe.passes is None:
        return recipe.steps
    return min(max(math.ceil(recipe.passes * rows / recipe.batch_size), LEAST), recipe.steps)


def check_positive(name: str, value: Any, whole: bool) -> None:
    """Raise InputError unless a parameter is a (whole) number above 0, or None."""
    kinds = numbers.Integral if whole else numbers.Real  # NumPy's too
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, kinds) or not 0 < float(value) < math.inf
    ):
        raise InputError(f"{name} must be a {'whole ' if whole else ''}number above 0, or None; got {value!r}")


def _recipe(asked: str | Recipe, schema: Schema) -> Recipe:
    if isinstance(asked, Recipe):
        return asked
    name = called(asked, schema)
    if name not in RECIPES:
        raise InputError(f"recipe must be auto, one of {', '.join(RECIPES)}, or a Recipe; got {name!r}")
    return RECIPES[name][kind_of(schema)]


def called(recipe: str, schema: Schema) -> str:
    """A recipe's name; "auto" is the one that did best with such data (benchmarks/RESULTS.md).

    r3gan, which reaches all modes of mixtures in every seed; on images of more than 16 pixels nonsaturating, whose
    Fréchet distance is the lower one after the same time.
    """
    if recipe != "auto":
        return recipe
    return "nonsaturating" if schema.kind == "image" and kind_of(schema) == "image" else "r3gan"


def kind_of(schema: Schema) -> str:
    """Which of a recipe's settings suit the data."""
    if schema.kind in ("table", "mixed table"):
        return schema.kind
    return "small image" if max(schema.shape[1:]) <= SMALL else "image"


def _latent_size(recipe: Recipe, schema: Schema) -> int:
    numbers = math.prod(schema.shape)
    if callable(recipe.latent_size):
        return recipe.latent_size(numbers)
    if schema.kind == "mixed table":
        return recipe.latent_size or MIXED_NOISE
    return recipe.latent_size or (min(max(numbers, 2), 64) if schema.kind == "table" else 64)


# -- networks


@dataclass(frozen=True)
class Design:
    """The two networks of a game."""

    generator: nn.Module
    critic: nn.Module

    def to(self, device: torch.device) -> "Design":
        return Design(self.generator.to(device), self.critic.to(device))


def design(schema: Schema, settings: Settings, seed: int, generator: Given = None, critic: Given = None) -> Design:
    """The networks for some data: the user's own (copied, so that they stay as they were), or the recipe's.

    A factory is called with the keyword arguments latent_size and shape (generator), or shape (critic; with packs of m
    samples, their channels or columns are m times as many), and classes if there are some. Weights are drawn from
    ``seed`` alone.
    Raises ShapeError if a network does not fit the data, InputError for networks of images where there are none.
    """
    labelled = {"classes": settings.classes} if settings.classes else {}
    judged = (settings.recipe.pack * schema.shape[0], *schema.shape[1:])
    with ambient_seed(derive(seed, "weights")):
        own = _given(generator, latent_size=settings.latent_size, shape=schema.shape, **labelled)
        generating = own or _generator(schema, settings)
        made = Design(generating, _given(critic, shape=judged, **labelled) or _critic(schema, judged, settings))
        if settings.recipe.spectral:
            spectrally_normalised(made.critic)
        _check(made, settings, schema.shape)
    return made


def _given(network: Given, **sizes: object) -> nn.Module | None:
    if network is None:
        return None
    return adopted(copy.deepcopy(network) if isinstance(network, nn.Module) else network(**sizes))


def _pair(schema: Schema, settings: Settings) -> Pair:
    pair = settings.recipe.networks
    assert pair is not None
    if pair.images and kind_of(schema).endswith("table"):
        raise InputError(
            f"{pair.name} networks are for images; the data are rows of {schema.shape[0]} numbers. Choose perceptrons"
            ", or kind='signal' if the columns follow each other in time."
        )
    return pair


def _generator(schema: Schema, settings: Settings) -> nn.Module:
    if isinstance(schema, MixedSchema):
        choosing = _pair(schema, settings).generator(
            settings.latent_size, schema.shape, Choices(schema.parts, schema.spans)
        )
        begin_at_shares(choosing, schema.shares)
        return choosing
    size = settings.latent_size + settings.classes
    made = _pair(schema, settings).generator(size, schema.shape, nn.Tanh() if schema.bounded else None)
    return LabelledGenerator(made, settings.classes) if settings.classes else made


def _critic(schema: Schema, judged: tuple[int, ...], settings: Settings) -> nn.Module:
    if isinstance(schema, MixedSchema):
        return _ranking_critic(schema, judged, settings)
    made = _pair(schema, settings).critic(judged, settings.classes or None)
    return LabelledCritic(made) if settings.classes else made


def _ranking_critic(schema: MixedSchema, judged: tuple[int, ...], settings: Settings) -> nn.Module:
    levels = torch.from_numpy(schema.levels)
    pack = settings.recipe.pack
    made = _pair(schema, settings).critic((judged[0] + pack * levels.shape[1],), None)
    return ranking(made, levels, pack)


@torch.no_grad()
def _check(made: Design, settings: Settings, shape: tuple[int, ...]) -> None:
    """Try both networks on two packs of samples, so that a misfit shows before anything is written."""
    modes = made.generator.training, made.critic.training
    m = settings.recipe.pack
    n = 2 * m
    labels = (torch.zeros(n, dtype=torch.long),) if settings.classes else ()
    try:
        fake = made.generator.eval()(torch.zeros(n, settings.latent_size), *labels)
    except (RuntimeError, TypeError) as error:
        told = " and the classes (n,)" if labels else ""
        raise ShapeError(
            f"the generator cannot take noise of the shape (n, {settings.latent_size}){told}: {_line(error)}"
        ) from error
    if tuple(fake.shape) != (n, *shape):
        raise ShapeError(
            f"the generator must return samples of the shape {describe((n, *shape))} for {n} noise vectors; "
            f"got {describe(tuple(fake.shape))}. Images are (n, channels, height, width) inside."
        )
    judged = packed(fake, m)
    try:
        scores(made.critic.eval(), judged, *labels)
    except ShapeError:
        raise
    except (RuntimeError, TypeError) as error:
        raise ShapeError(
            f"the critic cannot take samples of the shape {describe(tuple(judged.shape))}: {_line(error)}"
        ) from error
    made.generator.train(modes[0])
    made.critic.train(modes[1])


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def threads_for(network: nn.Module, batch_size: int) -> int | None:
    """1 where a network is so small that threads cost more than they bring, else None (all cores)."""
    if any(isinstance(module, nn.modules.conv._ConvNd) for module in network.modules()):
        return None
    return 1 if count_parameters(network) * batch_size < SMALL_WORK else None
