"""Sequences of different lengths: kept end to end, batched among their like, padded a batch at a time."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sparring.chance import generator
from sparring.errors import InputError

__all__ = ["Ragged", "SequenceBatches"]

POOL = 50  # batches of rows that are sorted by length together: more pad less, fewer mix better
LONG, ROOM = 8, 2**16  # steps of a whole padded batch: so many times the usual, and as many as are always allowed


class Ragged:
    """Rows of different lengths, end to end: values (total, ...), and how long each row is, (n,) int64."""

    def __init__(self, values: Tensor, lengths: Tensor) -> None:
        self.values, self.lengths = values, lengths
        self.starts = lengths.cumsum(0) - lengths

    @classmethod
    def of(cls, rows: Sequence[Any]) -> "Ragged":
        """rows: arrays (t, ...), alike but for t. Raises InputError if there are none, or one of them is empty."""
        parts = [torch.as_tensor(row) for row in rows]
        empty = [i for i, part in enumerate(parts) if len(part) == 0]
        if not parts or empty:
            raise InputError(f"row {empty[0]} is empty" if parts else "there are no rows")
        return cls(torch.cat(parts), torch.tensor([len(part) for part in parts]))

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> Tensor:
        start = int(self.starts[row])
        return self.values[start : start + int(self.lengths[row])]

    def part(self, rows: Tensor) -> "Ragged":
        """Some of the rows, in the order in which they are named."""
        lengths, starts = self.lengths[rows], self.starts[rows]
        before = (starts - (lengths.cumsum(0) - lengths)).repeat_interleave(lengths)
        return Ragged(self.values[(before + torch.arange(len(before))).to(self.values.device)], lengths)

    def padded(self, rows: Tensor, fill: float = 0) -> Tensor:
        """Some rows, as (n, t, ...) with t the longest one's length, and ``fill`` after each row's end."""
        lengths, starts = self.lengths[rows], self.starts[rows]
        steps = torch.arange(int(lengths.max()), device=lengths.device)[None]
        inside = steps < lengths[:, None]
        found = self.values[(starts[:, None] + steps).clamp(max=len(self.values) - 1).to(self.values.device)]
        outside = ~inside.to(found.device).reshape(*inside.shape, *[1] * (found.dim() - 2))
        return found.masked_fill(outside, fill)

    def to(self, device: torch.device) -> "Ragged":
        """The values on a device; lengths stay where indices are made."""
        return Ragged(self.values.to(device), self.lengths)


class SequenceBatches:
    """Shuffled minibatches of sequences of similar length: batch i is a pure function of (seed, i), as in ``Batches``.

    ``batches[i]`` is (inputs (size, t, ...), lengths (size,), and a tensor for each target). Every epoch shuffles the
    rows, sorts them by length (equally long ones by their first target's) within pools of 50 batches, and plays those
    batches in random order; the smaller one, if the rows do not divide, is the last. Rows so long that a batch of them
    would take many times the usual memory (one of 10,000 words among sentences) have smaller batches of their own,
    of the same rows in every epoch.

    inputs: the sequences. targets: tensors (n, ...), or Ragged with as many steps as inputs, which are padded with
    ``ignored``. Raises InputError if the numbers of rows differ.
    """

    def __init__(
        self, inputs: Ragged, *targets: Tensor | Ragged, size: int, seed: int = 0, ignored: float = -100
    ) -> None:
        counts = [len(inputs), *map(len, targets)]
        if len(set(counts)) > 1 or size < 1:
            raise InputError(
                f"batches need as many targets as sequences, and a size of at least 1; got {counts}, {size}"
            )
        self.inputs, self.targets, self.seed, self.ignored = inputs, targets, seed, ignored
        self.rows, self.size = len(inputs), min(size, len(inputs))
        self._sizes = self._padded_sizes()
        self._usual, self._long = self._apart()
        self.per_epoch = math.ceil(len(self._usual) / self.size) + len(self._long)
        self._orders: dict[int, list[Tensor]] = {}

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        rows = self.indices(index)
        device = self.inputs.values.device
        found = [
            target.padded(rows, self.ignored) if isinstance(target, Ragged) else target[rows.to(target.device)]
            for target in self.targets
        ]
        return (self.inputs.padded(rows), self.inputs.lengths[rows].to(device), *found)

    def count(self, index: int) -> int:
        return len(self.indices(index))

    def indices(self, index: int) -> Tensor:
        """The rows of batch ``index``, (size,) int64."""
        epoch, place = divmod(index, self.per_epoch)
        if epoch not in self._orders:
            self._orders = {epoch: self._order(epoch)}
        return self._orders[epoch][place]

    def epoch(self, index: int) -> float:
        """How many passes over the data lie before batch ``index``."""
        return index / self.per_epoch

    def _padded_sizes(self) -> Tensor:
        """By what rows are like each other: their length, then that of a target of another length."""
        sizes = self.inputs.lengths.double()
        first = next((target for target in self.targets if isinstance(target, Ragged)), None)
        return sizes if first is None else sizes + first.lengths.double() / (1 + float(first.lengths.max()))

    def _apart(self) -> tuple[Tensor, list[Tensor]]:
        """The rows for batches of ``size``, and the batches of much longer rows: as many as have room, at least one."""
        lengths = self.inputs.lengths
        room = max(LONG * self.size * int(lengths.median()), ROOM)
        rows = self._sizes.argsort(stable=True, descending=True)
        count = int((lengths * self.size > room).sum())
        usual, long = rows[count:].sort().values, rows[:count]
        batches = []
        while len(long):
            fitting = max(room // int(lengths[long[0]]), 1)
            batches.append(long[:fitting])
            long = long[fitting:]
        return usual, batches

    def _order(self, epoch: int) -> list[Tensor]:
        chance = generator(self.seed, "epoch", epoch)
        shuffled = self._usual[torch.randperm(len(self._usual), generator=chance)]
        whole = len(shuffled) // self.size * self.size
        pools = shuffled[:whole].split(POOL * self.size)
        ordered = [pool[self._sizes[pool].argsort(stable=True)] for pool in pools]
        batches = [*self._long, *(batch for pool in ordered for batch in pool.split(self.size))]
        mixed = [batches[i] for i in torch.randperm(len(batches), generator=chance).tolist()]
        return mixed if whole == len(shuffled) else [*mixed, shuffled[whole:]]
