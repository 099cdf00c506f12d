"""Data a part at a time, so that any amount of them is gone through in little memory."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sparring.data.image import ImageSchema, image_files, is_image, read_picture
from sparring.data.mixed import MixedSchema
from sparring.data.schema import Schema
from sparring.data.source import existing, from_npy, read_like
from sparring.errors import DataError

__all__ = ["Chunk", "chunks"]

NUMBERS = 2**21  # of one chunk, about
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class Chunk:
    """Some rows, as they were found, and how they are encoded. names: of their files, if each has one of its own."""

    rows: Any
    schema: Schema
    names: tuple[str, ...] | None = None


def chunks(data: Any, schema: Schema, *, full_size: bool = False) -> Iterator[Chunk]:
    """Go through data like those of a schema, in order.

    data: an array, a DataFrame, an iterator of rows, or a path: of a picture or a folder of them, which are read one by
    one; of an .npy, which stays on the disk; of another file that ``data.source.read`` knows.
    full_size: pictures keep their own sizes, each a chunk by itself; else they are scaled and cut to the schema's.
    Raises DataError or ShapeError for what does not fit the schema.
    """
    size = max(NUMBERS // max(int(np.prod(schema.shape)), 1), 1)
    if isinstance(data, Iterator):
        yield from _of_rows(data, schema, size)
        return
    path = existing(str(data)) if isinstance(data, str | Path) and not str(data).startswith("demo:") else None
    if path is not None and (path.is_dir() or is_image(path)):
        yield from _of_pictures(path, schema, size, full_size)
        return
    given = from_npy(path) if path is not None and path.suffix.lower() == ".npy" else data
    values: Any = given if isinstance(given, np.memmap) else read_like(given, schema).values
    schema.check(values[:0])
    if isinstance(schema, MixedSchema):
        schema.numbers(values)  # so that what cannot be is said with its row of them all, and before anything is made
    for first in range(0, len(values), size):
        part = values[first : first + size]
        yield Chunk(np.asarray(part) if isinstance(part, np.ndarray) else part, schema)


def _of_rows(rows: Iterator[Any], schema: Schema, size: int) -> Iterator[Chunk]:
    for part in _batched(rows, size):
        yield Chunk(read_like(np.stack([np.asarray(row) for row in part]), schema).values, schema)


def _of_pictures(path: Path, schema: Schema, size: int, full_size: bool) -> Iterator[Chunk]:
    if not isinstance(schema, ImageSchema) or schema.channels not in MODES:
        raise DataError(f"{path} holds pictures, and this model learned from {schema.kind}s of its own kind.")
    if schema.dtype != "uint8" or schema.span != (0, 255):
        low, high = schema.span
        raise DataError(
            f"{path} holds pictures, of bytes from 0 to 255; this model learned from {schema.dtype} in [{low:g}, "
            f"{high:g}]. Give an array of such numbers."
        )
    files, root = ([path], path.parent) if path.is_file() else (image_files(path)[0], path)
    if not files:
        raise DataError(f"{path} holds no images.")
    for part in _batched(files, 1 if full_size else size):
        sides = None if full_size else (schema.height, schema.width)
        values = np.stack([read_picture(file, MODES[schema.channels], sides) for file in part])
        own = replace(schema, height=values.shape[1], width=values.shape[2])
        yield Chunk(values.reshape(len(values), *own.row_shape), own, tuple(str(f.relative_to(root)) for f in part))


def _batched(values: Iterable[Any], size: int) -> Iterator[tuple[Any, ...]]:
    rest = iter(values)
    while part := tuple(itertools.islice(rest, size)):
        yield part
