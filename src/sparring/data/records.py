"""Tables of any columns as arrays of records (NumPy's structured arrays), which .npy and .npz hold without pickles."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.errors import DataError

__all__ = ["as_records", "from_records"]


def as_records(frame: pd.DataFrame) -> NDArray[Any]:
    """A table as records (n,), a field for each column.

    Texts and categories become texts of a fixed width, whole numbers with gaps floats, and dates with a time zone dates
    in UTC. What is missing is "", NaN or NaT.
    """
    table: Any = frame
    columns = [_field(table[name]) for name in frame.columns]
    made = np.empty(
        len(frame), [(str(name), column.dtype) for name, column in zip(frame.columns, columns, strict=True)]
    )
    for name, column in zip(frame.columns, columns, strict=True):
        made[str(name)] = column
    return made


def _field(values: Any) -> NDArray[Any]:
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_convert("UTC").dt.tz_localize(None)
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "biufMm":
        return values.to_numpy()
    if pd.api.types.is_numeric_dtype(values.dtype):  # of pandas' own types, which can have gaps
        return (
            values.to_numpy(np.float64, na_value=np.nan) if values.isna().any() else values.to_numpy(values.dtype.type)
        )
    return values.astype(object).where(values.notna(), "").to_numpy().astype(str)


def from_records(records: NDArray[Any]) -> pd.DataFrame:
    """The table of ``as_records``; empty texts are missing values."""
    columns: dict[str, Any] = {name: records[name] for name in records.dtype.names or ()}
    for name, values in columns.items():
        if values.dtype.kind == "U":
            codes = np.ascontiguousarray(values).view(np.uint32)
            if ((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000))).any():
                raise DataError(f"column {name!r} holds texts that are none: the file is damaged.")
            texts = values.astype(object)
            texts[values == ""] = None
            columns[name] = texts
    return pd.DataFrame(columns)
