"""Many to many, of equal length: a tag for every word of a sentence, or for every step of a signal."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from sparring.data.lines import Tagged, read_conll
from sparring.data.ragged import Ragged
from sparring.data.sequence_files import Sequences
from sparring.data.sequences import Words, rows_of
from sparring.data.source import existing
from sparring.data.tags import are_spans, spans, to_bio
from sparring.data.targets import Classes, Targets
from sparring.errors import DataError, InputError, ShapeError
from sparring.estimators.examples import balanced
from sparring.estimators.lessons import Lesson, asked
from sparring.estimators.parameters import CLASS_WEIGHT, SEQUENCE
from sparring.estimators.sequence_reading import Coding, ReadingModel
from sparring.isolation import isolated
from sparring.judging.entities import TagAnswers, judge_tags
from sparring.networks import CRF, TaggingNetwork, forbidden_in_bio
from sparring.networks.crf import PADDED
from sparring.networks.reading import Answer
from sparring.place import Place

__all__ = ["SequenceTagger"]


@isolated
@dataclass(kw_only=True, eq=False, repr=False)
class SequenceTagger(ReadingModel):
    """Says a tag for every word of a sentence, or for every step of an array (t, columns): many to many, equally long.

    The parameters are those of ``ReadingModel``, and
    crf: whether a conditional random field chooses the tags of a row together; it never says what cannot be, such as
    I-person after B-place. class_weight: "balanced" (the steps of every tag count alike), or a dict of weights; without
    crf only.

    ``fit(X, y)``: X a list of lists of words, y of lists of tags; or the path of a CoNLL file (``read_conll``). Tags
    that are spans may be in BIO, IOB1, BIOES or BILOU; they become BIO, and the score is the F1 of exact entities.
    Other tags, such as parts of speech, are taken as they are, and the score is the share of right ones.
    After it: classes_ (the tags), spans_ (whether they are spans), network_, n_iter_, loss_curve_, record_, answers_.

    >>> X = [["anna", "is", "here"], ["here", "is", "bob"], ["is", "anna", "bob"]] * 4
    >>> y = [["B-who", "O", "O"], ["O", "O", "B-who"], ["O", "B-who", "B-who"]] * 4
    >>> SequenceTagger(max_iter=30, random_state=0).fit(X, y).predict([["is", "bob", "here"]])
    [['O', 'B-who', 'O']]
    """

    crf: bool = True
    class_weight: Any = None
    letters: bool = True
    dropout: float = 0.5
    kind: ClassVar[str] = "sequence-tagger"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **SEQUENCE,
        "crf": ["boolean"],
        "class_weight": CLASS_WEIGHT,
    }

    def _answer(self) -> Answer:
        return "each"

    # -- data

    def _read(self, X: Any, y: Any) -> Sequences:
        if self.class_weight is not None and self.crf:
            raise InputError("class_weight weighs single steps, and a CRF looks at whole rows; give crf=False with it.")
        if isinstance(X, Sequences):
            return X
        path = None
        if isinstance(X, str | os.PathLike):
            path = str(X)
            X = read_conll(existing(path), encoding=self.encoding)
        if isinstance(X, Tagged):
            return Sequences(list(X.words), [list(tags) for tags in X.tags], path)
        rows = rows_of(X)
        if y is None:
            raise DataError("a SequenceTagger needs y, a list of tags for each sequence.")
        tags = [list(row) for row in rows_of(y, "y")]
        _refuse_unequal(rows, tags)
        return Sequences(rows, _in_bio(tags) if are_spans(tags) else tags, path)

    def _targets_of(self, found: Sequences) -> Targets:
        return Classes.of(np.array([tag for row in found.targets for tag in row]))

    def _encoded(self, coding: Coding, found: Sequences) -> Lesson:
        flat = np.array([tag for row in found.targets for tag in row])
        lengths = torch.tensor([len(row) for row in found.targets])
        tags = Ragged(torch.from_numpy(coding.targets.encode(flat)), lengths)
        return Lesson(coding.inputs.encode(found.inputs), (tags,), np.arange(len(found)))

    # -- learning

    def _network_of(self, coding: Coding) -> nn.Module:
        reading: Any = super()._network_of(coding)
        if not self.crf:
            return TaggingNetwork(reading)
        names = _tags(coding)
        forbidden = forbidden_in_bio(names) if are_spans([names]) else (None, None)
        return TaggingNetwork(reading, CRF(len(names), *forbidden))

    def _error_of(self, coding: Coding, network: nn.Module, train: Lesson) -> Callable[..., Tensor]:
        assert isinstance(network, TaggingNetwork)
        weights = self._weights(coding, train)

        def error(scores: Tensor, tags: Tensor) -> Tensor:
            return network.error(scores, tags, weights)

        return error

    def _weights(self, coding: Coding, train: Lesson) -> Tensor | None:
        """Of the tags, if class_weight is given; a tag that is nowhere has none."""
        if self.class_weight is None:
            return None
        targets: Any = coding.targets
        steps: Any = train.targets[0]
        numbers = steps.values.cpu().numpy()
        each = balanced(self.class_weight, targets, targets.classes[numbers], None)
        weights = np.zeros(targets.outputs, np.float32)
        weights[numbers] = each
        return torch.from_numpy(weights).to(steps.values.device)

    def _measured(self, network: nn.Module, coding: Coding, lesson: Lesson, place: Place) -> dict[str, float]:
        assert isinstance(network, TaggingNetwork)
        names, total, steps = _tags(coding), 0.0, 0
        counts, right = np.zeros(3), 0
        entities = are_spans([names])
        for _, scores, (_, lengths, tags, *_) in asked(network, lesson, place):
            real = int(lengths.sum())
            total, steps = total + network.error(scores, tags).item() * real, steps + real
            said = network.decide(scores, lengths)
            right += int(((said == tags) & (tags != PADDED)).sum())
            for row, told, length in zip(tags.tolist(), said.tolist(), lengths.tolist(), strict=True):
                if entities:
                    there, found = ({*spans([names[i] for i in one[:length]])} for one in (row, told))
                    counts += (len(there & found), len(found), len(there))
        score = 2 * counts[0] / max(counts[1] + counts[2], 1) if entities else right / steps
        return {"validation/error": total / steps, "validation/score": float(score)}

    def _named(self) -> None:
        self.classes_ = self.coding_.targets.classes
        self.spans_ = are_spans([_tags(self.coding_)])

    # -- using

    def predict(self, X: Any) -> list[list[str]]:
        """A tag for every word: as many lists as X has, each as long as its own."""
        self._answering()
        return [self.classes_[row].tolist() for row in self._decided(rows_of(X))]

    def predict_proba(self, X: Any) -> list[np.ndarray]:
        """The probability of every tag at every step, in the order of classes_: (t, tags) for each row."""
        place = self._answering()
        return [probabilities.cpu().double().numpy() for _, probabilities in self._each(rows_of(X), place, True)]

    def spans(self, X: Any) -> list[list[tuple[str, str]]]:
        """The entities of every sentence: (kind, words)."""
        rows = rows_of(X)
        words: Any = self.coding_.inputs if hasattr(self, "coding_") else self._answering()
        if not self.spans_ or not isinstance(words, Words):
            raise InputError("the tags of this model are not spans of words.")
        cut = [words.words(row, i) for i, row in enumerate(rows)]
        return [
            [(span.kind, " ".join(row[span.start : span.stop])) for span in spans(tags)]
            for row, tags in zip(cut, self.predict(cut), strict=True)
        ]

    def score(self, X: Any, y: Any = None) -> float:
        """The F1 of exact entities, or the share of right tags."""
        found = self._read(X, y)
        return judge_tags(found.inputs, found.targets, self.predict(found.inputs), entities=self.spans_).score

    def _decided(self, rows: Sequence[Any]) -> list[np.ndarray]:
        return [tags.cpu().numpy() for tags, _ in self._each(rows, self._answering(), False)]

    def _each(self, rows: Sequence[Any], place: Place, probable: bool) -> list[tuple[Tensor, Tensor]]:
        """(tags, probabilities) of each row; without the second where they are not needed."""
        network: Any = self.network_
        lesson = Lesson(self.coding_.inputs.encode(rows), (), np.arange(len(rows))).to(place.device)
        found: list[Any] = [None] * len(rows)
        for places, scores, (_, lengths, *_) in asked(network, lesson, place):
            said = network.decide(scores, lengths)
            likely = network.probabilities(scores, lengths) if probable else scores
            for i, tags, each, length in zip(places.tolist(), said, likely, lengths.tolist(), strict=True):
                found[i] = tags[:length], each[:length]
        return found

    def _judged(self, found: Sequences, train: Sequences | None = None, seen: bool = False) -> TagAnswers:
        known = None if train is None or not self.spans_ else (train.inputs, train.targets)
        said = self.predict(found.inputs)
        answers = judge_tags(found.inputs, found.targets, said, entities=self.spans_, train=known)
        return replace(answers, seen=seen)


def _tags(coding: Coding) -> list[str]:
    targets: Any = coding.targets
    return targets.classes.tolist()


def _in_bio(tags: Sequence[Sequence[str]]) -> list[list[str]]:
    found = []
    for i, row in enumerate(tags):
        try:
            found.append(to_bio(row))
        except DataError as error:
            raise DataError(f"row {i} of y: {error}") from None
    return found


def _refuse_unequal(rows: Sequence[Any], tags: Sequence[Sequence[str]]) -> None:
    if len(rows) != len(tags):
        raise ShapeError(f"X has {len(rows)} sequences and y {len(tags)}; they must be as many.")
    for i, (row, its) in enumerate(zip(rows, tags, strict=True)):
        if isinstance(row, str):
            raise ShapeError(f"row {i} of X is a text; a list of words is needed, so that each has its tag.")
        if len(row) != len(its):
            raise ShapeError(f"row {i} has {len(row)} steps and {len(its)} tags; each step needs one.")
