"""One long sequence, learned from in pieces: several places of it side by side, a window further with each batch."""

import math

import torch
from torch import Tensor

from sparring.data.ragged import Ragged
from sparring.errors import InputError

__all__ = ["StreamBatches"]


class StreamBatches:
    """Windows of a stream, in order: batch i is a pure function of i, as in ``Batches``.

    The rows of ``inputs`` and of ``targets`` (as many steps) are laid end to end, and cut into ``size`` streams of
    equal length; what does not divide is left out at the end. ``batches[i]`` is (inputs (size, window, ...), begins
    (size,), targets (size, window, ...)): window i of every stream, and whether an epoch begins with it; an epoch's
    last window may be shorter. Raises InputError if the rows have fewer steps than there are streams.
    """

    def __init__(self, inputs: Ragged, targets: Ragged, size: int, window: int) -> None:
        total = len(inputs.values)
        if size < 1 or window < 1 or total < size:
            raise InputError(f"{total} steps cannot be cut into {size} streams; give a smaller batch_size.")
        each = total // size
        self.inputs, self.targets = (
            part.values[: each * size].reshape(size, each, *part.values.shape[1:]) for part in (inputs, targets)
        )
        self.window, self.size, self.rows = window, size, size * math.ceil(each / window)
        self.per_epoch = math.ceil(each / window)

    def count(self, index: int) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        place = index % self.per_epoch
        piece = slice(place * self.window, (place + 1) * self.window)
        begins = torch.full((self.size,), place == 0, device=self.inputs.device)
        return self.inputs[:, piece], begins, self.targets[:, piece]
