"""How often the diagnosis is right, over healthy games and games spoiled on purpose (spoiled.py), and what remedies do.

    python benchmarks/diagnosis.py play FOLDER [--half all] [--seeds 4] [--mnist FOLDER] [--only healthy]
    python benchmarks/diagnosis.py rates FOLDER [--half test]
    python benchmarks/diagnosis.py remedies FOLDER [--seeds 2]
    python benchmarks/diagnosis.py cost FOLDER [--mnist FOLDER]
    python benchmarks/diagnosis.py short [--half test]
    python benchmarks/diagnosis.py fits [--half test]

``play`` plays every game of a half that FOLDER does not hold yet and keeps a file of each: its rows as a record has
them, the generator's gradient norm of every step, and what its samples are like every hundred steps and at its end.
``rates`` says what truly happened to each (``truths``), from those alone, and what the detectors said of the rows.
Seeds of even number are the half on which thresholds are set ("tuning"); rates are quoted on the other half ("test").
``remedies`` plays the spoiled games of the test half again, longer and with on_trouble="remedy", and says how many end
healthy. ``short`` plays healthy games that end early, and says what was found in them (short_games.py); ``fits`` does
so of supervised fits (diagnosis_fits.py); neither keeps anything. ``cost`` plays runs of the default length up to their
second look, and says what share of the time probes take.

Truth is decided without the detectors, in windows of a hundred steps, against rows that neither the game nor its
probes saw. The state of a window is the first of these that is so:
divergence   a number is not finite; the generator's gradient (its median) is a thousand times that of the first twenty
             steps; W1 is above 30 of its floor, or the samples spread ten times as far as the data
vanishing    that gradient is a thousandth of its first size, or less (or nothing at all)
collapse     mixtures: at most a third of the modes have a tenth of their share; else: samples cover less than a fifth
             of what real rows do, and spread less than half as far
unstable     the middle 80 % of the gradient's size span a factor of 5 or more; W1 is above 1.5 of its floor or
             coverage below half of its
A failure is true of a game if it is the state of half of its windows after the first five, or of four of the last five;
a number that is not finite is divergence in any case. A healthy game is one of those meant to be, whose last samples
have W1 at most 2 of its floor, coverage at least half of its, and nine in ten modes. The rest are unclear: only their
number is given.
"""

import argparse
import json
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diagnosis_fits import rates_of_fits
from short_games import WARNED, short_games
from spoiled import FAILURES, MIXTURES, Game, data_of, games
from spoiled_fits import WHAT

import sparring as sp
from sparring.data.source import read
from sparring.diagnose.examiner import Examiner
from sparring.diagnose.games import GAME
from sparring.errors import Diverged
from sparring.estimators.game import Job, job_of
from sparring.estimators.probing import probed
from sparring.estimators.sampling import Sampler
from sparring.judging.watched import Watched
from sparring.run import Intervals
from sparring.training import train

HALVES = {"test": (1,), "tuning": (0,), "all": (0, 1)}  # remainders of their seeds
SAMPLES, LOOKED_AT, WINDOW = 1_000, 250, 100  # of a look; steps
REMEDIED_STEPS = {"ring": 12_000, "grid": 12_000}
OTHER_STEPS = 6_500


# -- playing


class Eye:
    """What a game's samples are like, against rows that it did not see. n: of them."""

    def __init__(self, game: Game, rows: np.ndarray, fresh: np.ndarray, n: int) -> None:
        self.seen = Watched.of(rows, fresh, seed=99, most=n)
        self.spread = self._spread(rows)
        self.centres = MIXTURES[game.data]().centres if game.data in MIXTURES else None

    def __call__(self, samples: np.ndarray) -> dict[str, float]:
        if not (np.abs(samples.astype(np.float64)) < 1e100).all():  # NaN is not
            return {}
        found = self.seen.figures(samples[: self.seen.size]) | {"spread": self._spread(samples) / self.spread}
        if self.centres is None:
            return found
        nearest = np.linalg.norm(samples[:, None] - self.centres[None], axis=2).argmin(axis=1)
        shares = np.bincount(nearest, minlength=len(self.centres)) / len(samples)
        return {**found, "occupied": float((shares > 0.1 / len(shares)).mean())}

    def _spread(self, rows: np.ndarray) -> float:
        return float(np.sqrt(self.seen.units("rows", rows).var(axis=0).sum()))


def gan_for(game: Game, **settings: Any) -> sp.GAN:
    recipe, changes = game.settings
    held_out = 0.0 if game.data in MIXTURES else 0.1
    return sp.GAN(recipe, changes=changes, validation_fraction=held_out, random_state=game.seed, threads=1, **settings)


def job_for(game: Game, rows: np.ndarray, steps: int | None) -> Job:
    gan = gan_for(game, steps=steps)
    return probed(job_of(gan.get_params(deep=False), read(rows), None, game.seed), True, game.seed)


def play(game: Game, folder: str, mnist: str | None) -> str:
    """Play a game and keep what there is to know of it."""
    path = Path(folder) / game.file
    if path.exists():
        return f"{game.file} is there"
    torch.set_num_threads(1)
    rows, fresh = data_of(game, mnist)
    job = job_for(game, rows, game.steps)
    glance, look = Eye(game, rows, fresh, LOOKED_AT), Eye(game, rows, fresh, SAMPLES)
    sampled = _sampled(job)
    log = Intervals.of(job.settings.steps).log
    record: list[dict[str, Any]] = []
    norms: list[float] = []
    looks: list[dict[str, float]] = []
    ended = ""
    try:
        for step in train(job.game.turns, job.batches, job.settings.steps, job.state, job.place):
            norms.append(float(step.played["generator"].gradient))
            seen = job.watches["probes"].see(step)
            if seen is not None or step.index % log == 0:
                record.append({**step.row(job.place), **(seen or {})})
            if step.index % WINDOW == 0:
                looks.append({"step": step.index, **glance(sampled(2 * LOOKED_AT))})
    except Diverged as error:
        ended = str(error)
    about = {"healthy": game.meant == "healthy", "steps": job.settings.steps, "ended": ended}
    kept = {**about, "samples": look(sampled(SAMPLES)), "looks": looks, "norms": norms, "rows": record}
    path.write_text(json.dumps(kept))
    return f"{game.file} {ended or 'played'}"


def _sampled(job: Job) -> Callable[[int], np.ndarray]:
    recipe = job.settings.recipe
    sampler = Sampler(job.average.module, job.source.schema, job.settings.latent_size, recipe.noise)
    return lambda n: np.asarray(sampler.made(sampler.noise(n, 1)))


# -- truth and rates


def states(kept: dict[str, Any]) -> list[str]:
    """What each window of a hundred steps was like: a failure, or ""."""
    norms = np.maximum(np.array(kept["norms"] or [1.0]), 1e-30)
    first = max(float(np.median(norms[:20])), 1e-12)
    return [_state(norms[look["step"] - WINDOW : look["step"]], first, look) for look in kept["looks"]]


def _state(norms: np.ndarray, first: float, look: dict[str, float]) -> str:
    grown = float(np.median(norms)) / first
    if "w1" not in look or grown >= 1e3 or look["w1"] > 30 or look["spread"] > 10:
        return "divergence"
    if grown <= 1e-3:
        return "vanishing-gradient"
    if collapsed(look):
        return "mode-collapse"
    low, high = np.percentile(np.log10(norms), (10, 90))
    far = look["w1"] > 1.5 or look["coverage"] < 0.5
    return "unstable-gradient" if far and high - low >= np.log10(5) else ""


def collapsed(look: dict[str, float]) -> bool:
    if "occupied" in look:
        return look["occupied"] <= 1 / 3
    return look["coverage"] < 0.2 and look["spread"] < 0.5


def good(samples: dict[str, float]) -> bool:
    fine = bool(samples) and samples["w1"] <= 2 and samples["coverage"] >= 0.5
    return fine and samples.get("occupied", 1.0) > 0.9


def truths(kept: dict[str, Any]) -> set[str]:
    """What truly happened: failures, "healthy", or nothing clear."""
    if kept["healthy"]:
        return {"healthy"} if good(kept["samples"]) and not kept["ended"] else set()
    held = states(kept)[5:] if len(kept["looks"]) >= 10 else []
    found = {name for name in FAILURES if 2 * held.count(name) >= max(len(held), 1) or held[-5:].count(name) >= 4}
    return found | ({"divergence"} if kept["ended"] or not kept["samples"] else set())


def onset(kept: dict[str, Any], truth: str) -> int:
    """The step at which a failure began: the start of the first window that has it, of which the next is no other."""
    held = [*states(kept), truth]
    begun = [i for i in range(len(held) - 1) if held[i] == held[i + 1] == truth]
    return begun[0] * WINDOW if begun else len(kept["norms"])


def told_of(kept: dict[str, Any]) -> dict[str, int]:
    """What the detectors say: failures, and the steps at which they were certain."""
    examiner = Examiner(GAME, kept["rows"])
    if kept["ended"]:
        examiner.diverged(len(kept["norms"]) + 1, "loss or gradient")
    return {found.name: found.seen for found in reversed(examiner.findings) if found.severity == "failure"}


def warnings_of(kept: dict[str, Any]) -> set[str]:
    return {found.name for found in Examiner(GAME, kept["rows"]).findings if found.severity == "warning"}


Run = tuple[str, str, str, set[str], dict[str, int], dict[str, Any]]


def runs_in(folder: str, half: str) -> list[Run]:
    """(meant, data, way, truth, told, all that was kept) of the games of a half."""
    runs = []
    for path in sorted(Path(folder).glob("*.json")):
        meant, data, way, seed = path.stem.rsplit("_", 3)
        if int(seed) % 2 in HALVES[half] and not meant.startswith("remedied"):
            kept = json.loads(path.read_text())
            runs.append((meant, data, way, truths(kept), told_of(kept), kept))
    return runs


def rates(folder: str, half: str) -> None:
    """Detection, false alarms, delays, and what was taken for what."""
    runs = runs_in(folder, half)
    healthy = [run for run in runs if run[0] == "healthy" and run[3] == {"healthy"}]
    alarms = [run for run in healthy if run[4]]
    share = len(alarms) / max(len(healthy), 1)
    print(f"healthy games: {len(healthy)}; with a false alarm: {len(alarms)} ({share:.1%})")
    for meant, data, way, _, told, _ in alarms:
        print(f"  {meant} {data} {way}: {', '.join(told)}")
    spoiled = [run for run in runs if run[0] != "healthy"]
    print(f"spoiled games: {len(spoiled)}, of them unclear: {sum(run[3] <= {'healthy'} for run in spoiled)}")
    print("\n| truth | games | sets | ways | found | rate | alone | steps from its onset until it is said (median) |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in FAILURES:
        print(_rate(name, [run for run in runs if name in run[3]]))
    print(f"\n| truth | {' | '.join(FAILURES)} | nothing |")
    print(f"| --- |{' --- |' * (len(FAILURES) + 1)}")
    for truth in (*FAILURES, "healthy"):
        meant = healthy if truth == "healthy" else [run for run in runs if run[3] == {truth}]
        counts = [sum(name in run[4] for run in meant) for name in FAILURES] + [sum(not run[4] for run in meant)]
        print(f"| {truth} ({len(meant)}) | {' | '.join(map(str, counts))} |")
    print("\n| healthy games of | number | with warnings |")
    print("| --- | --- | --- |")
    for data in dict.fromkeys(run[1] for run in healthy):
        warned = [name for run in healthy if run[1] == data for name in warnings_of(run[5])]
        told = ", ".join(f"{warned.count(name)} {name}" for name in dict.fromkeys(warned)) or "none"
        print(f"| {data} | {sum(run[1] == data for run in healthy)} | {told} |")


def _rate(name: str, runs: list[Run]) -> str:
    found = [run for run in runs if name in run[4]]
    alone = sum(set(run[4]) <= run[3] for run in found)
    delays = [run[4][name] - onset(run[5], name) for run in found]
    sets, ways = len({run[1] for run in runs}), len({run[2] for run in runs})
    middle = f"{np.median(delays):.0f}" if delays else "–"
    share = f"{len(found) / len(runs):.2f}" if runs else "–"
    return f"| {name} | {len(runs)} | {sets} | {ways} | {len(found)} | {share} | {alone} | {middle} |"


# -- remedies


def remedied(game: Game, folder: str, mnist: str | None) -> str:
    """Play a spoiled game with remedies, and keep how it ended."""
    path = Path(folder) / f"remedied_{game.file}"
    if path.exists():
        return f"{path.name} is there"
    torch.set_num_threads(1)
    rows, fresh = data_of(game, mnist)
    gan = gan_for(game, steps=REMEDIED_STEPS.get(game.data, OTHER_STEPS), on_trouble="remedy")
    began = time.process_time()
    try:
        gan.fit(rows)
        samples = Eye(game, rows, fresh, SAMPLES)(np.asarray(gan.sample(SAMPLES, random_state=1)))
    except Diverged:
        samples = {}
    kept = {"applied": [entry.to_json() for entry in gan.applied_], "samples": samples}
    path.write_text(json.dumps(kept))
    return f"{path.name} {[entry.name for entry in gan.applied_]} {samples} {time.process_time() - began:.0f} s"


def remedies(folder: str) -> None:
    """What share of the spoiled games that had a remedy ended healthy, by what they were treated for first."""
    treated: dict[str, list[bool]] = {name: [] for name in FAILURES}
    untouched: list[bool] = []
    for path in sorted(Path(folder).glob("remedied_*.json")):
        kept = json.loads(path.read_text())
        where = treated[kept["applied"][0]["finding"]] if kept["applied"] else untouched
        where.append(good(kept["samples"]))
    print("| first treated for | games | healthy at the end | share |")
    print("| --- | --- | --- | --- |")
    every = [end for ended in treated.values() for end in ended]
    for name, ended in {**treated, "all": every, "nothing was found": untouched}.items():
        print(f"| {name} | {len(ended)} | {sum(ended)} | {np.mean(ended) if ended else np.nan:.2f} |")


# -- cost

COSTS = (("ring", "r3gan"), ("digits", "r3gan"), ("cancer", "r3gan"), ("cancer", "dcgan"), ("mnist", "nonsaturating"))


def cost(mnist: str | None) -> None:
    print("| set | recipe | steps of a run | between looks | a look, ms | a step, ms | share of the time |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    torch.set_num_threads(1)
    for data, recipe in COSTS[: None if mnist else -1]:
        game = Game("healthy", data, recipe, 0, 0)
        job = job_for(game, data_of(game, mnist)[0], steps=None)
        assert job.probes is not None
        every, began = job.probes.every, time.perf_counter()
        for step in train(job.game.turns, job.batches, 2 * every, job.state, job.place):
            job.probes.see(step)
        whole, looking = time.perf_counter() - began, job.probes.seconds
        each, look = (whole - looking) / (2 * every), looking / job.probes.looks
        print(
            f"| {data} | {recipe} | {job.settings.steps:,} | {every} | {1e3 * look:.0f} | {1e3 * each:.1f} "
            f"| {looking / whole:.1%} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["play", "rates", "remedies", "cost", "short", "fits"])
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--only", choices=["healthy", *FAILURES, *WHAT, *WARNED])
    parser.add_argument("--mnist", help="the folder of MNIST's IDX files")
    parser.add_argument("--data", type=Path, help="a folder with more sets for fits")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--half", choices=list(HALVES), default="test")
    chosen = parser.parse_args()
    seeds = [seed for seed in range(chosen.seeds) if seed % 2 in HALVES[chosen.half]]
    if chosen.what in ("short", "fits"):
        if chosen.what == "short":
            short_games(seeds, chosen.half, chosen.only)
        else:
            rates_of_fits(seeds, chosen.half, chosen.only, chosen.data)
        return
    if chosen.folder is None:
        parser.error(f"{chosen.what} needs a folder")
    if chosen.what == "rates":
        rates(chosen.folder, chosen.half)
        return
    if chosen.what == "cost":
        cost(chosen.mnist)
        return
    Path(chosen.folder).mkdir(parents=True, exist_ok=True)
    wanted, task = games(seeds, chosen.only, chosen.mnist is not None), play
    if chosen.what == "remedies":
        task, wanted = remedied, [game for game in wanted if game.meant != "healthy"]
    with ProcessPoolExecutor(chosen.processes, get_context("spawn")) as pool:
        for line in pool.map(partial(task, folder=chosen.folder, mnist=chosen.mnist), wanted):
            print(line, flush=True)
    if chosen.what == "remedies":
        remedies(chosen.folder)


if __name__ == "__main__":
    main()
