"""What suits two collections to be translated into each other: settings, where the generators begin, networks."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from sparring.chance import ambient_seed
from sparring.data.schema import Schema, nearest
from sparring.errors import InputError, ShapeError
from sparring.estimators.design import kind_of
from sparring.networks import (
    LEAKY,
    MLP,
    ConvCritic,
    ImageTranslator,
    PatchCritic,
    Symmetry,
    VectorTranslator,
    symmetries,
)
from sparring.seeds import derive
from sparring.shapes import describe
from sparring.training.cycle import CycleRecipe
from sparring.training.cycle_recipes import CYCLE_RECIPES, OBJECTIVES
from sparring.transport.aligning import alignments, w1_between

__all__ = ["CycleDesign", "Start", "cycle_settings", "design_cycle", "starts_of"]

Given = nn.Module | Callable[..., nn.Module] | None
COMPARED = 300  # rows of either side by which symmetries are compared
SIDE = 32  # pixels to which images are averaged for it
CLEARLY = 0.95  # of the distance as they are: a symmetry must bring images nearer than that


@dataclass(frozen=True)
class Start:
    """Where both generators begin. said: in words. w1: exact Wasserstein-1 from A, mapped so, to B, in encoded units.

    matrices: (W, b) of G and of F, for vectors. symmetry: that G's images go through; F's go through its inverse.
    """

    said: str
    w1: float | None = None
    matrices: tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None
    symmetry: Symmetry | None = None


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


def _checked(name: str, value: Any, usual: Any) -> Any:
    if name in PAIRS:
        return _pair(name, value)
    if name == "objective" and isinstance(value, str):
        if value not in OBJECTIVES:
            raise InputError(f"objective must be one of {', '.join(OBJECTIVES)}; got {value!r}")
        return OBJECTIVES[value]
    whole = isinstance(usual, int) and not isinstance(usual, bool)
    if whole and (isinstance(value, bool) or not isinstance(value, int | np.integer) or value < (name not in ZERO)):
        raise InputError(f"{name} must be a whole number of at least {int(name not in ZERO)}; got {value!r}")
    return int(value) if whole else value


ZERO = ("buffer", "blocks", "halvings", "depth")  # may be 0


def _pair(name: str, value: Any) -> tuple[float, float]:
    """A weight for both sides, or one for each."""
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    numbers = [x for x in pair if isinstance(x, int | float | np.number) and not isinstance(x, bool)]
    if len(pair) != 2 or len(numbers) != 2 or not all(0 <= x < np.inf for x in numbers):
        raise InputError(f"{name} must be a weight of at least 0, or one for each side; got {value!r}")
    return float(pair[0]), float(pair[1])


# -- where the generators begin


def starts_of(a: np.ndarray, b: np.ndarray, count: int, seed: int, align: bool = True) -> list[Start]:
    """Starts for restarts 0, 1, ..., the most promising first. a, b: encoded rows.

    They are found by exact Wasserstein-1 between the collections; no pairs are looked at.
    """
    if a.ndim == 2:
        return _linear_starts(a, b, count, seed) if align else [Start("by chance")]
    return _symmetric_starts(a, b, count, seed) if align else [Start("as it is")]


def _linear_starts(a: np.ndarray, b: np.ndarray, count: int, seed: int) -> list[Start]:
    found = []
    for made in alignments(a, b, count, seed=seed):
        there = torch.from_numpy(made.matrix).float(), torch.from_numpy(made.offset).float()
        back = torch.from_numpy(made.inverse).float(), torch.from_numpy(-made.inverse @ made.offset).float()
        found.append(Start("a linear map found by optimal transport", made.w1, (there, back)))
    return found


def _symmetric_starts(a: np.ndarray, b: np.ndarray, count: int, seed: int) -> list[Start]:
    """Symmetries of the frame, the one that brings A nearest to B first; "as it is" unless another is clearly nearer.

    Colours may be inverted on one side, which convolutions learn by themselves: so each is measured both ways.
    """
    rng = np.random.default_rng(seed)
    first, second = (_shrunk(rows[rng.permutation(len(rows))[:COMPARED]]) for rows in (a, b))
    if first.shape[1] != second.shape[1]:
        first, second = first.mean(1, keepdim=True), second.mean(1, keepdim=True)
    target = second.flatten(1).double().numpy()
    found = []
    for symmetry in symmetries(*a.shape[2:]):
        turned = symmetry(first).flatten(1).double().numpy()
        found.append(Start(str(symmetry), min(w1_between(sign * turned, target) for sign in (1, -1)), None, symmetry))
    plain, *others = found
    others.sort(key=lambda start: start.w1 or 0.0)
    if others and (others[0].w1 or 0.0) < CLEARLY * (plain.w1 or 0.0):
        return [others[0], plain, *others[1:]][:count]
    return [plain, *others][:count]


def _shrunk(images: np.ndarray) -> Tensor:
    sizes = tuple(min(side, SIDE) for side in images.shape[2:])
    return adaptive_avg_pool2d(torch.from_numpy(images), sizes)  # pyright: ignore[reportArgumentType]


# -- networks


def design_cycle(
    a: Schema, b: Schema, recipe: CycleRecipe, seed: int, start: Start, generator: Given = None, critic: Given = None
) -> CycleDesign:
    """The four networks: the user's own, or the recipe's. Weights are drawn from ``seed`` alone.

    generator: a factory called with shape= (of what it takes) and outputs= (of what it makes), for G and for F; critic:
    called with shape=. A module is copied, so that both sides have one. Raises ShapeError if one does not fit.
    """
    _refuse_unlike(a, b, generator)
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
    return copy.deepcopy(network) if network is None or isinstance(network, nn.Module) else network(**sizes)


def _refuse_unlike(a: Schema, b: Schema, generator: Given) -> None:
    if a.kind != b.kind:
        raise ShapeError(f"both sides must be of one kind; A are {a.kind}s and B {b.kind}s.")
    if generator is None and len(a.shape) == 3 and a.shape[1:] != b.shape[1:]:
        unit, which = ("pixels", "image_size=") if a.kind == "image" else ("steps", "arrays of one length")
        sizes = " and ".join(" × ".join(map(str, s.shape[1:] if a.kind == "image" else s.shape[2:])) for s in (a, b))
        raise ShapeError(f"both sides must have one size; A and B have {sizes} {unit}. Give {which}.")


def _translator(source: Schema, target: Schema, recipe: CycleRecipe, start: Start, forward: bool) -> nn.Module:
    if len(source.shape) == 1:
        matrices = None if start.matrices is None else start.matrices[0 if forward else 1]
        return VectorTranslator(source.shape[0], target.shape[0], recipe.hidden, matrices)
    symmetry = start.symmetry
    return ImageTranslator(
        source.shape,
        target.shape[0],
        recipe.width,
        recipe.blocks,
        recipe.halvings,
        recipe.kernel,
        recipe.norm,
        nn.Tanh() if target.bounded else None,
        copy.deepcopy(symmetry) if symmetry is None or forward else copy.deepcopy(symmetry.inverse()),
    )


def _critic(schema: Schema, recipe: CycleRecipe) -> nn.Module:
    if len(schema.shape) == 1:
        return MLP(schema.shape, (), recipe.hidden, LEAKY)
    if recipe.depth is None:
        return ConvCritic(schema.shape, recipe.width)
    return PatchCritic(schema.shape, recipe.width, recipe.depth, recipe.norm)


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
