"""What a user passed to a supervised estimator, checked: rows, targets and weights that fit each other."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_array, validate_data

from sparring.data.features import Features
from sparring.data.image import ImageSchema
from sparring.data.labelled import Labelled
from sparring.data.mixed import without
from sparring.data.mixed_features import MixedFeatures
from sparring.data.schema import checked_numbers
from sparring.data.schema_file import kept_columns, read_schema_file, told_columns
from sparring.data.table import refuse_names
from sparring.errors import DataError, InputError, ShapeError
from sparring.estimators.examples import Inputs, checked_weights
from sparring.shapes import describe

__all__ = ["checked", "checked_rows", "columns_told", "named_columns", "needed_columns"]


def checked(
    model: Any, found: Labelled, sample_weight: Any, reset: bool, inputs: Inputs | None = None
) -> tuple[Any, NDArray[Any], NDArray[np.float64] | None]:
    """(rows, targets, weights). reset: whether the rows settle the model's features, or must fit them; inputs: these.

    Raises DataError or ShapeError (and TypeError, as scikit-learn does, for a sparse matrix and for objects).
    """
    rows = checked_rows(model, found.inputs, reset, fewest=2 if reset else 1, inputs=inputs, target=found.target)
    with _refusing():
        if found.targets is None:
            raise DataError(f"This {type(model).__name__} requires y to be passed, but the target y is None.")
        if hasattr(found.targets, "toarray"):
            raise DataError("y is a sparse matrix; give y.toarray().")
        answers = model._checked_targets(_plain_targets(found.targets, found.target))
        if len(answers) != len(rows):
            raise ShapeError(f"X has {len(rows)} rows and y {len(answers)}: inconsistent numbers of samples.")
        return rows, answers, checked_weights(sample_weight, len(answers))


def checked_rows(
    model: Any, X: Any, reset: bool = False, fewest: int = 1, *, inputs: Inputs | None = None, target: str | None = None
) -> Any:
    """A DataFrame, an array (n, p) of numbers, or images; at least ``fewest`` rows.

    inputs: what the rows must fit, if not the model's own. target: the column that was the target, of which a schema
    may speak.
    """
    known = model.__dict__.get("inputs_") if inputs is None else inputs
    with _refusing():
        if not reset and isinstance(known, MixedFeatures):
            return known.chosen(X if not isinstance(X, pd.DataFrame) else refuse_names(X))
        if isinstance(X, pd.DataFrame):
            return _frame(model, _kept(model, X, reset, target), reset, fewest)
        if reset and (model.leave_out or model.schema is not None):
            raise DataError("columns can be left out of a table that names them: a DataFrame, a CSV or Parquet.")
        _refuse_uneven(X)
        _refuse_texts(X)
        if _dimensions(X) in (3, 4) if reset or known is None else isinstance(known, ImageSchema):
            return _images(X, fewest)
        # what is not finite is named by its column later
        return np.asarray(validate_data(model, X, reset=reset, ensure_all_finite=False, ensure_min_samples=fewest))


def _kept(model: Any, frame: pd.DataFrame, reset: bool, target: str | None) -> pd.DataFrame:
    """A table without the columns that are to be left out, and those that a schema leaves out."""
    if not model.leave_out and model.schema is None:
        return frame
    refuse_names(frame)
    if not reset:  # a table to predict may hold them, or not
        there = set(map(str, frame.columns))
        frame = without(frame, [name for name in model.leave_out if str(name) in there])
        return frame
    frame = without(frame, [name for name in model.leave_out if name != target])
    return frame if model.schema is None else kept_columns(frame, _told(model, target))


def _told(model: Any, target: str | None = None) -> dict[str, Any]:
    """What the user's schema says of inputs: neither of the target, nor of what is left out besides."""
    told = read_schema_file(model.schema)
    passed = {target, *map(str, model.leave_out)}
    return {"columns": {str(name): edits for name, edits in told["columns"].items() if str(name) not in passed}}


def columns_told(model: Any, rows: Any) -> Any:
    """What the columns of checked rows are, if the user's schema says so."""
    if model.schema is None or not isinstance(rows, pd.DataFrame):
        return None
    return told_columns(rows, _told(model))


def named_columns(model: Any) -> tuple[str, ...]:
    """The columns that a file must have, of a model that learned from a mixed table; of others none."""
    known = model.__dict__.get("inputs_")
    return known.names if isinstance(known, MixedFeatures) else ()


def _plain_targets(y: Any, target: str | None) -> Any:
    """Targets of a column as an array that scikit-learn knows: labels, booleans and numbers of whatever dtype.

    Raises DataError where some are missing, with the first row.
    """
    if not isinstance(y, pd.Series):
        return y
    known = y.name if target is None else target
    name = "the target" if known is None else f"the target {known!r}"
    absent = y.isna().to_numpy(bool)
    if absent.any():
        more = f" and {int(absent.sum()) - 1:,} others" if absent.sum() > 1 else ""
        raise DataError(f"{name} is missing (NaN) in row {int(absent.argmax())}{more}; fill or leave out such rows.")
    dtype: Any = y.dtype
    if dtype.kind in "mM":
        raise DataError(f"{name} holds dates; labels or numbers are needed.")
    if isinstance(dtype, pd.CategoricalDtype):
        return _plain_targets(y.astype(dtype.categories.dtype), target)
    if isinstance(dtype, np.dtype) and dtype.kind != "O":
        return y.to_numpy()
    if pd.api.types.is_bool_dtype(dtype):
        return y.to_numpy(bool)
    if pd.api.types.is_numeric_dtype(dtype):
        return y.to_numpy(getattr(dtype, "numpy_dtype", None))
    listed = y.to_list()
    return np.array(listed) if {type(value) for value in listed} in ({bool}, {int}, {float}) else y.to_numpy(object)


def needed_columns(inputs: Inputs, found: Labelled) -> Any:
    """Of a file's columns those that were learned from: it may hold the target too, or notes."""
    rows = found.inputs
    if found.path is None or not isinstance(rows, pd.DataFrame) or not isinstance(inputs, Features):
        return rows
    named = not inputs.plain or {column.name for column in inputs.columns} <= set(map(str, rows.columns))
    # of columns that never had names, the places count
    return inputs.chosen(rows) if named or len(inputs.columns) != rows.shape[1] else rows.to_numpy()


def _refuse_uneven(X: Any) -> None:
    """Raise ShapeError if the rows of a list differ in shape."""
    if not isinstance(X, list | tuple):
        return
    try:
        shapes = [np.shape(row) for row in X]
    except (ValueError, TypeError):  # a row is uneven in itself: scikit-learn says so
        return
    other = next((i for i, shape in enumerate(shapes) if shape != shapes[0]), None)
    if other is not None:
        images = max(map(len, shapes)) > 1
        advice = "images must have one size: scale them, or give a folder of files" if images else "give each as many"
        found = f"row 0 has {describe(shapes[0])}, row {other} {describe(shapes[other])}"
        raise ShapeError(f"the rows differ in shape: {found}; {advice}.")


def _refuse_texts(X: Any) -> None:
    """Raise DataError for an array of texts, naming the first that is no number."""
    texts: NDArray[Any] | None = X if isinstance(X, np.ndarray) else np.asarray(X) if isinstance(X, list) else None
    if texts is None or texts.dtype.kind not in "US" or texts.ndim != 2:
        return
    row, column = next((place for place, text in np.ndenumerate(texts) if not _is_number(text)), (0, 0))
    raise DataError(
        f"X holds texts, such as {str(texts[row, column])!r} in row {row}, column {column}; numbers are needed, or a "
        "DataFrame, whose columns of texts become categories."
    )


def _is_number(text: Any) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _images(X: Any, fewest: int) -> NDArray[Any]:
    images = checked_numbers(X, "the images")
    if images.ndim not in (3, 4) or len(images) < fewest:
        found = describe(images.shape)
        raise ShapeError(f"at least {fewest} image(s) (n, h, w) or (n, h, w, c) are needed; got the shape {found}.")
    return images


def _frame(model: Any, frame: pd.DataFrame, reset: bool, fewest: int) -> pd.DataFrame:
    if len(frame) < fewest or frame.shape[1] < 1:
        check_array(np.zeros(frame.shape), ensure_min_samples=fewest)  # scikit-learn's words
    rows: Any = refuse_names(frame)
    validate_data(model, rows, reset=reset, skip_check_array=True)
    return frame


def _dimensions(X: Any) -> int:
    """How many dimensions an array-like has; 2 for what is none: scikit-learn's check says why."""
    try:
        return X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim
    except (ValueError, TypeError):
        return 2


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """scikit-learn's refusals as ours, in their own words."""
    try:
        yield
    except InputError:
        raise
    except ValueError as error:
        raise DataError(str(error)) from None
