"""Batch i is a pure function of (seed, i): the whole state of the data's order is one integer."""

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from sparring.chance import generator
from sparring.errors import InputError

__all__ = ["Batched", "Batches", "usual_size"]

SMALL = 2**22  # bytes of all arrays, up to which an epoch's rows are put in their order at once


class Batched(Protocol):
    """What a loop reads: batch i for any i >= 0, in epochs of ``per_epoch`` batches over ``rows`` rows."""

    rows: int
    size: int
    per_epoch: int

    def __getitem__(self, index: int) -> tuple[Tensor, ...]: ...

    def count(self, index: int) -> int:
        """How many rows batch ``index`` has: ``size``, but where rows do not divide or are much longer than others."""
        ...


def usual_size(rows: int, least: int, most: int, steps: int) -> int:
    """Rows of a step where none are asked for: so few that an epoch has so many steps to learn in, within limits.

    >>> [usual_size(rows, least=4, most=32, steps=128) for rows in (100, 1_000, 10_000)]
    [4, 7, 32]
    """
    return min(most, max(least, rows // steps))


def _as_is(rows: Tensor) -> Tensor:
    return rows


class Batches:
    """Shuffled minibatches of tensors that share their first dimension.

    ``batches[i]`` is a tuple with one tensor per array, for any i >= 0, in any order. Every
    epoch is a fresh permutation. The epochs follow each other without a seam, so every batch
    has ``size`` rows; with ``short=True`` an epoch ends with a smaller batch instead, as a
    supervised fit wants. ``size=None`` is the full batch: gradient descent as in the lecture.

    arrays: tensors of the shape (n, ...); a tensor over a memory-mapped file works, and only the
    rows of a batch are read. among: the numbers of the rows to take, if not all of the first array's (further arrays
    have these alone). prepare: applied to the first tensor's rows of a batch (decode bytes, say). mirrored:
    whether every row stands twice in an epoch, as it is and with its last dimension turned round (images from
    left to right). rank, ranks: each rank gets its own equal part of every joint batch.
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
        among: Tensor | None = None,
        mirrored: bool = False,
    ) -> None:
        lengths = [len(array) for array in arrays]
        if among is not None:
            lengths[0] = len(among)
        if not lengths or min(lengths) == 0 or len(set(lengths)) > 1:
            raise InputError(f"batches need arrays of one common length, at least 1; got the lengths {lengths}")
        self.arrays, self.seed, self.prepare = arrays, seed, prepare
        self.among, self.mirrored = among, mirrored
        self.rows = lengths[0] * (2 if mirrored else 1)
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
        size_in_bytes = sum(array.numel() * array.element_size() for array in arrays)
        self._is_small = size_in_bytes <= SMALL and among is None and not mirrored
        self._epoch, self._rows = -1, arrays  # which epoch's order the rows are in

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        start, stop = self._span(index)
        epoch, inside = divmod(start, self.rows)
        part = (stop - start) // self.ranks
        own = slice(self.rank * part, (self.rank + 1) * part)
        if self._is_small and inside + stop - start <= self.rows:  # slices cost less than a search for each row
            first, *rest = (array[inside : inside + stop - start][own] for array in self._shuffled(epoch))
            return (self.prepare(first), *rest)
        return self._gathered(self.indices(index)[own])

    def _gathered(self, places: Tensor) -> tuple[Tensor, ...]:
        """The rows at some places of an epoch's unshuffled order."""
        single = self.rows // 2 if self.mirrored else self.rows
        rows = places % single if self.mirrored else places
        kept = rows if self.among is None else self.among[rows]
        first = self.prepare(self.arrays[0][kept.to(self.arrays[0].device)])
        if self.mirrored:
            turned = (places >= single).to(first.device).view(-1, *[1] * (first.dim() - 1))
            first = torch.where(turned, first.flip(-1), first)
        return (first, *(array[rows.to(array.device)] for array in self.arrays[1:]))

    def _span(self, index: int) -> tuple[int, int]:
        """The places of a batch's first row and of the row after its last, counted on through all epochs."""
        if not self.short:
            return index * self.size, (index + 1) * self.size
        epoch, place = divmod(index, self.per_epoch)
        start = epoch * self.rows + place * self.size
        return start, min(start + self.size, (epoch + 1) * self.rows)

    def count(self, index: int) -> int:
        start, stop = self._span(index)
        return stop - start

    def indices(self, index: int) -> Tensor:
        """The places of the joint batch ``index``, as int64 of the shape (size,).

        They are row numbers, or with ``among`` places in it; with ``mirrored`` those from half of ``rows`` on are
        turned round.
        """
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
