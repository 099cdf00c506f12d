"""Data: what they are, where they come from, and batches of them. Torch loads with Batches alone."""

from typing import TYPE_CHECKING, Any

from sparring.data.schema import Schema, schema_from_json
from sparring.data.source import Source, read, read_like
from sparring.data.write import write

if TYPE_CHECKING:
    from sparring.data.batches import Batches as Batches

__all__ = ["Batches", "Schema", "Source", "read", "read_like", "schema_from_json", "write"]


def __getattr__(name: str) -> Any:
    if name != "Batches":
        raise AttributeError(f"module 'sparring.data' has no attribute {name!r}")
    from sparring.data.batches import Batches

    return Batches
