"""From a user's X, y and weights to the rows that a supervised network learns from, and those it is checked on.

Rows are put in an order of their own content first. So neither the order of the data nor the way in which
they are weighted matters: a row of weight 2 and the same row twice lead to the same bits.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.data.features import Column as Column
from sparring.data.features import Features, columns_of, numbers_of
from sparring.data.image import ImageSchema
from sparring.data.mixed_features import MixedFeatures, inputs_of
from sparring.data.targets import Classes, Numbers, Targets
from sparring.errors import DataError, InputError

__all__ = ["Examples", "Inputs", "Prepared", "balanced", "checked_weights", "inputs_from_json", "prepare", "split"]

Inputs = Features | MixedFeatures | ImageSchema
REPEATS = 10  # whole weights become repeated rows, unless these are so many times more rows,
FEW = 100_000  # and more than these
DECIDING = 16  # numbers of a row that settle its place in most data


def inputs_from_json(content: dict[str, Any]) -> Inputs:
    """The schema of inputs that ``to_json`` described."""
    kinds: dict[str, Any] = {"features": Features, "mixed features": MixedFeatures, "image": ImageSchema}
    return kinds[content["kind"]].from_json(content)


@dataclass(frozen=True)
class Examples:
    """Encoded rows (n, ...), targets, weights (of mean 1, or None), and where the rows lie in the user's data."""

    inputs: NDArray[np.float32]
    targets: NDArray[Any]
    weights: NDArray[np.float32] | None
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        found = (self.inputs, self.targets)
        return found if self.weights is None else (*found, self.weights)


@dataclass(frozen=True)
class Prepared:
    """What a fit needs to know of its data. held_out is empty where nothing could be held out."""

    inputs: Inputs
    targets: Targets
    train: Examples
    held_out: Examples


@dataclass(frozen=True)
class _Rows:
    """Checked rows, not scaled: numbers (n, p) of columns, or images; and how to encode them."""

    values: NDArray[Any]
    kind: Any
    columns: tuple[Any, ...] = ()

    @classmethod
    def of(cls, X: NDArray[Any] | pd.DataFrame, schema: Inputs | None, told: Any = None) -> Self:
        if isinstance(schema, ImageSchema):
            schema.check(X)
            return cls(np.asarray(X), ImageSchema)
        if schema is not None:
            return cls(schema.numbers(X), type(schema), schema.columns)
        if not isinstance(X, pd.DataFrame):
            if np.ndim(X) > 2:
                return cls(np.asarray(X), ImageSchema)
            columns = tuple(Column(f"x{i}") for i in range(np.shape(X)[1]))
            return cls(numbers_of(X, columns), Features, columns)
        mixed = inputs_of(X, told)
        if mixed is not None:
            return cls(mixed[1], MixedFeatures, mixed[0])
        columns = columns_of(X)
        return cls(numbers_of(X, columns), Features, columns)

    def schema(self, rows: NDArray[np.int64]) -> Inputs:
        return self.kind.of(self.values) if self.kind is ImageSchema else self.kind.of(self.columns, self.values, rows)

    def encoded(self, schema: Inputs, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        if isinstance(schema, ImageSchema):
            return schema.encode(self.values[rows])
        return schema.scaled(self.values, rows)


def prepare(
    X: NDArray[Any] | pd.DataFrame,
    y: NDArray[Any],
    weights: NDArray[np.float64] | None,
    targets: Targets | None,
    *,
    schema: Inputs | None = None,
    told: Any = None,
    class_weight: Any = None,
    fraction: float = 0.0,
    seed: int = 0,
) -> Prepared:
    """Order, weigh, split and encode.

    X: (n, p) or images, checked for shape. y: checked targets (n,) or (n, k). weights: (n,), all >= 0. targets: the
    classes or labels, or None for numbers, whose scaling is then taken from the training rows. schema: of an
    earlier fit that is gone on with. told: what a DataFrame's columns are, if the user says so. fraction: of the rows,
    held out.
    """
    rows = _Rows.of(X, schema, told)
    order = _ordered(rows.values, y)
    order, weights = _repeated(order, weights)
    if isinstance(targets, Classes) and class_weight is not None:
        weights = balanced(class_weight, targets, y[order], weights)
        order, weights = order[weights > 0], weights[weights > 0]
    train, held_out = split(y[order] if isinstance(targets, Classes) else None, len(order), fraction, seed)
    schema = schema or rows.schema(order[train])
    targets = targets or Numbers.of(y[order[train]])

    def examples(part: NDArray[np.int64]) -> Examples:
        chosen = order[part]
        heavy = None if weights is None else _normalised(weights[part])
        return Examples(rows.encoded(schema, chosen), targets.encode(y[chosen]), heavy, chosen)

    return Prepared(schema, targets, examples(train), examples(held_out))


def checked_weights(weights: Any, n: int) -> NDArray[np.float64] | None:
    """Sample weights as numbers; None if there are none. Raises InputError for what cannot weigh."""
    if weights is None:
        return None
    values = np.asarray(weights, np.float64)
    values = np.full(n, float(values)) if values.ndim == 0 else values
    if values.shape != (n,):
        raise InputError(f"sample_weight must have the shape ({n},), one weight per row; got {values.shape}.")
    if not np.isfinite(values).all() or (values < 0).any():
        worst = int(np.flatnonzero(~np.isfinite(values) | (values < 0))[0])
        raise InputError(f"sample_weight must be finite and at least 0; row {worst} has {values[worst]}.")
    if not values.any():
        raise DataError("every sample weight is zero: no row is left to learn from.")
    return values


def _ordered(values: NDArray[Any], y: NDArray[Any]) -> NDArray[np.int64]:
    """Row numbers in the order of the rows' bytes, and for equal rows of their targets."""
    inputs = values.reshape(len(values), -1)
    keys = _bytes_of(inputs[:, :DECIDING])
    order = np.argsort(keys, kind="stable")
    if (keys[order[1:]] != keys[order[:-1]]).all():
        return order
    places = np.unique(y, axis=0, return_inverse=True)[1].reshape(len(y), 1).astype(np.int64)
    whole = [_bytes_of(inputs).view(np.uint8).reshape(len(y), -1), places.view(np.uint8)]
    return np.argsort(_bytes_of(np.concatenate(whole, axis=1)), kind="stable")


def _bytes_of(rows: NDArray[Any]) -> NDArray[np.void]:
    """Every row as one item of bytes; -0.0 and 0.0 are one number."""
    plain = np.ascontiguousarray(rows + 0.0 if rows.dtype.kind == "f" else rows)
    return plain.view(f"V{plain.shape[1] * plain.itemsize}").ravel()


def _repeated(
    order: NDArray[np.int64], weights: NDArray[np.float64] | None
) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """Rows repeated by whole weights; other weights stay weights. Rows of weight 0 are left out."""
    if weights is None:
        return order, None
    order = order[weights[order] > 0]
    heavy = weights[order]
    if (heavy == np.round(heavy)).all() and heavy.sum() <= max(REPEATS * len(order), FEW):
        return np.repeat(order, heavy.astype(np.int64)), None
    return order, heavy


def balanced(
    class_weight: Any, targets: Classes, y: NDArray[Any], weights: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Sample weights times class weights. class_weight: "balanced", or a weight per class (1 where there is none)."""
    places = targets.encode(y)
    heavy = np.ones(len(y)) if weights is None else weights
    if class_weight == "balanced":
        sums = np.bincount(places, heavy, minlength=targets.outputs)
        return heavy * (heavy.sum() / (targets.outputs * np.maximum(sums, 1e-300)))[places]
    unknown = [name for name in class_weight if name not in set(targets.classes.tolist())]
    if unknown:
        raise InputError(f"class_weight names the class {unknown[0]!r}, but y has only {targets.classes.tolist()}.")
    factors = np.array([class_weight.get(name, 1.0) for name in targets.classes.tolist()], float)
    if (factors < 0).any() or not factors.any():
        raise InputError(f"class_weight must be at least 0, and above it somewhere; got {class_weight}.")
    return heavy * factors[places]


def _normalised(weights: NDArray[np.float64]) -> NDArray[np.float32] | None:
    """Of mean 1; None where all are equal."""
    if not len(weights) or np.ptp(weights) == 0:
        return None
    return (weights / weights.mean()).astype(np.float32)


def split(
    labels: NDArray[Any] | None, n: int, fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places to train on, and to hold out: about ``fraction`` of n, of each class its share.

    A class with one row is always trained on. Of fewer rows than make one held-out row, none is.
    """
    chance = np.random.default_rng(seed)
    mixed = chance.permutation(n)
    wanted = round(n * fraction)
    if labels is None:
        wanted = min(max(wanted, 1 if fraction and n >= 4 else 0), n - 1)
        return np.sort(mixed[wanted:]), np.sort(mixed[:wanted])
    places = np.unique(labels, return_inverse=True)[1]
    held = []
    for label in range(places.max() + 1):
        mine = mixed[places[mixed] == label]
        share = len(mine) * fraction
        # what is left of a share is decided by chance, so that many small classes have theirs together
        count = int(share) + int(chance.random() < share - int(share))
        held.append(mine[: min(count, len(mine) - 1)])
    held_out = np.sort(np.concatenate(held))
    if not len(held_out) and fraction and n >= 4:
        largest = mixed[places[mixed] == np.bincount(places).argmax()]
        held_out = largest[: min(1, len(largest) - 1)]
    return np.setdiff1d(np.arange(n), held_out), held_out
