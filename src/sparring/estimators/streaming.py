"""Real time: a step in, an answer out, with the states kept."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sparring.errors import InputError
from sparring.isolation import isolated
from sparring.networks import SequenceNetwork

__all__ = ["SequenceStream", "refuse_both_ways"]


@isolated
class SequenceStream:
    """Answers after each step what the model would for all steps so far; made by ``model.stream()``.

    reading: in evaluation mode, in one direction. encode: a step to the network's input (1, 1[, ...]). answer: the
    network's outputs (1, outputs) to what the model says. steps: how many have been pushed.

    The states are those of the batch's own computation, so the answers are equal, up to rounding.
    """

    def __init__(
        self, reading: SequenceNetwork, encode: Callable[[Any], Tensor], answer: Callable[[Tensor], Any]
    ) -> None:
        self._reading, self._encode, self._answer = reading, encode, answer
        self.reset()

    def reset(self) -> None:
        """Begin a new sequence."""
        self.steps = 0
        with torch.inference_mode():
            self._state = self._reading.recurrent.begin(1)
        self._pooled: Tensor | None = None  # the sum, or the largest values, of what was said so far

    def push(self, x: Any) -> Any:
        """Take in a step: a word, or an array (columns,). Returns the answer."""
        reading = self._reading
        with torch.inference_mode():
            said, self._state = reading.recurrent(reading.seen(self._encode(x)), state=self._state)
            self.steps += 1
            return self._answer(reading.last(self._seen(said[:, 0])))

    def _seen(self, said: Tensor) -> Tensor:
        """What the answering layer sees."""
        if self._reading.answer in ("last", "each"):
            return said
        is_mean = self._reading.answer == "mean"
        before = said if self._pooled is None else self._pooled
        if self.steps == 1:
            self._pooled = said
        else:
            self._pooled = before + said if is_mean else torch.maximum(before, said)
        return self._pooled / self.steps if is_mean else self._pooled


def refuse_both_ways(model: Any) -> None:
    """Raise InputError for a model that must see a sequence's end before it can answer."""
    if getattr(model, "bidirectional", False):
        raise InputError("a stream has no end to read back from; fit the model with bidirectional=False.")
    if getattr(model, "crf", False):
        raise InputError("a CRF chooses the tags of a whole row together; fit the model with crf=False.")
