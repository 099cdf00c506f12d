"""The first layer of a network that reads words: their numbers, and their letters' numbers, become vectors."""

import torch
from torch import Tensor, nn

from sparring.errors import InputError, ShapeError
from sparring.networks.dropout import Dropout
from sparring.networks.layers import APART
from sparring.shapes import check, describe

__all__ = ["WordInputs"]


class WordInputs(nn.Module):
    """Numbers of words, (n, t) int64, to vectors (n, t, width): rows of a matrix, which one-hot times a matrix is.

    With ``letters``, the inputs are (n, t, 1 + k): a word's number, then its k letters' numbers with 0 as padding after
    them; the outputs (n, t, width + letter_features) end with what a convolution has found in the letters,

        max_i ReLU(b + sum_j W_j e[letter_(i+j)]),   j = -(kernel - 1) / 2 ... (kernel - 1) / 2

    over the word's letters i, with zeros beyond them. So words that are new may still look like known ones. A word
    without letters has zeros. The columns of padding change nothing.

    words: how many the vocabulary has. vectors: (words, width), to begin with, copied; None: normal numbers, vectors of
    length one, about. letters: how many different ones there are, the padding included; None: no letters are read.
    kernel: how many letters are seen together, odd. word_dropout: the share of words whose number is replaced by
    ``unknown`` while training, so that the unknown word's vector is learned; the letters stay, and so does number 0,
    the padding. outputs: the width of what comes out. Raises InputError for an even kernel, ShapeError for vectors or
    inputs of another shape.

    Source: dos Santos & Zadrozny 2014 (there without the ReLU) and Ma & Hovy 2016 for letters; Lample et al. 2016 for
    replacing words, of which they choose those that are there once.

    >>> layer = WordInputs(words=100, width=8, letters=30, letter_features=4)
    >>> layer.outputs, layer(torch.zeros(2, 5, 1 + 12, dtype=torch.long)).shape
    (12, torch.Size([2, 5, 12]))
    """

    def __init__(
        self,
        words: int,
        width: int = 100,
        letters: int | None = None,
        letter_width: int = 25,
        letter_features: int = 50,
        kernel: int = 3,
        word_dropout: float = 0.0,
        unknown: int = 1,
        vectors: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.unknown = unknown
        self.word_dropout = Dropout(word_dropout)  # as a layer, so that all can see that draws are made here
        self.vectors = nn.Embedding(words, width)
        with torch.no_grad():
            if vectors is None:
                self.vectors.weight.normal_(std=width**-0.5)
            else:
                check("vectors", vectors, "words width", words=words, width=width)
                self.vectors.weight.copy_(vectors)
        self.letters = None if letters is None else _Letters(letters, letter_width, letter_features, kernel)
        self.outputs = width + (0 if letters is None else letter_features)

    def forward(self, x: Tensor) -> Tensor:
        if self.letters is None:
            check("words", x, "n t", "Letters are read by a layer that was made with letters=.")
            return self.vectors(self._heard(x))
        if x.dim() != 3 or x.shape[2] < 2:
            raise ShapeError(
                f"words must have the shape (n, t, 1 + k), each with its number and those of its k >= 1 letters; "
                f"got {describe(tuple(x.shape))}."
            )
        return torch.cat([self.vectors(self._heard(x[:, :, 0])), self.letters(x[:, :, 1:])], dim=2)

    def _heard(self, words: Tensor) -> Tensor:
        """The words, of which some are replaced while training."""
        if not self.training or self.word_dropout.p == 0:
            return words
        kept = self.word_dropout(torch.ones(words.shape, device=words.device)) > 0
        return torch.where(kept | (words == 0), words, self.unknown)


class _Letters(nn.Module):
    """Letters' numbers (n, t, k), 0 as padding, to the largest values of a convolution over them, (n, t, features)."""

    def __init__(self, letters: int, width: int, features: int, kernel: int) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise InputError(f"kernel must be odd, a letter and as many on either side of it; got {kernel}.")
        self.vectors = nn.Embedding(letters, width, padding_idx=0)  # padding is zeros, and stays so
        with torch.no_grad():
            self.vectors.weight[1:].normal_(std=width**-0.5)
        self.convolution = nn.Conv1d(width, features, kernel, padding=kernel // 2)

    def forward(self, letters: Tensor) -> Tensor:
        different, places = letters.flatten(0, 1).unique(dim=0, return_inverse=True)  # words recur: a third less time
        found = self._largest(_trimmed(different))
        # not found[places]: on several threads, that one adds up its gradients in any order
        return nn.functional.embedding(places, found).unflatten(0, letters.shape[:2])

    def _largest(self, letters: Tensor) -> Tensor:
        """(n, k) to (n, features)."""
        found = self.convolution(self.vectors(letters).transpose(1, 2))
        padding = (letters == 0)[:, None]
        return found.masked_fill(padding, -torch.inf).amax(2).relu()  # ReLU of the largest is the largest ReLU


def _trimmed(letters: Tensor) -> Tensor:
    """(n, k) without the last columns that are padding in all rows; one column at least."""
    columns = torch.arange(1, letters.shape[1] + 1, device=letters.device)
    longest = int(((letters != 0).any(0) * columns).max())
    return letters[:, : max(longest, 1)]


APART.update((WordInputs, _Letters, nn.Embedding, nn.Conv1d))
