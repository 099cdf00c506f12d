"""Networks, sizes and settings that suit the data, where the user names none."""

import copy
import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from sparring.chance import ambient_seed
from sparring.data.schema import Schema
from sparring.errors import InputError, ShapeError
from sparring.estimators.provenance import plain
from sparring.networks import LEAKY, MLP, ConvCritic, ConvGenerator, count_parameters
from sparring.objectives import scores
from sparring.seeds import derive
from sparring.shapes import describe
from sparring.training import RECIPES, Recipe

__all__ = ["Design", "Settings", "design", "settle", "threads_for"]

Given = nn.Module | Callable[..., nn.Module] | None
SMALL = 16  # pixels: up to this side a fully connected network is better and faster than a convolutional one
SMALL_WORK = 2**25  # multiplications of a pass over a batch, below which a second thread costs more than it brings


# -- settings


@dataclass(frozen=True)
class Settings:
    """What a GAN's parameters mean for some data. recipe: with the user's changes."""

    recipe: Recipe
    steps: int
    latent_size: int

    def described(self) -> dict[str, Any]:
        """The settings as plain values, for the record."""
        recipe = self.recipe
        return {
            "objective": recipe.objective.name,
            "penalties": [
                f"{p.name}, weight {p.first:g} to {p.last:g}, every {p.every} step(s)" for p in recipe.penalties
            ],
            "steps": self.steps,
            "batch_size": recipe.batch_size,
            "latent_size": self.latent_size,
            "critic_steps": recipe.critic_steps,
            "generator_rate": recipe.generator_rate,
            "critic_rate": recipe.critic_rate,
            "average_half_life": recipe.half_life,
        }


def settle(parameters: dict[str, Any], schema: Schema) -> Settings:
    """Fill what the user left open from the recipe for such data.

    Raises InputError for an unknown recipe (with the known ones) or an impossible number.
    """
    for name in ("steps", "batch_size", "latent_size", "critic_steps", "checkpoint_every", "threads"):
        _positive(name, parameters[name], whole=True)
    _positive("learning_rate", parameters["learning_rate"], whole=False)
    recipe = _recipe(parameters["recipe"], schema).with_rate(plain(parameters["learning_rate"]))
    changes = {name: int(parameters[name]) for name in ("batch_size", "critic_steps") if parameters[name] is not None}
    return Settings(
        replace(recipe, **changes),
        int(parameters["steps"] or recipe.steps),
        int(parameters["latent_size"] or _latent_size(schema)),
    )


def _positive(name: str, value: Any, whole: bool) -> None:
    kinds = numbers.Integral if whole else numbers.Real  # NumPy's too
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, kinds) or not 0 < float(value) < math.inf
    ):
        raise InputError(f"{name} must be a {'whole ' if whole else ''}number above 0, or None; got {value!r}")


def _recipe(name: str | Recipe, schema: Schema) -> Recipe:
    if isinstance(name, Recipe):
        return name
    if name not in RECIPES:
        raise InputError(f"recipe must be one of {', '.join(RECIPES)}, or a Recipe; got {name!r}")
    return RECIPES[name][_kind(schema)]


def _kind(schema: Schema) -> str:
    if schema.kind != "image":
        return "table"
    return "small image" if max(schema.shape[1:]) <= SMALL else "image"


def _latent_size(schema: Schema) -> int:
    return 64 if schema.kind == "image" else min(max(math.prod(schema.shape), 2), 64)


# -- networks


@dataclass(frozen=True)
class Design:
    """The two networks of a game."""

    generator: nn.Module
    critic: nn.Module

    def to(self, device: torch.device) -> "Design":
        return Design(self.generator.to(device), self.critic.to(device))


def design(schema: Schema, latent_size: int, seed: int, generator: Given = None, critic: Given = None) -> Design:
    """The networks for some data: the user's own (copied, so that they stay as they were), or ours.

    A factory is called with the keyword arguments latent_size and shape (generator), or shape
    (critic). Weights are drawn from ``seed`` alone.
    Raises ShapeError if a network does not fit the data.
    """
    with ambient_seed(derive(seed, "weights")):
        made = Design(
            _given(generator, latent_size=latent_size, shape=schema.shape) or _generator(schema, latent_size),
            _given(critic, shape=schema.shape) or _critic(schema),
        )
        _check(made, latent_size, schema.shape)
    return made


def _given(network: Given, **sizes: object) -> nn.Module | None:
    if network is None or isinstance(network, nn.Module):
        return copy.deepcopy(network)
    return network(**sizes)


def _hidden(schema: Schema) -> tuple[int, ...]:
    return (256, 256, 256) if schema.kind == "image" else (64, 64, 64)


def _generator(schema: Schema, latent_size: int) -> nn.Module:
    last = nn.Tanh() if schema.bounded else None
    if _kind(schema) == "image":
        return ConvGenerator(latent_size, schema.shape, last=last)
    return MLP((latent_size,), schema.shape, _hidden(schema), nn.ReLU, last)


def _critic(schema: Schema) -> nn.Module:
    if _kind(schema) == "image":
        return ConvCritic(schema.shape)
    return MLP(schema.shape, (), _hidden(schema), LEAKY)


@torch.no_grad()
def _check(made: Design, latent_size: int, shape: tuple[int, ...]) -> None:
    """Try both networks on two samples, so that a misfit shows before anything is written."""
    modes = made.generator.training, made.critic.training
    try:
        fake = made.generator.eval()(torch.zeros(2, latent_size))
    except RuntimeError as error:
        raise ShapeError(f"the generator cannot take noise of the shape (n, {latent_size}): {_line(error)}") from error
    if tuple(fake.shape) != (2, *shape):
        raise ShapeError(
            f"the generator must return samples of the shape {describe((2, *shape))} for two noise vectors; "
            f"got {describe(tuple(fake.shape))}. Images are (n, channels, height, width) inside."
        )
    try:
        scores(made.critic.eval(), fake)
    except ShapeError:
        raise
    except RuntimeError as error:
        raise ShapeError(
            f"the critic cannot take samples of the shape {describe(tuple(fake.shape))}: {_line(error)}"
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
