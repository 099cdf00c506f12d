"""Exact transport: known answers of real distributions, and time beside POT called directly.

python benchmarks/transport.py known --data FOLDER --mnist FOLDER   the answers, and MNIST's IDX files
python benchmarks/transport.py speed     at three sizes
python benchmarks/transport.py kinds     other kinds of problems, easy and hard for a short list of pairs
python benchmarks/transport.py memory    the largest memory of POT and of each of our methods
"""

import argparse
import json
import multiprocessing
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import ot
import pandas as pd
from scipy.spatial.distance import cdist

from sparring.data.labelled import read_labelled
from sparring.transport import gaussian, solve, wasserstein
from sparring.transport.exact import cheapest


def known(folder: Path, mnist: Path) -> None:
    """The largest relative error of each kind of answer."""
    errors: dict[str, list[float]] = {}

    def check(what: str, found: float, expected: float) -> None:
        errors.setdefault(what, []).append(abs(found / expected - 1))

    digits(check, json.loads((folder / "mnist-test-pairs.json").read_text()), mnist)
    dotmark(check, json.loads((folder / "dotmark32-pair.json").read_text()), folder)
    penguins(check, json.loads((folder / "penguin-clouds.json").read_text()), folder)
    print("| problems | answers | largest relative error |\n| --- | --- | --- |")
    for what, found in errors.items():
        print(f"| {what} | {len(found)} | {max(found):.1e} |")


def digits(check: Any, answers: Any, mnist: Path) -> None:
    images = read_labelled(next(mnist.glob("t10k-images-idx3-ubyte*"))).inputs

    def grey(k: int) -> tuple[Any, Any]:
        image = np.asarray(images[answers["images"][k]["index"]], float)
        places = np.argwhere(image)
        weights = image[image > 0]
        return places.astype(float), weights / weights.sum()

    for pair in answers["pairs"]:
        (x, a), (y, b) = grey(pair["a"]), grey(pair["b"])
        check("MNIST, W1", wasserstein(x, y, a, b), pair["W1"])
        check("MNIST, W2 squared", solve(x, y, a, b, p=2).cost, pair["W2_squared"])


def dotmark(check: Any, answer: Any, folder: Path) -> None:
    one, other = (np.loadtxt(folder / answer[side], delimiter=",") for side in "ab")
    grid = np.argwhere(np.ones_like(one)).astype(float)
    check("DOTmark, W1", wasserstein(grid, grid, one.ravel(), other.ravel()), answer["W1"])
    check("DOTmark, W2 squared", solve(grid, grid, one.ravel(), other.ravel(), p=2).cost, answer["W2_squared"])


def penguins(check: Any, answers: Any, folder: Path) -> None:
    table = pd.read_csv(folder / "penguin-clouds.tsv", sep="\t")
    scaled = table[answers["columns"]].to_numpy() / answers["divide_by"]
    for pair in answers["pairs"]:
        x, y = (scaled[table["species"] == pair[side]] for side in "ab")
        k = pair["first_k"]
        check("penguins, W1", wasserstein(x, y), pair["W1"])
        check("penguins, W2 squared", solve(x, y, p=2).cost, pair["W2_squared"])
        for method in ("assignment", "simplex", "program"):
            found = solve(x[:k], y[:k], p=2, method=method).cost
            check(f"penguins, W2 squared of as many, {method}", found, pair["W2_squared_first_k"])
        for column, expected in enumerate(pair["W1_per_column"]):
            check("penguins, a column, line", wasserstein(x[:, column], y[:, column]), expected)
        moments = (x.mean(0), np.cov(x.T), y.mean(0), np.cov(y.T))
        check("penguins, Gaussian W2 squared", gaussian(*moments) ** 2, pair["gaussian_W2_squared"])


def speed() -> None:
    """Interleaved: POT's distances and simplex, and ours with the certificate; medians of the ratios."""
    print("| points, 10 columns | POT, s | sparring, s | ratio |\n| --- | --- | --- | --- |")
    for n, rounds in ((1000, 9), (3000, 5), (5000, 3)):
        rng = np.random.default_rng(n)
        x, y = rng.normal(size=(2, n, 10))
        uniform, taken = np.full(n, 1 / n), []
        for _ in range(rounds + 1):
            began = time.perf_counter()
            theirs = ot.emd(uniform, uniform, ot.dist(x, y, metric="euclidean"), numItermax=10**9, log=True)[1]["cost"]
            between = time.perf_counter()
            ours = solve(x, y).cost
            taken.append((between - began, time.perf_counter() - between))
            assert abs(ours / theirs - 1) < 1e-12
        times = np.array(taken[1:])
        ratio = np.median(times[:, 1] / times[:, 0])
        print(f"| {n:,} | {np.median(times[:, 0]):.3f} | {np.median(times[:, 1]):.3f} | {ratio:.3f} |", flush=True)
    x, y = np.random.default_rng(0).normal(size=(2, 1_000_000))
    began = time.perf_counter()
    solve(x, y)
    print(f"\na million points on a line: {time.perf_counter() - began:.2f} s")


def kinds() -> None:
    """POT's simplex and ours on the same matrix of costs; medians of three interleaved rounds."""
    print("| problem | POT, s | sparring, s | ratio | relative difference of costs |\n| --- | --- | --- | --- | --- |")
    for name, (costs, a, b) in problems().items():
        taken = []
        for _ in range(4):
            began = time.perf_counter()
            theirs = ot.emd(a, b, costs, numItermax=10**9, log=True)[1]["cost"]
            between = time.perf_counter()
            ours = cheapest(costs, a, b).cost
            taken.append((between - began, time.perf_counter() - between))
        times = np.array(taken[1:])
        apart = abs(ours - theirs) / (theirs or 1.0)
        print(
            f"| {name} | {np.median(times[:, 0]):.3f} | {np.median(times[:, 1]):.3f} | "
            f"{np.median(times[:, 1] / times[:, 0]):.2f} | {apart:.0e} |",
            flush=True,
        )


def problems() -> dict[str, tuple[Any, Any, Any]]:
    rng, n, side = np.random.default_rng(0), 2000, 45
    equal, grid = np.full(n, 1 / n), 0.1 * np.argwhere(np.ones((side, side)))
    p, q = rng.dirichlet(np.ones(side**2), 2)
    x, y = rng.normal(size=(2, n, 2))
    three = rng.normal(size=(2, n, 3))
    whole = np.round(3 * rng.normal(size=(2, n, 2)))
    return {
        "two columns, one law": (cdist(x, y), equal, equal),
        "two columns, shifted and wider": (cdist(x, 1.5 * y + 3), equal, equal),
        "three columns, weights over twelve digits": (cdist(*three), logarithmic(n), equal),
        "64 columns, one law": (cdist(*rng.normal(size=(2, n, 64))), equal, equal),
        "whole numbers in two columns: ties": (cdist(*whole), equal, equal),
        "a grid of 45 x 45, random grey, W1": (cdist(grid, grid), p, q),
        "the same, W2 squared": (cdist(grid, grid, "sqeuclidean"), p, q),
        "the same, cityblock": (cdist(grid, grid, "cityblock"), p, q),
        "400 points against 5,000": (
            cdist(three[0][:400], rng.normal(size=(5000, 3))),
            np.full(400, 1 / 400),
            np.full(5000, 1 / 5000),
        ),
        "the same points twice": (cdist(x, x[::-1]), equal, equal),
        "random costs, no distances": (rng.random((n, n)), equal, equal),
    }


def logarithmic(n: int) -> Any:
    weights = np.logspace(-12, 0, n)
    return weights / weights.sum()


def memory() -> None:
    """Each in a process of its own: what it holds at the most beyond the data, in bytes per pair."""
    print("| method, 3,000 points | bytes a pair |\n| --- | --- |")
    for method in ("POT", "simplex", "assignment"):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(f"| {method} | {pool.apply(held, (method,)):.1f} |", flush=True)


def held(method: str) -> float:
    n = 3000
    x, y = np.random.default_rng(0).normal(size=(2, n, 10))
    solve(x[:600], y[:600], method="simplex")  # everything is loaded
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if method == "POT":
        ot.emd(np.full(n, 1 / n), np.full(n, 1 / n), ot.dist(x, y, metric="euclidean"), numItermax=10**9, log=True)
    else:
        solve(x, y, method=method)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / n**2


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["known", "speed", "kinds", "memory"])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--mnist", type=Path)
    chosen = parser.parse_args()
    without_data = {"speed": speed, "kinds": kinds, "memory": memory}
    if chosen.what in without_data:
        without_data[chosen.what]()
    elif chosen.data is None or chosen.mnist is None:
        parser.error("known needs --data FOLDER and --mnist FOLDER")
    else:
        known(chosen.data, chosen.mnist)
