"""Networks that read a sequence: words or vectors in, one answer for all of it or one for each step out."""

from typing import Literal

import torch
from torch import Tensor, nn

from sparring.networks.chords import Chords
from sparring.networks.dropout import Dropout
from sparring.networks.layers import APART
from sparring.networks.recurrent import Recurrent, State, ends
from sparring.networks.word_inputs import WordInputs

__all__ = ["Answer", "SequenceNetwork"]

Answer = Literal["last", "mean", "max", "each"]


class SequenceNetwork(nn.Module):
    """An input layer, recurrent layers, and a linear layer on what they say: y = W~ h + b~, many to one or to many.

    words: how many the vocabulary has, for inputs (n, t) of their numbers; their vectors have ``width`` numbers and are
    learned. None: inputs are vectors (n, t, width). letters, word_dropout, vectors: of ``WordInputs``.
    answer: the layer that answers sees what the recurrent layers say at the end of each row ("last"), their mean or
    largest values over its steps, or every step by itself ("each": outputs (n, t, outputs)). dropout: of the inputs,
    between the layers, and of what the answering layer sees; input_dropout: of the inputs, if another share.
    chords: whether the outputs are keys that depend on each other: then ``chords`` says how (``Chords``), and None
    otherwise. settings: of ``Recurrent``.

    Called with (n, t[, width]) and the rows' lengths (n,), None where nothing is padding. Source: the lecture's types
    of recurrent networks.

    >>> network = SequenceNetwork(outputs=3, words=100, width=8, hidden=16, cell="gru", answer="each")
    >>> network(torch.zeros(2, 5, dtype=torch.long), torch.tensor([5, 3])).shape
    torch.Size([2, 5, 3])
    """

    def __init__(
        self,
        outputs: int,
        words: int | None = None,
        width: int = 100,
        answer: Answer = "last",
        dropout: float = 0.0,
        input_dropout: float | None = None,
        letters: int | None = None,
        word_dropout: float = 0.0,
        vectors: Tensor | None = None,
        chords: bool = False,
        **settings: int | str | bool | float | None,
    ) -> None:
        super().__init__()
        self.inputs = None
        if words is not None:
            self.inputs = WordInputs(words, width, letters, word_dropout=word_dropout, vectors=vectors)
            width = self.inputs.outputs
        self.input_dropout = Dropout(dropout if input_dropout is None else input_dropout)
        self.dropout = Dropout(dropout)
        self.recurrent = Recurrent(width, **{"dropout": dropout, **settings})  # pyright: ignore[reportArgumentType]
        self.answer: Answer = answer
        self.last = nn.Linear(self.recurrent.outputs, outputs)
        self.chords = Chords(outputs) if chords else None

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        said, _ = self.recurrent(self.input_dropout(self.seen(x)), lengths)
        return self.last(self.dropout(self._answered(said, lengths)))

    def going_on(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The outputs (n, t, outputs) of steps that follow others, and the states after the last of them.

        state: after those others, or ``recurrent.begin(n)``. For networks of one direction that answer each step.
        """
        said, after = self.recurrent(self.input_dropout(self.seen(x)), state=state)
        return self.last(self.dropout(said)), after

    def seen(self, x: Tensor) -> Tensor:
        """What the first recurrent layer sees, (n, t, features)."""
        return x if self.inputs is None else self.inputs(x)

    def _answered(self, said: Tensor, lengths: Tensor | None) -> Tensor:
        if self.answer == "each":
            return said
        if self.answer == "last":
            return ends(said, lengths, self.recurrent.directions)
        if lengths is None:
            return said.mean(dim=1) if self.answer == "mean" else said.amax(dim=1)
        outside = (torch.arange(said.shape[1], device=said.device) >= lengths[:, None])[:, :, None]
        if self.answer == "mean":
            return said.masked_fill(outside, 0.0).sum(dim=1) / lengths[:, None]
        return said.masked_fill(outside, -torch.inf).amax(dim=1)


APART.add(SequenceNetwork)
