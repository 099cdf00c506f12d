"""Many to many, of other lengths: a sentence in, its translation out."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sparring.data.lines import read_parallel
from sparring.data.sequence_files import Sequences
from sparring.data.sequences import Words, rows_of
from sparring.data.source import existing
from sparring.data.words import END, PADDING, START, UNKNOWN, joined
from sparring.errors import DataError, InputError, ShapeError
from sparring.estimators.lessons import Lesson
from sparring.estimators.parameters import SEQUENCE, TRANSLATION
from sparring.estimators.sequence import SequenceModel
from sparring.estimators.sequence_pictures import write_alignments
from sparring.isolation import isolated
from sparring.judging.wording import NextAnswers, bleu_of, interval_of_mean, unigram_error
from sparring.networks import EncoderDecoder, beam, greedy
from sparring.networks.searching import Found
from sparring.place import Place

__all__ = ["Languages", "SequenceTranslator"]

SPECIALS = (PADDING, UNKNOWN, START, END)
BANNED = (0, 1, 2)  # padding, the unknown word, the start: never said
IGNORED = -100
STEPS = 2**13  # of all sources of a search together
SHOWN = 12  # examples in a report


@dataclass(frozen=True)
class Languages:
    """How the two sides become numbers."""

    source: Words
    target: Words


@isolated
@dataclass(kw_only=True, eq=False, repr=False)
class SequenceTranslator(SequenceModel):
    """Learns to say, for a sequence of words, another one of any length: an encoder and a decoder with attention.

    The parameters are those of ``SequenceModel``, and
    attention: whether the decoder looks back at every source word (``networks.AdditiveAttention``), or only at what the
    encoder says at its ends. bidirectional: the encoder. tied: whether the last layer's matrix is that of the target's
    word vectors. smoothing: share of each target's probability that is spread over all words (Szegedy et al. 2016).
    minimum_count, most_words, lower: of both vocabularies.
    beam: how many hypotheses a translation keeps; 1: the most probable next word is taken (greedy). alpha: how much
    long ones are helped (``networks.length_penalty``). longest: words in a translation at most; None: twice the
    source's and ten.

    ``fit(S, T)``: lists of texts or of lists of words, or two paths of files whose lines translate each other. Texts
    are cut into words and marks (``data.words.words_of``). After it: network_, source_, target_ (``Words``), n_iter_,
    loss_curve_, record_, answers_.

    >>> S = ["eins zwei", "zwei drei", "drei eins", "eins zwei drei"] * 8
    >>> T = ["one two", "two three", "three one", "one two three"] * 8
    >>> SequenceTranslator(width=32, batch_size=8, max_iter=30, random_state=0).fit(S, T).predict(["zwei drei"])
    ['two three']
    """

    cell: str = "gru"
    hidden_size: int = 256
    width: int = 256
    attention: bool = True
    bidirectional: bool = True
    tied: bool = True
    smoothing: float = 0.1
    minimum_count: int = 2
    most_words: int | None = None
    lower: bool = True
    beam: int = 5
    alpha: float = 1.0
    longest: int | None = None
    kind: ClassVar[str] = "sequence-translator"
    most_rows: ClassVar[int] = 64
    takes: ClassVar[int] = 3
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {**SEQUENCE, **TRANSLATION}

    # -- data

    def _read(self, X: Any, y: Any) -> Sequences:
        if isinstance(X, Sequences):
            return X
        if isinstance(X, str | os.PathLike):
            if not isinstance(y, str | os.PathLike):
                raise InputError(f"{X}: the file with its translations is needed too, line by line.")
            pairs = read_parallel(existing(os.fspath(X)), existing(os.fspath(y)), self.encoding)
            if not pairs:
                raise DataError(f"{X} holds no text.")
            return Sequences([one for one, _ in pairs], [other for _, other in pairs], str(X), str(y))
        if y is None:
            raise DataError("a SequenceTranslator needs y, a translation for each sequence.")
        sources, targets = rows_of(X), rows_of(y, "y")
        if len(sources) != len(targets):
            raise ShapeError(
                f"there are {len(sources)} sequences and {len(targets)} translations; they must be as many."
            )
        return Sequences(sources, targets)

    def _coding_of(self, found: Sequences, train: NDArray[np.int64]) -> Languages:
        raw = found.part(train)
        source, target = (
            Words.of(rows, self.minimum_count, self.most_words, self.lower, specials=SPECIALS)
            for rows in (raw.inputs, raw.targets)
        )
        return Languages(source, target)

    def _encoded(self, coding: Languages, found: Sequences) -> Lesson:
        words = [coding.target.words(row, i) for i, row in enumerate(found.targets)]
        said = coding.target.encode_words(words, last=END)
        return Lesson(coding.source.encode(found.inputs), (said, said), np.arange(len(found)))

    def _coding_json(self, coding: Languages) -> dict[str, Any]:
        return {"source": coding.source.to_json(), "target": coding.target.to_json()}

    def _coding_from(self, content: dict[str, Any]) -> Languages:
        return Languages(Words.from_json(content["source"]), Words.from_json(content["target"]))

    def _described(self, coding: Languages) -> str:
        source, target = len(coding.source.vocabulary), len(coding.target.vocabulary)
        return f"words and their translations (vocabularies of {source:,} and {target:,})"

    def _named(self) -> None:
        self.source_, self.target_ = self.coding_.source, self.coding_.target

    # -- learning

    def _network_of(self, coding: Languages) -> EncoderDecoder:
        return EncoderDecoder(
            len(coding.source.vocabulary),
            len(coding.target.vocabulary),
            width=self.width,
            hidden=self.hidden_size,
            layers=self.layers,
            cell=self.cell,
            attention=self.attention,
            bidirectional=self.bidirectional,
            dropout=self.dropout,
            tied=self.tied,
            start=coding.target.vocabulary.number(START),
            learned_start=self.learned_start,
        )

    def _called(self, network: nn.Module) -> Callable[..., Tensor]:
        assert isinstance(network, EncoderDecoder)
        return network.scores

    def _error_of(self, coding: Languages, network: nn.Module, train: Lesson) -> Callable[..., Tensor]:
        def error(scores: Tensor, target: Tensor) -> Tensor:
            return nn.functional.cross_entropy(scores, target[target >= 0], label_smoothing=self.smoothing)

        return error

    def _measured(self, network: nn.Module, coding: Languages, lesson: Lesson, place: Place) -> dict[str, float]:
        errors, steps, right = _known(network, lesson, place)
        total = float(steps.sum())
        return {"validation/error": float(errors.sum()) / total, "validation/score": float(right.sum()) / total}

    def _threads(self, rows: int) -> int | None:
        return None  # the vocabulary's matrix is large enough to be shared out

    # -- using

    def predict(self, X: Any) -> list[str]:
        """The translations of some sequences, as texts. An empty text stays empty."""
        return [joined(words) for words in self.translated(X)]

    def translated(self, X: Any) -> list[list[str]]:
        """The translations of some sequences, as lists of words."""
        place = self._answering()
        rows = [self.source_.words(row, i) for i, row in enumerate(rows_of(X))]
        full = [i for i, row in enumerate(rows) if row]
        made: list[list[str]] = [[] for _ in rows]
        if not full:
            return made
        lesson = Lesson(self.source_.encode_words([rows[i] for i in full]), (), np.arange(len(full))).to(place.device)
        for places, (source, lengths) in lesson.blocks():
            for i, found in zip(places.tolist(), self._searched(source, lengths), strict=True):
                made[full[i]] = self.target_.vocabulary.decode(found.words[0])
        return made

    def _searched(self, source: Tensor, lengths: Tensor) -> list[Found]:
        network: Any = self.network_
        end = self.target_.vocabulary.number(END)
        most = 2 * lengths + 10 if self.longest is None else torch.full_like(lengths, self.longest)
        with torch.inference_mode():
            memory = network.encode(source, lengths)
            if self.beam == 1:
                return greedy(network.step, memory, end, most, never=BANNED)
            return beam(network.step, memory, end, most, size=self.beam, alpha=self.alpha, never=BANNED)

    def alignment(self, source: Any, target: Any) -> tuple[list[str], list[str], NDArray[np.float64]]:
        """How much each word of a translation looked at each source word: (source words, target words, weights (t, s)).

        Raises InputError without attention.
        """
        place = self._answering()
        lesson = self._encoded(self.coding_, Sequences([source], [target])).to(place.device)
        network: Any = self.network_
        with torch.inference_mode():
            weights = network.alignment(*lesson.whole()[:3])[0]
        words = self.source_.words(source), [*self.target_.words(target), END]
        return *words, weights.cpu().double().numpy()

    def score(self, X: Any, y: Any = None) -> float:
        """Mean log-likelihood of a translation's word, in nats; 0 is the best."""
        place = self._answering()
        lesson = self._encoded(self.coding_, self._read(X, y)).to(place.device)
        errors, steps, _ = _known(self.network_, lesson, place)
        return -float(errors.sum() / steps.sum())

    def _judged(self, found: Sequences, train: Sequences | None = None, seen: bool = False) -> NextAnswers:
        place = self._answering()
        lesson = self._encoded(self.coding_, found).to(place.device)
        errors, steps, right = _known(self.network_, lesson, place)
        write_alignments(self, found)
        said, references = self.predict(found.inputs), [_as_text(row) for row in found.targets]
        words: Any = lesson.targets[0]
        known: Any = words if train is None else self._encoded(self.coding_, train).targets[0]
        return NextAnswers(
            rows=len(found),
            steps=int(steps.sum()),
            unit="word",
            error=float(errors.sum() / steps.sum()),
            interval=interval_of_mean(errors, steps),
            baseline=unigram_error(
                known.values.cpu().numpy(), words.values.cpu().numpy(), len(self.target_.vocabulary)
            ),
            accuracy=float(right.sum() / steps.sum()),
            bleu=bleu_of(said, references),
            examples=tuple(
                (_as_text(one), reference, answer)
                for one, reference, answer in zip(found.inputs[:SHOWN], references, said, strict=False)
            ),
            seen=seen,
        )


def _as_text(row: Any) -> str:
    return row if isinstance(row, str) else joined(row)


def _known(
    network: nn.Module, lesson: Lesson, place: Place
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """(error, words, right words) of every row, given the right words before each."""
    assert isinstance(network, EncoderDecoder)
    found = np.zeros((3, len(lesson)))
    with torch.inference_mode(), place.autocast():
        for places, (source, lengths, target, _) in lesson.blocks():
            scores, words = network.scores(source, lengths, target).float(), target[target >= 0]
            errors = nn.functional.cross_entropy(scores, words, reduction="none")
            rows = torch.nonzero(target >= 0)[:, 0].cpu()
            for i, part in enumerate((errors, torch.ones_like(errors), (scores.argmax(1) == words).float())):
                found[i, places.numpy()] = torch.zeros(len(places)).index_add_(0, rows, part.cpu()).numpy()
    return found[0], found[1].astype(np.int64), found[2].astype(np.int64)
