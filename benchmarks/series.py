"""Series: forecasts beside the naive ones and scikit-learn, and classes of signals beside nearest neighbours.

    python benchmarks/series.py etth1 airline sunspots --data FOLDER    folder of the .csv files (ETTh1.csv.gz too)
    python benchmarks/series.py classes --data FOLDER                   folder of the .ts files of three UEA/UCR sets

With --validate, forecasts are judged on the part before the test part, and classes by folds of the training cases: that
is how settings were chosen. The test parts are used once, after training; nothing was chosen by them.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import StratifiedKFold
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sparring as sp
from sparring.data.series import Scaling, read_series
from sparring.data.ts_files import read_ts
from sparring.data.windows import naive, windows, windows_within

CELLS = ("rnn", "lstm", "gru")
ALPHAS = (0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0)  # of ridge regression, chosen on the validation part
Floats = NDArray[np.float64]


# -- forecasts


@dataclass(frozen=True)
class Task:
    """Steps before ``learn`` are learned from, those up to ``check`` choose settings, those up to ``end`` are judged.

    logs: learn from logarithms. scaled: errors are in deviations of the training part; otherwise in the series' unit.
    whole: once settings are chosen, learn from all steps before the test part. settings: of ours.
    """

    name: str
    values: Floats
    learn: int
    check: int
    back: int
    ahead: int
    season: int
    settings: dict[str, Any] = field(default_factory=dict)
    logs: bool = False
    scaled: bool = False
    whole: bool = True

    def validated(self) -> "Task":
        """The same, judged on the part that chooses settings."""
        if self.check == self.learn:
            return self
        return replace(self, values=self.values[: self.check], check=self.learn)

    @property
    def known(self) -> Floats:
        """What forecasters are given, up to the end: the series or its logarithms."""
        return np.log(self.values) if self.logs else self.values

    def part(self, first: int, end: int) -> tuple[Floats, Floats]:
        """Inputs and targets of the windows whose targets lie in some of the steps."""
        chosen = windows_within(range(first, end), self.back, self.ahead)
        inputs, targets = windows(self.known, self.back, self.ahead)
        return inputs[chosen], targets[chosen]

    def errors(self, forecasts: Floats) -> tuple[float, float]:
        """(MSE, MAE) if scaled, (RMSE, MAE) otherwise, of forecasts of the test part's windows."""
        _, targets = self.part(self.check, len(self.values))
        if self.logs:
            forecasts, targets = np.exp(forecasts), np.exp(targets)
        missed = forecasts - targets
        if self.scaled:
            missed = missed / np.array(Scaling.of(self.values[: self.learn]).deviations)
        square = float((missed**2).mean())
        return (square if self.scaled else square**0.5), float(np.abs(missed).mean())


def forecast(task: Task, seeds: int) -> None:
    """The table of one task."""
    test, _ = task.part(task.check, len(task.values))
    print(f"\n{task.name}: {len(test):,} windows of the test part, {task.back} steps back, {task.ahead} ahead\n")
    print(f"| forecast | {'MSE' if task.scaled else 'RMSE'} | MAE | by seed | s a fit |\n|{' --- |' * 5}")
    _row(task, "the last value", [naive(test, task.ahead)])
    if task.season <= task.back:
        _row(task, f"the last season ({task.season} steps)", [naive(test, task.ahead, task.season)])
    for relative in (False, True):
        alpha = min(ALPHAS, key=lambda alpha: _ridge_error(task.validated(), relative, alpha))
        name = f"ridge{', relative' if relative else ''} (alpha {alpha:g})"
        _row(task, name, [_with(task, Ridge(alpha), relative, test)])
    if not task.scaled:
        for name, make in _others().items():
            _row(task, name, [_with(task, make(seed), True, test) for seed in range(seeds)])
    for cell in CELLS:
        began, found = time.perf_counter(), []
        for seed in range(seeds):
            found.append(_ours(task, cell, seed).predict(test))
        _row(task, f"sparring, {cell}", found, (time.perf_counter() - began) / seeds)


def _row(task: Task, name: str, forecasts: list[Floats], seconds: float | None = None) -> None:
    errors = np.array([task.errors(one) for one in forecasts])
    digits = 3 if task.scaled else 1
    mean = " | ".join(f"{error:.{digits}f}" for error in errors.mean(0))
    seeds = ", ".join(f"{error:.{digits}f}" for error in errors[:, 0]) if len(errors) > 1 else ""
    print(f"| {name} | {mean} | {seeds} | {'' if seconds is None else f'{seconds:.0f}'} |", flush=True)


def _with(task: Task, regressor: Any, relative: bool, test: Floats) -> Floats:
    """The forecasts of a scikit-learn regressor of flattened windows. relative: all less the window's last step."""
    end = task.check if task.whole else task.learn
    scaling = Scaling.of(task.known[:end])
    inputs, targets = (scaling.scale(part) for part in task.part(0, end))
    asked = scaling.scale(test)
    last, before = (inputs[:, -1:], asked[:, -1:]) if relative else (np.zeros(1), np.zeros(1))
    fitted = regressor.fit((inputs - last).reshape(len(inputs), -1), (targets - last).reshape(len(targets), -1))
    said = fitted.predict((asked - before).reshape(len(asked), -1)).reshape(len(asked), *targets.shape[1:])
    return scaling.unscale(said + before)


def _ridge_error(task: Task, relative: bool, alpha: float) -> float:
    test, _ = task.part(task.check, len(task.values))
    return task.errors(_with(task, Ridge(alpha), relative, test))[0]


def _others() -> dict[str, Callable[[int], Any]]:
    """As they come, but for the epochs, and the rows of a leaf: 20 are too many of a hundred."""
    return {
        "scikit-learn's MLP, relative": lambda seed: MLPRegressor(max_iter=2000, random_state=seed),
        "gradient boosting, relative": lambda seed: MultiOutputRegressor(
            HistGradientBoostingRegressor(min_samples_leaf=5, random_state=seed)
        ),
    }


def _ours(task: Task, cell: str, seed: int) -> sp.SequenceRegressor:
    made = sp.SequenceRegressor(
        cell=cell, ahead=task.ahead, back=task.back, threads=1, random_state=seed, **task.settings
    )
    if task.whole:
        return made.fit(task.known[: task.check])
    first, last = (task.learn, task.check) if task.check > task.learn else (task.check, len(task.values))
    return made.fit(task.known[: task.learn], validation_data=(task.known[first - task.back : last], None))


ETTH1: dict[str, Any] = {"hidden_size": 128, "batch_size": 64, "max_iter": 8, "early_stopping": True}
SMALL: dict[str, Any] = {"learning_rate_init": 5e-3, "max_iter": 100, "batch_size": 16}
AIRLINE: dict[str, Any] = {**SMALL, "season": 12, "hidden_size": 32, "dropout": 0.2}
SUNSPOTS: dict[str, Any] = {**SMALL, "hidden_size": 16}


def etth1(folder: Path) -> Iterator[Task]:
    """Months of 30 days: 12 to learn from, 4 that stop the training, 4 for the test; all 7 columns."""
    values = read_series(folder / "ETTh1.csv.gz").values[:14_400]
    for ahead in (24, 96):
        yield Task("ETTh1", values, 8640, 11_520, 96, ahead, 24, ETTH1, scaled=True, whole=False)


def airline(folder: Path) -> Iterator[Task]:
    """The last 24 months held out, the 24 before them for choices; forecasts of 12 months from each month's end on."""
    values = read_series(folder / "airline-passengers.csv", ["Passengers"]).values
    yield Task("Airline passengers, thousands", values, 96, 120, 24, 12, 12, AIRLINE, logs=True)


def sunspots(folder: Path) -> Iterator[Task]:
    """The last 62 years of 309 held out (20 %), the 57 before them for choices; one year ahead, and eleven."""
    values = read_series(folder / "sunspots-yearly.csv", ["SUNACTIVITY"]).values
    for ahead in (1, 11):
        yield Task("Sunspots a year", values, 190, 247, 22, ahead, 11, SUNSPOTS)


# -- classes

SETS = ("JapaneseVowels", "BasicMotions", "ItalyPowerDemand")
CLASSES: dict[str, Any] = {"hidden_size": 64, "batch_size": 16, "max_iter": 60}
Cases = list[Floats]


def classes(folder: Path, seeds: int, validate: bool) -> None:
    """Accuracy on the archive's own split, or by five folds of its training cases."""
    print("\n| method | " + " | ".join(SETS) + " |\n| --- | --- | --- | --- |")
    parts = [tuple(read_ts(folder / f"{name}_{part}.ts.gz") for part in ("TRAIN", "TEST")) for name in SETS]
    rows = {
        name: [_accuracy(method, one, other, 1, validate)[0] for one, other in parts]
        for name, method in _methods().items()
    }
    for name, found in rows.items():
        print(f"| {name} | {' | '.join('' if np.isnan(one) else f'{one:.3f}' for one in found)} |", flush=True)
    for cell in CELLS:
        began = time.perf_counter()
        cells = [_accuracy(_classifier(cell), one, other, seeds, validate) for one, other in parts]
        shown = [f"{np.mean(scores):.3f} ({min(scores):.3f} to {max(scores):.3f})" for scores in cells]
        print(f"| sparring, {cell} | {' | '.join(shown)} |", flush=True)
        print(f"{time.perf_counter() - began:.0f} s for all {seeds} seeds of {cell}", flush=True)


Cut = tuple[Cases, list[str]]
Method = Callable[[Cases, list[str], Cases, int], NDArray[Any] | None]


def _accuracy(method: Method, train: Cut, test: Cut, seeds: int, validate: bool) -> list[float]:
    """By seed: of the test cases, or of the training cases in five folds. NaN where a method has no answer."""
    cases, labels = train
    found = []
    for seed in range(seeds):
        folds = StratifiedKFold(5, shuffle=True, random_state=seed).split(labels, labels)
        right = []
        for learned, asked in folds if validate else [(range(len(cases)), range(len(test[0])))]:
            given, truth = train if validate else test
            said = method([cases[i] for i in learned], [labels[i] for i in learned], [given[i] for i in asked], seed)
            right += [np.nan] if said is None else (said == np.array(truth)[list(asked)]).tolist()
        found.append(float(np.mean(right)))
    return found


def _classifier(cell: str) -> Method:
    def answers(cases: Cases, labels: list[str], asked: Cases, seed: int) -> NDArray[Any]:
        model = sp.SequenceClassifier(cell=cell, threads=1, random_state=seed, **CLASSES)
        return model.fit(cases, labels).predict(asked)

    return answers


def _methods() -> dict[str, Method]:
    def of(make: Callable[[], Any], features: Callable[[Cases, int], Floats]) -> Method:
        def answers(cases: Cases, labels: list[str], asked: Cases, seed: int) -> NDArray[Any]:
            longest = max(map(len, cases))
            model = make_pipeline(StandardScaler(), make()).fit(features(cases, longest), labels)
            return model.predict(features(asked, longest))

        return answers

    def forest() -> Any:
        return RandomForestClassifier(500, random_state=0)

    def logistic() -> Any:
        return LogisticRegression(max_iter=5000)

    return {
        "logistic regression, all values": of(logistic, _flat),
        "logistic regression, summaries": of(logistic, _summaries),
        "random forest, all values": of(forest, _flat),
        "random forest, summaries": of(forest, _summaries),
        "1-NN, Euclidean distance": _nearest_euclidean,
        "1-NN, DTW": _nearest_warped,
    }


def _flat(cases: Cases, longest: int) -> Floats:
    """All values in a row; cases of other lengths are cut, or go on with their last value."""
    places = [np.minimum(np.arange(longest), len(case) - 1) for case in cases]
    return np.stack([case[place].ravel() for case, place in zip(cases, places, strict=True)])


def _summaries(cases: Cases, longest: int) -> Floats:
    """Of each channel: mean, deviation, least, largest, first, last, and the mean size of a step's change."""
    return np.stack(
        [
            np.concatenate([c.mean(0), c.std(0), c.min(0), c.max(0), c[0], c[-1], np.abs(np.diff(c, axis=0)).mean(0)])
            for c in cases
        ]
    )


def _nearest_euclidean(cases: Cases, labels: list[str], asked: Cases, seed: int) -> NDArray[Any] | None:
    """None where lengths differ."""
    if len({len(case) for case in [*cases, *asked]}) > 1:
        return None
    known, rows = (np.stack([case.ravel() for case in part]) for part in (cases, asked))
    return np.array(labels)[((rows[:, None] - known) ** 2).sum(2).argmin(1)]


def _nearest_warped(cases: Cases, labels: list[str], asked: Cases, seed: int) -> NDArray[Any]:
    """Dynamic time warping, all channels together, no window: D(i, j) = d(i, j) + min of the three before it."""
    longest, ends = max(map(len, cases)), np.array([len(case) for case in cases]) - 1
    known = np.stack([np.pad(case, ((0, longest - len(case)), (0, 0))) for case in cases])
    said = []
    for case in asked:
        before = np.full((longest + 1, len(cases)), np.inf)
        before[0] = 0.0
        for step in case:
            apart = ((known - step) ** 2).sum(2).T
            now = np.full_like(before, np.inf)
            for j in range(longest):
                now[j + 1] = apart[j] + np.minimum(np.minimum(before[j], before[j + 1]), now[j])
            before = now
        said.append(labels[int(before[ends + 1, np.arange(len(cases))].argmin())])
    return np.array(said)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tasks = {"etth1": etth1, "airline": airline, "sunspots": sunspots}
    parser.add_argument("what", nargs="+", choices=[*tasks, "classes"])
    parser.add_argument("--data", type=Path, required=True, help="a folder of the files")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--validate", action="store_true", help="judge on what settings may be chosen by")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for what in chosen.what:
        if what == "classes":
            classes(chosen.data, chosen.seeds, chosen.validate)
            continue
        for task in tasks[what](chosen.data):
            forecast(task.validated() if chosen.validate else task, chosen.seeds)
