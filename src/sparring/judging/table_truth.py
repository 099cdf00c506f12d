"""Translations of tables of any columns beside their true partners, and beside what needs no network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.data.columns import LABELLED
from sparring.data.mixed import MixedSchema
from sparring.judging.truths import AS_IT_IS, LINEAR, TRANSLATED, ColumnError, Side
from sparring.transport.clouds import Floats

__all__ = ["Pairing", "pairing_of", "usual_row"]


@dataclass(frozen=True, eq=False)
class Pairing:
    """What is tried in the place of the true partners, by name, and how far from them it is.

    apart: mean absolute error of each pair, (k,). sizes, far: distance of what is tried, and of the usual row, (k,).
    points: of translations and partners, (k, ...), between which the nearest is looked for. alike: of images.
    """

    apart: Mapping[str, Floats]
    sizes: Mapping[str, Floats]
    far: Floats
    points: tuple[Floats, Floats]
    alike: Mapping[str, float] = field(default_factory=dict)
    columns: tuple[ColumnError, ...] = ()


def pairing_of(own: Side, other: Side, pairs: NDArray[np.int64]) -> Pairing:
    """Of tables: errors are means over columns, of which each gives at most 1. Both sides must have their schemas."""
    assert own.schema is not None
    assert other.schema is not None
    schema = other.schema
    sources, partners = (side.test.iloc[pairs[:, i]].reset_index(drop=True) for i, side in enumerate((own, other)))
    made = own.translated.iloc[pairs[:, 0]].reset_index(drop=True)
    usual = pd.concat([usual_row(schema, other.train)] * len(pairs), ignore_index=True)
    tried = {TRANSLATED: schema.apart(made, partners)}
    if _same(own.schema, schema):
        tried[AS_IT_IS] = schema.apart(sources, partners)
    tried[LINEAR] = _linear(own.schema, schema, sources, partners)
    by_column, always = (schema.apart_by_column(rows, partners) for rows in (made, usual))
    kinds = {column.name: column.kind for column in schema.columns}
    columns = tuple(
        ColumnError(str(name), kinds[name], float(apart.mean()), float(always[name].mean()))
        for name, apart in by_column.items()
    )
    return Pairing(
        tried, tried, schema.apart(usual, partners), (_flat(schema, made), _flat(schema, partners)), {}, columns
    )


def usual_row(schema: MixedSchema, train: pd.DataFrame) -> pd.DataFrame:
    """One row: the commonest label and the middle number of every column, or a gap if most have one."""
    numbers = {}
    rows: Any = train
    for column in schema.columns:
        found = column.numbers(rows[column.name], strict=False)
        known = found[~np.isnan(found)]
        gaps = 2 * len(known) <= len(found)
        if column.kind in LABELLED and len(known):
            counts = np.bincount(known.astype(np.int64))
            gaps, middle = counts.max() < len(found) - len(known), float(counts.argmax())
        else:
            middle = float(np.quantile(known, 0.5, method="nearest")) if len(known) else np.nan
        numbers[column.name] = np.array([np.nan if gaps else middle])
    made = {column.name: column.values(numbers[column.name]) for column in schema.columns}
    return pd.DataFrame(made, columns=list(schema.names))


def _same(one: MixedSchema, other: MixedSchema) -> bool:
    """Whether the columns of one table can stand in the other."""
    sides = [{(column.name, column.kind in LABELLED) for column in schema.columns} for schema in (one, other)]
    return sides[0] == sides[1]


def _linear(source: MixedSchema, target: MixedSchema, sources: pd.DataFrame, partners: pd.DataFrame) -> Floats:
    """How far the best linear map of all points of a row is from the truth, (k,): fitted to these very pairs.

    Of labels the nearest is said, of numbers the nearest rank.
    """
    x, y = _flat(source, sources), _flat(target, partners)
    full = np.hstack([x, np.ones((len(x), 1))])
    said = full @ np.linalg.lstsq(full, y, rcond=None)[0]
    apart, start = [], 0
    numbers = target.numbers(partners, strict=False)
    for column, points in zip(target.columns, target.points_by_column(numbers).values(), strict=True):
        width = points.shape[1]
        made, start = said[:, start : start + width], start + width
        if not width:
            continue
        known = np.unique(points, axis=0).astype(np.float64)
        if column.kind in LABELLED:
            gaps = ((made[:, None] - known[None]) ** 2).sum(2)
            made = known[gaps.argmin(1)]
        apart.append(np.linalg.norm(made.clip(0, 1) - points, axis=1))
    return np.mean(apart, axis=0)


def _flat(schema: MixedSchema, rows: pd.DataFrame) -> Floats:
    return schema.points(rows)[..., 0].astype(np.float64)
