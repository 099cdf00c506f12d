"""A CycleGAN's run about to be played: both collections, networks, game, batches, and what watches it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sparring.chance import Chance
from sparring.data.batches import Batches
from sparring.data.mixed import MixedSchema
from sparring.data.rows import Rows
from sparring.data.schema import Schema
from sparring.data.source import Source
from sparring.data.split import split_rows
from sparring.data.unpaired import Unpaired
from sparring.diagnose.probes import GameProbes
from sparring.errors import InputError
from sparring.estimators.cycle_design import CycleDesign, cycle_settings, design_cycle
from sparring.estimators.cycle_starts import Start, starts_of
from sparring.estimators.cycle_tables import MATCHED, mixed_starts, straying
from sparring.estimators.cycle_use import translated
from sparring.estimators.design import threads_for
from sparring.estimators.game import spread
from sparring.place import Place
from sparring.run import Watch
from sparring.seeds import derive
from sparring.training import Game, State
from sparring.training.cycle import CycleRecipe, Strays, cycle_game
from sparring.training.restarts import Restarts, own_step
from sparring.transport.aligning import w1_between

__all__ = ["CycleJob", "Side", "cycle_job", "side_of"]

RESIDENT = 2**31  # bytes of encoded rows, up to which a side is kept in memory
SHORTENED = 20  # times, the game of images that begin as near to the others as those are to each other
MEASURED = 2_000  # rows by which restarts are compared: with 500, chance once chose a wrong one in thirty runs
RESTARTS = 4  # of vectors
WIDE = 16 * 16  # pixels from which bfloat16 pays, where it is fast
SHORT = 4  # a restart has one in so many of the steps


@dataclass(frozen=True)
class Side:
    """One of the two collections. train, held_out: its rows."""

    source: Source
    train: Rows
    held_out: Rows

    def encoded(self, most: int, seed: int = 0) -> Tensor:
        """Some of the rows to learn from, as networks take them."""
        return torch.from_numpy(self.source.schema.encode(self.train.some(most, seed)))


@dataclass(frozen=True)
class CycleJob:
    """A run about to be played. starts: where the games of the restarts begin. steps: of the whole run."""

    a: Side
    b: Side
    recipe: CycleRecipe
    place: Place
    threads: int | None
    networks: CycleDesign
    game: Game
    batches: Unpaired
    state: State
    starts: list[Start]
    restarts: Restarts | None
    steps: int
    watches: Mapping[str, Watch]
    probes: GameProbes | None = None

    @property
    def generators(self) -> nn.ModuleDict:
        """The averaged ones, which translate."""
        average: Any = self.game.parts["average"]
        return average.module

    @property
    def parts(self) -> dict[str, Any]:
        """All that a checkpoint holds."""
        return {**self.game.parts, "state": self.state, **self.watches}


def cycle_job(given: Mapping[str, Any], a: Source, b: Source, seed: int) -> CycleJob:
    """Bring together all that a run needs. given: the estimator's parameters."""
    recipe = cycle_settings(given, a.schema, b.schema)
    sides = side_of(a, "A", given, seed), side_of(b, "B", given, seed)
    own = given["generator"] is not None or given["critic"] is not None  # which may not bear bfloat16
    wide = a.schema.kind == "image" and math.prod(a.schema.shape[1:]) >= WIDE and not own
    place = Place.of(given["device"], given["precision"] if wide or given["precision"] != "auto" else "float32")
    count = int(given["restarts"] or (RESTARTS if a.schema.kind == "table" else 1))
    short = int(given["restart_steps"] or max(recipe.steps // SHORT, 1))
    if count > 1 and short > recipe.steps:
        raise InputError(f"restart_steps={short} are more than all {recipe.steps} steps.")
    starts = _starts(given, sides, count, seed)
    schemas = {"A": a.schema, "B": b.schema}
    strays = {side: straying(s, place.device) for side, s in schemas.items() if isinstance(s, MixedSchema)}
    if starts[0].near and count == 1 and given["steps"] is None and "steps" not in (given["changes"] or {}):
        recipe = replace(recipe, steps=max(recipe.steps // SHORTENED, 1))
    begin = partial(_begun, given, a, b, recipe, place, short, count, starts, seed, strays)
    networks, game = begin(0)
    restarts = None
    if count > 1:
        measure = partial(_measured, game.parts["average"], sides, derive(seed, "restarts"))
        restarts = Restarts(game.parts, count, short, lambda i: _states(begin(i)[1]), measure, place)
    batches = Unpaired(
        _batches(sides[0], recipe, place, derive(seed, "batches", "A")),
        _batches(sides[1], recipe, place, derive(seed, "batches", "B")),
    )
    return CycleJob(
        a=sides[0],
        b=sides[1],
        recipe=recipe,
        place=place,
        threads=given["threads"] or threads_for(networks.critics, recipe.batch_size // place.ranks),
        networks=networks,
        game=game,
        batches=batches,
        state=State(Chance(derive(seed, "chance"), place.device, place.rank, place.ranks)),
        starts=starts,
        restarts=restarts,
        steps=recipe.steps + ((count - 1) * short if count > 1 else 0),
        watches={} if restarts is None else {"restarts": restarts},
    )


def _starts(given: Mapping[str, Any], sides: tuple[Side, Side], count: int, seed: int) -> list[Start]:
    align, seed_of_starts = given["align"] and given["generator"] is None, derive(seed, "starts")
    a, b = (side.source.schema for side in sides)
    if align and isinstance(a, MixedSchema) and isinstance(b, MixedSchema):
        frames = sides[0].train.some(MATCHED, seed), sides[1].train.some(MATCHED, seed)
        return mixed_starts(a, b, frames, count, seed_of_starts)
    rows = tuple(side.encoded(MEASURED, seed).numpy() for side in sides)
    return starts_of(rows[0], rows[1], count, seed_of_starts, align)


def _states(game: Game) -> dict[str, Any]:
    return {name: part.state_dict() for name, part in game.parts.items()}


def _begun(
    given: Mapping[str, Any],
    a: Source,
    b: Source,
    recipe: CycleRecipe,
    place: Place,
    short: int,
    count: int,
    starts: list[Start],
    seed: int,
    strays: Mapping[str, Strays],
    i: int,
) -> tuple[CycleDesign, Game]:
    """Fresh networks for restart i, and their game."""
    weights = derive(seed, "fresh", i) if i else seed
    networks = design_cycle(
        a.schema, b.schema, recipe, weights, starts[i % len(starts)], given["generator"], given["critic"]
    ).to(place.device)
    game = cycle_game(
        networks.generators,
        networks.critics,
        recipe,
        recipe.steps,
        own_step=partial(own_step, count=count, short=short),
        ranks=place.ranks,
        strays=strays,
    )
    return networks, game


def side_of(source: Source, side: str, given: Mapping[str, Any], seed: int) -> Side:
    """A collection with the rows that this seed holds out."""
    numbers, others = split_rows(len(source.values), given["validation_fraction"], derive(seed, "held out", side))
    return Side(source, Rows(source.values, numbers), Rows(source.values, others))


def _batches(side: Side, recipe: CycleRecipe, place: Place, seed: int) -> Batches:
    schema, train = side.source.schema, side.train
    make = partial(Batches, size=recipe.batch_size, seed=seed, rank=place.rank, ranks=place.ranks)
    if isinstance(schema, MixedSchema):  # places and scalars in memory; one-hot a batch at a time
        starts = torch.from_numpy(schema.starts).to(place.device)
        compact = torch.from_numpy(schema.compact(train.all())).to(place.device)
        return make(compact, prepare=partial(spread, schema, starts))
    if len(train) * math.prod(schema.shape) * 4 <= RESIDENT:
        return make(torch.from_numpy(schema.encode(train.all())).to(place.device))
    prepare = partial(_encoded, side, place)
    return make(torch.from_numpy(train.values), prepare=prepare, among=torch.from_numpy(train.numbers))


def _encoded(side: Side, place: Place, rows: Tensor) -> Tensor:
    return torch.from_numpy(side.source.schema.encode(rows.numpy())).to(place.device, non_blocking=True)


def _measured(average: Any, sides: tuple[Side, Side], seed: int) -> dict[str, float]:
    """W1(G(A), B) and W1(F(B), A), exact, in encoded units, and how far what comes back has strayed."""
    a, b = (side.encoded(MEASURED, seed) for side in sides)
    networks = average.module
    made_b, made_a = translated(networks["G"], a), translated(networks["F"], b)
    schemas = [side.source.schema for side in sides]
    flat = [_flat(schemas[i], rows) for i, rows in ((1, made_b), (1, b), (0, made_a), (0, a))]
    finite = all(np.isfinite(rows).all() for rows in flat)
    return {
        "w1_to_b": w1_between(flat[0], flat[1]) if finite else math.nan,
        "w1_to_a": w1_between(flat[2], flat[3]) if finite else math.nan,
        "cycle": float((translated(networks["F"], made_b) - a).abs().mean()),
    }


def _flat(schema: Schema, rows: Tensor) -> Any:
    """Encoded rows as points."""
    if isinstance(schema, MixedSchema):
        return schema.points(schema.decode(rows.numpy()))[..., 0].astype(np.float64)
    return rows.flatten(1).double().numpy()
