"""What sequences hold, as numbers for a network: words and their letters, signals, or frames of keys."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sparring.data.plain import refuse, typed
from sparring.data.ragged import Ragged
from sparring.data.rolls import KEYS, LOWEST, Roll
from sparring.data.series import Scaling
from sparring.data.words import END, PADDING, START, UNKNOWN, Vocabulary, words_of
from sparring.errors import DataError, InputError, ShapeError

__all__ = ["Frames", "Level", "SequenceSchema", "Signals", "Words", "rows_of", "schema_of", "sequences_from_json"]

Level = Literal["word", "letter"]
LONGEST = 20  # letters of a word that are looked at
ALPHABET = 200  # letters that have a number of their own


class SequenceSchema(ABC):
    """How sequences of one kind become numbers. Subclasses are frozen dataclasses.

    kind: "words", "signals" or "frames". width: numbers a step; None: each step is a word's number.
    """

    kind: str
    width: int | None

    @abstractmethod
    def encode(self, rows: Sequence[Any]) -> Ragged:
        """Rows end to end. Raises DataError or ShapeError, with the row, for one that does not fit or is empty."""

    @abstractmethod
    def described(self) -> str:
        """What a row is, in a few words."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]: ...


def sequences_from_json(content: dict[str, Any]) -> SequenceSchema:
    """The schema that ``to_json`` described."""
    kinds: dict[str, Any] = {"words": Words, "signals": Signals, "frames": Frames}
    return kinds[content["kind"]].from_json(content)


def rows_of(X: Any, what: str = "X") -> list[Any]:
    """Texts, lists of words or arrays (t, columns), one for each row; an array (n, t, columns) is its rows.

    Raises DataError if there are none, ShapeError for a single text or number.
    """
    if isinstance(X, str | bytes) or not hasattr(X, "__len__"):
        raise ShapeError(f"{what} must be a list of sequences, one for each row; got {type(X).__name__}.")
    if isinstance(X, pd.DataFrame):
        raise ShapeError(f"{what} is a DataFrame; give the column of texts, X['name'], or an array (n, t, columns).")
    rows = list(X)
    if not rows:
        raise DataError(f"{what} is empty; at least one sequence is needed.")
    return rows


def schema_of(
    rows: Sequence[Any],
    *,
    minimum: int = 1,
    most: int | None = None,
    lower: bool = True,
    letters: bool = False,
    level: Level = "word",
    specials: Sequence[str] = (PADDING, UNKNOWN),
) -> SequenceSchema:
    """The schema that suits some rows: words for texts and lists of texts, signals for numbers.

    minimum, most: of the vocabulary (``Vocabulary.of``). lower: whether words are looked up in lower case. letters:
    whether each word's letters are encoded too. level: what a text is cut into.
    """
    first = rows[0]
    if isinstance(first, str) or (len(first) and isinstance(first[0], str)):
        return Words.of(rows, minimum, most, lower, letters, level, specials)
    return Signals.of(rows)


# -- words


@dataclass(frozen=True)
class Words(SequenceSchema):
    """Texts, or lists of words, as the words' numbers.

    lower: whether a word is looked up in lower case. letters: of words, each word's step then being its number and
    those of its first ``longest`` letters (0: no letter). level: what a text is cut into: words and marks, or letters.
    """

    vocabulary: Vocabulary
    lower: bool = True
    letters: Vocabulary | None = None
    longest: int = LONGEST
    level: Level = "word"
    kind = "words"
    width = None

    @classmethod
    def of(
        cls,
        rows: Sequence[Any],
        minimum: int = 1,
        most: int | None = None,
        lower: bool = True,
        letters: bool = False,
        level: Level = "word",
        specials: Sequence[str] = (PADDING, UNKNOWN),
    ) -> Self:
        plain = cls(Vocabulary(specials), lower, None, LONGEST, level)
        cut = [plain.words(row, i) for i, row in enumerate(rows)]
        vocabulary = Vocabulary.of(([plain.key(word) for word in row] for row in cut), minimum, most, specials)
        alphabet = Vocabulary.of((word for row in cut for word in row), most=ALPHABET) if letters else None
        return cls(vocabulary, lower, alphabet, LONGEST, level)

    def key(self, word: str) -> str:
        """The form in which a word is looked up."""
        return word.lower() if self.lower else word

    def words(self, row: Any, place: int = 0) -> list[str]:
        """A row's words, in their own letters. place: the row's number, for errors."""
        if isinstance(row, str):
            return list(row) if self.level == "letter" else words_of(row, lower=False)
        found = list(row)
        wrong = next((word for word in found if not isinstance(word, str)), None)
        if wrong is not None:
            raise DataError(f"row {place} holds {wrong!r}, which is no word; texts or lists of words are needed.")
        return found

    def encode(self, rows: Sequence[Any]) -> Ragged:
        return self.encode_words([self.words(row, i) for i, row in enumerate(rows)])

    def encode_words(self, rows: Sequence[Sequence[str]], last: str | None = None) -> Ragged:
        """last: a word to put after each row's own."""
        _refuse_empty(rows, "words" if self.level == "word" else "letters")
        number = self.vocabulary.number
        known: dict[str, Any] = {}
        encoded: list[Any] = []
        for row in rows:
            for word in row if last is None else [*row, last]:
                if word not in known:
                    own = number(word if word in (START, END) else self.key(word))
                    known[word] = own if self.letters is None else [own, *self._spelled(word)]
                encoded.append(known[word])
        extra = 0 if last is None else 1
        return Ragged(torch.tensor(encoded), torch.tensor([len(row) + extra for row in rows]))

    def _spelled(self, word: str) -> list[int]:
        assert self.letters is not None
        numbers = [self.letters.number(letter) for letter in word[: self.longest]]
        return numbers + [0] * (self.longest - len(numbers))

    def described(self) -> str:
        return "letters" if self.level == "letter" else "words"

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "vocabulary": self.vocabulary.to_json(),
            "lower": self.lower,
            "letters": None if self.letters is None else self.letters.to_json(),
            "longest": self.longest,
            "level": self.level,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        letters, longest = content["letters"], content["longest"]
        known = isinstance(content["lower"], bool) and content["level"] in ("word", "letter")
        if not known or not isinstance(longest, int) or not 1 <= longest <= 2**10:
            raise DataError("the schema of words is damaged.")
        return cls(
            Vocabulary.from_json(content["vocabulary"]),
            content["lower"],
            None if letters is None else Vocabulary.from_json(letters),
            content["longest"],
            content["level"],
        )


def _refuse_empty(rows: Sequence[Any], what: str) -> None:
    empty = next((i for i, row in enumerate(rows) if not len(row)), None)
    if empty is not None:
        raise DataError(f"row {empty} holds no {what}; leave it out.")


# -- numbers


@dataclass(frozen=True)
class Signals(SequenceSchema):
    """Arrays (t, columns) of numbers, or (t,) for one column, scaled to mean 0 and deviation 1 by column."""

    scaling: Scaling
    kind = "signals"

    @classmethod
    def of(cls, rows: Sequence[Any]) -> Self:
        """Raises as ``encode`` does."""
        return cls(Scaling.of(np.concatenate(_checked(rows, None))))

    @property
    def width(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return len(self.scaling.means)

    def encode(self, rows: Sequence[Any]) -> Ragged:
        whole = _checked(rows, self.width)
        scaled = self.scaling.scale(np.concatenate(whole))
        return Ragged(torch.from_numpy(scaled.astype(np.float32)), torch.tensor([len(row) for row in whole]))

    def described(self) -> str:
        return f"steps of {self.width} number{'s' if self.width > 1 else ''}"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "scaling": self.scaling.to_json()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        return cls(Scaling.from_json(content["scaling"]))


@dataclass(frozen=True)
class Frames(SequenceSchema):
    """Arrays (t, keys) of on and off, or rolls: the keys of a piano. lowest, frame, tempo: as for ``Roll``."""

    keys: int = KEYS
    lowest: int = LOWEST
    frame: float = 0.25
    tempo: float = 120.0
    kind = "frames"

    @property
    def width(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.keys

    def encode(self, rows: Sequence[Any]) -> Ragged:
        whole = _checked(rows, self.keys)
        for i, row in enumerate(whole):
            if not np.isin(row, (0.0, 1.0)).all():
                raise DataError(f"row {i} holds {row[~np.isin(row, (0.0, 1.0))][0]}; frames are 0 or 1, key by key.")
        values = np.concatenate(whole).astype(np.float32)
        return Ragged(torch.from_numpy(values), torch.tensor([len(row) for row in whole]))

    def described(self) -> str:
        return f"frames of {self.keys} keys"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        made = typed(content, cls)
        refuse(not 1 <= made.keys <= 2**10, "frames have keys")
        return made


def _checked(rows: Sequence[Any], width: int | None) -> list[NDArray[np.float64]]:
    """Arrays (t, width) of finite numbers. width: None for the first row's."""
    found = []
    for i, row in enumerate(rows):
        try:
            array = np.asarray(row.frames if isinstance(row, Roll) else row, np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"row {i} does not hold numbers alone: {error}") from None
        array = array[:, None] if array.ndim == 1 else array
        width = array.shape[-1] if width is None and array.ndim == 2 else width
        if array.ndim != 2 or array.shape[1] != width:
            raise ShapeError(f"row {i} must have the shape (steps, {width or 'columns'}); got {array.shape}.")
        if not np.isfinite(array).all():
            step, column = np.argwhere(~np.isfinite(array))[0]
            raise DataError(f"row {i}, step {step}, column {column} is {array[step, column]}; fill it.")
        found.append(array)
    _refuse_empty(found, "steps")
    if not found:
        raise InputError("there are no rows.")
    return found
