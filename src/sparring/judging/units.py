"""What is judged, in which units: rows are checked, flattened and scaled."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparring.errors import InputError, ShapeError
from sparring.shapes import describe
from sparring.transport.clouds import Floats, cloud, numbers

__all__ = ["Features", "Units", "like"]


def like(name: str, value: Any, train: NDArray[Any]) -> NDArray[Any]:
    """The value as an array of finite numbers whose rows have the shape of the training rows.

    Raises DataError, InputError as ``numbers`` does, and ShapeError for rows of another shape.
    """
    array = numbers(name, value)
    if array.shape[1:] != train.shape[1:]:
        raise ShapeError(
            f"{name} must hold rows of the shape {describe(train.shape[1:])}, like the training data; "
            f"got {describe(array.shape[1:])}."
        )
    return array


@dataclass(frozen=True)
class Units:
    """Tables are measured in standard deviations of the training columns, images in units of their own.

    A column that is constant in training keeps its own unit. Centring changes no distance; it
    saves digits when a column is far from 0.

    centre, scale: (d,). space: what the units are, in words.
    """

    centre: Floats
    scale: Floats

    space: str = ""

    @classmethod
    def of(cls, train: NDArray[Any]) -> "Units":
        """The units that the training data (n, ...) sets."""
        flat = cloud("train", train)
        if train.ndim > 2:
            return cls(np.zeros(flat.shape[1]), np.ones(flat.shape[1]), "units of the rows' own")
        varies = flat.min(axis=0) < flat.max(axis=0)
        scale = np.where(varies, flat.std(axis=0), 1.0)
        return cls(flat.mean(axis=0), scale, "standard deviations of the training columns")

    def __call__(self, name: str, rows: NDArray[Any]) -> Floats:
        """The rows (n, ...) as points (n, d) in these units."""
        return cloud(name, (cloud(name, rows) - self.centre) / self.scale)


@dataclass(frozen=True)
class Features:
    """Rows as a network sees them. of: rows (n, ...) to features (n, d); space: what they are, in words."""

    of: Callable[[NDArray[Any]], Any]
    space: str

    @classmethod
    def named(cls, given: Any) -> "Features":
        """The features that a user means: a function of rows, or an object with a method ``features``.

        Raises InputError for anything else.
        """
        function = getattr(given, "features", given)
        if not callable(function):
            raise InputError(
                "features must be a function of rows, or a model with a method features (a fitted sp.Classifier has "
                f"one); got {type(given).__name__}."
            )
        name = type(given).__name__ if function is not given else getattr(given, "__name__", type(given).__name__)
        return cls(function, f"the features of {name}")

    def __call__(self, name: str, rows: NDArray[Any]) -> Floats:
        """The rows (n, ...) as points (n, d). Raises ShapeError unless there is a point for each row."""
        points = cloud(f"the features of {name}", self.of(rows))
        if len(points) != len(rows):
            raise ShapeError(f"features must give a point for each row; got {len(points)} for {len(rows)} rows.")
        return points
