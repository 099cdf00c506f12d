"""Models that read sequences of words or signals: one answer for each row, or one for each of its steps."""

import os
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sparring.data.ragged import Ragged
from sparring.data.sequence_files import Sequences
from sparring.data.sequences import SequenceSchema, Words, schema_of, sequences_from_json
from sparring.data.targets import Targets, targets_from_json
from sparring.data.vectors import for_vocabulary, read_vectors
from sparring.data.words import PADDING, UNKNOWN, Vocabulary
from sparring.errors import InputError
from sparring.estimators.lessons import answered
from sparring.estimators.sequence import SequenceModel
from sparring.estimators.streaming import SequenceStream, refuse_both_ways
from sparring.isolation import isolated
from sparring.networks import SequenceNetwork
from sparring.networks.reading import Answer
from sparring.seeds import derive

__all__ = ["Coding", "ReadingModel"]


@dataclass(frozen=True)
class Coding:
    """How inputs become numbers, and what the targets are. vectors: to begin the words' with, (words, width), or None;
    they are part of the network once it is trained, and are not kept here.
    """

    inputs: SequenceSchema
    targets: Targets
    vectors: NDArray[np.float32] | None = None


@isolated
@dataclass(kw_only=True, eq=False, repr=False)
class ReadingModel(SequenceModel):
    """What ``SequenceClassifier``, ``SequenceRegressor`` and ``SequenceTagger`` share.

    The parameters are those of ``SequenceModel``, and for all of them:
    bidirectional: whether each layer reads the rows from both ends.
    Of words: minimum_count, a word that is there less often is unknown; most_words, in the vocabulary; lower, whether
    words are looked up in lower case; letters, whether each word's letters are read too, by a convolution, so that new
    words may look like known ones; word_dropout, the share of words that are made unknown while training, so that the
    unknown word is learned about; vectors, a file of word vectors to begin with (GloVe, word2vec as text), whose words
    join the vocabulary as far as the data hold them.
    remember: about how many steps back something may matter; for long rows, which are hardly learned otherwise
    (``networks.Recurrent``).
    """

    bidirectional: bool = True
    minimum_count: int = 1
    most_words: int | None = None
    lower: bool = True
    letters: bool = False
    word_dropout: float = 0.0
    vectors: str | os.PathLike[str] | None = None
    remember: int | None = None

    @abstractmethod
    def _targets_of(self, found: Sequences) -> Targets:
        """What is to be said of the rows."""

    @property
    def targets_(self) -> Targets:
        """What the model says of rows, or of their steps."""
        self._answering()
        return self.coding_.targets

    def _answer(self) -> Answer:
        """What the answering layer sees (``SequenceNetwork``)."""
        return "last"

    def _coding_of(self, found: Sequences, train: NDArray[np.int64]) -> Coding:
        rows = [found.inputs[i] for i in train.tolist()]
        inputs = schema_of(
            rows, minimum=self.minimum_count, most=self.most_words, lower=self.lower, letters=self.letters
        )
        targets = self._targets_of(found)
        if self.vectors is None:
            return Coding(inputs, targets)
        if not isinstance(inputs, Words):
            raise InputError("vectors are of words, but the sequences hold numbers.")
        return self._with_vectors(Coding(inputs, targets), found)

    def _with_vectors(self, coding: Coding, found: Sequences) -> Coding:
        """Words of all rows that have a vector get a number: no target is looked at for that."""
        words: Any = coding.inputs
        all_words = {words.key(word) for i, row in enumerate(found.inputs) for word in words.words(row, i)}
        vectors = read_vectors(self.vectors or "", all_words)
        known = [word for word in words.vocabulary.words if word not in (PADDING, UNKNOWN)]
        vocabulary = Vocabulary([PADDING, UNKNOWN, *dict.fromkeys([*known, *sorted(vectors.words)])])
        matrix = for_vocabulary(vectors, vocabulary, derive(self.seed_, "vectors"))
        if matrix.shape[1] != self.width:
            raise InputError(f"{self.vectors} has vectors of {matrix.shape[1]} numbers; give width={matrix.shape[1]}.")
        return replace(coding, inputs=replace(words, vocabulary=vocabulary), vectors=matrix)

    def _network_of(self, coding: Coding) -> nn.Module:
        inputs = coding.inputs
        words = inputs if isinstance(inputs, Words) else None
        return SequenceNetwork(
            coding.targets.outputs,
            words=None if words is None else len(words.vocabulary),
            width=self.width if inputs.width is None else inputs.width,
            answer=self._answer(),
            dropout=self.dropout,
            letters=None if words is None or words.letters is None else len(words.letters),
            word_dropout=self.word_dropout if words is not None else 0.0,
            vectors=None if coding.vectors is None else torch.from_numpy(coding.vectors),
            hidden=self.hidden_size,
            layers=self.layers,
            cell=self.cell,
            bidirectional=self.bidirectional,
            learned_start=self.learned_start,
            remember=self.remember,
        )

    def _coding_json(self, coding: Coding) -> dict[str, Any]:
        return {"inputs": coding.inputs.to_json(), "targets": coding.targets.to_json()}

    def _coding_from(self, content: dict[str, Any]) -> Coding:
        return Coding(sequences_from_json(content["inputs"]), targets_from_json(content["targets"]))

    def _described(self, coding: Coding) -> str:
        return coding.inputs.described()

    def stream(self) -> SequenceStream:
        """For real time: ``push`` a step, and get what ``predict`` says of all steps so far (a tagger: the step's tag).

        Raises InputError for models that read in both directions, or choose all tags together (crf).
        """
        place = self._answering()
        refuse_both_ways(self)
        reading: Any = getattr(self.network_, "reading", self.network_)

        def encode(x: Any) -> torch.Tensor:
            step = [x] if isinstance(x, str) else np.asarray(x)[None]
            return self.coding_.inputs.encode([step]).values[None].to(place.device)

        def answer(outputs: torch.Tensor) -> Any:
            return self.coding_.targets.answer(outputs.cpu().double().numpy())[0]

        return SequenceStream(reading, encode, answer)

    def _outputs(self, rows: Sequence[Any]) -> list[torch.Tensor]:
        """The network's outputs for every row."""
        place = self._answering()
        inputs: Ragged = self.coding_.inputs.encode(rows)
        return answered(self.network_, inputs, place)
