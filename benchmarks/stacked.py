"""Stacked MNIST: three random digits in the three colour channels, 1,000 modes. How many does a GAN reach?

    python benchmarks/images.py namer --data FOLDER --out NAMER                              (once)
    python benchmarks/stacked.py METHOD ... --data FOLDER --namer NAMER --steps 2000           (two cores: minutes)
    python benchmarks/stacked.py r3gan:networks=residual,batch_size=512 --steps 50000 --device cuda ...

26,000 samples; each channel is named by our own digit classifier, and a sample counts for the mode of its three names.
Modes: those that any sample names. KL: of the shares of the modes against equal ones, in nats; a perfect sampler scores
about 0.019 (999 / 52,000). "real" is fresh stacks of test digits: what the classifier's errors cost. METHOD: as in
images.py.
Source of the protocol: Metz et al. 2017; Lin et al. 2018, section 4.2.
"""

import argparse
import time
from typing import Any

import numpy as np
from images import read

import sparring as sp
from sparring.cli.actions import changes_of

SAMPLES, PARTS = 26_000, 2_000


def stacks(images: np.ndarray, n: int, seed: int) -> np.ndarray:
    """n random triples of images (m, h, w), as (n, h, w, 3)."""
    chosen = np.random.default_rng(seed).integers(len(images), size=(3, n))
    return np.stack([images[rows] for rows in chosen], axis=-1)


def modes_of(samples: np.ndarray, namer: Any) -> np.ndarray:
    """The mode of each sample, 0 to 999: its channels' names as three decimals."""
    names = [namer.predict(np.ascontiguousarray(samples[..., channel])) for channel in range(3)]
    return names[0].astype(int) * 100 + names[1].astype(int) * 10 + names[2].astype(int)


def modes_and_divergence(modes: np.ndarray) -> tuple[int, float]:
    """How many of the 1,000 modes were reached, and KL(shares, equal shares) in nats."""
    shares = np.bincount(modes, minlength=1000) / len(modes)
    reached = shares[shares > 0]
    return len(reached), float((reached * np.log(reached * 1000)).sum())


def fitted(method: str, data: np.ndarray, steps: int, seed: int, device: str) -> sp.GAN:
    recipe, _, words = method.partition(":")
    changes = changes_of([word for word in words.split(",") if word]) or None
    return sp.GAN(recipe, changes=changes, steps=steps, random_state=seed, device=device).fit(data)


def named(gan: sp.GAN, namer: Any, n: int = SAMPLES) -> np.ndarray:
    """The modes of n samples, made in parts."""
    counts = [min(PARTS, n - start) for start in range(0, n, PARTS)]
    parts = [np.asarray(gan.sample(count, random_state=i)) for i, count in enumerate(counts)]
    return np.concatenate([modes_of(part, namer) for part in parts])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="+")
    parser.add_argument("--data", required=True)
    parser.add_argument("--namer", required=True)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--triples", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    chosen = parser.parse_args()
    namer = sp.load(chosen.namer)
    train, test = (read(chosen.data, part)[0] for part in ("train", "t10k"))
    data = stacks(train, chosen.triples, chosen.seed)
    print("| method | modes of 1,000 | KL | steps | seconds | CPU s |")
    print("| --- | --- | --- | --- | --- | --- |")
    modes, divergence = modes_and_divergence(modes_of(stacks(test, SAMPLES, 1), namer))
    print(f"| real | {modes} | {divergence:.3f} | | | |", flush=True)
    for method in chosen.methods:
        began, cpu = time.perf_counter(), time.process_time()
        gan = fitted(method, data, chosen.steps, chosen.seed, chosen.device)
        took, spent = time.perf_counter() - began, time.process_time() - cpu
        modes, divergence = modes_and_divergence(named(gan, namer))
        print(f"| {method} | {modes} | {divergence:.3f} | {chosen.steps:,} | {took:.0f} | {spent:.0f} |", flush=True)


if __name__ == "__main__":
    main()
