"""Images a second of a CycleGAN on a GPU: ours, and the reference's loop in bfloat16 with channels-last layout.

    python benchmarks/cycle_gpu.py [--seconds 10] [--size 256] [--batch 1 4] [--width 64] [--device cuda]

The networks are the paper's for 256 x 256 pixels (nine residual blocks, critics of 70 x 70 patches), with weights in
float32 and passes in bfloat16. An image is a row of A with one of B. On a machine without a GPU,
``--device cpu --seconds 1 --size 32 --width 4`` shows that the script works.
"""

import argparse
import copy
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from cycle_cost import Case, Networks, data, networks, reference
from torch import nn

from sparring.chance import Chance
from sparring.data.batches import Batches
from sparring.data.unpaired import Unpaired
from sparring.place import Place
from sparring.training import State, train
from sparring.training.cycle import cycle_game
from sparring.training.cycle_recipes import PAPER


def ours(case: Case, made: Networks, place: Place) -> Iterator[object]:
    generators, critics = (part.to(place.device) for part in made)
    weight = 10 * case.identity
    game = cycle_game(generators, critics, replace(case.recipe, identity=(weight, weight)), 10**9)
    a, b = (rows.to(place.device) for rows in data(case))
    batches = Unpaired(*(Batches(rows, size=case.recipe.batch_size, seed=i) for i, rows in enumerate((a, b))))
    return train(game.turns, batches, 10**9, State(Chance(0, place.device)), place)


def theirs(case: Case, made: Networks, place: Place) -> Iterator[Any]:
    """The reference's loop where the place is, its layers in channels-last layout."""
    moved = tuple(nn.ModuleDict(part).to(place.device) for part in made)
    with place.autocast():
        yield from reference(case, (moved[0], moved[1]), place.device, torch.channels_last)


def rate(rounds: Iterator[Any], batch: int, seconds: float, device: torch.device) -> float:
    """Images a second, after a warm-up of a third of the time."""

    def wait() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    began = wait()
    while time.perf_counter() - began < seconds / 3:
        next(rounds)
    began, count = wait(), 0
    while time.perf_counter() - began < seconds:
        next(rounds)
        count += 1
    return batch * count / (wait() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--device", default="cuda")
    chosen = parser.parse_args()
    place = Place.of(chosen.device, "bfloat16")
    print("| batch | ours, images a second | reference | times as fast | GiB held, ours | reference |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    for batch in chosen.batch:
        case = Case("", (3, chosen.size, chosen.size), replace(PAPER, width=chosen.width, batch_size=batch))
        found, held = [], []
        for way in (ours, theirs):
            if place.device.type == "cuda":
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()
            rounds = way(case, copy.deepcopy(networks(case)), place)
            found.append(rate(rounds, batch, chosen.seconds, place.device))
            held.append(torch.cuda.max_memory_allocated() / 2**30 if place.device.type == "cuda" else 0.0)
        print(
            f"| {batch} | {found[0]:.1f} | {found[1]:.1f} | {found[0] / found[1]:.2f} | {held[0]:.2f} | {held[1]:.2f} |"
        )


if __name__ == "__main__":
    main()
