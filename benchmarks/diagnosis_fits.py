"""How often what is said of fits is right, over healthy fits and fits spoiled on purpose (spoiled_fits.py).

    python benchmarks/diagnosis.py fits [--half test] [--only dead-units] [--seeds 2] [--data FOLDER]

Nothing is kept: every fit is fitted, each in a second or so, and its rows are read by the detectors as they are now.
Thresholds were set on the fits of even seeds ("tuning", where other thresholds are tried too); those of odd seeds are
quoted ("test"), and apart from them the fits of sets that had no part in the choice: a table, texts, and what is in
the folder of --data (MNIST, sentences).

What is true of a fit is decided without the detectors, from its error after its last step on the rows that it learned
from and on fresh ones, as a share of the error without inputs:
healthy       it was meant to be, and its error on training rows is below 0.8; if it has validation rows and keeps
              its last weights, its error on fresh rows is at most a tenth above that of the epoch that they chose
vanishing,    it was meant to, and after a quarter of its epochs its training error is still above 0.9, or it ended with
exploding     numbers that are not finite
dead          more than half of a layer's units are zero for all rows, fresh ones included
not learning  its training error at the end is above 0.97
over-fitting  its error on fresh rows is more than a tenth above that of the epoch its validation rows chose
The others are unclear: only their number is given. A false alarm is any finding in a healthy fit.
"""

import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from spoiled_fits import LEFT_OUT, WHAT, Case, Data, cases, data_of, model_of

from sparring.diagnose import fits
from sparring.diagnose.examiner import Examiner, detectors_for
from sparring.errors import Diverged
from sparring.estimators import sequence, supervised
from sparring.networks import dead_shares
from sparring.record import Record

__all__ = ["Tried", "rates_of_fits", "table", "tried"]

LEARNS, STUCK, NOTHING, WORSE = 0.8, 0.9, 0.97, 1.1
OTHERS = {  # thresholds that are tried on the tuning half
    "DEAF": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
    "STUCK": (0.8, 0.9, 0.95, 0.98),
    "FACTOR": (1e2, 3e2, 1e3, 3e3),
    "STEEP": (30.0, 100.0, 300.0),
    "HARD": (0.2, 0.5, 0.8, 0.95),
    "DEAD": (0.4, 0.5, 0.6, 0.7),
    "LEARNED": (0.95, 0.98, 0.99),
    "RISEN": (1.05, 1.1, 1.2, 1.3),
    "LOST": (0.0, 0.02, 0.05, 0.1),
    "SETTLED": (3, 5, 8),
    "EPOCHS": (3, 5, 8),
    "LONG": (5, 10, 20),
}


@dataclass(frozen=True)
class Tried:
    """A fit that was fitted. true: whether it is what it was meant to be. about, rows: what its record holds."""

    case: Case
    true: bool
    about: dict[str, Any]
    rows: list[dict[str, float]]
    ended: bool

    @property
    def told(self) -> set[str]:
        examiner = Examiner(detectors_for(self.about), self.rows)
        if self.ended:
            examiner.diverged(1, "loss")
        return {finding.name for finding in examiner.findings}


def tried(case: Case) -> Tried:
    """Fit, and find out what is true of it."""
    data = _spoiled(case)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), _no_reports():
        warnings.simplefilter("ignore")
        model = model_of(case, data, run=Path(folder) / "run")
        ended = False
        try:
            model.fit(*data.rows)
        except Diverged:
            ended = True
        record = Record.open(Path(folder) / "run")
        rows = list(record.rows())
        true = _true(case, data, model, rows, ended)
        return Tried(case, true, dict(record.about), rows, ended)


@contextmanager
def _no_reports() -> Iterator[None]:
    """A fit without the page that shows it."""
    held = [(module, module.reported) for module in (sequence, supervised)]
    for module, _ in held:
        module.reported = lambda *_: None
    try:
        yield
    finally:
        for module, write in held:
            module.reported = write


def _spoiled(case: Case) -> Data:
    """The data of a fit: as many rows as it has, some of them and of the fresh ones with other rows' targets."""
    data, rng = data_of(case.data, case.seed, case.folder), np.random.default_rng(case.seed)
    sides = []
    for x, y in ((data.rows[0][: case.way.rows], data.rows[1][: case.way.rows]), data.fresh):
        told, some = y.copy(), rng.permutation(len(y))[: int(case.way.noise * len(y))]
        told[some] = rng.permutation(y[some])
        sides.append((x, told))
    return Data(data.kind, data.numbers, *sides)


# -- truth


def _true(case: Case, data: Data, model: Any, rows: list[dict[str, float]], ended: bool) -> bool:
    errors = [row["training/error"] for row in rows if "training/error" in row]
    if ended or not errors or not np.isfinite(errors).all():
        return case.meant in ("exploding-delta", "not-learning")
    without = _without(data)
    end = _error(model, data, data.rows) / without
    if case.meant == "healthy":
        return end < LEARNS and not (_keeps_last(model) and _over_fits(case, data, model))
    if case.meant in ("vanishing-delta", "exploding-delta"):
        scaled = 1.0 if data.numbers else without  # of numbers, errors are recorded in their deviations
        return bool(errors[len(errors) // 4] > STUCK * scaled)
    if case.meant == "dead-units":
        return max(share for _, share in dead_shares(model.network_, _encoded(model, data))) > 0.5
    return end > NOTHING if case.meant == "not-learning" else _over_fits(case, data, model)


def _keeps_last(model: Any) -> bool:
    return bool(model.validation_fraction) and not model.early_stopping


def _over_fits(case: Case, data: Data, model: Any) -> bool:
    best = int(np.argmin(model.validation_curve_)) + 1
    settings = {"max_iter": best} if model.learning_rate != "cosine" else {"early_stopping": True}
    if data.kind == "images" and model.learning_rate == "auto":
        settings = {"early_stopping": True, "n_iter_no_change": 1_000}
    other = model_of(case, data, **settings).fit(*data.rows)
    return _error(model, data, data.fresh) > WORSE * _error(other, data, data.fresh)


def _without(data: Data) -> float:
    """The error of the best answer without inputs."""
    y = data.rows[1]
    if data.numbers:
        return float(y.var())
    shares = np.unique(y, return_counts=True)[1] / len(y)
    return float(-(shares * np.log(shares)).sum())


def _error(model: Any, data: Data, rows: Any) -> float:
    x, y = rows
    if data.numbers:
        return float(np.square(np.asarray(model.predict(x)) - y).mean())
    probabilities = np.asarray(model.predict_proba(x))
    return float(
        -np.log(np.maximum(probabilities[np.arange(len(y)), np.searchsorted(model.classes_, y)], 1e-12)).mean()
    )


def _encoded(model: Any, data: Data) -> torch.Tensor:
    """All rows as the network sees them."""
    x = np.concatenate([data.rows[0], data.fresh[0]])
    return torch.from_numpy(model.inputs_.encode(x)).float()


# -- rates


def rates_of_fits(seeds: Sequence[int], half: str, only: str | None, folder: Path | None = None) -> None:
    """Fit all, and print what was said of them."""
    torch.set_num_threads(1)
    runs: list[Tried] = []
    for case in cases(seeds, only, folder):
        runs.append(tried(case))
        told = ", ".join(sorted(runs[-1].told)) or "nothing"
        print(f"{case}: {'' if runs[-1].true else 'unclear, '}{told}", flush=True)
    chosen = [run for run in runs if run.case.data not in LEFT_OUT]
    print(f"\n### The {half} half\n")
    table(chosen)
    print("\n### The sets left out of the choice\n")
    table([run for run in runs if run.case.data in LEFT_OUT])
    if half == "tuning":
        _others(chosen)


def table(runs: list[Tried]) -> None:
    """Print what was said of fits, and how often it was true."""
    healthy = [run for run in runs if run.case.meant == "healthy" and run.true]
    alarms = [run for run in healthy if run.told]
    share = len(alarms) / max(len(healthy), 1)
    meant = sum(run.case.meant == "healthy" for run in runs)
    print(
        f"Healthy fits: {len(healthy)} ({meant - len(healthy)} unclear); with any finding: {len(alarms)} ({share:.1%})"
    )
    for run in alarms:
        print(f"- {run.case}: {', '.join(sorted(run.told))}")
    print("\n| finding | spoiled fits | unclear | found | share | in healthy fits |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in WHAT:
        several = [run for run in runs if run.case.meant == name]
        true = [run for run in several if run.true]
        found = sum(name in run.told for run in true)
        false = sum(name in run.told for run in healthy)
        share = f"{found / len(true):.2f}" if true else "–"
        print(f"| {name} | {len(true)} | {len(several) - len(true)} | {found} | {share} | {false} of {len(healthy)} |")


def _others(runs: list[Tried]) -> None:
    """What other thresholds would do on this half."""
    print("\n| threshold | value | found, of all spoiled | healthy with a finding |\n| --- | --- | --- | --- |")
    for name, values in OTHERS.items():
        usual = getattr(fits, name)
        for value in values:
            setattr(fits, name, value)
            spoiled = [run for run in runs if run.true and run.case.meant != "healthy"]
            healthy = [run for run in runs if run.true and run.case.meant == "healthy"]
            found, false = sum(run.case.meant in run.told for run in spoiled), sum(bool(run.told) for run in healthy)
            mark = " (in use)" if value == usual else ""
            print(f"| {name} | {value:g}{mark} | {found} of {len(spoiled)} | {false} of {len(healthy)} |", flush=True)
        setattr(fits, name, usual)
