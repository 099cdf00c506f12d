"""A CycleGAN between tables of any columns: where its generators begin, their networks, and what strays is."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sparring.data.codecs import Clock
from sparring.data.mixed import MixedSchema
from sparring.data.standing import Standing, numbered_parts
from sparring.estimators.cycle_starts import Affine, Start
from sparring.estimators.cycle_use import translated
from sparring.networks import Places, Ranking, TableTranslator
from sparring.objectives import cells_apart
from sparring.transport.aligning import w1_between
from sparring.transport.matching import Matching, Part, matchings

__all__ = ["MATCHED", "blank_maps", "mixed_starts", "straying", "table_translator"]

FAR = 4.0  # deviations from the mean, beyond which numbers count as that far
SURE = 2.0  # the number of a label that is said, and with another sign of one that is not
COMPARED = 500  # rows of either side by which a start is measured
MATCHED = 20_000  # rows of either side that tell second moments
FAINT = 0.1  # of the weights by chance of what has no partner


# -- networks


def _places(schema: MixedSchema) -> Places:
    found = Standing.of(schema)
    number, middle, half, lump = map(torch.from_numpy, (found.number, found.middle, found.half, found.lump))
    return Places(schema.parts, schema.spans, number, middle, half, lump, found.scalars)


def table_translator(
    source: MixedSchema, target: MixedSchema, hidden: Sequence[int], direct: Affine | None
) -> TableTranslator:
    """direct: the linear map that it begins with; None: by chance, at the target's own shares of labels."""
    made = TableTranslator(_places(source), _places(target), hidden, direct)
    if direct is None:
        with torch.no_grad():
            made.map.linear.weight.mul_(0.3)
            made.map.linear.bias.copy_(_usual(target))
    return made


def _usual(schema: MixedSchema) -> Tensor:
    """What says every label by its share, and the middle rank of every number."""
    standing = Standing.of(schema)
    shares = np.log(np.maximum(schema.shares, 1e-4))
    shares[standing.number >= 0] = 0.0
    return torch.from_numpy(np.append(shares, np.full(standing.count, 0.5))).float()


def straying(schema: MixedSchema, device: torch.device) -> Callable[[nn.Module, Tensor, Tensor], Tensor]:
    """How far what a generator makes is from rows: ``objectives.cells_apart``, by encoded rows.

    A label's places weigh 1/2 each, that of a missing number 1, those of its bins nothing: they are told by its rank.
    """
    weights = torch.zeros(sum(schema.parts))
    for start, size, bins in zip(schema.starts, schema.parts, numbered_parts(schema), strict=True):
        if bins is None:
            weights[start : start + size] = 0.5
        elif bins.missing:
            weights[start + size - 1] = 1.0
    return partial(_strayed, Ranking(_places(schema)).to(device), weights.to(device), len(schema.parts))


def _strayed(ranks: Ranking, weights: Tensor, parts: int, network: nn.Module, x: Tensor, rows: Tensor) -> Tensor:
    made = network(x)
    return cells_apart(made, rows, (ranks(made), ranks(rows)), weights, parts)


# -- starts


def blank_maps(a: MixedSchema, b: MixedSchema) -> Start:
    """Of the form of any that is found, to be filled from a file."""
    (one, into_a), (other, into_b) = _sizes(a), _sizes(b)
    return Start(
        "saved",
        maps=(
            (torch.zeros(into_b, one), torch.zeros(into_b)),
            (torch.zeros(into_a, other), torch.zeros(into_a)),
        ),
    )


def _sizes(schema: MixedSchema) -> tuple[int, int]:
    """How many numbers a translator sees of such a row, and says for one."""
    count = Standing.of(schema).count
    return schema.shape[0] + count, sum(schema.parts) + count


def mixed_starts(
    a: MixedSchema, b: MixedSchema, frames: tuple[pd.DataFrame, pd.DataFrame], count: int, seed: int
) -> list[Start]:
    """The best renamings of columns and labels; that of columns by their names first, where both tables have the same.

    By its renaming a number keeps its rank (or turns it round), which is the optimal transport of one column to
    another, whatever the units; a label becomes another one.
    """
    found = matchings(_parts(a, frames[0]), _parts(b, frames[1]), count, seed=seed)
    said = [(matching, "columns and labels matched by second moments") for matching in found]
    named = _by_name(a, b)
    if named is not None:
        said = [(named, "columns of the same names"), *said][:count]
    return [_start(a, b, frames, matching, words, seed) for matching, words in said]


def _by_name(a: MixedSchema, b: MixedSchema) -> Matching | None:
    """The renaming that leaves columns and labels as they are; None where a column has no namesake of its kind."""
    places = [{column.name: i for i, column in enumerate(schema.columns)} for schema in (a, b)]
    if places[0].keys() != places[1].keys():
        return None
    numbers, labels = [], []
    for name, at in places[0].items():
        one, other = a.columns[at], b.columns[places[1][name]]
        parts = [_parts_of(schema, i) for schema, i in ((a, at), (b, places[1][name]))]
        kinds = [
            [numbered_parts(schema)[i] is None for i in found] for schema, found in zip((a, b), parts, strict=True)
        ]
        if kinds[0] != kinds[1] or (len(parts[0]) > 1 and kinds[0][0]):  # rare labels go by groups of their own
            return None
        for i, j, labelled in zip(*parts, kinds[0], strict=True):
            if not labelled:
                numbers.append((i, j, 1))
                continue
            known = {label: k for k, label in enumerate(other.labels)}
            pairs = [(k, known[label]) for k, label in enumerate(one.labels) if label in known]
            gaps = [(len(one.labels), len(other.labels))] if one.missing and other.missing else []
            labels.append((i, j, (*pairs, *gaps)))
    return Matching(tuple(numbers), tuple(labels))


def _parts_of(schema: MixedSchema, column: int) -> range:
    """The numbers of a column's parts."""
    before = sum(len(codec.parts) for codec in schema.codecs[:column])
    return range(before, before + len(schema.codecs[column].parts))


def _start(
    a: MixedSchema,
    b: MixedSchema,
    frames: tuple[pd.DataFrame, pd.DataFrame],
    matching: Matching,
    said: str,
    seed: int,
) -> Start:
    rng = np.random.default_rng(seed)
    back = Matching(
        tuple((j, i, sign) for i, j, sign in matching.numbers),
        tuple((j, i, tuple((m, k) for k, m in places)) for i, j, places in matching.labels),
        matching.gap,
    )
    maps = _map(a, b, matching, rng), _map(b, a, back, rng)
    network = table_translator(a, b, (8,), maps[0])
    rows = [frame.iloc[:COMPARED] for frame in frames]
    made = b.decode(translated(network, torch.from_numpy(a.encode(rows[0]))).numpy())
    w1 = w1_between(*(b.points(found)[..., 0].astype(np.float64) for found in (made, rows[1])))
    return Start(said, w1, maps)


def _map(a: MixedSchema, b: MixedSchema, matching: Matching, rng: np.random.Generator) -> Affine:
    """(W, b) of features of A to what ``Placing`` takes of B, that does what the matching says."""
    one, other = Standing.of(a), Standing.of(b)
    inputs, outputs = _sizes(a)[0], _sizes(b)[1]
    matrix = rng.normal(size=(outputs, inputs)) * FAINT / len(a.parts)
    matrix[np.flatnonzero(other.number >= 0)] = 0  # places of numbers are chosen by rank alone at first
    offset = _usual(b).double().numpy()
    for i, j, sign in matching.numbers:
        x, y = _number(a, one, i), _number(b, other, j)
        matrix[sum(b.parts) + y] = 0
        matrix[sum(b.parts) + y, a.shape[0] + x] = sign / 2
        gap, hole = _missing(a, i), _missing(b, j)
        if gap is not None and hole is not None:
            matrix[hole], offset[hole] = 0, -SURE
            matrix[hole, gap] = 2 * SURE
    for i, j, places in matching.labels:
        start, size = int(b.starts[j]), b.parts[j]
        matrix[start : start + size], offset[start : start + size] = 0, -SURE
        for k, m in places:
            matrix[start + m, int(a.starts[i]) + k] = 2 * SURE
    return torch.from_numpy(matrix).float(), torch.from_numpy(offset).float()


def _number(schema: MixedSchema, standing: Standing, part: int) -> int:
    return int(standing.number[schema.starts[part]])


def _missing(schema: MixedSchema, part: int) -> int | None:
    """The place of a missing number."""
    bins = numbered_parts(schema)[part]
    return int(schema.starts[part]) + schema.parts[part] - 1 if bins is not None and bins.missing else None


# -- what is compared


def _parts(schema: MixedSchema, frame: pd.DataFrame) -> list[Part]:
    """What each part says, in order."""
    frame = frame.iloc[:MATCHED]
    numbers, compact = schema.numbers(frame), schema.compact(frame)
    values: list[NDArray[np.float64]] = []
    for column, codec in zip(schema.columns, schema.codecs, strict=True):
        found = numbers[column.name]
        timed = isinstance(codec, Clock)
        values += [np.floor(found / codec.per_day), found % codec.per_day] if timed else [found] * len(codec.parts)
    return [
        Part(None if bins is None else _standardised(found), compact[:, i].astype(np.int64), size)
        for i, (found, bins, size) in enumerate(zip(values, numbered_parts(schema), schema.parts, strict=True))
    ]


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = values[~np.isnan(values)]
    return ((values - known.mean()) / max(float(known.std()), 1e-12)).clip(-FAR, FAR)
