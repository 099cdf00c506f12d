"""Whether bfloat16 pays: the time of a training step in float32 over that in bfloat16, and what either has learned.

    python benchmarks/precision.py speed [NAME...] --data FOLDER [--blocks 15] [--seconds 0.3]
    python benchmarks/precision.py quality NAME... --data FOLDER [--seeds 3]

FOLDER holds table-adult and images-mnist. Needs a processor with fast bfloat16 (says so if this has not). Two fits of
the same data and seed, one in either precision, take turns in blocks of steps: while one computes the other waits. A
ratio is of two blocks one after the other; the table has the median and the middle half. One thread, whose own
processor seconds count, so that other work on the machine matters less. Probes are off.

quality   the same number of steps in both precisions, for each seed, on rows held out: accuracy or R2 (higher is
          better) of what answers; the figures named of what makes rows (see docs/metrics.md)
"""

import argparse
import math
import statistics
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import sparring as sp
from sparring.data import toy
from sparring.data.labelled import read_labelled
from sparring.place import Place

FIGURES = ("w1", "two_sample", "coverage")  # of what makes rows, those that there are
BOTH = ("float32", "bfloat16")


@dataclass(frozen=True)
class Case:
    """What learns. make: an estimator. data: what ``fit`` takes, from the folder. held: as many rows of it to judge by.

    steps: parameters of a fit whose quality counts; None: it is not measured here.
    """

    make: Callable[..., Any]
    data: Callable[[Path], tuple[Any, ...]]
    held: int = 0
    steps: Mapping[str, Any] | None = field(default=None)


# -- data


@cache
def _adult(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "table-adult" / "adult-train.csv.gz", skipinitialspace=True, header=None)


@cache
def _mnist(folder: Path) -> Any:
    return read_labelled(folder / "images-mnist" / "train-images-idx3-ubyte.gz")


def _frame(folder: Path, rows: int = 8000) -> pd.DataFrame:
    frame = _adult(folder).iloc[:rows].copy()
    frame.columns = [f"column {i}" for i in range(frame.shape[1])]
    return frame


def _images(side: int, rows: int = 4000) -> Callable[[Path], tuple[Any, ...]]:
    """Digits, enlarged or cropped to their middle."""

    def made(folder: Path) -> tuple[Any, ...]:
        images = np.asarray(_mnist(folder).inputs)[:rows]
        if side > 28:
            return (images.repeat(math.ceil(side / 28), 1).repeat(math.ceil(side / 28), 2)[:, :side, :side],)
        start = (28 - side) // 2
        return (np.ascontiguousarray(images[:, start : start + side, start : start + side]),)

    return made


def _named(side: int, rows: int = 4000) -> Callable[[Path], tuple[Any, ...]]:
    return lambda folder: (*_images(side, rows)(folder), np.asarray(_mnist(folder).targets)[:rows])


def _pair(of: Callable[[Path], tuple[Any, ...]]) -> Callable[[Path], tuple[Any, ...]]:
    """Two collections for a CycleGAN: the second half of the rows, and the first."""

    def made(folder: Path) -> tuple[Any, ...]:
        (rows,) = of(folder)
        half = len(rows) // 2
        return rows[:half], (255 - rows[half:] if getattr(rows, "ndim", 0) == 3 else rows[half:])

    return made


def _numbers(columns: int, rows: int = 4000) -> Callable[[Path], tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(columns, columns))
    return lambda folder: (np.tanh(rng.normal(size=(rows, columns)) @ mixed),)


def _waves(length: int, rows: int = 2000) -> Callable[[Path], tuple[Any, ...]]:
    """Signals of one channel: (rows, length)."""
    rng = np.random.default_rng(0)
    return lambda folder: (
        np.sin(np.linspace(0, 9, length) * rng.uniform(1, 3, (rows, 1)) + rng.uniform(0, 6, (rows, 1))),
    )


def _texts(folder: Path) -> list[list[str]]:
    rng = np.random.default_rng(0)
    return [[f"w{word}" for word in rng.integers(0, 300, rng.integers(5, 20))] for _ in range(1500)]


def _signals(folder: Path) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    signals = [rng.normal(size=(60, 3)) for _ in range(600)]
    return signals, [("up", "down")[int(one[:, 0].sum() > 0)] for one in signals]


def _tagged(folder: Path) -> tuple[Any, ...]:
    texts = _texts(folder)
    return texts, [[word[-1] for word in words] for words in texts]


def _translated(folder: Path) -> tuple[Any, ...]:
    texts = [" ".join(words) for words in _texts(folder)]
    return texts, texts[::-1]


# -- cases


def _gan(recipe: str = "auto", **more: Any) -> Callable[..., Any]:
    return lambda **given: sp.GAN(recipe, probes=False, **{"steps": 100_000, **more, **given})


def _cycle(**more: Any) -> Callable[..., Any]:
    return lambda **given: sp.CycleGAN(probes=False, restarts=1, **{"steps": 100_000, **more, **given})


def _fit(kind: Any, **more: Any) -> Callable[..., Any]:
    return lambda **given: kind(**{"max_iter": 10_000, **more, **given})


CASES: dict[str, Case] = {
    "GAN, 2 numbers": Case(_gan(), lambda folder: (toy.ring().sample(4000, 0),)),
    "GAN, 30 numbers": Case(_gan(), _numbers(30)),
    "GAN, mixed table": Case(_gan(), lambda folder: (_frame(folder),), 2000, {"steps": 1500}),
    "GAN, mixed table, dcgan": Case(_gan("dcgan"), lambda folder: (_frame(folder),), 2000, {"steps": 1500}),
    "GAN, images of 8": Case(_gan(), _images(8), 1000, {"steps": 1500}),
    "GAN, images of 16": Case(_gan(), _images(16), 1000, {"steps": 1500}),
    "GAN, images of 18": Case(_gan(), _images(18), 1000, {"steps": 600}),
    "GAN, images of 28": Case(_gan(), _images(28), 1000, {"steps": 600}),
    "GAN, images of 56": Case(_gan(), _images(56, 1000)),
    "GAN, images of 28, r3gan": Case(_gan("r3gan"), _images(28), 1000, {"steps": 600}),
    "GAN, images of 28, lsgan": Case(_gan("lsgan"), _images(28), 1000, {"steps": 600}),
    "GAN, images of 28, wgan-gp": Case(_gan("wgan-gp"), _images(28), 1000, {"steps": 200}),
    "GAN, images of 28, hinge": Case(_gan("hinge"), _images(28), 1000, {"steps": 200}),
    "GAN, images of 28, gan-2014": Case(_gan("gan-2014"), _images(28), 1000, {"steps": 400}),
    "GAN, signals of 64": Case(_gan(kind="signal"), _waves(64)),
    "GAN, signals of 256": Case(_gan(kind="signal"), _waves(256)),
    "CycleGAN, 10 numbers": Case(_cycle(), _pair(_numbers(10))),
    "CycleGAN, mixed tables": Case(_cycle(align=False), _pair(lambda folder: (_frame(folder),)), 0),
    "CycleGAN, signals of 256": Case(_cycle(kind="signal"), _pair(_waves(256))),
    "CycleGAN, images of 8": Case(_cycle(), _pair(_images(8))),
    "CycleGAN, images of 16": Case(_cycle(), _pair(_images(16, 2000)), 300, {"steps": 150}),
    "CycleGAN, images of 28": Case(_cycle(), _pair(_images(28, 2000)), 300, {"steps": 80}),
    "Classifier, 30 numbers": Case(
        _fit(sp.Classifier), lambda folder: (*_numbers(30)(folder), np.arange(4000) % 2), 1000, {"max_iter": 20}
    ),
    "Classifier, mixed table": Case(
        _fit(sp.Classifier), lambda folder: (_frame(folder).iloc[:, :-1], _frame(folder).iloc[:, -1])
    ),
    "Classifier, images of 8": Case(_fit(sp.Classifier), _named(8), 1000, {"max_iter": 8}),
    "Classifier, images of 12": Case(_fit(sp.Classifier), _named(12), 1000, {"max_iter": 8}),
    "Classifier, images of 16": Case(_fit(sp.Classifier), _named(16), 1000, {"max_iter": 8}),
    "Classifier, images of 28": Case(_fit(sp.Classifier), _named(28), 1000, {"max_iter": 8}),
    "Classifier, images of 28, layers of 512": Case(
        lambda **given: sp.Classifier((512, 512), **{"max_iter": 10_000, **given}),
        lambda folder: (_images(28)(folder)[0].reshape(4000, -1) / 255, _named(28)(folder)[1]),
    ),
    "SequenceClassifier, signals": Case(_fit(sp.SequenceClassifier), _signals),
    "SequenceTagger, words": Case(_fit(sp.SequenceTagger), _tagged),
    "SequenceGenerator, words": Case(
        _fit(sp.SequenceGenerator), lambda folder: ([" ".join(words) for words in _texts(folder)],)
    ),
    "SequenceTranslator, words": Case(_fit(sp.SequenceTranslator), _translated),
}


# -- speed


class Enough(Exception):
    """The blocks are full."""


class Relay:
    """Two runners in threads of their own, of which one runs at a time, for a block of steps."""

    def __init__(self, blocks: int, seconds: float) -> None:
        self.blocks, self.seconds = blocks, seconds
        self.times: dict[str, list[float]] = {name: [] for name in BOTH}
        self._turn, self._changed, self._block = BOTH[0], threading.Condition(), 0
        self.over = False  # whether one has failed

    def runner(self, name: str) -> Callable[[Any], None]:
        """What its fit calls after every step."""
        begun: dict[str, float] = {}
        done: dict[str, int] = {"steps": 0, "warm": 0}

        def after(progress: Any) -> None:
            if done["warm"] < 3:  # the first steps make what later ones keep
                done["warm"] += 1
                self._hand_over(name)
                begun["at"], done["steps"] = time.thread_time(), 0
                return
            done["steps"] += 1
            if not self._block and time.thread_time() - begun["at"] >= self.seconds:
                self._block = done["steps"]  # as many for both, from now on
            if done["steps"] == self._block:
                self.times[name].append((time.thread_time() - begun["at"]) / self._block)
                if len(self.times[name]) == self.blocks:
                    self.leave(name)
                    raise Enough
                self._hand_over(name)
                begun["at"], done["steps"] = time.thread_time(), 0

        return after

    def wait(self, name: str) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._turn == name or self.over)
        if self.over:
            raise Enough

    def leave(self, name: str) -> None:
        with self._changed:
            self._turn = BOTH[1 - BOTH.index(name)]
            self._changed.notify_all()

    def _hand_over(self, name: str) -> None:
        self.leave(name)
        self.wait(name)


def speeds(case: Case, folder: Path, blocks: int, seconds: float) -> tuple[float, list[float]]:
    """Milliseconds of a step in float32, and the ratios float32 / bfloat16 of all blocks."""
    relay, failed = Relay(blocks, seconds), []
    data = case.data(folder)

    def run(name: str) -> None:
        try:
            relay.wait(name)
            case.make(precision=name, random_state=0, threads=1, verbose=relay.runner(name)).fit(*data)
        except Enough:
            return
        except BaseException as error:
            failed.append(error)
            relay.over = True
        relay.leave(name)

    both = [threading.Thread(target=run, args=(name,)) for name in BOTH]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    if failed:
        raise failed[0]
    pairs = zip(relay.times["float32"], relay.times["bfloat16"], strict=True)
    return 1e3 * statistics.median(relay.times["float32"]), [full / half for full, half in pairs]


def speed(names: list[str], folder: Path, blocks: int, seconds: float) -> None:
    print("| what | ms a step in float32 | float32 / bfloat16 |\n| --- | --- | --- |")
    for name in names:
        milliseconds, ratios = speeds(CASES[name], folder, blocks, seconds)
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(f"| {name} | {milliseconds:.2f} | {middle:.2f} ({low:.2f} to {high:.2f}) |", flush=True)


# -- quality


def quality(names: list[str], folder: Path, seeds: int) -> None:
    print("| what | figure | float32, seed by seed | bfloat16 |\n| --- | --- | --- | --- |")
    for name in names:
        found = {precision: [_scored(name, folder, precision, s) for s in range(seeds)] for precision in BOTH}
        for figure in found["float32"][0]:
            columns = [", ".join(f"{one[figure]:.4g}" for one in found[precision]) for precision in BOTH]
            print(f"| {name} | {figure} | {columns[0]} | {columns[1]} |", flush=True)


def _scored(name: str, folder: Path, precision: str, seed: int) -> dict[str, float]:
    case = CASES[name]
    if case.steps is None or not case.held:
        raise SystemExit(f"the quality of {name!r} is not measured here")
    known, held = zip(*((part[case.held :], part[: case.held]) for part in case.data(folder)), strict=True)
    model = case.make(precision=precision, random_state=seed, threads=1, **case.steps).fit(*known)
    if isinstance(model, sp.CycleGAN):
        return _of_translations(model, *held)
    if len(held) == 2:
        return {"score": model.score(*held)}
    verdict = model.judge(*held, random_state=0)
    return {figure.name: figure.value for figure in verdict.figures if figure.name in FIGURES}


def _of_translations(model: Any, a: Any, b: Any) -> dict[str, float]:
    """Mean grey values off those of the other side, and how far what comes back is from what was sent (of 255)."""
    made, back = model.transform(a), model.inverse_transform(b)
    off = [
        np.abs(np.mean(one, 0, np.float64) - np.mean(other, 0, np.float64)).mean()
        for one, other in ((made, b), (back, a))
    ]
    returned = np.abs(np.float64(model.inverse_transform(made)) - a).mean()
    return {"mean picture off": float(np.mean(off)), "return off": float(returned)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "quality"])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CASES))
    parser.add_argument("--data", type=Path, default=Path())
    parser.add_argument("--blocks", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args()
    wrong = set(chosen.names) - set(CASES)
    if wrong:
        parser.error(f"there are {', '.join(CASES)}; not {', '.join(sorted(wrong))}")
    if Place.of("cpu", "auto").precision != "bfloat16":
        print("This processor has no fast bfloat16: the figures say nothing of those that have.\n")
    warnings.simplefilter("ignore")
    if chosen.what == "speed":
        speed(chosen.names or list(CASES), chosen.data, chosen.blocks, chosen.seconds)
    else:
        quality(chosen.names, chosen.data, chosen.seeds)


if __name__ == "__main__":
    main()
