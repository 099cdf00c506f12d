"""Has the generator memorised its training rows? Near copies, exact copies, and which side is nearer."""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparring.transport.clouds import Floats, distances

__all__ = ["Sides", "exact_copies", "nearest", "sides", "spacing"]

CHUNK_BYTES = 2**26  # a block of distances


def nearest(queries: Floats, rows: Floats) -> Floats:
    """Each query's distance to the nearest of the rows, (q,). Memory stays bounded."""
    return np.concatenate([distances(block, rows).min(axis=1) for block in _blocks(queries, rows)])


def spacing(rows: Floats, chosen: NDArray[np.intp]) -> Floats:
    """The distance from each chosen row to the nearest *other* row: what real data do to each other."""
    found = []
    for some in _blocks(chosen, rows):
        gaps = distances(rows[some], rows)
        gaps[np.arange(len(some)), some] = np.inf
        found.append(gaps.min(axis=1))
    return np.concatenate(found)


def exact_copies(queries: NDArray[Any], rows: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each query (q, ...) equals one of the rows (n, ...) in every value.

    Of two float types the shorter is compared, so that a copy made in float32 of a float64 row counts.
    """
    kinds = [array.dtype for array in (queries, rows) if array.dtype.kind == "f"]
    shorter = min(kinds, key=lambda kind: kind.itemsize) if len(kinds) == 2 else np.dtype(np.float64)
    known = set(_digests(rows, shorter))
    return np.array([digest in known for digest in _digests(queries, shorter)])


def _digests(rows: NDArray[Any], kind: np.dtype[Any]) -> Iterator[bytes]:
    length = max(1, CHUNK_BYTES // (8 * max(1, rows[0].size)))
    for start in range(0, len(rows), length):
        with np.errstate(over="ignore"):  # a value too large for the shorter type is equal to no row of it
            block = rows[start : start + length].astype(kind) + np.zeros((), kind)  # + 0 turns -0 into 0
        for row in np.ascontiguousarray(block):
            yield hashlib.blake2b(row, digest_size=16).digest()


class Sides(NamedTuple):
    """The share of samples nearer to training than to held-out rows, for each draw; ties count half.

    whole: against all held-out rows. half: against a random half of them, by half of the samples; how
    much these differ from draw to draw is how uncertain one whole share is (a half-sample jackknife).
    """

    whole: Floats
    half: Floats


def sides(samples: Floats, train: Floats, test: Floats, draws: int, rng: np.random.Generator) -> Sides:
    """Compare the nearest training row with the nearest held-out row, for equal numbers of both.

    Each draw takes as many training rows as there are held-out rows (or, with more of those, as many
    held-out rows as training rows): of two sets from one law, the larger would be nearer more often.
    """
    size = min(len(train), len(test))
    picks = [(rng.permutation(len(train))[:size], rng.permutation(len(test))[:size]) for _ in range(draws)]
    votes, half_votes = [], []
    for block in _blocks(samples, train):
        to_train, to_test = distances(block, train), distances(block, test)
        votes.append([_vote(_least(to_train, i), _least(to_test, j)) for i, j in picks])
        half = size - size // 2
        half_votes.append([_vote(_least(to_train, i[:half]), _least(to_test, j[:half])) for i, j in picks])
    jury = [rng.permutation(len(samples))[: len(samples) - len(samples) // 2] for _ in range(draws)]
    halves = np.concatenate(half_votes, axis=1)
    return Sides(
        np.concatenate(votes, axis=1).mean(axis=1),
        np.array([vote[some].mean() for vote, some in zip(halves, jury, strict=True)]),
    )


def _vote(to_train: Floats, to_test: Floats) -> Floats:
    """1 where training is nearer, 0 where held-out data are, 1/2 for a tie."""
    return (np.sign(to_test - to_train) + 1) / 2


def _least(distances: Floats, columns: NDArray[np.intp]) -> Floats:
    """The least distance in each row among some columns, which are not copied if they are all."""
    return (distances if len(columns) == distances.shape[1] else distances[:, columns]).min(axis=1)


def _blocks(queries: NDArray[Any], rows: NDArray[Any]) -> list[NDArray[Any]]:
    length = max(1, CHUNK_BYTES // (8 * len(rows)))
    return [queries[start : start + length] for start in range(0, len(queries), length)]
