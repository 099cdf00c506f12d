"""Samples on demand: any, from given noise, of wanted classes, of a table under conditions."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.data.mixed import MixedSchema
from sparring.data.schema import Schema
from sparring.data.targets import Classes
from sparring.errors import DataError, InputError
from sparring.estimators.sampling import Sampler, counted
from sparring.estimators.where import checked_where, rows_where
from sparring.seeds import derive

__all__ = ["classes_drawn", "classes_of", "drawn", "whole_rows", "with_classes", "without_classes"]


def classes_of(schema: Schema) -> NDArray[Any] | None:
    """The classes that a mixed table has as a column of its own, or None."""
    if not isinstance(schema, MixedSchema) or schema.classes is None:
        return None
    return np.array(next(column.labels for column in schema.columns if str(column.name) == schema.classes))


def drawn(sampler: Sampler, n: Any, y: Any, where: Mapping[Any, Any] | None, latent: Any, seed: int) -> Any:
    """What ``GAN.sample`` gives, which leaves the column of classes out."""
    return without_classes(sampler.schema, whole_rows(sampler, n, y, where, latent, seed))


def whole_rows(sampler: Sampler, n: Any, y: Any, where: Mapping[Any, Any] | None, latent: Any, seed: int) -> Any:
    """The same with the column of classes, if there is one."""
    noise = None if latent is None else sampler.given(latent)
    n = counted(n, noise, y)
    tests = None if where is None else checked_where(sampler.schema, where)
    known = classes_of(sampler.schema)
    if known is not None and y is not None:
        if noise is not None:
            raise InputError("classes of a table's rows are drawn until they fit; y cannot be given with latent.")
        return _of_classes(sampler, _labels(sampler, known, n, y, seed), where or {}, seed)
    if tests is not None:
        return rows_where(lambda size, seed: sampler.made(sampler.noise(size, seed)), tests, n, seed)
    noise = sampler.noise(n, seed) if noise is None else noise
    return sampler.made(noise, sampler.labels(n, y, seed))


def classes_drawn(sampler: Sampler, n: int, y: Any, seed: int) -> NDArray[Any]:
    """The classes (n,) of what ``drawn`` makes of the same seed. Raises InputError for a model that knows none."""
    known = classes_of(sampler.schema)
    if known is None:
        found = sampler.labels(n, y, seed)
    elif y is not None:
        found = _labels(sampler, known, n, y, seed)
    else:
        found = whole_rows(sampler, n, None, None, None, seed)[_name(sampler.schema)].to_numpy()
    if found is None:
        raise InputError("this model was fitted without classes.")
    return found


def without_classes(schema: Schema, rows: Any) -> Any:
    """Rows as the data were given: without the column that their classes became."""
    return rows if classes_of(schema) is None else rows.drop(columns=_name(schema))


def with_classes(schema: Schema, rows: Any, y: Any) -> Any:
    """Rows with their classes as the column that they were learned as, if it is not there already."""
    if classes_of(schema) is None or not isinstance(rows, pd.DataFrame) or _name(schema) in rows.columns:
        return rows
    if y is None:
        raise DataError(f"the classes of the rows are needed too, as y or as the column {_name(schema)!r}.")
    return rows.assign(**{_name(schema): np.asarray(y)})


def _name(schema: Any) -> str:
    return schema.classes


def _labels(sampler: Sampler, known: NDArray[Any], n: int, y: Any, seed: int) -> NDArray[Any]:
    """As ``Sampler.labels`` says, of classes that are a column."""
    order = np.argsort(known)
    classes = Classes(known[order])
    found = replace(sampler, classes=classes).labels(n, y, seed)
    assert found is not None
    classes.encode(found)  # which refuses a class that is not known
    return found


def _of_classes(sampler: Sampler, labels: NDArray[Any], where: Mapping[Any, Any], seed: int) -> pd.DataFrame:
    """Rows of these classes, in their order: of each class those that the generator makes."""
    places, parts = [], []
    for i, label in enumerate(np.unique(labels)):
        there = np.flatnonzero(labels == label)
        tests = checked_where(sampler.schema, {**where, _name(sampler.schema): label})
        draw = derive(seed, "class", i)
        parts.append(rows_where(lambda n, seed: sampler.made(sampler.noise(n, seed)), tests, len(there), draw))
        places.append(there)
    order = np.argsort(np.concatenate(places), kind="stable")
    return pd.concat(parts, ignore_index=True).iloc[order].reset_index(drop=True)
