"""How good the default GAN is: on the real digits, and on mixtures whose truth is known.

    python benchmarks/quality.py [digits grid ring ...] [--seeds 3] [--recipe r3gan]

digits  1,437 real digits to train on, 360 held out (never used for choosing settings); ten draws
grid    25 Gaussians, {-4, -2, 0, 2, 4}^2, sigma 0.05; 100,000 points; 2,500 samples (PacGAN's protocol)
ring    8 Gaussians on the unit circle, sigma 0.01; the same protocol

Default settings throughout. CPU seconds are the whole process's, for training alone.
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np

import sparring as sp
from sparring.data import toy

DRAWS = 10
SIZE = 2_500


@dataclass(frozen=True)
class Fitted:
    """A trained model, and what training it cost."""

    gan: sp.GAN
    cpu: float


def fitted(data: np.ndarray, recipe: str, seed: int) -> Fitted:
    began = time.process_time()
    gan = sp.GAN(recipe, random_state=seed).fit(data)
    return Fitted(gan, time.process_time() - began)


def digits(recipe: str, seeds: int) -> None:
    train, test, labels, _ = toy.digits_split()
    print(
        "| seed | W1 / floor | coverage (floor) | confident (floor) | classes | near copies (floor; interval) | CPU s |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for seed in range(seeds):
        made = fitted(train, recipe, seed)
        verdict = made.gan.judge(test, labels=labels, draws=DRAWS)
        w1, coverage, named, near = (verdict[name] for name in ("w1", "coverage", "confident", "near_copies"))
        classes = f"{verdict['smallest_class'].value:.3f} to {verdict['largest_class'].value:.3f}"
        low, high = near.interval or (float("nan"),) * 2
        print(
            f"| {seed} | {w1.ratio:.3f} | {coverage.value:.3f} ({coverage.floor:.3f}) "
            f"| {named.value:.3f} ({named.floor:.3f}) | {classes} "
            f"| {near.value:.3f} ({near.floor:.3f}; ratio {low:.2f} to {high:.2f}) | {made.cpu:.0f} |",
            flush=True,
        )


def mixture(truth: toy.Mixture, recipe: str, seeds: int) -> None:
    print(f"| seed | modes of {len(truth.centres)} | high quality % | spread | W1 / floor | CPU s |")
    print("| --- | --- | --- | --- | --- | --- |")
    for seed in range(seeds):
        made = fitted(truth.sample(100_000, 1_000 + seed), recipe, seed)
        counts = [truth.modes_and_quality(made.gan.sample(SIZE, random_state=i)) for i in range(DRAWS)]
        ratio = _w1_ratio(truth, made.gan)
        modes = "/".join(map(str, sorted({count.modes for count in counts})))
        quality = 100 * np.mean([count.high_quality for count in counts])
        spread = np.mean([count.spread for count in counts])
        print(f"| {seed} | {modes} | {quality:.1f} | {spread:.2f} | {ratio:.2f} | {made.cpu:.0f} |", flush=True)


def _w1_ratio(truth: toy.Mixture, gan: sp.GAN) -> float:
    """Mean W1 of samples to fresh points over the mean W1 of points to fresh points, ten draws each."""
    fake, real = [], []
    for i in range(DRAWS):
        fresh, more = truth.sample(SIZE, 5_000 + i), truth.sample(SIZE, 6_000 + i)
        fake.append(sp.transport.wasserstein(gan.sample(SIZE, random_state=i), fresh))
        real.append(sp.transport.wasserstein(more, fresh))
    return float(np.mean(fake) / np.mean(real))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["digits", "grid", "ring"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recipe", default="r3gan")
    chosen = parser.parse_args()
    for what in chosen.what:
        print(f"\n{what}, recipe {chosen.recipe}\n")
        if what == "digits":
            digits(chosen.recipe, chosen.seeds)
        else:
            mixture({"grid": toy.grid, "ring": toy.ring}[what](), chosen.recipe, chosen.seeds)


if __name__ == "__main__":
    main()
