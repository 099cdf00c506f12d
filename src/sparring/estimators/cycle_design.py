"""What suits two collections to be translated into each other: settings, where the generators begin, networks."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from sparring.chance import ambient_seed
from sparring.data.mixed import MixedSchema
from sparring.data.schema import Schema, nearest
from sparring.errors import InputError, ShapeError
from sparring.estimators.cycle_starts import Start
from sparring.estimators.cycle_tables import blank_maps, table_translator
from sparring.estimators.design import check_positive, kind_of
from sparring.networks import (
    LEAKY,
    MLP,
    Clamp,
    ConvCritic,
    ImageTranslator,
    PatchCritic,
    VectorTranslator,
    adopted,
    ranking,
)
from sparring.seeds import derive
from sparring.shapes import describe
from sparring.training.changes import valued
from sparring.training.cycle import CycleRecipe
from sparring.training.cycle_recipes import CYCLE_RECIPES

__all__ = ["CycleDesign", "blank_start", "cycle_settings", "design_cycle"]

Given = nn.Module | Callable[..., nn.Module] | None


@dataclass(frozen=True)
class CycleDesign:
    """generators: "G" (A to B) and "F" (B to A). critics: "A" and "B"."""

    generators: nn.ModuleDict
    critics: nn.ModuleDict

    def to(self, device: torch.device) -> "CycleDesign":
        return CycleDesign(self.generators.to(device), self.critics.to(device))


# -- settings


def cycle_settings(given: Mapping[str, Any], a: Schema, b: Schema) -> CycleRecipe:
    """The recipe for such data, with what the user has set. Raises InputError for what cannot be."""
    for name in ("steps", "batch_size", "restarts", "restart_steps", "threads"):
        check_positive(name, given[name], whole=True)
    check_positive("learning_rate", given["learning_rate"], whole=False)
    _refuse_unlike(a, b, given["generator"])
    recipe = CYCLE_RECIPES[kind_of(a)]
    changes = dict(given["changes"] or {})
    for name in ("objective", "adversarial", "cycle", "identity", "buffer", "batch_size", "steps"):
        if given[name] is not None:
            changes[name] = given[name]
    known = [field.name for field in fields(recipe)]
    for name, value in changes.items():
        if name not in known:
            raise InputError(f"there is no setting {name!r}{nearest(name, known)}; there are {', '.join(known)}.")
        changes[name] = _checked(name, value, getattr(recipe, name))
    changed = replace(recipe, **changes)
    rate = given["learning_rate"]
    if rate is None:
        return changed
    return replace(changed, generator_rate=rate, critic_rate=rate * changed.critic_rate / changed.generator_rate)


PAIRS = ("adversarial", "cycle", "identity")
SHARED = (  # with other games
    *("objective", "penalties", "optimizer", "generator_rate", "critic_rate", "hold", "half_life", "batch_size"),
    "steps",
)


def _checked(name: str, value: Any, usual: Any) -> Any:
    if name in PAIRS:
        return _pair(name, value)
    if name in SHARED:
        return valued(name, value)
    if name == "norm" and value not in (None, "instance"):
        raise InputError(f"norm must be None or 'instance'; got {value!r}")
    if isinstance(usual, bool) and not isinstance(value, bool):
        raise InputError(f"{name} must be True or False; got {value!r}")
    if name == "depth" and value is None:
        return None
    whole = name == "depth" or (isinstance(usual, int) and not isinstance(usual, bool))
    if whole and (isinstance(value, bool) or not isinstance(value, int | np.integer) or value < (name not in ZERO)):
        raise InputError(f"{name} must be a whole number of at least {int(name not in ZERO)}; got {value!r}")
    return int(value) if whole and value is not None else value


ZERO = ("buffer", "blocks", "halvings", "depth")  # may be 0


def _pair(name: str, value: Any) -> tuple[float, float]:
    """A weight for both sides, or one for each."""
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    numbers = [x for x in pair if isinstance(x, int | float | np.number) and not isinstance(x, bool)]
    if len(pair) != 2 or len(numbers) != 2 or not all(0 <= x < np.inf for x in numbers):
        raise InputError(f"{name} must be a weight of at least 0, or one for each side; got {value!r}")
    return float(pair[0]), float(pair[1])


# -- networks


def design_cycle(
    a: Schema, b: Schema, recipe: CycleRecipe, seed: int, start: Start, generator: Given = None, critic: Given = None
) -> CycleDesign:
    """The four networks: the user's own, or the recipe's. Weights are drawn from ``seed`` alone.

    generator: a factory called with shape= (of what it takes) and outputs= (of what it makes), for G and for F; critic:
    called with shape=. A module is copied, so that both sides have one. Raises ShapeError if one does not fit.
    """
    with ambient_seed(derive(seed, "weights")):
        generators = nn.ModuleDict(
            {
                "G": _given(generator, shape=a.shape, outputs=b.shape) or _translator(a, b, recipe, start, True),
                "F": _given(generator, shape=b.shape, outputs=a.shape) or _translator(b, a, recipe, start, False),
            }
        )
        critics = nn.ModuleDict(
            {side: _given(critic, shape=s.shape) or _critic(s, recipe) for side, s in (("A", a), ("B", b))}
        )
    made = CycleDesign(generators, critics)
    _check(made, a, b)
    return made


def _given(network: Given, **sizes: object) -> nn.Module | None:
    if network is None:
        return None
    return adopted(copy.deepcopy(network) if isinstance(network, nn.Module) else network(**sizes))


def _refuse_unlike(a: Schema, b: Schema, generator: Given) -> None:
    if a.kind != b.kind:
        raise ShapeError(f"both sides must be of one kind; A are {a.kind}s and B {b.kind}s.")
    if generator is None and len(a.shape) == 3 and a.shape[1:] != b.shape[1:]:
        unit, which = ("pixels", "image_size=") if a.kind == "image" else ("steps", "arrays of one length")
        sizes = " and ".join(" × ".join(map(str, s.shape[1:] if a.kind == "image" else s.shape[2:])) for s in (a, b))
        raise ShapeError(f"both sides must have one size; A and B have {sizes} {unit}. Give {which}.")


def _translator(source: Schema, target: Schema, recipe: CycleRecipe, start: Start, forward: bool) -> nn.Module:
    direct = None if start.maps is None else start.maps[0 if forward else 1]
    if isinstance(source, MixedSchema) and isinstance(target, MixedSchema):
        return table_translator(source, target, recipe.hidden, direct)
    if len(source.shape) == 1:
        return VectorTranslator(source.shape[0], target.shape[0], recipe.hidden, direct)
    symmetry = start.symmetry
    if symmetry is not None:
        symmetry = copy.deepcopy(symmetry if forward else symmetry.inverse())
    return ImageTranslator(
        source.shape,
        target.shape[0],
        recipe.width,
        recipe.blocks,
        recipe.halvings,
        recipe.kernel,
        recipe.norm,
        _last(target, recipe.direct),
        symmetry,
        direct if recipe.direct else None,
    )


def _last(target: Schema, direct: bool) -> nn.Module | None:
    if not target.bounded:
        return None
    return Clamp() if direct else nn.Tanh()


def _critic(schema: Schema, recipe: CycleRecipe) -> nn.Module:
    if isinstance(schema, MixedSchema):
        levels = torch.from_numpy(schema.levels)
        return ranking(MLP((schema.shape[0] + levels.shape[1],), (), recipe.hidden, LEAKY), levels)
    if len(schema.shape) == 1:
        return MLP(schema.shape, (), recipe.hidden, LEAKY)
    if recipe.depth is None:
        return ConvCritic(schema.shape, recipe.width)
    return PatchCritic(schema.shape, recipe.width, recipe.depth, recipe.norm)


def blank_start(a: Schema, b: Schema) -> Start:
    """A start of the same form as any that is found for such data, to be filled from a file."""
    if isinstance(a, MixedSchema) and isinstance(b, MixedSchema):
        return blank_maps(a, b)
    return Start.blank(a.shape[0], b.shape[0])


@torch.no_grad()
def _check(made: CycleDesign, a: Schema, b: Schema) -> None:
    """Try all four on two samples, so that a misfit shows before anything is written."""
    for name, source, target in (("G", a, b), ("F", b, a)):
        network = made.generators[name]
        training = network.training
        try:
            found = network.eval()(torch.zeros(2, *source.shape))
        except (RuntimeError, TypeError) as error:
            raise ShapeError(
                f"the generator {name} cannot take samples {describe((2, *source.shape))}: {_line(error)}"
            ) from error
        network.train(training)
        if tuple(found.shape) != (2, *target.shape):
            raise ShapeError(
                f"the generator {name} must make samples of the shape {describe((2, *target.shape))}; "
                f"got {describe(tuple(found.shape))}."
            )
    for side, schema in (("A", a), ("B", b)):
        network = made.critics[side]
        training = network.training
        try:
            found = network.eval()(torch.zeros(2, *schema.shape))
        except (RuntimeError, TypeError) as error:
            raise ShapeError(
                f"the critic of {side} cannot take samples {describe((2, *schema.shape))}: {_line(error)}"
            ) from error
        network.train(training)
        if found.shape[:1] != (2,):
            raise ShapeError(f"the critic of {side} must give scores (n, ...); got {describe(tuple(found.shape))}.")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
