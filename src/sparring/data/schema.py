"""What data are: how values become numbers for a network, and come back as they were.

``decode(encode(x)) == x``: exactly for whole numbers that span less than 2^23, else to the rounding of
float32 (6e-8 of what the numbers span, however far from zero they lie).
"""

import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparring.errors import DataError

__all__ = ["Schema", "checked_numbers", "nearest", "refuse_too_close", "rounded_to", "schema_from_json"]


class Schema(ABC):
    """How a kind of data is encoded. Subclasses are frozen dataclasses.

    kind: "image", "table", "mixed table" or "signal". shape: of one encoded sample, (c, h, w), (p,) or (c, 1, length).
    bounded: whether encoded values lie in [-1, 1].
    """

    kind: str

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]: ...

    @property
    @abstractmethod
    def row_shape(self) -> tuple[int, ...]:
        """Of one row, as the data hold it."""

    @property
    @abstractmethod
    def bounded(self) -> bool: ...

    @property
    def span(self) -> tuple[float, float] | tuple[None, None]:
        """The values that are black and white in pictures; (None, None) for what is no image."""
        return (None, None)

    @abstractmethod
    def encode(self, values: Any) -> NDArray[np.float32]:
        """Values (n, ...) to float32 of the shape (n, *shape)."""

    @abstractmethod
    def decode(self, encoded: NDArray[Any]) -> Any:
        """The inverse, in the data's own range, layout and dtype."""

    def points(self, values: Any) -> NDArray[Any]:
        """Values (n, ...) as numbers whose distances mean something: as they are, where they are numbers."""
        return np.asarray(values)

    @abstractmethod
    def check(self, values: Any) -> None:
        """Raise ShapeError or DataError unless values fit this schema."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]: ...


def schema_from_json(content: dict[str, Any]) -> Schema:
    """The schema that ``to_json`` described. Raises DataError for anything else."""
    from sparring.data.image import ImageSchema
    from sparring.data.mixed import MixedSchema
    from sparring.data.signals import SignalSchema
    from sparring.data.table import TableSchema

    kinds = {"image": ImageSchema, "signal": SignalSchema, "table": TableSchema, "mixed table": MixedSchema}
    kind = content.get("kind") if isinstance(content, dict) else content
    if kind not in kinds:
        raise DataError(f"a schema must be of the kind {' or '.join(kinds)}; got {kind!r}.")
    try:
        return kinds[kind].from_json(content)
    except (KeyError, TypeError) as error:
        raise DataError(
            f"the schema of the kind {kind} is damaged: {error}. One that to_json gave is needed."
        ) from None


def rounded_to(numbers: NDArray[np.float64], dtype: Any) -> NDArray[Any]:
    """Numbers in another NumPy dtype: held in its limits, rounded for whole numbers, at 1/2 for booleans."""
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return numbers >= 0.5
    if kind.kind not in "iu":
        return numbers.clip(np.finfo(kind).min, np.finfo(kind).max).astype(kind)
    limits = np.iinfo(kind)
    highest = float(limits.max)
    # 2^63 - 1 is no float: its neighbour 2^63 would not fit
    highest = np.nextafter(highest, 0) if int(highest) > limits.max else highest
    return numbers.round().clip(float(limits.min), highest).astype(kind)


def checked_numbers(values: Any, name: str = "the data") -> NDArray[Any]:
    """An array of finite real numbers, as it is; booleans become uint8.

    Raises DataError for text, objects, complex numbers, NaN, infinities and masked values (saying where).
    """
    if np.ma.is_masked(values):
        raise DataError(f"{name} has masked values; numbers everywhere are needed. Fill or leave out such rows first.")
    array = values if isinstance(values, np.memmap) else np.asarray(values)  # rows on the disk stay there
    if array.dtype == bool:
        return array.astype(np.uint8)
    if array.dtype.kind not in "iuf":
        raise DataError(f"{name} must be numbers; got the dtype {array.dtype}.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise DataError(
            f"{name} must be finite numbers; found {array[place]} at index {place}. Remove or fill such values first."
        )
    return array


def refuse_too_close(values: Any, name: str) -> None:
    """Raise DataError for whole numbers beyond 2^53 that lie too close together for float64 to tell apart.

    A float64 near x is a multiple of x / 2^53: more than 2^-24 of what the numbers span is too coarse.
    """
    if values.dtype.kind not in "iu":
        return
    low, high = int(values.min()), int(values.max())
    if max(-low, high) > 2**53 and max(-low, high) > (high - low) * 2**29 > 0:
        raise DataError(f"{name}: numbers from {low} to {high} are too close for their size; subtract {low} first.")


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about a name that is not there: the known one it may mean, or some that there are.

    >>> nearest("specis", ["species", "weight"])
    "; did you mean 'species'?"
    """
    names = [str(other) for other in known]
    near = difflib.get_close_matches(name, names, 1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there are {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}" if names else ""
