"""How often the diagnosis is right: healthy games, and games spoiled on purpose.

    python benchmarks/diagnosis.py play FOLDER [--seeds 4] [--mnist FOLDER] [--processes 2] [--only healthy]
    python benchmarks/diagnosis.py rates FOLDER [--half test]

``play`` plays every game that FOLDER does not hold yet and keeps a file of each: its rows as a record has them, the
generator's gradient norm of every step, and what its 2,500 last samples are like. ``rates`` says what truly happened to
each (``truths``), from those alone, and what the detectors said of the rows. Seeds of even number are the half on which
thresholds are set; rates are quoted on the other half.

Truth, decided without the detectors:
divergence   the game ended with a number that is not finite, or the generator's gradient of the last tenth is a
             thousand times that of the first twenty steps, or W1 is above 30 of its floor
vanishing    the generator's gradient of the last tenth is a thousandth of that of the first twenty steps, or less
unstable     in windows of 100 steps of the second half, the gradient's middle 80 % span a factor of 8 or more (the
             median window), and W1 is above 1.5 of its floor
collapse     mixtures: at most a third of the modes have a tenth of their share; else: samples cover less than a fifth
             of what real rows do, and spread less than half as far, or over less than a third of the classes
A healthy game is one of those meant to be healthy, with W1 at most 2 of its floor and none of these.
"""

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer

import sparring as sp
from sparring.data import toy
from sparring.data.source import read
from sparring.diagnose.examiner import Examiner
from sparring.diagnose.games import GAME
from sparring.errors import Diverged
from sparring.estimators.game import Job, job_of
from sparring.estimators.probing import probed
from sparring.estimators.sampling import Sampler
from sparring.networks import perceptrons
from sparring.run import Intervals
from sparring.training import train

MIXTURES = {"ring": toy.ring, "grid": toy.grid}
FAILURES = ("divergence", "vanishing-gradient", "unstable-gradient", "mode-collapse")
HEAVY = partial(torch.optim.SGD, momentum=0.9, fused=True)
SMALL = perceptrons((128, 128, 128))
ROWS, SAMPLES = 20_000, 2_500


# -- games

Changes = dict[str, Any]
SPOILED: dict[str, dict[str, tuple[str, Changes]]] = {
    "divergence": {
        "heavy": (
            "nonsaturating",
            {"penalties": {}, "optimizer": HEAVY, "generator_rate": 0.5, "critic_rate": 0.5, "hold": 1.0},
        ),
        "squares": ("lsgan", {"optimizer": HEAVY, "generator_rate": 0.3, "critic_rate": 0.3}),
        "unbounded": (
            "wgan",
            {"clip": None, "optimizer": "adam", "generator_rate": 1e-3, "critic_rate": 1e-3, "hold": 1.0},
        ),
        "fast": ("r3gan", {"penalties": {}, "generator_rate": 0.1, "critic_rate": 0.1, "hold": 1.0}),
    },
    "vanishing-gradient": {
        "sure critic": (
            "gan-2014",
            {"optimizer": "adam", "critic_steps": 10, "critic_rate": 1e-3, "generator_rate": 1e-5, "networks": SMALL},
        ),
        "large critic": (
            "gan-2014",
            {"optimizer": "adam", "critic_steps": 5, "critic_rate": 2e-3, "generator_rate": 1e-4, "networks": SMALL},
        ),
        "fast critic": (
            "gan-2014",
            {"optimizer": "adam", "critic_steps": 3, "critic_rate": 1e-2, "generator_rate": 1e-4, "networks": SMALL},
        ),
        "heavy critic": (
            "gan-2014",
            {"optimizer": HEAVY, "critic_steps": 5, "critic_rate": 0.1, "generator_rate": 1e-4, "networks": SMALL},
        ),
    },
    "unstable-gradient": {
        "fast critic": (
            "nonsaturating",
            {"penalties": {}, "critic_steps": 10, "critic_rate": 1e-2, "generator_rate": 1e-3, "hold": 1.0},
        ),
        "wide clipping": (
            "wgan",
            {
                "clip": 0.5,
                "critic_rate": 1e-3,
                "generator_rate": 1e-3,
                "critic_steps": 5,
                "networks": perceptrons((64, 64, 64, 64, 64)),
            },
        ),
        "unbounded hinge": ("hinge", {"spectral": False, "critic_rate": 1e-2, "generator_rate": 1e-3}),
        "momentum": (
            "dcgan",
            {"optimizer": HEAVY, "generator_rate": 0.05, "critic_rate": 0.05, "networks": SMALL},
        ),
    },
    "mode-collapse": {
        "fast generator": ("dcgan", {"generator_rate": 1e-2, "critic_rate": 1e-4}),
        "slow critic": ("dcgan", {"generator_rate": 3e-3, "critic_rate": 3e-5}),
        "no penalty": (
            "nonsaturating",
            {"penalties": {}, "generator_rate": 2e-2, "critic_rate": 2e-4, "hold": 1.0},
        ),
        "heavy generator": ("dcgan", {"optimizer": HEAVY, "generator_rate": 0.2, "critic_rate": 0.01}),
    },
}
SPOILED_STEPS = {"ring": 2_000, "grid": 2_000, "digits": 1_500, "cancer": 1_500}
HEALTHY: tuple[tuple[str, str, int | None], ...] = (
    ("grid", "r3gan", 12_000),
    ("grid", "nonsaturating", 12_000),
    ("ring", "r3gan", 12_000),
    ("ring", "wgan-gp", None),
    ("ring", "pacgan", None),
    ("digits", "r3gan", None),
    ("digits", "nonsaturating", None),
    ("cancer", "r3gan", 5_000),
    ("cancer", "nonsaturating", 5_000),
    ("cancer", "wgan-gp", None),
    ("mnist", "r3gan", 3_000),
    ("mnist", "nonsaturating", 3_000),
)


@dataclass(frozen=True)
class Game:
    """What is played. meant: "healthy", or the failure that it is spoiled for; way: how, or the recipe."""

    meant: str
    data: str
    way: str
    seed: int
    steps: int | None

    @property
    def file(self) -> str:
        return f"{self.meant}_{self.data}_{self.way.replace(' ', '-')}_{self.seed}.json"

    def settings(self) -> tuple[str, Changes | None]:
        """The recipe and the changes. Images of digits have no waves to see: plain perceptrons."""
        return (self.way, None) if self.meant == "healthy" else SPOILED[self.meant][self.way]


def games(seeds: list[int], only: str | None, mnist: bool) -> list[Game]:
    healthy = [
        Game("healthy", data, recipe, seed, steps)
        for seed in seeds
        for data, recipe, steps in HEALTHY
        if mnist or data != "mnist"
    ]
    spoiled = [
        Game(meant, data, way, seed, SPOILED_STEPS[data])
        for seed in seeds
        for meant, ways in SPOILED.items()
        for way in ways
        for data in SPOILED_STEPS
    ]
    return [game for game in (*spoiled, *healthy) if only is None or game.meant == only]


def data_of(game: Game, mnist: str | None) -> np.ndarray:
    if game.data in MIXTURES:
        return MIXTURES[game.data]().sample(ROWS, 1_000 + game.seed)
    if game.data == "digits":
        return toy.digits_split()[0]
    if game.data == "cancer":
        bunch: Any = load_breast_cancer()
        return bunch.data
    from images import read as images

    assert mnist is not None
    return images(mnist, "train")[0][:ROWS]


# -- playing


def job_for(game: Game, data: np.ndarray) -> Job:
    recipe, changes = game.settings()
    held_out = 0.0 if game.data in MIXTURES else 0.1
    gan = sp.GAN(
        recipe, changes=changes, steps=game.steps, validation_fraction=held_out, random_state=game.seed, threads=1
    )
    return probed(job_of(gan.get_params(deep=False), read(data), None, game.seed), True, game.seed)


def play(game: Game, folder: str, mnist: str | None) -> str:
    """Play a game and keep what there is to know of it."""
    path = Path(folder) / game.file
    if path.exists():
        return f"{game.file} is there"
    torch.set_num_threads(1)
    job = job_for(game, data_of(game, mnist))
    log = Intervals.of(job.settings.steps).log
    rows: list[dict[str, Any]] = []
    norms: list[float] = []
    began, ended = time.process_time(), ""
    try:
        for step in train(job.game.turns, job.batches, job.settings.steps, job.state, job.place):
            norms.append(float(step.played["generator"].gradient))
            seen = job.watches["probes"].see(step)
            if seen is not None or step.index % log == 0:
                rows.append({**step.row(job.place), **(seen or {})})
    except Diverged as error:
        ended = str(error)
    spent = time.process_time() - began
    assert job.probes is not None
    about = {"steps": job.settings.steps, "ended": ended, "cpu": spent, "probing": job.probes.seconds}
    kept = {**about, "samples": judged(game, job), "norms": norms, "rows": rows}
    path.write_text(json.dumps(kept))
    return f"{game.file} {spent:.0f} s, of it {job.probes.seconds / max(spent, 1e-9):.1%} for probes"


def judged(game: Game, job: Job) -> dict[str, float]:
    """What the last samples are like, against rows that the probes did not see where there are some."""
    recipe = job.settings.recipe
    sampler = Sampler(job.average.module, job.source.schema, job.settings.latent_size, recipe.noise)
    samples = np.asarray(sampler.made(sampler.noise(SAMPLES, 1)))
    if not np.isfinite(samples.astype(np.float64)).all():
        return {}
    if game.data in MIXTURES:
        truth = MIXTURES[game.data]()
        nearest = np.linalg.norm(samples[:, None] - truth.centres[None], axis=2).argmin(axis=1)
        shares = np.bincount(nearest, minlength=len(truth.centres)) / len(samples)
        fresh, more = truth.sample(1_000, 7), truth.sample(1_000, 8)
        w1 = sp.transport.wasserstein(samples[:1_000], fresh) / sp.transport.wasserstein(more, fresh)
        return {"w1": w1, "occupied": float((shares > 0.1 / len(shares)).mean())}
    train, test = np.asarray(job.train.some(3_000)), np.asarray(job.held_out.some(1_000))
    verdict = sp.judge(samples[: len(test)], train, test)
    spread = float(
        np.sqrt(samples.reshape(SAMPLES, -1).astype(float).var(0).sum() / train.reshape(len(train), -1).var(0).sum())
    )
    coverage = verdict["coverage"].value / (verdict["coverage"].floor or 1.0)
    return {"w1": float(verdict["w1"].ratio or np.inf), "coverage": coverage, "spread": spread}


def _spread(rows: np.ndarray) -> float:
    return float(np.sqrt(rows.reshape(len(rows), -1).astype(float).var(axis=0).sum()))


# -- truth and rates


def truths(kept: dict[str, Any]) -> set[str]:
    """What truly happened: "healthy", some failures, or nothing clear."""
    samples, w1 = kept["samples"], kept["samples"].get("w1", np.inf)
    norms = np.maximum(np.array(kept["norms"] or [1.0]), 1e-30)
    grown = np.median(norms[-max(len(norms) // 10, 1) :]) / np.median(norms[:20])
    if kept["ended"] or not samples or grown >= 1e3 or w1 > 30:
        return {"divergence"}
    if grown <= 1e-3:
        return {"vanishing-gradient"}
    found = {"unstable-gradient"} if w1 > 1.5 and _span(norms) >= np.log10(8) else set[str]()
    few = samples.get("occupied", 1.0) <= 1 / 3
    bare = samples.get("coverage", 1.0) < 0.2 and samples.get("spread", 1.0) < 0.5
    if few or bare:
        found.add("mode-collapse")
    return found or ({"healthy"} if w1 <= 2 and samples.get("occupied", 1.0) > 0.9 else set())


def _span(norms: np.ndarray) -> float:
    """The middle 80 % of the logarithms of norms in a window of 100 steps of the second half; the median window."""
    logs = np.log10(norms[len(norms) // 2 :])
    windows = logs[: len(logs) // 100 * 100].reshape(-1, 100)
    return float(np.median(np.subtract(*np.percentile(windows, (90, 10), axis=1)))) if len(windows) else 0.0


def told_of(kept: dict[str, Any]) -> dict[str, int]:
    """What the detectors say: failures, and the steps at which they were certain."""
    examiner = Examiner(GAME, kept["rows"])
    if kept["ended"]:
        examiner.diverged(len(kept["norms"]) + 1, "loss or gradient")
    return {found.name: found.seen for found in reversed(examiner.findings) if found.severity == "failure"}


def rates(folder: str, half: str) -> None:
    """Detection, false alarms, delays, and what was taken for what."""
    parity = {"test": (1,), "tuning": (0,), "all": (0, 1)}[half]
    runs = []
    for path in sorted(Path(folder).glob("*.json")):
        meant, data, way, seed = path.stem.rsplit("_", 3)
        if int(seed) % 2 in parity:
            kept = json.loads(path.read_text())
            runs.append((meant, data, way, truths(kept), told_of(kept), kept))
    healthy = [run for run in runs if run[0] == "healthy" and run[3] == {"healthy"}]
    alarms = [run for run in healthy if run[4]]
    print(
        f"healthy games: {len(healthy)}; with a false alarm: {len(alarms)} ({len(alarms) / max(len(healthy), 1):.1%})"
    )
    for meant, data, way, _, told, _ in alarms:
        print(f"  {meant} {data} {way}: {', '.join(told)}")
    print("\n| truth | games | sets | ways | found | rate | alone | median step of the run at which it is certain |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in FAILURES:
        print(_rate(name, [run for run in runs if name in run[3]]))
    print(f"\n| truth | {' | '.join(FAILURES)} | nothing |")
    print(f"| --- |{' --- |' * (len(FAILURES) + 1)}")
    for truth in (*FAILURES, "healthy"):
        meant = [run for run in runs if run[3] == {truth}]
        told = [[name in run[4] for run in meant] for name in FAILURES]
        counts = [sum(found) for found in told] + [sum(not run[4] for run in meant)]
        print(f"| {truth} ({len(meant)}) | {' | '.join(map(str, counts))} |")
    probing = [run[5]["probing"] / run[5]["cpu"] for run in healthy]
    if probing:
        print(f"\nprobes: {np.median(probing):.1%} of a healthy game's time (at most {max(probing):.1%})")


def _rate(name: str, runs: list[Any]) -> str:
    found = [run for run in runs if name in run[4]]
    alone = sum(set(run[4]) <= run[3] for run in found)
    when = [run[4][name] / run[5]["steps"] for run in found]
    sets, ways = len({run[1] for run in runs}), len({run[2] for run in runs})
    middle = f"{np.median(when):.0%}" if when else "–"
    share = f"{len(found) / len(runs):.2f}" if runs else "–"
    return f"| {name} | {len(runs)} | {sets} | {ways} | {len(found)} | {share} | {alone} | {middle} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["play", "rates"])
    parser.add_argument("folder")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--only", choices=["healthy", *FAILURES])
    parser.add_argument("--mnist", help="the folder of MNIST's IDX files")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--half", choices=["test", "tuning", "all"], default="test")
    chosen = parser.parse_args()
    if chosen.what == "rates":
        rates(chosen.folder, chosen.half)
        return
    Path(chosen.folder).mkdir(parents=True, exist_ok=True)
    wanted = games(list(range(chosen.seeds)), chosen.only, chosen.mnist is not None)
    with ProcessPoolExecutor(chosen.processes, get_context("spawn")) as pool:
        for line in pool.map(partial(play, folder=chosen.folder, mnist=chosen.mnist), wanted):
            print(line, flush=True)


if __name__ == "__main__":
    main()
