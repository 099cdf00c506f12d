"""How good GANs are by default: on the real digits, and on mixtures whose truth is known.

    python benchmarks/quality.py [digits grid ring ...] [--seeds 10] [--recipes r3gan ...] [--processes 2]

digits  1,437 real digits to train on, 360 held out (never used for choosing settings); ten draws
grid    25 Gaussians, {-4, -2, 0, 2, 4}^2, sigma 0.05; 100,000 points; 2,500 samples (PacGAN's protocol)
ring    8 Gaussians on the unit circle, sigma 0.01; the same protocol

Default settings throughout, one thread a run. CPU seconds are the whole process's, for training alone. The figures of a
run are means over ten draws; "real" is what fresh points of the mixture itself score.
"""

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

import sparring as sp
from sparring.data import toy
from sparring.training import RECIPES

DRAWS = 10
SIZE = 2_500
MIXTURES = {"grid": toy.grid, "ring": toy.ring}
Sampler = Callable[[int, int], np.ndarray]


@dataclass(frozen=True)
class Fitted:
    """A trained model, and what training it cost."""

    gan: sp.GAN
    cpu: float


@dataclass(frozen=True)
class Scores:
    """Of one run on a mixture. modes: the fewest of any draw; the rest are means over the draws."""

    modes: int
    quality: float
    spread: float
    divergence: float
    w1: float
    cpu: float


def fitted(data: np.ndarray, recipe: str, seed: int) -> Fitted:
    began = time.process_time()
    gan = sp.GAN(recipe, random_state=seed, threads=1).fit(data)
    return Fitted(gan, time.process_time() - began)


# -- digits


def digits_row(recipe: str, seed: int) -> str:
    train, test, labels, _ = toy.digits_split()
    made = fitted(train, recipe, seed)
    verdict = made.gan.judge(test, labels=labels, draws=DRAWS)
    w1, coverage, named, near = (verdict[name] for name in ("w1", "coverage", "confident", "near_copies"))
    classes = f"{verdict['smallest_class'].value:.3f} to {verdict['largest_class'].value:.3f}"
    low, high = near.interval or (float("nan"),) * 2
    return (
        f"| {recipe} | {seed} | {w1.ratio:.3f} | {coverage.value:.3f} ({coverage.floor:.3f}) "
        f"| {named.value:.3f} ({named.floor:.3f}) | {classes} "
        f"| {near.value:.3f} ({near.floor:.3f}; ratio {low:.2f} to {high:.2f}) | {made.cpu:.0f} |"
    )


def digits(recipes: list[str], seeds: list[int], pool: ProcessPoolExecutor) -> None:
    print(
        "| recipe | seed | W1 / floor | coverage (floor) | confident (floor) | classes | "
        "near copies (floor; interval) | CPU s |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    pairs = [(recipe, seed) for recipe in recipes for seed in seeds]
    for row in pool.map(digits_row, *zip(*pairs, strict=True)):
        print(row, flush=True)


# -- mixtures


def scores_of(truth: toy.Mixture, sample: Sampler, cpu: float = 0.0) -> Scores:
    """sample(n, seed): points (n, 2)."""
    counts = [truth.modes_and_quality(sample(SIZE, i)) for i in range(DRAWS)]
    means = [np.mean([getattr(count, name) for count in counts]) for name in ("high_quality", "spread", "reverse_kl")]
    fewest = min(count.modes for count in counts)
    return Scores(fewest, 100 * float(means[0]), float(means[1]), float(means[2]), _w1_ratio(truth, sample), cpu)


def _w1_ratio(truth: toy.Mixture, sample: Sampler) -> float:
    """Mean W1 of samples to fresh points over the mean W1 of points to fresh points, ten draws each."""
    fake, real = [], []
    for i in range(DRAWS):
        fresh, more = truth.sample(SIZE, 5_000 + i), truth.sample(SIZE, 6_000 + i)
        fake.append(sp.transport.wasserstein(sample(SIZE, i), fresh))
        real.append(sp.transport.wasserstein(more, fresh))
    return float(np.mean(fake) / np.mean(real))


def run_of(what: str, recipe: str, keep: str | None, seed: int) -> Scores:
    truth = MIXTURES[what]()
    made = fitted(truth.sample(100_000, 1_000 + seed), recipe, seed)
    if keep is not None:
        Path(keep).mkdir(parents=True, exist_ok=True)
        np.save(Path(keep) / f"{what}-{recipe}-{seed}.npy", np.asarray(made.gan.sample(SIZE, random_state=0)))
    return scores_of(truth, lambda n, i: np.asarray(made.gan.sample(n, random_state=i)), made.cpu)


def mixture(what: str, recipes: list[str], seeds: list[int], keep: str | None, pool: ProcessPoolExecutor) -> None:
    truth = MIXTURES[what]()
    print(
        f"| recipe | seed | modes of {len(truth.centres)} | high quality % | in-mode sd | reverse KL | W1 / floor "
        "| CPU s |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    print(_row("real", "", scores_of(truth, lambda n, i: truth.sample(n, 900 + i))))
    for recipe in recipes:
        found = []
        for seed, scores in zip(seeds, pool.map(partial(run_of, what, recipe, keep), seeds), strict=True):
            found.append(scores)
            print(_row(recipe, str(seed), scores), flush=True)
        print(_summary(recipe, found), flush=True)


def _row(recipe: str, seed: str, s: Scores) -> str:
    figures = f"{s.quality:.1f} | {s.spread:.2f} | {s.divergence:.4f} | {s.w1:.2f} | {s.cpu:.0f}"
    return f"| {recipe} | {seed} | {s.modes} | {figures} |"


def _summary(recipe: str, found: list[Scores]) -> str:
    """Means, and in brackets the least and the most of any run."""
    cells = []
    for name, digits in (("modes", 1), ("quality", 1), ("spread", 2), ("divergence", 4), ("w1", 2), ("cpu", 0)):
        values = [getattr(scores, name) for scores in found]
        low, high = f"{min(values):.{digits}f}".removesuffix(".0"), f"{max(values):.{digits}f}".removesuffix(".0")
        cells.append(f"{np.mean(values):.{digits}f} ({low} to {high})")
    return f"| **{recipe}** | mean of {len(found)} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["digits", "grid", "ring"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--recipes", nargs="+", default=["r3gan"], choices=[*RECIPES, "all"])
    parser.add_argument("--keep", help="a folder for 2,500 samples of each run on a mixture (docs/recipe_pictures.py)")
    parser.add_argument("--processes", type=int, default=1, help="runs side by side, one thread each")
    chosen = parser.parse_args()
    recipes = list(RECIPES) if "all" in chosen.recipes else chosen.recipes
    seeds = list(range(chosen.first, chosen.first + chosen.seeds))
    with ProcessPoolExecutor(chosen.processes, get_context("spawn")) as pool:
        for what in chosen.what:
            print(f"\n{what}\n")
            if what == "digits":
                digits(recipes, seeds, pool)
            else:
                mixture(what, recipes, seeds, chosen.keep, pool)


if __name__ == "__main__":
    main()
