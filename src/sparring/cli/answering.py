"""A model's answers as a table, and as a file."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sparring.data.labelled import read_inputs
from sparring.data.sequence_files import read_rows
from sparring.data.targets import Classes, Labels
from sparring.errors import InputError
from sparring.files import replaced_file

__all__ = ["answers_of", "write_answers"]

MOST = 100  # classes that have a column of their own


def answers_of(model: Any, data: str) -> pd.DataFrame:
    """A row for every row of the data: its number or file, the answer, and how probable each class is.

    Of a model that forecasts: a row for every step after the end of the data's series.
    """
    if getattr(model, "ahead", None) is not None:
        forecast = model.forecast(data)
        names = [f"answer {name}" for name in model.coding_.targets_named]
        return pd.DataFrame({"step": np.arange(1, len(forecast) + 1), **dict(zip(names, forecast.T, strict=True))})
    sequences = model.kind.startswith("sequence-")
    found: Any
    if sequences:
        found = read_rows(data, model.encoding)
    else:
        from sparring.estimators.checking import named_columns  # which loads torch

        found = read_inputs(data, model._size(), named_columns(model))
    outputs = model.predict_proba(found) if hasattr(model, "predict_proba") else None
    answers = model.predict(found)
    names = None if sequences else found.rows
    frame = pd.DataFrame({"row": np.arange(len(answers)) if names is None else list(names)})
    if answers.ndim == 1:
        frame["answer"] = answers
    else:
        frame = pd.concat(
            [frame, pd.DataFrame(answers, columns=[f"answer {i}" for i in range(answers.shape[1])])], axis=1
        )
    if outputs is None:
        return frame
    if isinstance(model.targets_, Classes):
        frame["probability"] = outputs.max(1)
    if outputs.shape[1] <= MOST:
        kind = "label" if isinstance(model.targets_, Labels) else "p"
        columns = pd.DataFrame(outputs, columns=[f"{kind}({name})" for name in model.classes_])
        frame = pd.concat([frame, columns], axis=1)
    return frame


def write_answers(frame: pd.DataFrame, path: Path) -> None:
    """As .csv with all columns, or as .npy with the answers alone."""
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".npy"):
        raise InputError(f"{path} has no known kind; a .csv or .npy is written.")
    with replaced_file(path) as partial:
        if suffix == ".csv":
            frame.to_csv(partial, index=False)
            return
        answers = frame[[name for name in frame.columns if str(name).startswith("answer")]].to_numpy()
        answers = answers[:, 0] if answers.shape[1] == 1 else answers
        with open(partial, "wb") as file:
            np.save(file, answers.astype(str) if answers.dtype == object else answers, allow_pickle=False)
