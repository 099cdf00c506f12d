"""A tag for every word: a network that reads, and a CRF that knows which tags follow which."""

import torch
from torch import Tensor, nn

from sparring.networks.crf import CRF, PADDED
from sparring.networks.layers import APART
from sparring.networks.reading import SequenceNetwork

__all__ = ["TaggingNetwork"]


class TaggingNetwork(nn.Module):
    """Scores of every tag at every step, (n, t, tags), and what they mean.

    reading: a ``SequenceNetwork`` that answers each step. crf: over the same tags; None: each step's tag is chosen by
    itself. Source: Huang, Xu & Yu 2015 (BI-LSTM-CRF).
    """

    def __init__(self, reading: SequenceNetwork, crf: CRF | None = None) -> None:
        super().__init__()
        self.reading, self.crf = reading, crf

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        return self.reading(x, lengths)

    def error(self, scores: Tensor, tags: Tensor, weights: Tensor | None = None) -> Tensor:
        """Mean negative log-likelihood of the tags, in nats a step that is not padding.

        scores: (n, t, tags). tags: (n, t) int64, after each row's end ``PADDED``. weights: (tags,), of the steps by
        their tag; without a CRF only.
        """
        if self.crf is None:
            return nn.functional.cross_entropy(scores.flatten(0, 1), tags.flatten(), weights, ignore_index=PADDED)
        lengths = (tags != PADDED).sum(1)
        return -self.crf.log_likelihood(scores, tags, lengths).sum() / lengths.sum()

    def decide(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """The most probable tags, (n, t) int64, ``PADDED`` after each row's end."""
        if self.crf is not None:
            return self.crf.decode(scores, lengths)
        outside = torch.arange(scores.shape[1], device=scores.device) >= lengths[:, None]
        return scores.argmax(2).masked_fill(outside, PADDED)

    def probabilities(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Of every tag at every step, given the whole row: (n, t, tags); those of padding mean nothing."""
        return scores.softmax(2) if self.crf is None else self.crf.marginals(scores, lengths)


APART.add(TaggingNetwork)
