"""Recurrent networks: h(t) = sigma(W [h(t-1); x(t)] + b), layer on layer, in one direction or both."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from sparring.errors import InputError
from sparring.networks.dropout import Dropout
from sparring.networks.layers import APART
from sparring.precision import has_bfloat16_layers, in_full

__all__ = ["CELLS", "Recurrent", "State", "ends", "reversed_rows"]

CELLS: Mapping[str, Callable[..., nn.RNNBase]] = MappingProxyType({"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU})

State = tuple[Tensor, ...]
"""(h,) of a plain RNN or a GRU, (h, c) of an LSTM; each (layers, n, hidden)."""


class Recurrent(nn.Module):
    """A stack of recurrent layers over padded rows: (n, t, inputs) to (n, t, hidden), twice hidden in two directions.

    cell: "rnn", h(t) = tanh(W [h(t-1); x(t)] + b) as in the lecture (which writes x(t-1) for the input that comes with
    t, and b for the sum of torch's two biases); "lstm" (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et
    al. 2000, open at first: its bias begins at 1); "gru" (Cho et al. 2014, in the order of torch's documentation).
    dropout: the share of each layer's outputs, the last one's excepted, that is left out while training.
    learned_start: whether h(0) is learned; otherwise it is zero.
    remember: about how many steps back there is something to be remembered. If it is given, each unit's gates begin so
    that it keeps what it has for 1 to so many steps: b = log U[1, remember - 1] of the forget gate and, negative, of
    the input gate, or of a GRU's update gate (Tallec & Ollivier 2018, "Can recurrent neural networks warp time?"); and
    the matrices from h(t-1) begin orthogonal, so that they neither shrink nor grow it. None: as torch does it.

    Rows are padded at their ends, and no row depends on its batch mates: backward layers begin at each row's own end.

    >>> network = Recurrent(3, hidden=8, layers=2, bidirectional=True)
    >>> outputs, _ = network(torch.zeros(4, 5, 3), torch.tensor([5, 2, 1, 3]))
    >>> outputs.shape
    torch.Size([4, 5, 16])
    """

    def __init__(
        self,
        inputs: int,
        hidden: int = 128,
        layers: int = 1,
        cell: str = "lstm",
        bidirectional: bool = False,
        dropout: float = 0.0,
        learned_start: bool = False,
        remember: int | None = None,
    ) -> None:
        super().__init__()
        if remember is not None and remember < 2:
            raise InputError(f"remember must be at least 2 steps; got {remember}")
        self.hidden, self.cell, self.bidirectional = hidden, cell, bidirectional
        self.directions = 2 if bidirectional else 1
        self.outputs = hidden * self.directions
        sizes = [inputs, *[self.outputs] * (layers - 1)]
        self.layers = nn.ModuleList(
            CELLS[cell](size, hidden, batch_first=True) for size in sizes for _ in range(self.directions)
        )
        for layer in self.layers:
            if remember is not None:
                _hold(layer, cell, hidden, remember)
            elif cell == "lstm":
                _open_forget_gate(layer, hidden)
        self.dropout = Dropout(dropout)
        parts = 2 if cell == "lstm" else 1
        start = torch.zeros(parts, len(self.layers), hidden)
        self.start = nn.Parameter(start) if learned_start else None
        self.parts = parts

    def begin(self, n: int) -> State:
        """The states before the first step, for n rows."""
        if self.start is None:
            weight = next(self.parameters())
            whole = weight.new_zeros(self.parts, len(self.layers), 1, self.hidden)
        else:
            whole = self.start[:, :, None]
        return tuple(part.expand(-1, n, -1).contiguous() for part in whole)

    def forward(self, x: Tensor, lengths: Tensor | None = None, state: State | None = None) -> tuple[Tensor, State]:
        """x: (n, t, inputs). lengths: (n,), what is not padding; None: all of it. state: to go on from.

        Returns the outputs of the last layer, of which those of padding mean nothing, and the states after the last
        step of all. A padded row's state has gone on over its padding: use ``ends`` of the outputs instead.
        """
        before = self.begin(len(x)) if state is None else state
        after: list[State] = []
        for first in range(0, len(self.layers), self.directions):
            found = []
            for i in range(first, first + self.directions):
                outputs, last = self._layer(i, x, lengths, tuple(part[i : i + 1] for part in before))
                found.append(outputs)
                after.append(last)
            x = found[0] if len(found) == 1 else torch.cat(found, dim=2)
            if first + self.directions < len(self.layers):
                x = self.dropout(x)
        return x, tuple(torch.cat(parts) for parts in zip(*after, strict=True))

    def _layer(self, i: int, x: Tensor, lengths: Tensor | None, before: State) -> tuple[Tensor, State]:
        backward = i % self.directions == 1
        rows = reversed_rows(x, lengths) if backward else x
        call = _called if self.cell != "lstm" or has_bfloat16_layers(x.device) else _called_in_full
        outputs, last = call(self.layers[i], rows, *before)
        state = last if isinstance(last, tuple) else (last,)
        return (reversed_rows(outputs, lengths) if backward else outputs), state


def _called(layer: nn.Module, x: Tensor, *state: Tensor) -> Any:
    return layer(x, state if len(state) == 2 else state[0])


_called_in_full = in_full(_called)


def _open_forget_gate(layer: nn.Module, hidden: int) -> None:
    """torch's order of gates is input, forget, cell, output; its two biases are added."""
    with torch.no_grad():
        for name, bias in layer.named_parameters():
            if name.startswith("bias"):
                bias[hidden : 2 * hidden] = 1.0 if name.startswith("bias_ih") else 0.0


def _hold(layer: nn.Module, cell: str, hidden: int, steps: int) -> None:
    """torch's order of a GRU's gates is reset, update, new; its update gate says how much is kept."""
    with torch.no_grad():
        for name, value in layer.named_parameters():
            if name.startswith("weight_hh"):
                for gate in value.split(hidden):
                    nn.init.orthogonal_(gate)
            elif name.startswith("bias"):
                value.zero_()
            if name.startswith("bias_ih") and cell != "rnn":
                keeps = torch.log(1 + (steps - 2) * torch.rand(hidden))
                value[hidden : 2 * hidden] = keeps
                if cell == "lstm":
                    value[:hidden] = -keeps


def reversed_rows(x: Tensor, lengths: Tensor | None) -> Tensor:
    """(n, t, ...) with each row's first steps in the opposite order, and its padding where it was."""
    if lengths is None:
        return x.flip(1)
    steps = torch.arange(x.shape[1], device=x.device)[None]
    back = lengths[:, None] - 1 - steps
    places = torch.where(back >= 0, back, steps) + torch.arange(len(x), device=x.device)[:, None] * x.shape[1]
    return _Reordered.apply(x, places.flatten())


class _Reordered(torch.autograd.Function):
    """Steps in an order that, done twice, changes nothing: so the gradient is reordered as the steps were.

    Whole steps are copied, in both directions: a third of the time that ``gather`` and its gradient take.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, places: Tensor) -> Tensor:
        ctx.save_for_backward(places)
        return x.flatten(0, 1).index_select(0, places).reshape(x.shape)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        return _Reordered.apply(grads[0], ctx.saved_tensors[0]), None


def ends(outputs: Tensor, lengths: Tensor | None, directions: int = 1) -> Tensor:
    """What each row's layers say after all of its steps: (n, features) of outputs (n, t, features).

    In two directions, the backward half has read the whole row at its first step.
    """
    last = outputs.shape[1] - 1 if lengths is None else lengths - 1
    found = outputs[torch.arange(len(outputs), device=outputs.device), last]
    if directions == 1:
        return found
    half = outputs.shape[2] // 2
    return torch.cat([found[:, :half], outputs[:, 0, half:]], dim=1)


APART.update((Recurrent, nn.RNN, nn.LSTM, nn.GRU, nn.ModuleList))
