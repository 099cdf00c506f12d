"""The judge: how long it takes, and whether its figures are those of public implementations.

    python benchmarks/judge.py speed [--rows 10000] [--columns 784]
    python benchmarks/judge.py references

``speed`` judges so many rows of each of samples, training and held-out data. ``references`` holds precision, recall,
density and coverage against the package of those who proposed the last two (pip install prdc), whose balls are open
where ours are closed: on clouds without ties the figures must be the same.
"""

import argparse
import resource
import sys
import time

import numpy as np

import sparring as sp
from sparring.judging import fidelity
from sparring.transport.clouds import distances


def speed(rows: int, columns: int) -> None:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(20, columns))  # as images are, clouds of few directions and some noise
    fake, train, test = (rng.normal(size=(rows, 20)) @ mixing + rng.normal(size=(rows, columns)) for _ in range(3))
    began, cpu = time.perf_counter(), time.process_time()
    verdict = sp.judge(fake, train, test, random_state=0)
    seconds, spent = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
    print(verdict)
    print(f"{rows:,} x {columns}: {seconds:.1f} s, {spent:.1f} CPU s, {peak:.1f} GiB at most")


def references() -> None:
    from prdc import compute_prdc  # pyright: ignore[reportMissingImports]

    print("| clouds | neighbours | largest difference |")
    print("| --- | --- | --- |")
    rng = np.random.default_rng(0)
    for n, m, d in ((500, 500, 2), (1_000, 700, 8), (700, 1_000, 64), (2_000, 2_000, 784)):
        fake, real = rng.normal(size=(n, d)) * 0.9, rng.normal(size=(m, d)) + 0.1
        between = distances(fake, real)
        for k in (3, 5):
            (of_fake,), (of_real,) = fidelity.radii(fake, [k]), fidelity.radii(real, [k])
            ours = {
                "precision": fidelity.precision(between, of_real),
                "recall": fidelity.recall(between, of_fake),
                "density": fidelity.density(between, of_real, k),
                "coverage": fidelity.coverage(between, of_real),
            }
            theirs = compute_prdc(real, fake, k)
            print(f"| {n:,} and {m:,} in {d} | {k} | {max(abs(ours[name] - theirs[name]) for name in ours):.1g} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "references"])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--columns", type=int, default=784)
    chosen = parser.parse_args()
    if chosen.what == "speed":
        speed(chosen.rows, chosen.columns)
    else:
        references()


if __name__ == "__main__":
    main()
