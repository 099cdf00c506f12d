"""One to many: learns what comes next in texts or music, and writes more of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sparring.chance import generator
from sparring.data.batches import Batched
from sparring.data.ragged import Ragged, SequenceBatches
from sparring.data.rolls import Roll
from sparring.data.sequence_files import Sequences
from sparring.data.sequences import Frames, SequenceSchema, Words, sequences_from_json
from sparring.data.streams import StreamBatches
from sparring.data.words import END, PADDING, START, UNKNOWN, joined
from sparring.data.works import read_works
from sparring.errors import InputError, ShapeError
from sparring.estimators.lessons import Lesson, asked
from sparring.estimators.parameters import GENERATION, SEQUENCE
from sparring.estimators.sequence import SequenceModel
from sparring.estimators.sequence_pictures import write_samples
from sparring.estimators.streaming import SequenceStream
from sparring.isolation import isolated
from sparring.judging.wording import NextAnswers, interval_of_mean, unigram_error
from sparring.networks import Carrying, Chords, SequenceNetwork
from sparring.place import Place
from sparring.seeds import seed_from

__all__ = ["SequenceGenerator"]

SPECIALS = (PADDING, UNKNOWN, START, END)
BANNED = [0, 1, 2]  # padding, the unknown word, the start: never written
IGNORED = -100.0
LENGTH = 100  # steps that are written unless more are asked for


@isolated
@dataclass(kw_only=True, eq=False, repr=False)
class SequenceGenerator(SequenceModel):
    """Learns p(x_t | x_1..x_t-1), and draws from it: texts by word or by letter, or frames of keys, which are music.

    The parameters are those of ``SequenceModel``, and
    input_dropout: share of the inputs left out while training; None: as dropout. remember: of ``networks.Recurrent``.
    level: what a text is cut into, "word" or "letter". minimum_count, most_words, lower: of the vocabulary.
    window: None: each row is learned from as a whole, from its first step to its end. A number: all rows are one
    stream, learned from in windows of so many steps, with the states carried on (truncated backpropagation through
    time). chords: of frames: whether a key depends on those below it that sound with it (``networks.Chords``); False:
    only on the frames before, as the networks of Chung et al. 2014.

    ``fit(S)``: texts, or lists of words; arrays (t, keys) of 0 and 1, or ``data.rolls.Roll``; or a path, for which
    ``data.works.read_works`` lists the files that are understood: texts, ABC tunes, MIDI, piano rolls.
    Each row's first step is predicted too, from nothing. After it: network_, n_iter_, loss_curve_, record_, answers_.

    >>> model = SequenceGenerator(level="letter", hidden_size=32, batch_size=4, max_iter=40, random_state=0)
    >>> model.fit(["abcabc"] * 32).sample(2, prime="ab", random_state=0)
    ['abcabc', 'abcabc']
    """

    hidden_size: int = 256
    dropout: float = 0.2
    learning_rate_init: float = 5e-3
    input_dropout: float | None = None
    remember: int | None = None
    level: str = "word"
    minimum_count: int = 1
    most_words: int | None = None
    lower: bool = False
    window: int | None = None
    chords: bool = True
    kind: ClassVar[str] = "sequence-generator"
    absent: ClassVar[dict[str, Any]] = {"chords": False}  # what runs did from before there was the parameter
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {**SEQUENCE, **GENERATION}

    # -- data

    def _read(self, X: Any, y: Any) -> Sequences:
        if y is not None:
            raise InputError("a SequenceGenerator learns from sequences alone; it takes no y.")
        return X if isinstance(X, Sequences) else read_works(X, self.encoding, whole=self.window is not None)

    def _coding_of(self, found: Sequences, train: NDArray[np.int64]) -> SequenceSchema:
        first: Any = found.inputs[0]
        if isinstance(first, Roll):
            return Frames(first.keys, first.lowest, first.frame, first.tempo)
        if isinstance(first, str) or (len(first) and isinstance(first[0], str)):
            rows = [found.inputs[i] for i in train.tolist()]
            level: Any = self.level
            return Words.of(rows, self.minimum_count, self.most_words, self.lower, level=level, specials=SPECIALS)
        if np.ndim(first) != 2:
            raise ShapeError(f"row 0 must be a text, a list of words, or frames (t, keys); got {np.shape(first)}.")
        return Frames(np.shape(first)[1])

    def _encoded(self, coding: SequenceSchema, found: Sequences) -> Lesson:
        inputs, targets = self._shifted(coding, found.inputs)
        return Lesson(inputs, (targets,), np.arange(len(found)))

    def _shifted(self, coding: SequenceSchema, rows: Sequence[Any]) -> tuple[Ragged, Ragged]:
        """What is seen at each step, and what is to be said: the row itself, a step further."""
        if isinstance(coding, Words):
            said = coding.encode_words([coding.words(row, i) for i, row in enumerate(rows)], last=END)
            first: Tensor = torch.tensor(coding.vocabulary.number(START))
        else:
            said = coding.encode(rows)
            first = torch.zeros_like(said.values[0])
        seen = torch.roll(said.values, 1, dims=0)
        seen[said.starts] = first
        return Ragged(seen, said.lengths), said

    def _coding_json(self, coding: SequenceSchema) -> dict[str, Any]:
        return coding.to_json()

    def _coding_from(self, content: dict[str, Any]) -> SequenceSchema:
        return sequences_from_json(content)

    def _described(self, coding: SequenceSchema) -> str:
        return coding.described()

    # -- learning

    def _network_of(self, coding: SequenceSchema) -> nn.Module:
        words = len(coding.vocabulary) if isinstance(coding, Words) else None
        reading = SequenceNetwork(
            words or coding.width or 1,
            words=words,
            width=self.width if coding.width is None else coding.width,
            answer="each",
            dropout=self.dropout,
            input_dropout=self.input_dropout,
            remember=self.remember,
            hidden=self.hidden_size,
            layers=self.layers,
            cell=self.cell,
            learned_start=self.learned_start,
            chords=self.chords and words is None,
        )
        return reading if self.window is None else Carrying(reading, self._streams)

    @property
    def _streams(self) -> int:
        """Into how many the one stream of all rows is cut, to be learned from side by side."""
        return self.most_rows if isinstance(self.batch_size, str) else self.batch_size

    def _batches_of(self, lesson: Lesson, seed: int) -> Batched:
        targets: Any = lesson.targets[0]
        if self.window is None:
            return SequenceBatches(lesson.inputs, targets, size=self._size(len(lesson)), seed=seed)
        return StreamBatches(lesson.inputs, targets, self._streams, self.window)

    def _error_of(self, coding: SequenceSchema, network: nn.Module, train: Lesson) -> Callable[..., Tensor]:
        return partial(_mean_error, isinstance(coding, Words), _reading(network).chords)

    def _measured(self, network: nn.Module, coding: SequenceSchema, lesson: Lesson, place: Place) -> dict[str, float]:
        errors, right = self._known(network, coding, lesson, place)
        steps = lesson.inputs.lengths.numpy()
        return {
            "validation/error": float(errors.sum() / steps.sum()),
            "validation/score": float(right.sum() / steps.sum()),
        }

    def _known(
        self, network: nn.Module, coding: SequenceSchema, lesson: Lesson, place: Place
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(error, right steps) of every row, summed over its steps."""
        found, chords = np.zeros((2, len(lesson))), _reading(network).chords
        for places, outputs, (_, _, targets) in asked(network, lesson, place):
            errors, right = _errors(isinstance(coding, Words), chords, outputs, targets)
            found[0, places.numpy()] = errors.sum(1).cpu().double().numpy()
            found[1, places.numpy()] = right.sum(1).cpu().double().numpy()
        return found[0], found[1]

    # -- using

    def sample(
        self,
        n: int = 1,
        *,
        prime: Any = None,
        length: int = LENGTH,
        temperature: float = 1.0,
        top_k: int | None = None,
        random_state: Any = None,
    ) -> list[Any]:
        """Draw n sequences: texts, lists of words if these were learned from, or arrays (t, keys) of bool.

        prime: how each of them begins, which is not drawn. length: steps at most, the prime's included; a text may end
        before. temperature: of the probabilities; below 1 the probable is drawn more often, 0 always. top_k: draw among
        so many most probable words (of frames: among so many keys) only.
        """
        self._answering()
        if n < 1 or length < 1 or temperature < 0 or (top_k is not None and top_k < 1):
            raise InputError(
                f"n, length and top_k must be at least 1 and temperature 0; got {n}, {length}, {top_k}, {temperature}."
            )
        chance = generator(seed_from(random_state), "sample")
        words, chords = isinstance(self.coding_, Words), _reading(self.network_).chords
        draw = partial(_drawn, words, chords, temperature, top_k, chance)
        seen, fixed = self._begun(prime)
        with torch.inference_mode():
            drawn = self._written(seen.expand(n, *seen.shape[1:]), length - fixed, draw)
        return self._as_found(torch.cat([seen[:, 1:].expand(n, *seen[:, 1:].shape[1:]), drawn], dim=1), prime)

    def _begun(self, prime: Any) -> tuple[Tensor, int]:
        """The first inputs (1, t, ...), and how many steps are fixed by the prime."""
        if prime is None or len(prime) == 0:
            begun: Tensor = torch.zeros(1, self.coding_.width or 1)
            if isinstance(self.coding_, Words):
                begun = torch.tensor([self.coding_.vocabulary.number(START)])
            return begun[None].to(self._answering().device), 0
        seen, said = self._shifted(self.coding_, [prime])
        last = said.values[:-1] if isinstance(self.coding_, Words) else said.values
        whole = torch.cat([seen.values[:1], last])[None]
        return whole.to(self._answering().device), whole.shape[1] - 1

    def _written(self, seen: Tensor, steps: int, draw: Callable[[Tensor], Tensor]) -> Tensor:
        """(n, steps, ...): what is drawn after what was seen; rows that have ended go on without meaning."""
        reading = _reading(self.network_)
        end = self.coding_.vocabulary.number(END) if isinstance(self.coding_, Words) else None
        state, drawn = reading.recurrent.begin(len(seen)), []
        ended = torch.zeros(len(seen), dtype=torch.bool, device=seen.device)
        for _ in range(max(steps, 0)):
            outputs, state = reading.going_on(seen, state)
            next_one = draw(outputs[:, -1].float()).to(seen.device)
            drawn.append(next_one)
            if end is not None:
                ended |= next_one == end
                if bool(ended.all()):
                    break
            seen = next_one[:, None]
        return torch.stack(drawn, dim=1) if drawn else seen[:, :0]

    def _as_found(self, rows: Tensor, prime: Any) -> list[Any]:
        if not isinstance(self.coding_, Words):
            return [row.bool().cpu().numpy() for row in rows]
        end, made = self.coding_.vocabulary.number(END), []
        for row in rows.tolist():
            words = self.coding_.vocabulary.decode(row[: row.index(end)] if end in row else row)
            made.append("".join(words) if self.coding_.level == "letter" else joined(words))
        return made

    def stream(self) -> SequenceStream:
        """For real time: ``push`` a step, and get the probabilities of the next: of each word, or of each key.

        Words are in the order of the vocabulary. Nothing has to be pushed for a sequence's start.
        """
        place, coding = self._answering(), self.coding_
        reading = _reading(self.network_)

        def encode(x: Any) -> Tensor:
            if isinstance(coding, Words):
                return coding.encode_words([[x]]).values[None].to(place.device)
            return coding.encode([np.asarray(x)[None]]).values[None].to(place.device)

        def answer(outputs: Tensor) -> NDArray[np.float64]:
            logits = outputs.cpu().double()
            likely = logits.softmax(1) if isinstance(coding, Words) else _sounding(reading.chords, logits)
            return likely[0].numpy()

        stream = SequenceStream(reading, encode, answer)
        if isinstance(coding, Words):
            stream.push(START)
        else:
            stream.push(np.zeros(coding.width or 1))
        stream.steps = 0
        return stream

    def rolls(self, samples: Sequence[Any]) -> list[Roll]:
        """Samples of frames as piano rolls, which ``data.midi.write_midi`` writes so that they can be played.

        Raises InputError if the model writes no frames.
        """
        self._answering()
        frames: Any = self.coding_
        if not isinstance(frames, Frames):
            raise InputError(f"this model writes {frames.described()}, not frames of keys.")
        return [Roll(np.asarray(row), frames.lowest, frames.frame, frames.tempo) for row in samples]

    def score(self, X: Any, y: Any = None) -> float:
        """Mean log-likelihood of a step, in nats."""
        return -self._judged(self._read(X, y)).error

    def log_likelihood(self, X: Any) -> NDArray[np.float64]:
        """The log-likelihood of every row, in nats, (n,): log p(x_1) + log p(x_2 | x_1) + ..."""
        place = self._answering()
        lesson = self._encoded(self.coding_, self._read(X, None)).to(place.device)
        return -self._known(self.network_, self.coding_, lesson, place)[0]

    def _judged(self, found: Sequences, train: Sequences | None = None, seen: bool = False) -> NextAnswers:
        place, coding = self._answering(), self.coding_
        lesson = self._encoded(coding, found).to(place.device)
        errors, right = self._known(self.network_, coding, lesson, place)
        steps = lesson.inputs.lengths.numpy()
        said: Any = lesson.targets[0]
        known: Any = said if train is None else self._encoded(coding, train).targets[0]
        is_words = isinstance(coding, Words)
        return NextAnswers(
            rows=len(found),
            steps=int(steps.sum()),
            unit=coding.level if is_words else "frame",
            error=float(errors.sum() / steps.sum()),
            interval=interval_of_mean(errors, steps),
            baseline=_baseline(known.values.cpu(), said.values.cpu(), len(coding.vocabulary) if is_words else None),
            accuracy=float(right.sum() / steps.sum()),
            seen=seen,
        )

    def _pictured(self, train: Sequences, held_out: Sequences) -> None:
        write_samples(self, train, held_out)


def _reading(network: Any) -> SequenceNetwork:
    return network.reading if isinstance(network, Carrying) else network


def _errors(words: bool, chords: Chords | None, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """(nats, whether it was right) of every step, (n, t); 0 in padding. Frames: the sum over their keys.

    A frame is right if every key is, given the true ones below it: then drawing at temperature 0 gives this frame.
    """
    if words:
        shape, flat = targets.shape, targets.flatten()
        errors = nn.functional.cross_entropy(outputs.flatten(0, 1), flat, ignore_index=-100, reduction="none")
        return errors.reshape(shape), (outputs.argmax(2) == targets).float()
    inside = targets[:, :, 0] != IGNORED
    known = targets.clamp(min=0)
    logits = outputs if chords is None else chords(outputs, known)
    errors = nn.functional.binary_cross_entropy_with_logits(logits, known, reduction="none").sum(2)
    right = ((logits > 0) == (known > 0)).all(2)
    return errors * inside, (right & inside).float()


def _mean_error(words: bool, chords: Chords | None, outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean nats of a step that is not padding."""
    if words:
        return nn.functional.cross_entropy(outputs.flatten(0, 1), targets.flatten(), ignore_index=-100)
    inside = targets[:, :, 0] != IGNORED
    logits, frames = outputs[inside], targets[inside]
    logits = logits if chords is None else chords(logits, frames)
    return nn.functional.binary_cross_entropy_with_logits(logits, frames, reduction="none").sum(1).mean()


def _drawn(
    words: bool,
    chords: Chords | None,
    temperature: float,
    top_k: int | None,
    chance: torch.Generator,
    logits: Tensor,
) -> Tensor:
    """The next word of every row, (n,), or the next frame, (n, keys)."""
    logits = logits.cpu()
    if words:
        logits[:, BANNED] = -torch.inf
    if top_k is not None and top_k < logits.shape[1]:
        likely = logits if words else _sounding(chords, logits)
        least = likely.topk(top_k, dim=1).values[:, -1:]
        logits = logits.masked_fill(likely < least, -torch.inf)
    if chords is not None:
        return chords.draw(logits, temperature, chance)
    if temperature == 0:
        return logits.argmax(1) if words else (logits > 0).float()
    scaled = logits / temperature
    if words:
        return torch.multinomial(scaled.softmax(1), 1, generator=chance)[:, 0]
    return torch.bernoulli(scaled.sigmoid(), generator=chance)


def _sounding(chords: Chords | None, logits: Tensor) -> Tensor:
    """The probability of each key, (n, keys)."""
    return logits.sigmoid() if chords is None else chords.probabilities(logits)


def _baseline(known: Tensor, said: Tensor, words: int | None) -> float:
    """Mean nats of a step where none is looked at: by each word's share, or by how often each key is on."""
    if words is not None:
        return unigram_error(known.numpy(), said.numpy(), words)
    share = ((known.double().sum(0) + 1) / (len(known) + 2)).expand_as(said)
    return float(nn.functional.binary_cross_entropy(share, said.double(), reduction="none").sum(1).mean())
