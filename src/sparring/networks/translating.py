"""The network that translates: it reads one sequence, and says another one word by word; many to many."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sparring.errors import InputError
from sparring.networks.attention import AdditiveAttention
from sparring.networks.dropout import Dropout
from sparring.networks.layers import APART
from sparring.networks.recurrent import Recurrent, ends

__all__ = ["Decoded", "EncoderDecoder", "Memory"]


class Memory(NamedTuple):
    """What an encoder has read. Every tensor has a row for each source, so rows can be chosen and repeated.

    outputs: (n, s, features), of every source word. keys: (n, s, hidden), what attention makes of them. inside: (n, s),
    whether a word is no padding. start: (n, parts, layers, hidden), the decoder's state before its first word. Without
    attention, outputs and keys have no features.
    """

    outputs: Tensor
    keys: Tensor
    inside: Tensor
    start: Tensor


class Decoded(NamedTuple):
    """What a decoder says after some words.

    logits: (n, t, words), unbounded, of the word after each. state: (n, parts, layers, hidden), to go on from; parts:
    1, and 2 of an LSTM. weights: (n, t, s), how much it looked at each source word; all 0 without attention.
    """

    logits: Tensor
    state: Tensor
    weights: Tensor


class EncoderDecoder(nn.Module):
    """An encoder that reads a source, and a decoder that says a target: p(y | x) = prod_i p(y_i | y_1..y_i-1, x).

    Encoder: h_1..h_s = recurrent layers over the source's word vectors, by default in both directions.
    Decoder: s_0 = tanh(V h + b) of what the encoder says at each row's own ends, for each layer (and for both states
    of an LSTM); s_i = recurrent layers over the word before, y_i-1, which is ``start`` at first; c_i = attention of s_i
    to h_1..h_s (``AdditiveAttention``); r_i = tanh(C [s_i; c_i] + b); logits = E r_i + b.

    source_words, target_words: sizes of the vocabularies. width: of word vectors and of r. hidden: of states, each
    direction of the encoder's, and of attention. layers: of encoder and decoder each. cell: of ``Recurrent``.
    attention: without it there is no c_i, and all that the decoder knows of the source is s_0. dropout: of word
    vectors, of r, and between layers. tied: E is the matrix of the target's word vectors. start: its number among the
    target's words. learned_start: whether the encoder's first states are learned.

    Sources: Sutskever, Vinyals & Le 2014 and Cho et al. 2014 without attention, but for r; Bahdanau, Cho & Bengio 2015
    for the score of attention; Luong, Pham & Manning 2015, section 3.1, for the order state, attention, r (eq. 5);
    Press & Wolf 2017 for tied. In Bahdanau's own network the state before, s_i-1, asks for c_i, and s_i reads it, so
    attention and recurrent layers alternate word by word. Here no state reads a context (nor r, as with Luong's input
    feeding), so a whole known target takes one call of the fused layers and one of attention. Also, r is a tanh where
    theirs is a maxout, and s_0 reads both directions where theirs reads the backward one.

    >>> network = EncoderDecoder(source_words=50, target_words=40, width=8, hidden=16)
    >>> source, lengths = torch.randint(50, (2, 6)), torch.tensor([6, 4])
    >>> network(source, lengths, torch.randint(40, (2, 7))).shape
    torch.Size([2, 7, 40])
    """

    def __init__(
        self,
        source_words: int,
        target_words: int,
        width: int = 256,
        hidden: int = 256,
        layers: int = 1,
        cell: str = "gru",
        attention: bool = True,
        bidirectional: bool = True,
        dropout: float = 0.3,
        tied: bool = True,
        start: int = 2,
        learned_start: bool = False,
    ) -> None:
        super().__init__()
        self.start = start
        self.source_vectors = _vectors(source_words, width)
        self.target_vectors = _vectors(target_words, width)
        self.dropout = Dropout(dropout)
        self.encoder = Recurrent(width, hidden, layers, cell, bidirectional, dropout, learned_start)
        self.decoder = Recurrent(width, hidden, layers, cell, dropout=dropout)
        features = self.encoder.outputs
        self.bridge = nn.Linear(features, self.decoder.parts * layers * hidden)
        self.attention = AdditiveAttention(hidden, features, hidden) if attention else None
        self.join = nn.Linear(hidden + (features if attention else 0), width)
        self.free = None if tied else nn.Linear(width, target_words, bias=False)
        self.bias = nn.Parameter(torch.zeros(target_words))

    def forward(self, source: Tensor, lengths: Tensor | None, target: Tensor) -> Tensor:
        """The logits (n, t, target_words) of each target word, given the ones before it ("teacher forcing").

        source: (n, s) int64, padded with any word. lengths: (n,), at least 1; None: nothing is padding. target: (n, t)
        int64, the words to be said, the last of them the end, padded with any number.
        """
        return self._logits(self._known(source, lengths, target)[0])

    def scores(self, source: Tensor, lengths: Tensor | None, target: Tensor) -> Tensor:
        """The logits (m, target_words) of ``target[target >= 0]``, which are m words in that order.

        As ``forward``, with a target that is padded with a negative number, such as -100. The logits of a large
        vocabulary take most of a step's time: here padding takes none.
        """
        return self._logits(self._known(source, lengths, target)[0][target >= 0])

    def alignment(self, source: Tensor, lengths: Tensor | None, target: Tensor) -> Tensor:
        """How much each target word looked at each source word, (n, t, s), given the target as in ``forward``.

        Rows sum to 1, and padding of the source has 0. Raises InputError without attention.
        """
        if self.attention is None:
            raise InputError("this network has no attention, so no alignment; make it with attention=True.")
        return self._known(source, lengths, target)[2]

    def encode(self, source: Tensor, lengths: Tensor | None = None) -> Memory:
        """Read sources (n, s) of the lengths (n,), once for all that is said about them."""
        outputs, _ = self.encoder(self.dropout(self.source_vectors(source)), lengths)
        start = torch.tanh(self.bridge(ends(outputs, lengths, self.encoder.directions)))
        start = start.reshape(len(source), self.decoder.parts, -1, self.decoder.hidden)
        inside = torch.ones_like(source, dtype=torch.bool)
        if lengths is not None:
            inside = torch.arange(source.shape[1], device=source.device) < lengths.to(source.device)[:, None]
        if self.attention is None:
            nothing = outputs[:, :, :0]
            return Memory(nothing, nothing, inside, start)
        return Memory(outputs, self.attention.keys(outputs), inside, start)

    def decode(self, words: Tensor, memory: Memory, state: Tensor | None = None) -> Decoded:
        """What is said after each of the words (n, t); state: to go on from; None: the first word is ``start``.

        In however many calls a target comes, the answers are those of ``forward``.
        """
        said, after, weights = self._read(words, memory, state)
        return Decoded(self._logits(said), after, weights)

    def step(self, words: Tensor | None, memory: Memory, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """One word further, as ``greedy`` and ``beam`` ask: the log-probabilities (n, target_words), and the state.

        words: (n,), the ones before; None with no state: ``start``. A search wants the network in evaluation mode.
        """
        before = self._first(memory.inside) if words is None else words[:, None]
        logits, state, _ = self.decode(before, memory, state)
        logits = logits[:, 0]
        return (logits if logits.dtype.itemsize >= 4 else logits.float()).log_softmax(dim=1), state

    def _first(self, like: Tensor) -> Tensor:
        return torch.full((len(like), 1), self.start, device=like.device)

    def _known(self, source: Tensor, lengths: Tensor | None, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        before = target[:, :-1].clamp(0, self.target_vectors.num_embeddings - 1)
        return self._read(torch.cat([self._first(target), before], dim=1), self.encode(source, lengths), None)

    def _read(self, words: Tensor, memory: Memory, state: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """r (n, t, width), the state after the last word, and the weights (n, t, s)."""
        before = (memory.start if state is None else state).permute(1, 2, 0, 3).contiguous()
        states, last = self.decoder(self.dropout(self.target_vectors(words)), state=tuple(before))
        if self.attention is None:
            context, weights = states[:, :, :0], states.new_zeros(*states.shape[:2], memory.inside.shape[1])
        else:
            context, weights = self.attention(states, memory.outputs, memory.keys, memory.inside)
        said = torch.tanh(self.join(torch.cat([states, context], dim=2)))
        return self.dropout(said), torch.stack(last).permute(2, 0, 1, 3), weights

    def _logits(self, said: Tensor) -> Tensor:
        weight = self.target_vectors.weight if self.free is None else self.free.weight
        return nn.functional.linear(said, weight, self.bias)


def _vectors(words: int, width: int) -> nn.Embedding:
    vectors = nn.Embedding(words, width)
    nn.init.normal_(vectors.weight, std=width**-0.5)  # of length one, about; as rows of E, logits of about one
    return vectors


APART.add(EncoderDecoder)
