"""Changes to a recipe, as plain values that a command line or a file can hold."""

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch.optim import SGD, RMSprop

from sparring.chance import symmetric_uniform
from sparring.data.schema import nearest
from sparring.errors import InputError
from sparring.networks import PAIRS
from sparring.objectives import HINGE, LEAST_SQUARES, MINIMAX, NON_SATURATING, RELATIVISTIC, WASSERSTEIN
from sparring.training.adam import Adam
from sparring.training.recipe import Penalty, Recipe
from sparring.training.slopes import PENALTIES

__all__ = ["NAMED", "changed", "valued"]

NAMED: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "objective": {o.name: o for o in (MINIMAX, NON_SATURATING, LEAST_SQUARES, HINGE, WASSERSTEIN, RELATIVISTIC)},
        "noise": {"normal": torch.randn, "uniform": symmetric_uniform},
        "optimizer": {
            "adam": partial(Adam, betas=(0.0, 0.99)),
            "rmsprop": partial(RMSprop, foreach=True),
            "sgd": partial(SGD, momentum=0.5, fused=True),
        },
        "networks": {name: make() for name, make in PAIRS.items()},
    }
)
"""The settings that have names: setting -> name -> value."""

WHOLE = ("pack", "critic_steps", "latent_size", "batch_size", "steps")
POSITIVE = ("generator_rate", "critic_rate", "clip", "passes")
NOT_NEGATIVE = ("hold", "half_life", "moments")


def changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """A recipe with other settings.

    changes: names of Recipe's fields with their values; a value may also be plain: a name of ``NAMED``, and for
    penalties a mapping of r1, r2 or one_centred to their weights, taken on every step.
    Raises InputError for an unknown setting, an unknown name or an impossible value.

    >>> from sparring.training import RECIPES
    >>> changed(RECIPES["r3gan"]["table"], {"objective": "hinge", "penalties": {"r1": 0.5}}).objective.name
    'hinge'
    """
    known = [field.name for field in fields(Recipe)]
    for name in changes:
        if name not in known:
            raise InputError(f"a recipe has no setting {name!r}{nearest(name, known)}")
    return replace(recipe, **{name: valued(name, value) for name, value in changes.items()})


def valued(name: str, value: Any) -> Any:
    """The value of a setting, which may be given plain. Raises InputError as ``changed`` does."""
    if name == "penalties" and isinstance(value, Mapping):
        return tuple(_penalty(*pair) for pair in value.items())
    if name in NAMED and isinstance(value, str):
        if value not in NAMED[name]:
            raise InputError(f"{name} must be one of {', '.join(NAMED[name])}; got {value!r}")
        return NAMED[name][value]
    if value is None and name in ("clip", "latent_size", "networks", "passes"):
        return value
    _check(name, value)
    return value


def _check(name: str, value: Any) -> None:
    plain = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    number = float(value) if plain else -1.0
    if name in WHOLE and not callable(value) and not (number >= 1 and number == int(number)):
        raise InputError(f"{name} must be a whole number above 0; got {value!r}")
    if name in POSITIVE and not number > 0:
        raise InputError(f"{name} must be a number above 0; got {value!r}")
    if name in NOT_NEGATIVE and not number >= 0:
        raise InputError(f"{name} must be a number of at least 0; got {value!r}")
    if name in ("spectral", "shared") and not isinstance(value, bool):
        raise InputError(f"{name} must be True or False; got {value!r}")


def _penalty(name: str, weight: Any) -> Penalty:
    if name not in PENALTIES:
        raise InputError(f"penalties are {', '.join(PENALTIES)}; got {name!r}")
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < math.inf:
        raise InputError(f"the weight of {name} must be a number above 0; got {weight!r}")
    return Penalty(name, PENALTIES[name], float(weight), float(weight))
