"""Batches of rows that lie in a file, in orders that take no memory."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparring.data.order import Shuffled
from sparring.errors import InputError
from sparring.seeds import derive

__all__ = ["StoredBatches"]


class StoredBatches:
    """Shuffled minibatches as ``Batches`` gives them, but no list of row numbers is ever held.

    ``batches[i]`` is (rows,), a pure function of (seed, i); every epoch is another ``Shuffled`` order, and epochs
    follow each other without a seam. read: row numbers (m,) to an array (m, ...). among: the rows to take. prepare:
    applied to a batch. rank, ranks: each rank gets its own equal part of every joint batch.
    Raises InputError if there are no rows, or a batch cannot be split equally.
    """

    def __init__(
        self,
        read: Callable[[NDArray[np.int64]], NDArray[Any]],
        among: Shuffled,
        *,
        size: int,
        seed: int,
        prepare: Callable[[Tensor], Tensor],
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        if not len(among):
            raise InputError("batches need rows, at least 1.")
        if size < 1 or size % ranks:
            raise InputError(
                f"a batch of {size} rows cannot be split over {ranks} rank(s): batch_size must be a multiple of {ranks}"
            )
        self.read, self.among, self.prepare = read, among, prepare
        self.rows, self.size, self.seed, self.rank, self.ranks = len(among), size, seed, rank, ranks
        self.per_epoch = math.ceil(self.rows / size)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        part = self.size // self.ranks
        own = self.indices(index)[self.rank * part : (self.rank + 1) * part]
        return (self.prepare(torch.from_numpy(self.read(self.among[own]))),)

    def count(self, index: int) -> int:
        return self.size

    def epoch(self, index: int) -> float:
        """How many passes over the data lie before batch ``index``."""
        return index * self.size / self.rows

    def indices(self, index: int) -> NDArray[np.int64]:
        """The places, among the rows, of the joint batch ``index``: (size,)."""
        at, stop = index * self.size, (index + 1) * self.size
        parts = []
        while at < stop:
            epoch, inside = divmod(at, self.rows)
            order = Shuffled(self.rows, derive(self.seed, "epoch", epoch))
            parts.append(order[inside : inside + stop - at])
            at += len(parts[-1])
        return np.concatenate(parts)
