"""A CycleGAN's translations of held-out rows, judged."""

from typing import Any

import numpy as np

from sparring.data.mixed import MixedSchema
from sparring.data.schema import Schema
from sparring.data.source import read_like
from sparring.errors import DataError, ShapeError
from sparring.estimators.cycle_job import side_of
from sparring.judging import TranslationVerdict, judge_translations
from sparring.judging.truths import Side

__all__ = ["judged_cycle"]

MOST = 5_000  # training rows of a side, for the floors


def judged_cycle(model: Any, A: Any, B: Any, pairs: Any, draws: int, random_state: Any) -> TranslationVerdict:
    """pairs: as for ``CycleGAN.judge``."""
    tests = {"A": read_like(A, model.schema_a_).values, "B": read_like(B, model.schema_b_).values}
    if pairs is True:
        if len(tests["A"]) != len(tests["B"]):
            raise ShapeError(
                f"pairs=True says that row i of A is row i of B; got {len(tests['A'])} and {len(tests['B'])} rows."
            )
        pairs = np.arange(len(tests["A"]))[:, None].repeat(2, axis=1)
    sides = {
        "A": _side(model, "A", tests["A"], model.transform, model.inverse_transform, model.schema_a_),
        "B": _side(model, "B", tests["B"], model.inverse_transform, model.transform, model.schema_b_),
    }
    kind: Any = model.schema_a_.kind
    return judge_translations(
        kind, sides, pairs or None if pairs is False else pairs, draws=draws, random_state=random_state
    )


def _side(model: Any, side: str, test: Any, there: Any, back: Any, schema: Schema) -> Side:
    made = there(test)
    low, high = schema.span
    mixed = schema if isinstance(schema, MixedSchema) else None
    rows = [_train(model, side), test, made, back(made)]
    return Side(
        *(rows if mixed is not None else map(np.asarray, rows)),
        span=None if low is None or high is None else (low, high),
        schema=mixed,
    )


def _train(model: Any, side: str) -> Any:
    """Rows that were learned from: at hand, or read again from where they were."""
    job = getattr(model, "_job", None)
    if job is not None:
        return (job.a if side == "A" else job.b).train.some(MOST)
    if model.record_.about["data"][side]["path"] is None:
        raise DataError(
            f"the rows of {side} that were learned from are not in the saved model, and floors need them. Judge the "
            "model that was fitted, or fit from files."
        )
    source = model._again(model.record_)["AB".index(side)]
    return side_of(source, side, model.get_params(deep=False), model.seed_).train.some(MOST)
