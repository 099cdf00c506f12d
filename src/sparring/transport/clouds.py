"""Clouds of points: what counts as one, their weights, and the distances between two."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from sparring.errors import DataError, InputError, ShapeError
from sparring.shapes import describe

__all__ = ["Floats", "cloud", "distances", "grey_mass", "masses", "numbers", "pair"]

Floats = NDArray[np.float64]

MASS_TOLERANCE = 1e-5  # totals that differ by less were meant to be equal: float32 sums stray by 1e-6
DIRECT_COLUMNS = 32  # up to here, subtracting coordinates is as fast as a matrix product
LARGEST = 1e150  # squares beyond this overflow
CANCELLED = 1e-3  # a squared distance below this share of |x|^2 + |y|^2 has lost three digits


def numbers(name: str, value: Any) -> NDArray[Any]:
    """The value as an array (n, ...) of finite real numbers, n >= 1; its own type is kept.

    Raises DataError for anything that is not a finite real number, naming the first such row;
    ShapeError for a single number; InputError for no rows or no columns.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name} must hold real numbers; got values of type {array.dtype}. Encode the others first.")
    if array.ndim == 0:
        raise ShapeError(f"{name} must be an array with a row for each point; got a single number.")
    if array.size == 0:
        raise InputError(f"{name} is empty, shape {describe(array.shape)}; at least one point is needed.")
    finite = np.isfinite(array)
    if not finite.all():
        place = tuple(int(index) for index in np.argwhere(~finite)[0])
        raise DataError(f"{name} holds {array[place]} in row {place[0]}; every value must be finite.")
    return array


def cloud(name: str, value: Any) -> Floats:
    """The points as a float64 array (n, d): a vector is one column, an image is one flat row.

    Raises DataError beyond 1e150, where squares overflow, and whatever ``numbers`` raises.
    """
    array = numbers(name, value)
    flat = np.ascontiguousarray(array.reshape(len(array), -1), dtype=np.float64)
    if np.abs(flat).max() > LARGEST:
        row = int(np.abs(flat).max(axis=1).argmax())
        raise DataError(f"{name} holds a value beyond {LARGEST:g} in row {row}, too large to measure; rescale it.")
    return flat


def pair(x: Any, y: Any) -> tuple[Floats, Floats]:
    """Two clouds (n, d) and (m, d). Raises ShapeError if their points differ in shape."""
    first, second = np.asarray(x), np.asarray(y)
    flat_x, flat_y = cloud("x", first), cloud("y", second)
    shape_x, shape_y = first.shape[1:] or (1,), second.shape[1:] or (1,)
    if shape_x != shape_y:
        raise ShapeError(
            f"x and y must hold points of one shape; got {describe(shape_x)} in x and {describe(shape_y)} in y."
        )
    return flat_x, flat_y


def masses(x_weights: ArrayLike | None, y_weights: ArrayLike | None, n: int, m: int) -> tuple[Floats, Floats]:
    """The weights of both clouds, each with the sum one. None stands for equal weights.

    Weights given for both sides must have the same sum (to 1e-5 of it, what float32 leaves),
    since mass can neither appear nor vanish on the way. Raises InputError if they do not.
    """
    a, b = _weights("x_weights", x_weights, n), _weights("y_weights", y_weights, m)
    both = x_weights is not None and y_weights is not None
    if both and abs(a.sum() - b.sum()) > MASS_TOLERANCE * max(a.sum(), b.sum()):
        raise InputError(
            f"the weights of x sum to {a.sum():.6g} and those of y to {b.sum():.6g}; "
            "equal sums are needed. Divide each by its sum."
        )
    return a / a.sum(), b / b.sum()


def _weights(name: str, value: ArrayLike | None, n: int) -> Floats:
    if value is None:
        return np.ones(n)
    weights = numbers(name, value).astype(np.float64)
    if weights.shape != (n,):
        raise ShapeError(f"{name} must have the shape ({n}), one weight per point; got {describe(weights.shape)}.")
    if weights.min() < 0:
        row = int(weights.argmin())
        raise DataError(f"{name} holds {weights[row]:g} in row {row}; a weight cannot be negative.")
    if weights.sum() == 0:
        raise InputError(f"{name} are all zero; some mass is needed.")
    return weights


def grey_mass(image: ArrayLike) -> tuple[Floats, Floats]:
    """A histogram on a grid, or a grey image, as a weighted cloud: places (k, axes) that are not 0, and shares (k,).

    image: (n,), (h, w) or more axes, >= 0. A place is its indices, for an image (row, column); the shares sum to one.
    Raises DataError for values below 0, InputError for an image without mass.

    >>> grey_mass([[0, 3], [1, 0]])[0].tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    values = numbers("the image", image).astype(np.float64)
    if values.min() < 0:
        raise DataError(f"the image holds {values.min():g}; mass cannot be negative.")
    places, shares = np.argwhere(values).astype(np.float64), values[values > 0]
    if not len(shares):
        raise InputError("the image is 0 everywhere; some mass is needed.")
    return places, shares / shares.sum()


def distances(x: Floats, y: Floats) -> Floats:
    """The Euclidean distances between the rows of x (n, d) and of y (m, d), shape (n, m).

    Many columns go through |x|^2 + |y|^2 - 2 x.y, a matrix product; where the terms cancel,
    the rows are subtracted after all. So equal rows are at distance 0 exactly, and every
    entry is right to about twelve digits.
    """
    if x.shape[1] <= DIRECT_COLUMNS:
        return np.asarray(cdist(x, y), dtype=np.float64)
    centre = y.mean(axis=0)
    u, v = x - centre, y - centre
    sizes = np.einsum("ij,ij->i", u, u)[:, None] + np.einsum("ij,ij->i", v, v)
    squares = sizes - 2 * (u @ v.T)
    rows, columns = np.nonzero(squares <= CANCELLED * sizes)
    if len(rows) > squares.size // 10:
        return np.asarray(cdist(x, y), dtype=np.float64)
    for start in range(0, len(rows), 4096):
        i, j = rows[start : start + 4096], columns[start : start + 4096]
        squares[i, j] = np.square(x[i] - y[j]).sum(axis=1)
    return np.sqrt(squares, out=squares)
