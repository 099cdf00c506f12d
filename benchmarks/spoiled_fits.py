"""The fits that the diagnosis is measured on: healthy ones, and others that are spoiled on purpose.

A fit is spoiled for one of the five findings in one of several ways, on sets that the way can spoil. What truly becomes
of it is another matter: diagnosis_fits.py decides that afterwards.
"""

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from images import read as images_in
from sklearn import datasets
from torch import nn

import sparring as sp

__all__ = ["LEFT_OUT", "SPOILED", "WHAT", "Case", "Data", "Way", "cases", "data_of", "model_of"]

WHAT = ("vanishing-delta", "exploding-delta", "dead-units", "not-learning", "over-fitting")
GIVEN = ("mnist", "sentences")  # sets in the folder of --data: images-mnist and sentiment-rt-polarity
LEFT_OUT = ("cancer", "words", *GIVEN)  # sets of which no fit had a part in the choice of a threshold
ROWS, STEPS = 240, 24  # to learn from; of a sequence

Rows = tuple[Any, np.ndarray]


@dataclass(frozen=True)
class Data:
    """kind: "columns", "images" or "sequences". numbers: whether targets are numbers. rows, fresh: (X, y)."""

    kind: str
    numbers: bool
    rows: Rows
    fresh: Rows


# -- sets


def _table(load: Callable[..., Any], numbers: bool = False) -> Callable[[int], Data]:
    def made(seed: int) -> Data:
        x, y = load(return_X_y=True)
        order = np.random.default_rng(seed).permutation(len(x))
        cut = min(ROWS, len(x) * 2 // 3)
        return Data("columns", numbers, (x[order[:cut]], y[order[:cut]]), (x[order[cut:]], y[order[cut:]]))

    return made


def _moons(seed: int) -> Data:
    x, y = datasets.make_moons(2 * ROWS, noise=0.15, random_state=seed)
    return Data("columns", False, (x[:ROWS], y[:ROWS]), (x[ROWS:], y[ROWS:]))


def _friedman(seed: int) -> Data:
    x, y = datasets.make_friedman1(2 * ROWS, noise=0.5, random_state=seed)
    return Data("columns", True, (x[:ROWS], y[:ROWS]), (x[ROWS:], y[ROWS:]))


def _written(seed: int) -> Data:
    """Written digits as pictures of 8 x 8 pixels."""
    x, y = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))[: 2 * ROWS]
    pictures = np.clip(16 * x[order], 0, 255).astype(np.uint8).reshape(-1, 8, 8)
    return Data("images", False, (pictures[:ROWS], y[order[:ROWS]]), (pictures[ROWS:], y[order[ROWS:]]))


def _bars(seed: int) -> Data:
    """Grey pictures of 12 x 12 pixels with a bright bar, that lies or stands, or with a square."""
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, 90, (2 * ROWS, 12, 12))
    y = rng.integers(3, size=2 * ROWS)
    for picture, kind in zip(pictures, y, strict=True):
        i, j = rng.integers(0, 6, 2)
        high, wide = ((2, 6), (6, 2), (4, 4))[kind]
        picture[i : i + high, j : j + wide] += 120
    pictures = pictures.astype(np.uint8)
    return Data("images", False, (pictures[:ROWS], y[:ROWS]), (pictures[ROWS:], y[ROWS:]))


def _sequences(seed: int, make: Callable[[np.random.Generator, int], tuple[Any, Any]], numbers: bool = False) -> Data:
    """Rows of 8 to 24 steps."""
    rng = np.random.default_rng(seed)
    made = [make(rng, int(rng.integers(STEPS // 3, STEPS + 1))) for _ in range(2 * ROWS)]
    x, y = [row for row, _ in made], np.array([target for _, target in made])
    return Data("sequences", numbers, (x[:ROWS], y[:ROWS]), (x[ROWS:], y[ROWS:]))


def _shift(rng: np.random.Generator, steps: int) -> tuple[Any, Any]:
    """Which of two means the numbers of a row have."""
    y = int(rng.integers(2))
    return (rng.normal(size=(steps, 2)) + (0.7, 0) * np.array(2 * y - 1)).astype(np.float32), y


def _tone(rng: np.random.Generator, steps: int) -> tuple[Any, Any]:
    """Which of three frequencies a wave has."""
    y = int(rng.integers(3))
    wave = np.sin(np.arange(steps) * (0.5, 1.1, 2.0)[y] + rng.uniform(0, 6))
    return (wave[:, None] + 0.2 * rng.normal(size=(steps, 1))).astype(np.float32), y


def _mean(rng: np.random.Generator, steps: int) -> tuple[Any, Any]:
    """The mean of a row's first column."""
    row = (rng.normal(size=(steps, 2)) + rng.normal(size=(1, 2))).astype(np.float32)
    return row, float(row[:, 0].mean())


def _words(rng: np.random.Generator, steps: int) -> tuple[Any, Any]:
    """Texts of made words, with three that tell which of two classes it is of."""
    y = int(rng.integers(2))
    words = [f"w{i}" for i in rng.integers(60, size=steps)]
    for place in rng.choice(steps, 3, replace=False):
        words[place] = ("good", "fine", "dear", "bad", "poor", "dull")[3 * y + int(rng.integers(3))]
    return " ".join(words), y


def _first(rng: np.random.Generator, steps: int) -> tuple[Any, Any]:
    """The sign of the first number, after which come 60 steps of noise."""
    row = rng.normal(size=(60, 2)).astype(np.float32)
    return row, int(row[0, 0] > 0)


def _mnist(folder: Path, seed: int) -> Data:
    x, y = images_in(str(folder / "images-mnist"), "t10k")
    order = np.random.default_rng(seed).permutation(len(x))[: 2 * ROWS]
    return Data("images", False, (x[order[:ROWS]], y[order[:ROWS]]), (x[order[ROWS:]], y[order[ROWS:]]))


def _sentences(folder: Path, seed: int) -> Data:
    several, answers = [], []
    for answer, name in enumerate(("neg", "pos")):
        with gzip.open(folder / "sentiment-rt-polarity" / f"rt-polarity.{name}.gz", "rt", encoding="latin-1") as file:
            lines = [line.strip() for line in file]
        several += lines
        answers += [answer] * len(lines)
    order = np.random.default_rng(seed).permutation(len(several))[: 2 * ROWS]
    x, y = [several[i] for i in order], np.array(answers)[order]
    return Data("sequences", False, (x[:ROWS], y[:ROWS]), (x[ROWS:], y[ROWS:]))


SETS: dict[str, Callable[[int], Data]] = {
    "iris": _table(datasets.load_iris),
    "wine": _table(datasets.load_wine),
    "cancer": _table(datasets.load_breast_cancer),
    "digits": _table(datasets.load_digits),
    "diabetes": _table(datasets.load_diabetes, numbers=True),
    "moons": _moons,
    "friedman": _friedman,
    "written": _written,
    "bars": _bars,
    "shift": lambda seed: _sequences(seed, _shift),
    "tone": lambda seed: _sequences(seed, _tone),
    "mean": lambda seed: _sequences(seed, _mean, numbers=True),
    "words": lambda seed: _sequences(seed, _words),
    "first": lambda seed: _sequences(seed, _first),
}
COLUMNS = ("iris", "wine", "digits", "moons", "friedman", "diabetes", "cancer")
IMAGES, SEQUENCES = ("written", "bars"), ("shift", "tone", "mean", "words")


@cache
def data_of(name: str, seed: int, folder: Path | None = None) -> Data:
    """A set by its name. folder: where those of ``GIVEN`` are."""
    if name in GIVEN:
        assert folder is not None
        return {"mnist": _mnist, "sentences": _sentences}[name](folder, 1_000 + seed)
    return SETS[name](1_000 + seed)


# -- ways


@dataclass(frozen=True)
class Way:
    """Settings, and what is done to a network of default making before it learns, or to the targets. sets: names."""

    name: str
    sets: Sequence[str]
    settings: dict[str, Any]
    network: Callable[[nn.Module], None] | None = None
    noise: float = 0.0  # share of targets that are another row's
    rows: int = ROWS


@torch.no_grad()
def _scaled(by: float, network: nn.Module) -> None:
    """All matrices but the last, or all recurrent ones, times a factor."""
    loops = [p for name, p in network.named_parameters() if "weight_hh" in name]
    matrices = [p for p in network.parameters() if p.dim() > 1]
    for weight in loops or matrices[:-1]:
        weight *= by


@torch.no_grad()
def _closed(share: float, network: nn.Module) -> None:
    """A share of the first hidden layer's units that no row reaches."""
    first = next(m for m in network.modules() if isinstance(m, nn.Linear | nn.modules.conv._ConvNd))
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    bias = norms[0].bias if norms else first.bias
    assert bias is not None
    bias[: int(np.ceil(share * len(bias)))] = -30.0


def _by(change: Callable[[float, nn.Module], None], size: float) -> Callable[[nn.Module], None]:
    return lambda network: change(size, network)


HEALTHY = (
    Way("default", COLUMNS, {}),
    Way("two layers, validated", COLUMNS, {"hidden_layer_sizes": (48, 48), "validation_fraction": 0.25}),
    Way("early stopping", COLUMNS, {"early_stopping": True, "validation_fraction": 0.2, "max_iter": 200}),
    Way("tanh and dropout", COLUMNS, {"activation": "tanh", "dropout": 0.2, "hidden_layer_sizes": (64, 32)}),
    Way("four layers", COLUMNS[:4], {"hidden_layer_sizes": (48,) * 4}),
    Way("to the end", COLUMNS, {"max_iter": 150}),
    Way("six layers", COLUMNS[:3], {"hidden_layer_sizes": (32,) * 6}),
    Way("logistic", COLUMNS, {"activation": "logistic", "hidden_layer_sizes": (50,), "l2": 1e-4}),
    Way("by sgd", COLUMNS, {"solver": "sgd", "learning_rate_init": 0.02}),
    Way("default", IMAGES, {"max_iter": 10}),
    Way("to the end", IMAGES, {"max_iter": 40}),
    Way("silu", IMAGES, {"activation": "silu", "max_iter": 10}),
    Way("early stopping", IMAGES, {"early_stopping": True, "max_iter": 16, "learning_rate": "constant"}),
    Way("default", SEQUENCES, {}),
    Way("one way, last", SEQUENCES, {"bidirectional": False, "pooling": "last", "max_iter": 30}),
    Way("to the end", SEQUENCES, {"max_iter": 40}),
    Way("mean of a gru", SEQUENCES, {"cell": "gru", "pooling": "mean", "validation_fraction": 0.25, "max_iter": 25}),
    Way("early stopping", SEQUENCES, {"early_stopping": True, "validation_fraction": 0.2, "max_iter": 40}),
    Way("plain cells", SEQUENCES, {"cell": "rnn"}),
)
LARGE = {"hidden_size": 48, "learning_rate_init": 5e-3}
LOGISTIC = {"activation": "logistic"}
SPOILED: dict[str, tuple[Way, ...]] = {
    "vanishing-delta": (
        Way("eight logistic layers", COLUMNS, {**LOGISTIC, "hidden_layer_sizes": (24,) * 8}),
        Way("twelve logistic layers", COLUMNS, {**LOGISTIC, "hidden_layer_sizes": (32,) * 12}),
        Way("small tanh weights", COLUMNS, {"activation": "tanh", "hidden_layer_sizes": (32,) * 8}, _by(_scaled, 0.1)),
        Way("plain cells, long", ("first",), {"cell": "rnn", "bidirectional": False, "pooling": "last"}),
        Way(
            "small recurrent weights",
            ("first", *SEQUENCES[:2], "words"),
            {"cell": "rnn", "bidirectional": False, "pooling": "last"},
            _by(_scaled, 0.02),
        ),
    ),
    "exploding-delta": (
        Way("large weights", COLUMNS, {"hidden_layer_sizes": (32,) * 8}, _by(_scaled, 6.0)),
        Way(
            "large linear weights",
            COLUMNS,
            {"activation": "identity", "hidden_layer_sizes": (32,) * 8},
            _by(_scaled, 5.0),
        ),
        Way(
            "large tanh weights", COLUMNS, {"activation": "tanh", "hidden_layer_sizes": (48,) * 10}, _by(_scaled, 20.0)
        ),
        Way(
            "large recurrent weights",
            ("first", "words"),
            {"cell": "rnn", "bidirectional": False, "pooling": "last"},
            _by(_scaled, 8.0),
        ),
    ),
    "dead-units": (
        Way("six in ten", (*COLUMNS, *IMAGES), {"max_iter": 12}, _by(_closed, 0.6)),
        Way("all", (*COLUMNS, *IMAGES), {"max_iter": 12}, _by(_closed, 1.0)),
    ),
    "not-learning": (
        Way("tiny rate", (*COLUMNS, *IMAGES, *SEQUENCES), {"learning_rate_init": 1e-8, "max_iter": 8}),
        Way("heavy penalty", COLUMNS, {"l2": 100.0, "max_iter": 40}),
        Way("closed", COLUMNS[:3], {"max_iter": 20}, _by(_closed, 1.0)),
    ),
    "over-fitting": (
        Way(
            "few noisy rows",
            COLUMNS,
            {"hidden_layer_sizes": (200, 200), "validation_fraction": 0.4, "learning_rate_init": 3e-3, "max_iter": 60},
            noise=0.3,
            rows=120,
        ),
        Way(
            "very few",
            COLUMNS,
            {"hidden_layer_sizes": (200,), "validation_fraction": 0.5, "learning_rate_init": 1e-2, "max_iter": 60},
            noise=0.5,
            rows=100,
        ),
        Way(
            "few noisy rows",
            IMAGES,
            {"validation_fraction": 0.4, "dropout": 0.0, "learning_rate": "constant", "max_iter": 24},
            noise=0.3,
            rows=120,
        ),
        Way(
            "few noisy rows",
            SEQUENCES,
            {"validation_fraction": 0.4, "dropout": 0.0, "learning_rate": "constant", "max_iter": 40, **LARGE},
            noise=0.4,
            rows=120,
        ),
    ),
}
LASTING = {"n_iter_no_change": 1_000}  # a fit that is spoiled is played to its end


@dataclass(frozen=True)
class Case:
    """A fit. meant: "healthy", or what it is spoiled for."""

    meant: str
    data: str
    way: Way
    seed: int
    folder: Path | None = None

    def __str__(self) -> str:
        return f"{self.meant}: {self.data}, {self.way.name}, seed {self.seed}"


def cases(seeds: Sequence[int], only: str | None = None, folder: Path | None = None) -> list[Case]:
    """All fits of some seeds. folder: more sets, for the healthy fits of their kinds."""
    ways = [("healthy", way) for way in HEALTHY] + [(name, way) for name in WHAT for way in SPOILED[name]]
    several = [Case(meant, data, way, seed) for seed in seeds for meant, way in ways for data in way.sets]
    for seed in seeds if folder is not None else ():
        for way in HEALTHY:
            more = [name for name, like in zip(GIVEN, (IMAGES, SEQUENCES), strict=True) if way.sets == like]
            several += [Case("healthy", name, way, seed, folder) for name in more]
    return [case for case in several if only is None or case.meant == only]


class _Wild(sp.SequenceClassifier):
    """One whose network is changed before it learns."""

    change: Any = None

    def _network_of(self, coding: Any) -> nn.Module:
        network = super()._network_of(coding)
        type(self).change(network)
        return network


def model_of(case: Case, data: Data, **more: Any) -> Any:
    """The estimator, not fitted yet."""
    way = case.way
    settings: dict[str, Any] = {"random_state": case.seed, "threads": 1, **more}
    if case.meant != "healthy":
        settings |= LASTING
    if data.kind == "sequences":
        kind: Any = sp.SequenceRegressor if data.numbers else sp.SequenceClassifier
        if way.network is not None:
            kind = type("Wild", (_Wild,), {"change": staticmethod(way.network)})
        return kind(**{"max_iter": 10, "hidden_size": 20, "width": 20, "batch_size": 12, **way.settings, **settings})
    kind = sp.Regressor if data.numbers else sp.Classifier
    settings = {"max_iter": 30, **way.settings, **settings}
    if way.network is not None:
        settings["network"] = _changed(kind, case, data, settings)
    return kind(**settings)


def _changed(kind: Any, case: Case, data: Data, settings: dict[str, Any]) -> Callable[..., nn.Module]:
    """Makes what the estimator makes by itself, and changes it."""
    from sparring.estimators.fitting import made_network, settle_fit

    def made(shape: tuple[int, ...], outputs: int) -> nn.Module:
        given = {**kind().get_params(), **settings, "network": None}
        inputs = type("Inputs", (), {"shape": shape, "kind": "image" if data.kind == "images" else "features"})()
        targets = type("Targets", (), {"outputs": outputs})()
        network = made_network(given, settle_fit(given, data.kind == "images"), inputs, targets, case.seed)  # pyright: ignore[reportArgumentType]
        assert case.way.network is not None
        case.way.network(network)
        return network

    return made
