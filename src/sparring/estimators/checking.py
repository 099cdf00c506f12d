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
from sparring.data.schema import checked_numbers
from sparring.errors import DataError, InputError, ShapeError
from sparring.estimators.examples import Inputs, checked_weights
from sparring.shapes import describe

__all__ = ["checked", "checked_rows", "needed_columns"]


def checked(
    model: Any, found: Labelled, sample_weight: Any, reset: bool
) -> tuple[Any, NDArray[Any], NDArray[np.float64] | None]:
    """(rows, targets, weights). reset: whether the rows settle the model's features, or must fit them.

    Raises DataError or ShapeError (and TypeError, as scikit-learn does, for a sparse matrix and for objects).
    """
    rows = checked_rows(model, found.inputs, reset, fewest=2 if reset else 1)
    with _refusing():
        if found.targets is None:
            raise DataError(f"This {type(model).__name__} requires y to be passed, but the target y is None.")
        if hasattr(found.targets, "toarray"):
            raise DataError("y is a sparse matrix; give y.toarray().")
        answers = model._checked_targets(found.targets)
        if len(answers) != len(rows):
            raise ShapeError(f"X has {len(rows)} rows and y {len(answers)}: inconsistent numbers of samples.")
        return rows, answers, checked_weights(sample_weight, len(answers))


def checked_rows(model: Any, X: Any, reset: bool = False, fewest: int = 1) -> Any:
    """A DataFrame, an array (n, p) of numbers, or images; at least ``fewest`` rows."""
    with _refusing():
        if isinstance(X, pd.DataFrame):
            return _frame(model, X, reset, fewest)
        _refuse_uneven(X)
        _refuse_texts(X)
        known = model.__dict__.get("inputs_")
        if _dimensions(X) in (3, 4) if reset or known is None else isinstance(known, ImageSchema):
            return _images(X, fewest)
        # what is not finite is named by its column later
        return np.asarray(validate_data(model, X, reset=reset, ensure_all_finite=False, ensure_min_samples=fewest))


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
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise DataError(f"the column name {twice!r} appears twice; every column needs a name of its own.")
    rows: Any = frame
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
