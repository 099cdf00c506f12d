"""Which classes the samples seem to be of, as named by a classifier that saw only real training data."""

import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.utils.multiclass import type_of_target

from sparring.errors import DataError, InputError, ShapeError
from sparring.judging.units import Units
from sparring.quiet import quiet
from sparring.shapes import describe
from sparring.transport.clouds import Floats

__all__ = ["CONFIDENT", "Namer", "checked_labels", "hits", "rarest_and_commonest", "taught"]

CONFIDENT = 0.9  # the probability above which a name counts as sure
MOST_ROWS = 20_000  # of training, for the default classifier: more cost minutes and change little


def checked_labels(labels: Any, n: int) -> NDArray[Any]:
    """The labels (n,) of the training rows: at least two classes. Raises kinds of InputError."""
    found = np.asarray(labels)
    if found.shape != (n,):
        raise ShapeError(f"labels must hold one class per training row, shape ({n}); got {describe(found.shape)}.")
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        row = int(np.flatnonzero(~np.isfinite(found))[0])
        raise DataError(f"labels holds {found[row]} in row {row}; every training row needs a class.")
    if type_of_target(found) not in ("binary", "multiclass") or len(np.unique(found)) < 2:
        raise InputError(
            "labels must be two classes or more, as whole numbers or words; "
            f"got {len(np.unique(found))} value(s) such as {found[0]!r}."
        )
    return found


class Namer(NamedTuple):
    """A taught classifier, the order of its classes, and whether it takes points (n, d) or rows (n, ...)."""

    classifier: Any
    units: Units | None

    def probabilities(self, rows: NDArray[Any]) -> Floats:
        """The probability of each class for each row, (n, classes)."""
        given = self.units("rows", rows) if self.units else rows
        return np.asarray(self.classifier.predict_proba(given), dtype=np.float64)

    def sure(self, probabilities: Floats) -> NDArray[np.bool_]:
        """Whether the likeliest class of each row has a probability above 0.9."""
        return probabilities.max(axis=1) > CONFIDENT

    def names(self, probabilities: Floats) -> NDArray[Any]:
        """The likeliest class of each row."""
        return np.asarray(self.classifier.classes_)[probabilities.argmax(axis=1)]


def taught(classifier: Any, train: NDArray[Any], labels: NDArray[Any], seed: int) -> Namer:
    """A classifier that knows training data alone.

    classifier: None for a multilayer perceptron of 256 hidden units; or any object with ``fit`` and
    ``predict_proba``, which gets rows in their own shape and units: one that has ``classes_`` is taught
    already and used as it is, another one is copied and fitted here.
    """
    if classifier is None:
        return _perceptron(train, labels, seed)
    if not hasattr(classifier, "predict_proba"):
        raise InputError(f"the classifier must have predict_proba; {type(classifier).__name__} has none.")
    if hasattr(classifier, "classes_"):
        return Namer(classifier, None)
    fresh: Any = clone(classifier) if hasattr(classifier, "get_params") else copy.deepcopy(classifier)
    return Namer(fresh.fit(train, labels), None)


def _perceptron(train: NDArray[Any], labels: NDArray[Any], seed: int) -> Namer:
    """Fitted to points whose overall deviation is one, whatever the pixels' range was."""
    units = Units.of(train)
    points = units("train", train)
    centre, spread = points.mean(axis=0), float(points.std(axis=0).max()) or 1.0
    overall = float(np.sqrt(points.var(axis=0).mean())) or spread
    units = Units(units.centre + centre * units.scale, units.scale * overall)
    chosen = np.random.default_rng(seed).permutation(len(train))[:MOST_ROWS]
    network = MLPClassifier((256,), alpha=1e-3, learning_rate_init=5e-3, max_iter=60, random_state=seed % 2**32)
    with quiet(ConvergenceWarning):  # sixty epochs are enough to name classes
        network.fit(units("train", train[chosen]), labels[chosen])
    return Namer(network, units)


def hits(
    classifier: Any, rows: NDArray[Any], labels: NDArray[Any], test: NDArray[Any], known: NDArray[Any], seed: int
) -> NDArray[np.bool_]:
    """Which of the test rows are named rightly by a classifier that was taught by rows and labels alone, (n,).

    classifier: as for ``taught``; one that is taught already is copied and taught again.
    """
    if len(np.unique(labels)) < 2:  # nothing to learn: it would always give the one name it has heard
        return np.asarray(known == labels[0])
    fresh = clone(classifier) if classifier is not None and hasattr(classifier, "get_params") else None
    namer = taught(fresh, rows, labels, seed)
    return np.asarray(namer.names(namer.probabilities(test)) == known)


def rarest_and_commonest(names: NDArray[Any], classes: NDArray[Any]) -> tuple[float, float]:
    """The smallest and the largest share that any of the classes has among the names."""
    shares = (names[:, None] == classes).mean(axis=0)
    return float(shares.min()), float(shares.max())
