"""A network over streams longer than a batch: its states are carried on from batch to batch."""

import torch
from torch import Tensor, nn

from sparring.networks.layers import APART
from sparring.networks.reading import SequenceNetwork

__all__ = ["Carrying"]


class Carrying(nn.Module):
    """Truncated backpropagation through time: each batch goes on where the one before it ended, and learns alone.

    reading: a ``SequenceNetwork`` that answers each step, in one direction. rows: streams side by side.
    While training it is called with (rows, t, ...) and begins (rows,), which streams begin anew with this batch; the
    states of the others come from the last call, without their past, so a gradient reaches back to the batch's first
    step and no further. The states are buffers: a checkpoint has them. While it is looked at (``eval``) it is called
    with lengths instead, and is ``reading`` alone.
    Source: Williams & Peng 1990; Sutskever 2013, section 2.8.6.
    """

    def __init__(self, reading: SequenceNetwork, rows: int) -> None:
        super().__init__()
        self.reading = reading
        parts = [torch.zeros_like(part) for part in reading.recurrent.begin(rows)]
        self.state: Tensor
        self.register_buffer("state", torch.stack(parts))

    def forward(self, x: Tensor, begins: Tensor | None = None) -> Tensor:
        if not self.training:
            return self.reading(x, begins)
        assert begins is not None
        fresh = torch.stack(self.reading.recurrent.begin(len(x)))
        before = torch.where(begins[None, None, :, None], fresh, self.state)
        outputs, after = self.reading.going_on(x, tuple(before))
        with torch.no_grad():
            self.state.copy_(torch.stack(after))
        return outputs


APART.add(Carrying)
