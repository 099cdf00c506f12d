"""What a supervised network is to say: classes, several labels at once, or numbers.

Targets become numbers for an error function, and outputs become answers:
``answer(outputs)`` of perfect outputs is the target itself.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sparring.data.plain import refuse, refuse_dtype, typed
from sparring.errors import DataError

__all__ = ["Classes", "Labels", "Numbers", "Targets", "targets_from_json"]


class Targets(ABC):
    """How targets are encoded. Subclasses are frozen dataclasses. kind: "classes", "labels" or "numbers"."""

    kind: str

    @property
    @abstractmethod
    def outputs(self) -> int:
        """How many outputs the network needs."""

    @abstractmethod
    def encode(self, y: NDArray[Any]) -> NDArray[Any]:
        """Class numbers (n,) in int64, or float32 (n, outputs)."""

    @abstractmethod
    def answer(self, outputs: NDArray[np.float64]) -> NDArray[Any]:
        """The answers that outputs (n, outputs) mean, like the targets in shape and type."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]: ...


def targets_from_json(content: dict[str, Any]) -> Targets:
    """The targets that ``to_json`` described."""
    kinds: dict[str, Any] = {"classes": Classes, "labels": Labels, "numbers": Numbers}
    return kinds[content["kind"]].from_json(content)


@dataclass(frozen=True, eq=False)
class Classes(Targets):
    """One of some classes per row. classes: sorted, of any type that sorts; two or more."""

    classes: NDArray[Any]
    kind = "classes"

    @classmethod
    def of(cls, y: NDArray[Any]) -> Self:
        """Raises DataError for a single class."""
        classes = np.unique(y)
        if len(classes) < 2:
            only = classes[:1].tolist()[0]
            raise DataError(f"every target is of the class {only!r}; at least two classes are needed.")
        return cls(classes)

    @property
    def outputs(self) -> int:
        return len(self.classes)

    def encode(self, y: NDArray[Any]) -> NDArray[np.int64]:
        """Raises DataError for a class that is not known."""
        places = np.searchsorted(self.classes, y).clip(max=len(self.classes) - 1)
        strange = self.classes[places] != y
        if np.any(strange):
            raise DataError(
                f"y holds the class {np.asarray(y)[strange].tolist()[0]!r}, which is not among the known ones: "
                f"{', '.join(map(str, self.classes[:10]))}{', ...' if len(self.classes) > 10 else ''}."
            )
        return places.astype(np.int64)

    def answer(self, outputs: NDArray[np.float64]) -> NDArray[Any]:
        return self.classes[outputs.argmax(1)]

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "classes": self.classes.tolist(), "dtype": str(self.classes.dtype)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        refuse_dtype(str(content["dtype"]))
        try:
            made = np.array(content["classes"], content["dtype"])
        except (TypeError, ValueError, OverflowError) as error:
            raise DataError(f"the classes are damaged: {error}.") from None
        kind = made.dtype.kind
        refuse(made.ndim != 1 or len(made) < 2 or kind not in "iufbUO", "there are two classes or more, in a list")
        refuse(
            kind == "O" and any(not isinstance(one, str | int | float) for one in made.tolist()), "classes are plain"
        )
        return cls(made)


@dataclass(frozen=True)
class Labels(Targets):
    """Any of some labels per row: (n, labels) of 0 and 1."""

    count: int
    kind = "labels"

    @property
    def outputs(self) -> int:
        return self.count

    def encode(self, y: NDArray[Any]) -> NDArray[np.float32]:
        return np.asarray(y, np.float32)

    def answer(self, outputs: NDArray[np.float64]) -> NDArray[np.int64]:
        return (outputs > 0).astype(np.int64)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "count": self.count}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        made = typed(content, cls)
        refuse(made.count < 1, "there are labels")
        return made


@dataclass(frozen=True)
class Numbers(Targets):
    """One number per row (flat), or several. They are scaled to mean 0 and deviation 1 for the network."""

    means: tuple[float, ...]
    deviations: tuple[float, ...]
    flat: bool
    kind = "numbers"

    @classmethod
    def of(cls, y: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> Self:
        """A target that never changes has deviation 1. Raises DataError for numbers too large to scale."""
        columns = y.reshape(len(y), -1)
        with np.errstate(over="ignore", invalid="ignore"):
            means, deviations = columns.mean(0), columns.std(0)
        if not np.isfinite(deviations).all():
            raise DataError("the targets are too large to scale; divide them first.")
        still = deviations <= 10 * np.finfo(np.float64).eps * np.abs(means)
        deviations[still] = 1.0
        return cls(tuple(means.tolist()), tuple(deviations.tolist()), y.ndim == 1)

    @property
    def outputs(self) -> int:
        return len(self.means)

    def encode(self, y: NDArray[Any]) -> NDArray[np.float32]:
        columns = np.asarray(y, np.float64).reshape(len(y), len(self.means))
        return ((columns - np.array(self.means)) / np.array(self.deviations)).astype(np.float32)

    def answer(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        numbers = outputs * np.array(self.deviations) + np.array(self.means)
        return numbers[:, 0] if self.flat else numbers

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "means": list(self.means), "deviations": list(self.deviations), "flat": self.flat}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        made = typed(content, cls, ("means", "deviations"), "deviations")
        refuse(not made.means or (made.flat and len(made.means) > 1), "a flat target is one number")
        return made
