"""Batches of two collections that have nothing to do with each other: as many rows of one as of the other."""

from torch import Tensor

from sparring.data.batches import Batched
from sparring.errors import InputError

__all__ = ["Unpaired"]


class Unpaired:
    """``batches[i]`` is (rows of a, rows of b), each in an order of its own. An epoch is the larger collection's."""

    def __init__(self, a: Batched, b: Batched) -> None:
        if a.size != b.size:
            raise InputError(f"both sides need batches of one size; got {a.size} and {b.size}")
        self.a, self.b = a, b
        self.size, self.rows, self.per_epoch = a.size, max(a.rows, b.rows), max(a.per_epoch, b.per_epoch)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        return (self.a[index][0], self.b[index][0])

    def count(self, index: int) -> int:
        return self.size
