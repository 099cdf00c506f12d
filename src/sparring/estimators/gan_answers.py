"""What a fitted GAN is asked: how good its samples are, and what its critic thinks of rows."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sparring.data.rows import Rows
from sparring.data.source import read_like
from sparring.errors import InputError
from sparring.estimators.drawing import classes_of, with_classes
from sparring.estimators.game import Job, rows_of
from sparring.estimators.restoring import data_again
from sparring.estimators.sampling import AT_ONCE
from sparring.judging import Verdict, judge
from sparring.judging.compared import COMPARED
from sparring.objectives import scores

__all__ = ["judge_held_out", "judged", "scored"]


def judged(model: Any, X_test: Any, X_train: Any, labels: Any, more: dict[str, Any]) -> Verdict:
    """The verdict on a model's samples, kept in the run's folder if it has one."""
    schema, known = model.schema_, hasattr(model, "_train")
    rows = _training_rows(model) if X_train is None else None
    if classes_of(schema) is not None:  # a column like the others
        X_test, X_train = (
            with_classes(schema, X_test, more.pop("test_labels", None)),
            with_classes(schema, X_train, labels),
        )
    train, test = read_like(X_train, schema).values if rows is None else rows.all(), read_like(X_test, schema).values
    if rows is not None:
        more.setdefault("out_of", (len(model._train), len(test)))
        labels = model._labels if labels is None and known else labels
        if known and labels is not None and len(labels) == len(rows.values):
            labels = np.asarray(labels)[rows.listed]
    if model.classes_ is not None and "test_labels" in more:
        more = {**more, "fake_labels": lambda n, seed: model.draw_labels(n, random_state=seed)}
    verdict = judge(model._sampler.rows, train, test, labels=labels, schema=schema, **more)
    if model.record_.kept:
        model.record_.write_verdict(verdict.to_json())
    return verdict


def judge_held_out(model: Any, job: Job) -> None:
    """Judge by the rows that a run held out."""
    model.judge(job.held_out.some(COMPARED), out_of=(len(job.train), len(job.held_out)))


def _training_rows(model: Any) -> Rows:
    """The rows to judge by; of data too large for memory a part."""
    if not hasattr(model, "_train"):
        source, model._labels = data_again(model, model.record_, None)
        rows, _ = rows_of(model.get_params(deep=False), source.values, model.seed_)
        model._train = Rows(source.values, rows)
    return model._train.drawn(COMPARED) if model._train.in_file else model._train


def scored(model: Any, X: Any, y: Any) -> NDArray[np.float64]:
    """The critic's scores of rows (n,)."""
    if model._pack > 1:
        raise InputError(f"this critic judges {model._pack} samples together; it has no score for each.")
    sampler = model._sampler
    if classes_of(model.schema_) is not None:
        X, y = with_classes(model.schema_, X, y), None
    encoded = torch.from_numpy(model.schema_.encode(read_like(X, model.schema_).values))
    if (y is None) != (sampler.classes is None):
        raise InputError("the classes y are needed where a model was fitted with some, and only there.")
    told = sampler.told(sampler.labels(len(encoded), y, 0))
    device = next(model.critic_.parameters()).device
    parts = zip(*(tensor.split(AT_ONCE) for tensor in (encoded, *told)), strict=True)
    with torch.inference_mode():
        found = [scores(model.critic_, *(p.to(device) for p in part)).cpu() for part in parts]
    return torch.cat(found).double().numpy()
