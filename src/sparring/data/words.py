"""Words as numbers: a vocabulary, and one-hot vectors of its words."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparring.documents import parsed
from sparring.errors import DataError, InputError
from sparring.files import write_json

__all__ = ["END", "PADDING", "START", "UNKNOWN", "Vocabulary", "joined", "words_of"]

PADDING, UNKNOWN, START, END = "<pad>", "<unk>", "<s>", "</s>"


CLOSING, OPENING = frozenset(".,;:!?)]}%"), frozenset("([{")  # marks without a blank before them, or after
WORD = re.compile(r"\w+(?:['’\-]\w+)*|[^\w\s]")


def words_of(text: str, lower: bool = True) -> list[str]:
    """A text's words, numbers and marks, in their order.

    >>> words_of("Wow... I didn't love this (well-known) place.")
    ['wow', '.', '.', '.', 'i', "didn't", 'love', 'this', '(', 'well-known', ')', 'place', '.']
    """
    return WORD.findall(text.lower() if lower else text)


def joined(words: Sequence[str]) -> str:
    """Words and marks as a text, without blanks before marks that close and after marks that open.

    >>> joined(["two", "men", "(", "one", "old", ")", "wait", "."])
    'two men (one old) wait.'
    """
    text = ""
    for i, word in enumerate(words):
        tight = i == 0 or word in CLOSING or words[i - 1] in OPENING
        text += word if tight else f" {word}"
    return text


class Vocabulary:
    """Words and their numbers, 0 to size - 1. What is not in it is ``UNKNOWN``, if that is, and an error otherwise.

    words: all of them, in the order of their numbers, none twice. The lecture's ten:

    >>> words = "Me Water Food Cave Go Dinosaur Sleep Stone Hunting Stick"
    >>> vocabulary = Vocabulary(words.split())
    >>> numbers = vocabulary.encode("Me Go Hunting".split())
    >>> numbers.tolist()
    [0, 4, 8]
    >>> vocabulary.one_hot(numbers).T.astype(int)  # as the lecture has it: a column for each word
    array([[1, 0, 0],
           [0, 0, 0],
           [0, 0, 0],
           [0, 0, 0],
           [0, 1, 0],
           [0, 0, 0],
           [0, 0, 0],
           [0, 0, 0],
           [0, 0, 1],
           [0, 0, 0]])
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words = tuple(words)
        twice = [word for word, count in Counter(self.words).items() if count > 1]
        if twice:
            raise InputError(f"a vocabulary has each word once; {twice[0]!r} is there several times.")

    @classmethod
    def of(
        cls,
        sentences: Iterable[Sequence[str]],
        minimum: int = 1,
        most: int | None = None,
        specials: Sequence[str] = (PADDING, UNKNOWN),
    ) -> Self:
        """The words of some sentences: the frequent ones first, equally frequent ones in alphabetical order.

        minimum: how often a word must be there to have a number of its own. most: words beside the specials. specials:
        come first, padding with number 0.
        """
        counts = Counter(word for sentence in sentences for word in sentence)
        kept = sorted((word for word, n in counts.items() if n >= minimum), key=lambda word: (-counts[word], word))
        return cls([*specials, *(word for word in kept if word not in specials)][: most and most + len(specials)])

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._numbers

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.words == other.words

    def __hash__(self) -> int:
        return hash(self.words)

    def __repr__(self) -> str:
        shown = ", ".join(self.words[:4])
        return f"Vocabulary({len(self):,} words: {shown}{', ...' if len(self) > 4 else ''})"

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    def number(self, word: str) -> int:
        """A word's number. Raises InputError for a word that is not there, if the vocabulary has no ``UNKNOWN``."""
        found = self._numbers.get(word, self._numbers.get(UNKNOWN))
        if found is None:
            raise InputError(f"the vocabulary of {len(self):,} words has no {word!r}, and no {UNKNOWN} for such words.")
        return found

    def encode(self, words: Sequence[str]) -> NDArray[np.int64]:
        """The numbers of some words, (t,). Raises InputError as ``number`` does."""
        return np.array([self.number(word) for word in words], np.int64)

    def decode(self, numbers: ArrayLike) -> list[str]:
        """The words of some numbers (t,). Raises InputError for a number that no word has."""
        found = np.asarray(numbers, np.int64)
        wrong = found[(found < 0) | (found >= len(self))]
        if wrong.size:
            raise InputError(f"the vocabulary has words 0 to {len(self) - 1}; got {wrong[0]}.")
        return [self.words[number] for number in found.tolist()]

    def one_hot(self, numbers: ArrayLike) -> NDArray[np.float32]:
        """A row for each number, (..., size): one where the word is, zero elsewhere. The lecture has columns."""
        return np.eye(len(self), dtype=np.float32)[np.asarray(numbers, np.int64)]

    def unknown_share(self, sentences: Iterable[Sequence[str]]) -> float:
        """The share of the words of some sentences that have no number of their own."""
        known = [word in self for sentence in sentences for word in sentence]
        return 1.0 - sum(known) / len(known) if known else 0.0

    # -- as a file

    def to_json(self) -> dict[str, Any]:
        return {"words": list(self.words)}

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Self:
        words = plain["words"]
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise DataError("the vocabulary is damaged: a list of words is needed.")
        return cls(words)

    def save(self, path: str | Path) -> None:
        """A JSON file, written whole or not at all."""
        write_json(Path(path), self.to_json())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Raises DataError for a file that holds no vocabulary."""
        try:
            plain = parsed(Path(path).read_bytes())
            return cls.from_json(plain)
        except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is no vocabulary: {error}") from error
