"""Batch i is a pure function of (seed, i): the whole state of the data's order is one integer."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from sparring.chance import generator
from sparring.errors import InputError

__all__ = ["Batches"]

SMALL = 2**22  # bytes of all arrays, up to which an epoch's rows are put in their order at once


def _as_is(rows: Tensor) -> Tensor:
    return rows


class Batches:
    """Shuffled minibatches of tensors that share their first dimension.

    ``batches[i]`` is a tuple with one tensor per array, for any i >= 0, in any order. Every
    epoch is a fresh permutation. The epochs follow each other without a seam, so every batch
    has ``size`` rows; with ``short=True`` an epoch ends with a smaller batch instead, as a
    supervised fit wants. ``size=None`` is the full batch: gradient descent as in the lecture.

    arrays: tensors of the shape (n, ...); a tensor over a memory-mapped file works, and only the
    rows of a batch are read. prepare: applied to the first tensor's rows of a batch (decode bytes,
    say). rank, ranks: each rank gets its own equal part of every joint batch.
    Raises InputError if there are no rows, the lengths differ, or a batch cannot be split equally.
    """

    def __init__(
        self,
        *arrays: Tensor,
        size: int | None = None,
        seed: int = 0,
        short: bool = False,
        rank: int = 0,
        ranks: int = 1,
        prepare: Callable[[Tensor], Tensor] = _as_is,
    ) -> None:
        lengths = [len(array) for array in arrays]
        if not lengths or min(lengths) == 0 or len(set(lengths)) > 1:
            raise InputError(f"batches need arrays of one common length, at least 1; got the lengths {lengths}")
        self.arrays, self.rows, self.seed, self.prepare = arrays, lengths[0], seed, prepare
        self.size = self.rows if size is None else size
        if self.size < 1 or self.size % ranks:
            raise InputError(
                f"a batch of {self.size} rows cannot be split over {ranks} rank(s): "
                f"batch_size must be a multiple of {ranks}"
            )
        if short and ranks > 1 and self.rows % self.size % ranks:
            raise InputError(
                f"the last batch of an epoch, {self.rows % self.size} rows, cannot be split over {ranks} ranks"
            )
        self.short, self.rank, self.ranks = short, rank, ranks
        self.per_epoch = math.ceil(self.rows / self.size)
        self._orders: dict[int, Tensor] = {}
        self._is_small = sum(array.numel() * array.element_size() for array in arrays) <= SMALL
        self._epoch, self._rows = -1, arrays  # which epoch's order the rows are in

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        start, stop = self._span(index)
        epoch, inside = divmod(start, self.rows)
        part = (stop - start) // self.ranks
        own = slice(self.rank * part, (self.rank + 1) * part)
        if self._is_small and inside + stop - start <= self.rows:  # slices cost less than a search for each row
            first, *rest = (array[inside : inside + stop - start][own] for array in self._shuffled(epoch))
        else:
            rows = self.indices(index)[own]
            first, *rest = (array[rows.to(array.device)] for array in self.arrays)
        return (self.prepare(first), *rest)

    def _span(self, index: int) -> tuple[int, int]:
        """The places of a batch's first row and of the row after its last, counted on through all epochs."""
        if not self.short:
            return index * self.size, (index + 1) * self.size
        epoch, place = divmod(index, self.per_epoch)
        start = epoch * self.rows + place * self.size
        return start, min(start + self.size, (epoch + 1) * self.rows)

    def indices(self, index: int) -> Tensor:
        """The rows of the joint batch ``index``, as int64 of the shape (size,)."""
        at, stop = self._span(index)
        parts = []
        while at < stop:
            epoch, inside = divmod(at, self.rows)
            parts.append(self._order(epoch)[inside : inside + stop - at])
            at += len(parts[-1])
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def epoch(self, index: int) -> float:
        """How many passes over the data lie before batch ``index``."""
        return index / self.per_epoch if self.short else index * self.size / self.rows

    def _shuffled(self, epoch: int) -> tuple[Tensor, ...]:
        """All arrays in an epoch's order."""
        if self._epoch != epoch:
            order = self._order(epoch)
            self._epoch, self._rows = epoch, tuple(array[order.to(array.device)] for array in self.arrays)
        return self._rows

    def _order(self, epoch: int) -> Tensor:
        if epoch not in self._orders:
            # a batch can touch two epochs, so the last two orders are worth keeping
            self._orders = {k: v for k, v in self._orders.items() if k == epoch - 1}
            self._orders[epoch] = torch.randperm(self.rows, generator=generator(self.seed, "epoch", epoch))
        return self._orders[epoch]
