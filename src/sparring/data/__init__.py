"""Data: what they are, where they come from, and batches of them."""

from sparring.data.batches import Batches
from sparring.data.schema import Schema, schema_from_json
from sparring.data.source import Source, read, read_like
from sparring.data.write import write

__all__ = ["Batches", "Schema", "Source", "read", "read_like", "schema_from_json", "write"]
