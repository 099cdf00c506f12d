"""Tables too large for memory: read in parts, and kept in the compact form in a file whose rows are read as needed."""

import contextlib
import hashlib
import json
import logging
import secrets
import weakref
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring import room
from sparring.data.cache import cache_folder
from sparring.data.frames import FEWEST
from sparring.data.mixed import MixedSchema
from sparring.data.sampled_schema import SAMPLE, sampled_schema
from sparring.data.schema import schema_from_json
from sparring.data.source import Source
from sparring.data.spool import Spool
from sparring.data.tidying import hold, source_of, tidy, touch
from sparring.errors import DataError
from sparring.files import explained, replaced_file, write_json

__all__ = ["MOST", "WEIGHTS", "StoredTable", "is_large", "is_stored", "read_stored", "spooled"]

LOG = logging.getLogger("sparring")
WEIGHTS = {".parquet": 20, ".csv": 20}  # bytes that reading at once takes at its peak, for each of the file
MOST = 0.5  # of the free memory, that reading at once may take
FORM = 1  # of the files that are kept; another number makes them anew


class StoredTable:
    """Rows of a table in the compact form in a file; those that are asked for come as a DataFrame, or as they are.

    No more than the rows asked for is in memory: they are read, not mapped, since the system maps up to 2 MiB around
    each row. DataFrames are what the schema decodes: exactly the data's labels, dates, whole numbers and decimals;
    other numbers to 2^-24 of a bin.
    """

    def __init__(self, path: Path, schema: MixedSchema) -> None:
        self.schema = schema
        self._file = open(path, "rb", buffering=0)
        weakref.finalize(self, self._file.close)
        hold(self._file)
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        self.shape: tuple[int, int] = found.shape
        self._start: int = found.offset

    def __len__(self) -> int:
        return self.shape[0]

    def compact(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Some rows in the compact form."""
        found = np.empty((len(rows), self.shape[1]), np.float32)
        size = found.itemsize * self.shape[1]
        into: Any = found.reshape(-1).view(np.uint8).data
        for i, row in enumerate(np.asarray(rows).tolist()):
            self._file.seek(self._start + row * size)
            self._file.readinto(into[i * size : (i + 1) * size])
        return found

    def __getitem__(self, rows: Any) -> pd.DataFrame:
        compact = self.compact(rows)
        parts = len(self.schema.parts)
        return self.schema.expanded(compact[:, :parts].astype(np.int32), compact[:, parts:])


def is_large(path: Path) -> bool:
    """Whether reading a table at once would take more than half of the memory that is free."""
    free, weight = room.free_bytes(), WEIGHTS[".parquet" if path.suffix.lower() == ".parquet" else ".csv"]
    return free is not None and path.stat().st_size * weight > MOST * free


def is_stored(fingerprint: str) -> bool:
    """Whether data with such a fingerprint were read in parts."""
    return fingerprint.startswith("parts-")


def read_stored(path: Path, leave_out: Collection[str | int] = (), told: Mapping[str, Any] | None = None) -> Source:
    """A table from a file, read in parts. told: as ``schema_file.read_schema_file`` gives it.

    The first call writes the compact rows into ``cache_folder()``, and removes what is no longer used there; later ones
    find them there, unless the file's size or time has changed. The fingerprint is of the content, so a copy is the
    same table.
    Raises DataError as reading at once does.
    """
    size = path.stat()
    asked = repr((FORM, SAMPLE, str(path.resolve()), size.st_size, size.st_mtime_ns, sorted(map(str, leave_out))))
    mark = hashlib.blake2b((asked + json.dumps(told, sort_keys=True, default=str)).encode(), digest_size=16).hexdigest()
    rows, about = cache_folder() / f"{mark}.npy", cache_folder() / f"{mark}.json"
    if not (about.exists() and rows.exists()):
        _store(path, leave_out, told, rows, about)
    try:
        table, fingerprint = _kept(rows, about)
    except FileNotFoundError:  # somebody has just emptied the cache
        _store(path, leave_out, told, rows, about)
        table, fingerprint = _kept(rows, about)
    schema = table.schema
    description = f"{len(table):,} rows of {len(schema.columns)} columns"
    return Source(table, schema, tuple(map(str, schema.names)), description, str(path), fingerprint)


def _kept(rows: Path, about: Path) -> tuple[StoredTable, str]:
    """A table that is in the cache, and its fingerprint."""
    touch(rows, about)
    content = json.loads(about.read_text())
    schema: Any = schema_from_json(content["schema"])
    return StoredTable(rows, schema), content["fingerprint"]


@contextlib.contextmanager
def spooled(path: Path, leave_out: Collection[str | int]) -> Iterator[Spool]:
    """All cells of a table, in a file of the cache that is there while the block runs.

    Raises DataError for a table that cannot be used, and if there are too few rows.
    """
    LOG.info("%s is read in parts, since it is too large for the memory that is free", path)
    words = cache_folder() / f"{secrets.token_hex(8)}.words"
    with explained(words):
        words.parent.mkdir(parents=True, exist_ok=True)
    try:
        found = Spool(path, words, leave_out)
        if found.rows < FEWEST:
            raise DataError(f"{found.rows} row(s) in {path} are too few; at least {FEWEST} are needed.")
        yield found
    finally:
        words.unlink(missing_ok=True)


def _store(
    path: Path, leave_out: Collection[str | int], told: Mapping[str, Any] | None, rows: Path, about: Path
) -> None:
    """Write a table's compact rows, and what is known of them.

    Others may do the same at the same time: each writes files of its own, and the last ones stay.
    """
    own, source = rows.with_name(f"{rows.stem}-{secrets.token_hex(8)}.npy"), source_of(path)
    with spooled(path, leave_out) as spool:
        schema = sampled_schema(spool, told)[2]
        assert schema is not None
        LOG.info("%s: writing %s rows", path, f"{spool.rows:,}")
        schema = replace(schema, shares=_write_rows(spool, schema, own))
    with explained(rows):
        own.replace(rows)
    write_json(about, {"schema": schema.to_json(), "fingerprint": spool.fingerprint, "source": source})
    with contextlib.suppress(OSError):
        tidy(rows.parent)


def _write_rows(spool: Spool, schema: MixedSchema, path: Path) -> tuple[float, ...]:
    """Write all rows in the compact form; returns the shares of the places."""
    parts, counts = len(schema.parts), [np.zeros(size, np.int64) for size in schema.parts]
    with explained(path), replaced_file(path) as partial, open(partial, "wb") as file:
        shape = (spool.rows, parts + schema.scalars)
        np.lib.format.write_array_header_2_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        for _, words in spool.parts():
            compact = schema.compacted(spool.numbers(schema.columns, words))
            for i, size in enumerate(schema.parts):
                counts[i] += np.bincount(compact[:, i].astype(np.int64), minlength=size)
            file.write(compact.tobytes())
    return tuple(np.concatenate([count / spool.rows for count in counts]).tolist()) if counts else ()
