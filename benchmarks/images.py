"""MNIST and Fashion-MNIST: how good images are after the same time, ours and others'.

    python benchmarks/images.py namer --data FOLDER --out NAMER [--epochs 5]
    python benchmarks/images.py METHOD ... --data FOLDER --namer NAMER [--seconds 600] [--threads 2] [--seed 0]

The first, once, teaches the classifier whose features are measured in.
FOLDER holds the four IDX files of either set. A METHOD is a recipe of ours (r3gan, dcgan, ...), with changes after
a colon (r3gan:networks=residual,batch_size=32), plain-dcgan or plain-wgan-gp (benchmarks/peers.py), or
the same two as torchgan-... or vegans-... (benchmarks/libraries.py; "steps" are then batches read). Every method
gets the same seconds on the same threads, for training alone; ours is told how many steps fit (100 are timed first,
within its time). The test images choose nothing.

Measured with 10,000 samples against the 10,000 test images, in the features before the last layer of our own
classifier, taught by the training images: Fréchet distance; precision and coverage (3rd and 5th neighbour, 5,000 of
each); the share that the classifier is sure of (> 0.9) and the smallest and largest class. "real" is the same with
training images in the samples' place: the floor.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from libraries import LIBRARIES
from peers import PLAIN
from torch import nn

import sparring as sp
from sparring.cli.actions import changes_of
from sparring.data.labelled import read_labelled
from sparring.judging import fidelity, frechet_distance
from sparring.transport.clouds import distances

SAMPLES, BALLS = 10_000, 5_000
WIDTH = 32


def read(folder: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """part: "train" or "t10k"."""
    path = next(Path(folder).glob(f"{part}-images*ubyte*"))
    found = read_labelled(path)
    return found.inputs, found.targets


# -- the features


def features_of(namer: Any, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the last layer sees of each image, (n, d), and the probabilities of its classes."""
    return namer.features(images), namer.predict_proba(images)


class Yardstick:
    """The test images in the classifier's features."""

    def __init__(self, namer: Any, test: np.ndarray) -> None:
        self.namer = namer
        self.real, _ = features_of(namer, test[:SAMPLES])
        self.balls = fidelity.balls(self.real[:BALLS])

    def row(self, name: str, images: np.ndarray, steps: int, seconds: float, cpu: float) -> str:
        found, probabilities = features_of(self.namer, images)
        distance = frechet_distance(found, self.real)
        between = distances(found[:BALLS], self.real[:BALLS])
        precision = fidelity.precision(between, self.balls.narrow)
        coverage = fidelity.coverage(between, self.balls.wide)
        sure = (probabilities.max(1) > 0.9).mean()
        shares = np.bincount(probabilities.argmax(1), minlength=10) / len(images)
        return (
            f"| {name} | {distance:.2f} | {precision:.3f} | {coverage:.3f} | {sure:.3f} "
            f"| {shares.min():.3f} to {shares.max():.3f} | {steps:,} | {seconds:.0f} | {cpu:.0f} |"
        )


# -- the methods


def ours(method: str, train: np.ndarray, seconds: float, threads: int, seed: int) -> tuple[Any, int]:
    """Train one of our recipes for so many seconds. Returns what samples, and the steps taken."""
    recipe, _, words = method.partition(":")
    changes = changes_of([word for word in words.split(",") if word]) or None
    settings: dict[str, Any] = {"recipe": recipe, "changes": changes, "threads": threads, "random_state": seed}
    began = time.perf_counter()

    def taken(steps: int) -> float:
        start = time.perf_counter()
        sp.GAN(**settings, steps=steps).fit(train)
        return time.perf_counter() - start

    taken(10)  # the first fit of a process loads parts of torch
    each = (taken(110) - taken(10)) / 100  # loading and encoding are in both
    left = seconds - (time.perf_counter() - began)
    steps = max(int(left / each * 0.97), 1)
    gan = sp.GAN(**settings, steps=steps).fit(train)
    return (lambda n: np.asarray(gan.sample(n, random_state=seed))), steps


def others(method: str, train: np.ndarray, seconds: float, threads: int, seed: int) -> tuple[Any, int]:
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    data = torch.from_numpy(train).float()[:, None] / 127.5 - 1
    if method in LIBRARIES:
        generator, latent, steps = LIBRARIES[method](data, WIDTH, seconds)
        return _sampler(generator, torch.randn, latent), steps
    made = PLAIN[method](data, WIDTH)
    steps, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        next(made.steps)
        steps += 1
    return _sampler(made.generator, made.law, made.latent), steps


def _sampler(generator: nn.Module, law: Callable[..., torch.Tensor], latent: int) -> Callable[[int], np.ndarray]:
    @torch.inference_mode()
    def sample(n: int) -> np.ndarray:
        generator.eval()
        images = torch.cat([generator(law(part, latent)) for part in _parts(n)])[:, 0]
        return ((images + 1) * 127.5).clamp(0, 255).round().byte().numpy()

    return sample


def _parts(n: int, at_once: int = 500) -> list[int]:
    return [min(at_once, n - start) for start in range(0, n, at_once)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="+")
    parser.add_argument("--data", required=True)
    parser.add_argument("--namer", help="folder of the classifier")
    parser.add_argument("--out", help="folder to write the classifier to")
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", help="a folder for a picture of each method's samples")
    chosen = parser.parse_args()
    train, labels = read(chosen.data, "train")
    test, answers = read(chosen.data, "t10k")
    if chosen.methods == ["namer"]:
        namer = sp.Classifier(max_iter=chosen.epochs, random_state=0, threads=chosen.threads).fit(train, labels)
        namer.save(chosen.out)
        print(f"accuracy on the test images: {namer.score(test, answers):.4f}")
        return
    yardstick = Yardstick(sp.load(chosen.namer), test)
    print("| method | Fréchet distance | precision | coverage | sure | classes | steps | seconds | CPU s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    print(yardstick.row("real", train[:SAMPLES], 0, 0, 0), flush=True)
    for method in chosen.methods:
        began, cpu = time.perf_counter(), time.process_time()
        made = others if method in {**PLAIN, **LIBRARIES} else ours
        sample, steps = made(method, train, chosen.seconds, chosen.threads, chosen.seed)
        taken, spent = time.perf_counter() - began, time.process_time() - cpu
        images = sample(SAMPLES)
        print(yardstick.row(method, images, steps, taken, spent), flush=True)
        if chosen.save:
            from sparring.data.write import write

            Path(chosen.save).mkdir(parents=True, exist_ok=True)
            write(images[:100], Path(chosen.save) / f"{method.replace(':', '-').replace('=', '-')}.png", columns=10)


if __name__ == "__main__":
    main()
