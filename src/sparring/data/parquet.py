"""Tables of any length as Parquet files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from sparring.errors import DataError
from sparring.files import replaced_file

__all__ = ["needs_pyarrow", "write_parquet"]


def needs_pyarrow(path: Path) -> Any:
    """The modules that write a Parquet file. Raises DataError if they are not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DataError(f"{path}: writing Parquet needs pyarrow; install sparring[parquet].") from None
    return pyarrow


def write_parquet(parts: Iterable[pd.DataFrame], path: Path, like: pd.DataFrame | None = None) -> None:
    """Write a table a part at a time, each a row group, whole or not at all.

    like: rows with a value in every column that has some, which tell the columns' types; None: the first part.
    Raises DataError without pyarrow and for columns that Parquet cannot hold, FolderError if it cannot be written.
    """
    arrow = needs_pyarrow(path)
    writer, schema = None, None if like is None else arrow.Schema.from_pandas(_named(like), preserve_index=False)
    with replaced_file(path) as partial:
        try:
            for part in parts:
                rows = arrow.Table.from_pandas(_named(part), schema=schema, preserve_index=False)
                writer = writer or arrow.parquet.ParquetWriter(partial, rows.schema)
                schema = writer.schema
                writer.write_table(rows)
        except arrow.ArrowException as error:
            raise DataError(f"{path}: {' '.join(str(error).split())}. Parquet cannot hold such a column.") from None
        finally:
            if writer is not None:
                writer.close()


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """With texts for names, as Parquet has them."""
    return frame.set_axis([str(name) for name in frame.columns], axis=1)
