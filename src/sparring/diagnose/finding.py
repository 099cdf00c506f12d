"""A finding: a failure called by its name, since when, and the numbers that show it. No torch."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

__all__ = ["Evidence", "Finding", "Row", "Severity"]

Row = Mapping[str, float | int]
"""A row of the record: names of measures to values, and "step"."""

Severity = Literal["failure", "warning"]


@dataclass(frozen=True)
class Evidence:
    """A number that shows a failure. name: of a measure (metrics.METRICS). normal: what healthy runs have, in words."""

    name: str
    value: float
    normal: str

    def __str__(self) -> str:
        return f"{self.name} {self.value:.3g} ({self.normal})"


@dataclass(frozen=True)
class Finding:
    """A failure that a run's rows show.

    name: a key of ``MODES``. since: the step of the first row that shows it. seen: the step at which it was
    certain, a few rows later. until: the step at which it was over, or None while it holds. cure: what helps in this
    run, without what it had already; "" where the run is not known.
    """

    name: str
    severity: Severity
    since: int
    seen: int
    evidence: tuple[Evidence, ...]
    until: int | None = None
    cure: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers, none of them infinite or NaN: such a value is None."""
        plain = asdict(self)
        for part in plain["evidence"]:
            part["value"] = part["value"] if math.isfinite(part["value"]) else None
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        found = [{**part, "value": math.nan if part["value"] is None else part["value"]} for part in plain["evidence"]]
        return cls(**{**plain, "evidence": tuple(Evidence(**part) for part in found)})
