"""What is judged, in which units: rows are checked, flattened and scaled."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparring.errors import ShapeError
from sparring.shapes import describe
from sparring.transport.clouds import Floats, cloud, numbers

__all__ = ["Units", "like"]


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

    centre, scale: (d,).
    """

    centre: Floats
    scale: Floats

    @classmethod
    def of(cls, train: NDArray[Any]) -> "Units":
        """The units that the training data (n, ...) sets."""
        flat = cloud("train", train)
        if train.ndim > 2:
            return cls(np.zeros(flat.shape[1]), np.ones(flat.shape[1]))
        varies = flat.min(axis=0) < flat.max(axis=0)
        return cls(flat.mean(axis=0), np.where(varies, flat.std(axis=0), 1.0))

    def __call__(self, name: str, rows: NDArray[Any]) -> Floats:
        """The rows (n, ...) as points (n, d) in these units."""
        return cloud(name, (cloud(name, rows) - self.centre) / self.scale)
