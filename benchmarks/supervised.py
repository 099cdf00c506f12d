"""Supervised networks: accuracy on images and tables, and time, beside scikit-learn and skorch.

    python benchmarks/supervised.py mnist --data FOLDER     folder of the four IDX files of MNIST
    python benchmarks/supervised.py fashion --data FOLDER   the same of Fashion-MNIST
    python benchmarks/supervised.py digits tables speed     nothing else is needed (skorch for its row)
    python benchmarks/supervised.py adult --data FOLDER     folder that holds table-adult; --validate: a fifth of the
                                                            training file in place of the test file

The test rows are used once, after training; nothing was chosen by them.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_wine,
    make_friedman1,
)
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from tables import LABELS, NUMBERS
from tables import adult as adult_files

import sparring as sp
from sparring.data import toy
from sparring.data.labelled import read_labelled
from sparring.networks import count_parameters

DIGITS: dict[str, Any] = {
    "hidden_layer_sizes": (512, 512),
    "dropout": 0.5,
    "batch_size": 64,
    "learning_rate": "cosine",
    "max_iter": 100,
}


def images(folder: Path, seeds: int) -> None:
    """Default settings on 60,000 images, tested on 10,000."""
    train, test = (read_labelled(next(folder.glob(f"{part}-images-idx3-ubyte*"))) for part in ("train", "t10k"))
    scores = []
    for seed in range(seeds):
        began = time.perf_counter()
        model = sp.Classifier(random_state=seed).fit(train.inputs, train.targets)
        seconds = time.perf_counter() - began
        scores.append(model.score(test.inputs, test.targets))
        print(f"| {seed} | {scores[-1]:.4f} | {count_parameters(model.network_):,} | {seconds:.0f} |", flush=True)
    print(f"mean {np.mean(scores):.4f}")


def digits(seeds: int) -> None:
    """MLPs: five folds of all 1,797 digits, other ones for every seed; and the 360 held-out digits, one split for all.

    The second's settings were chosen by five folds of the training digits alone.
    """
    train, test, train_y, test_y = (part.reshape(len(part), -1).squeeze() for part in toy.digits_split())
    X, y = load_digits(return_X_y=True)
    print("| settings | five folds, by seed | mean | held out, by seed | mean |")
    for name, chosen in {"default": {}, "two layers, dropout": DIGITS}.items():
        folded, held = [], []
        for seed in range(seeds):
            folds = StratifiedKFold(5, shuffle=True, random_state=seed)
            model = sp.Classifier(**chosen, random_state=seed)
            folded.append(cross_val_score(model, X, y, cv=folds).mean())
            held.append(model.fit(train, train_y).score(test, test_y))
        print(f"| {name} | {_shown(folded)} | {_shown(held)} |", flush=True)


def _shown(scores: list[float]) -> str:
    return f"{', '.join(f'{score:.4f}' for score in scores)} | {np.mean(scores):.4f}"


def tables(seeds: int) -> None:
    """Ours and scikit-learn's MLP, hidden 100, the same epochs, inputs and numeric targets standardised for both."""
    sets: dict[str, tuple[Any, Any, bool]] = {
        "breast cancer": (*load_breast_cancer(return_X_y=True), True),
        "wine": (*load_wine(return_X_y=True), True),
        "diabetes": (*load_diabetes(return_X_y=True), False),
        "friedman (5,000 rows)": (*make_friedman1(5000, random_state=0, noise=1.0), False),
    }
    print(
        "| table | measure | scikit-learn | sparring, batch 200 too | difference | sparring's own batch | difference |"
    )
    for name, (X, y, classes) in sets.items():
        ours, theirs = (sp.Classifier, MLPClassifier) if classes else (sp.Regressor, MLPRegressor)
        found: dict[str, list[float]] = {"theirs": [], "same": [], "own": []}
        for seed in range(seeds):
            parts = train_test_split(X, y, test_size=0.25, random_state=seed, stratify=y if classes else None)
            found["theirs"].append(_scored(theirs, parts, seed))
            found["same"].append(_scored(ours, parts, seed, batch_size=200))
            found["own"].append(_scored(ours, parts, seed))
        cells = [f"{name} | {'accuracy' if classes else 'R²'} | {np.mean(found['theirs']):.4f}"]
        for own in ("same", "own"):
            apart = np.subtract(found[own], found["theirs"])
            error = apart.std(ddof=1) / np.sqrt(len(apart))
            cells.append(f"{np.mean(found[own]):.4f} | {apart.mean():+.4f} ± {error:.4f}")
        print(f"| {' | '.join(cells)} |", flush=True)


def _scored(kind: Callable[..., Any], parts: Any, seed: int, **settings: Any) -> float:
    train, test, train_y, test_y = parts
    model: Any = kind(hidden_layer_sizes=(100,), max_iter=200, random_state=seed, **settings)
    if kind is MLPRegressor:  # ours scales targets by itself
        model = TransformedTargetRegressor(model, transformer=StandardScaler())
    return make_pipeline(StandardScaler(), model).fit(train, train_y).score(test, test_y)


def adult(folder: Path, seeds: int, validate: bool) -> None:
    """A mixed table as it is, beside scikit-learn's MLP of the same hidden units and batch, and its boosted trees.

    All stop early by a tenth of the training rows. Seconds are of a whole fit, encoding included, on one thread each
    (OMP_NUM_THREADS=1): of the processor, which other work beside it hardly changes, and on the clock.
    """
    train, test = adult_files(folder)
    print("| model | accuracy | AUC | log loss | processor, s | clock, s | epochs |")
    found: dict[str, list[tuple[float, ...]]] = {}
    sp.Classifier(max_iter=1).fit(train.head(100), "income")  # what is loaded on first use
    for seed in range(seeds):
        known, asked = train_test_split(train, test_size=0.2, random_state=seed) if validate else (train, test)
        for name, make in _adult_makers(seed).items():
            model = make()
            began, on_clock = time.process_time(), time.perf_counter()
            model.fit(known.drop(columns="income"), known["income"])
            seconds = time.process_time() - began, time.perf_counter() - on_clock
            said, truth = model.predict_proba(asked.drop(columns="income"))[:, 1], asked["income"] == ">50K"
            scores = ((said > 0.5) == truth).mean(), roc_auc_score(truth, said), log_loss(truth, said)
            last = model[-1] if hasattr(model, "steps") else model
            found.setdefault(name, []).append((*scores, *seconds, float(last.n_iter_)))
    for name, rows in found.items():
        means, spreads = np.mean(rows, axis=0), np.std(rows, axis=0)
        cells = [f"{mean:.4f} ± {spread:.4f}" for mean, spread in zip(means[:3], spreads[:3], strict=True)]
        print(f"| {name} | {' | '.join(cells)} | {means[3]:.1f} | {means[4]:.1f} | {means[5]:.0f} |", flush=True)


def _adult_makers(seed: int) -> dict[str, Callable[[], Any]]:
    labels = [name for name in LABELS if name != "income"]
    same: dict[str, Any] = {"early_stopping": True, "random_state": seed}

    def theirs() -> Any:
        one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        coded = make_column_transformer((StandardScaler(), NUMBERS), (one_hot, labels))
        return make_pipeline(coded, MLPClassifier((100,), **same))

    def trees() -> Any:
        ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
        coded = make_column_transformer((ordinal, labels), remainder="passthrough")
        places = list(range(len(labels)))
        return make_pipeline(coded, HistGradientBoostingClassifier(categorical_features=places, random_state=seed))

    return {
        "sparring, defaults": lambda: sp.Classifier((100,), **same),
        "scikit-learn MLP": theirs,
        "scikit-learn boosted trees": trees,
    }


def speed(repeats: int) -> None:
    """Seconds of a fit with the same network, batch and epochs, interleaved; medians, and ratios to ours."""
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    wide, labels = rng.normal(size=(10_000, 784)), rng.integers(0, 10, 10_000)
    for name, rows, answers, hidden, epochs in [("digits", X, y, (100,), 100), ("wide", wide, labels, (512, 512), 5)]:
        makers = _makers(rows.shape[1], hidden, epochs)
        times: dict[str, list[float]] = {maker: [] for maker in makers}
        for _ in range(repeats + 1):
            for maker, make in makers.items():
                model = make()
                began = time.perf_counter()
                model.fit(rows.astype(np.float32), answers)
                times[maker].append(time.perf_counter() - began)
        ours = times["sparring"][1:]
        print(f"\n{name}: {len(rows):,} x {rows.shape[1]}, hidden {hidden}, {epochs} epochs, batch 200")
        for maker, taken in times.items():  # the first round warms up
            ratios = [theirs / mine for theirs, mine in zip(taken[1:], ours, strict=True)]
            low, high = np.quantile(ratios, (0.25, 0.75))
            ratio = f"{statistics.median(ratios):.2f} ({low:.2f} to {high:.2f})"
            print(f"| {maker} | {statistics.median(taken[1:]):.3f} s | {ratio} |")


def _makers(inputs: int, hidden: tuple[int, ...], epochs: int) -> dict[str, Callable[[], Any]]:
    same: dict[str, Any] = {"batch_size": 200, "max_iter": epochs, "random_state": 0}
    makers: dict[str, Callable[[], Any]] = {
        "sparring": lambda: sp.Classifier(hidden, n_iter_no_change=10**6, **same),
        "scikit-learn": lambda: MLPClassifier(hidden, n_iter_no_change=10**6, **same),
    }
    try:
        import torch
        from skorch import NeuralNetClassifier
    except ImportError:
        print("(skorch is not installed: its row is left out)")
        return makers
    from sparring.networks import MLP

    def skorch() -> Any:
        return NeuralNetClassifier(
            MLP,
            module__inputs=(inputs,),
            module__outputs=(10,),
            module__hidden=hidden,
            criterion=torch.nn.CrossEntropyLoss,
            optimizer=torch.optim.Adam,
            lr=1e-3,
            batch_size=200,
            max_epochs=epochs,
            train_split=None,
            iterator_train__shuffle=True,
            verbose=0,
        )

    return {**makers, "skorch": skorch}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="+", choices=["mnist", "fashion", "digits", "tables", "speed", "adult"])
    parser.add_argument("--data", type=Path, help="a folder of IDX files, or the one that holds table-adult")
    parser.add_argument("--validate", action="store_true", help="adult: leave the test file alone")
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)
    for what in chosen.what:
        print(f"# {what}")
        if what in ("mnist", "fashion", "adult"):
            if chosen.data is None:
                parser.error(f"{what} needs --data FOLDER")
            if what == "adult":
                adult(chosen.data, chosen.seeds, chosen.validate)
            else:
                images(chosen.data, chosen.seeds)
        elif what == "speed":
            speed(repeats=7)
        else:
            {"digits": digits, "tables": tables}[what](chosen.seeds if what == "digits" else max(chosen.seeds, 30))
