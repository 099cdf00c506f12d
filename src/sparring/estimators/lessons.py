"""Sequences ready to be learned from or answered for, and how a network is asked about many of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sparring.data.ragged import Ragged
from sparring.place import Place

__all__ = ["Lesson", "Target", "answered", "asked"]

Target = Tensor | Ragged
STEPS = {"cpu": 2**12}  # of all rows of a block together, padding included: what stays in a processor's cache
MANY_STEPS = 2**14  # elsewhere


@dataclass(frozen=True)
class Lesson:
    """Encoded sequences, what is to be said of them (targets, weights), and where they lie in the user's data."""

    inputs: Ragged
    targets: tuple[Target, ...]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, places: NDArray[np.int64]) -> "Lesson":
        chosen = torch.from_numpy(places)
        targets = tuple(one.part(chosen) if isinstance(one, Ragged) else one[chosen] for one in self.targets)
        return Lesson(self.inputs.part(chosen), targets, self.rows[places])

    def to(self, device: torch.device) -> "Lesson":
        return Lesson(self.inputs.to(device), tuple(one.to(device) for one in self.targets), self.rows)

    def blocks(self, ignored: float = -100) -> Iterator[tuple[Tensor, tuple[Tensor, ...]]]:
        """(places, batch) of rows of similar length, all rows once: batches as ``SequenceBatches`` gives them."""
        order = self.inputs.lengths.argsort(stable=True, descending=True)
        first, most = 0, STEPS.get(self.inputs.values.device.type, MANY_STEPS)
        while first < len(order):
            longest = int(self.inputs.lengths[order[first]])
            places = order[first : first + max(most // longest, 1)]
            yield places, self._batch(places, ignored)
            first += len(places)

    def whole(self) -> tuple[Tensor, ...]:
        """All rows as one batch."""
        return self._batch(torch.arange(len(self)), -100)

    def _batch(self, places: Tensor, ignored: float) -> tuple[Tensor, ...]:
        device = self.inputs.values.device
        targets = [
            one.padded(places, ignored) if isinstance(one, Ragged) else one[places.to(one.device)]
            for one in self.targets
        ]
        return (self.inputs.padded(places), self.inputs.lengths[places].to(device), *targets)


def asked(
    network: nn.Module, lesson: Lesson, place: Place, takes: int = 2
) -> Iterator[tuple[Tensor, Any, tuple[Tensor, ...]]]:
    """(places, outputs in float32, the whole batch) of every block, in the mode the network is in."""
    with torch.inference_mode(), place.autocast():
        for places, batch in lesson.blocks():
            yield places, network(*batch[:takes]).float(), batch


def answered(network: nn.Module, inputs: Ragged, place: Place) -> list[Tensor]:
    """The network's outputs for every row, in the rows' order: (outputs,), or (t, outputs) where each step has some."""
    lesson = Lesson(inputs, (), np.arange(len(inputs))).to(place.device)
    found: list[Any] = [None] * len(inputs)
    for places, outputs, batch in asked(network, lesson, place):
        for i, row, length in zip(places.tolist(), outputs.cpu(), batch[1].tolist(), strict=True):
            found[i] = row[:length] if row.dim() > 1 else row
    return found
