"""Word vectors that others trained: GloVe's and word2vec's text files, and the rows of a vocabulary."""

import gzip
import os
import zlib
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparring import room
from sparring.data.series import finite_number
from sparring.data.unpacking import opened_gzip
from sparring.data.words import END, PADDING, START, UNKNOWN, Vocabulary
from sparring.errors import DataError, InputError
from sparring.seeds import derive
from sparring.shapes import check

__all__ = ["WordVectors", "for_vocabulary", "known_share", "read_vectors"]

SAMPLE = 2**20  # bytes of text from which a file's number of lines is estimated
WORD = 200  # bytes for a word beside its vector: the text, and its places in a set, a list and a tuple
LARGEST = float(np.finfo(np.float32).max)
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Words, none twice, and their vectors float32 (n, width)."""

    words: tuple[str, ...]
    vectors: NDArray[np.float32]

    def __post_init__(self) -> None:
        check("the vectors", self.vectors, "n width", n=len(self.words))

    def __len__(self) -> int:
        return len(self.words)

    @property
    def width(self) -> int:
        return self.vectors.shape[1]


def read_vectors(
    path: str | os.PathLike[str], words: Collection[str] | None, most: int | None = None, encoding: str = "utf-8"
) -> WordVectors:
    """Word vectors from GloVe's text format (a word and its numbers, parted by spaces) or word2vec's (the same, after
    a first line with the count and the width); a .gz is unpacked as it is read.

    words: the ones to keep, those of a vocabulary; the file may then be larger than memory. None: all. most: so many of
    them at most, the file's first ones, which are the most frequent. The words come in the file's order, and of
    one that is there twice the first counts. Reading stops where nothing more is wanted. A word may hold spaces (GloVe
    840B has ". . ."): the numbers are the last ``width`` cells.

    Raises DataError with the line for other numbers of cells, for what is no finite number in a line that is kept, and
    for a byte that the encoding does not have; if none of the words is there; and if the file ends early. Raises
    InputError if all words are asked for and would not fit into the free memory.
    """
    place, wanted = Path(path), None if words is None else set(words)
    if most is not None and most < 1:
        raise InputError(f"most must be at least 1, or None; got {most}.")
    if Path(place.name.removesuffix(".gz")).suffix == ".bin":
        raise DataError(f"{place} is in word2vec's binary format; its text format is needed: a word, then its numbers.")
    form = _form(place)
    if wanted is None:
        _require_room(place, form, most)
    bounds = [*([] if wanted is None else [len(wanted)]), *([] if most is None else [most])]
    limit = min(bounds, default=None)
    kept, numbers, whole = _kept(place, form, wanted, limit, encoding)
    if whole is not None and form.promised is not None and whole != form.promised:
        raise DataError(f"{place} says {form.promised:,} words, but holds {whole:,}: it is cut or changed.")
    if not kept:
        asked = f"none of the {len(wanted):,} words asked for" if wanted is not None else "no word"
        raise DataError(f"{place} holds {asked}. Is it of another language, or do its words differ in case?")
    return WordVectors(tuple(kept), np.frombuffer(numbers, np.float32).reshape(-1, form.width))


def for_vocabulary(vectors: WordVectors, vocabulary: Vocabulary, seed: int) -> NDArray[np.float32]:
    """A row for each word of a vocabulary, float32 (len(vocabulary), width): an embedding to begin with.

    Known words have their vectors, padding has zeros, and all others are drawn from N(0, s^2) with s the standard
    deviation of all numbers of the known words' vectors, so that they are as large as these. (Kim 2014, "Convolutional
    neural networks for sentence classification", section 4.3, draws them uniformly with the same variance.)

    What is drawn for row i follows from i, the seed and the width; only s depends on which words are known.
    Raises InputError if none is.
    """
    places = {word: i for i, word in enumerate(vectors.words)}
    rows = [row for row, word in enumerate(vocabulary.words) if word in places and word != PADDING]
    if not rows:
        raise InputError(
            f"the vectors have none of the vocabulary's {len(vocabulary):,} words; vectors of its language, with words "
            "in the same case, are needed."
        )
    known = vectors.vectors[[places[vocabulary.words[row]] for row in rows]]
    found = np.random.default_rng(derive(seed, "word vectors")).standard_normal((len(vocabulary), vectors.width))
    found *= known.std(dtype=np.float64)
    found[rows] = known
    if PADDING in vocabulary:
        found[vocabulary.number(PADDING)] = 0
    return found.astype(np.float32)


def known_share(vectors: WordVectors, vocabulary: Vocabulary) -> float:
    """The share of a vocabulary's words that have a vector; padding and the other specials are no words."""
    known = set(vectors.words)
    words = [word for word in vocabulary.words if word not in (PADDING, UNKNOWN, START, END)]
    return sum(word in known for word in words) / len(words) if words else 0.0


# -- files


class _Form(NamedTuple):
    """A file's numbers a word, and how many words its first line promises (None: it has no such line)."""

    width: int
    promised: int | None


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """(line number, its first byte's place in the text, the line without the spaces at its end) unless it is blank.

    Lines end at line feeds alone: other separators of Unicode are words of GloVe's.
    """
    with opened_gzip(path) as file:
        place = 0
        for number, raw in enumerate(file, 1):
            line = raw.removeprefix(BOM) if number == 1 else raw
            stripped = line.rstrip(b" \r\n")
            if stripped:
                yield number, place + len(raw) - len(line), stripped
            place += len(raw)


def _form(path: Path) -> _Form:
    """From the first line: "count width", or a word and as many numbers as end the line."""
    for number, _, line in _lines(path):
        cells = line.split(b" ")
        if len(cells) == 2 and all(cell.isdigit() for cell in cells):
            form = _Form(int(cells[1]), int(cells[0]))
        else:
            texts = [i for i, cell in enumerate(cells) if i == 0 or finite_number(cell) is None]
            form = _Form(len(cells) - 1 - texts[-1], None)
        if form.width < 1:
            raise DataError(
                f"{path}, line {number}: a word and its numbers, parted by spaces, or the count and the width are "
                f"needed; got {_shown(line)}."
            )
        return form
    raise DataError(f"{path} is empty; a word and its numbers in each line are needed.")


def _kept(
    path: Path, form: _Form, wanted: set[str] | None, limit: int | None, encoding: str
) -> tuple[dict[str, None], array, int | None]:
    """The words to keep in their order, all their numbers end to end, and how many lines of words the file has.

    None for that if reading stopped before the end.
    """
    kept: dict[str, None] = {}
    numbers = array("f")  # grows in place, where a list of rows would need the memory twice
    lines = _lines(path)
    if form.promised is not None:
        next(lines)
    whole = 0
    for number, place, line in lines:
        if limit is not None and len(kept) >= limit:
            return kept, numbers, None
        where = f"{path}, line {number}"
        text, values = _word_and_numbers(where, line, form.width)
        try:
            word = text.decode(encoding)
        except UnicodeDecodeError as error:
            byte = place + line.index(text) + error.start
            raise DataError(
                f"{where}: byte {byte} (0x{text[error.start]:02x}) is not in {encoding}; save the file in it, or give "
                "the file's encoding, such as latin-1."
            ) from error
        whole += 1
        if word not in kept and (wanted is None or word in wanted):
            numbers.frombytes(_numbers(where, values).tobytes())
            kept[word] = None
    return kept, numbers, whole


def _word_and_numbers(where: str, line: bytes, width: int) -> tuple[bytes, bytes]:
    """A line's word, and the rest of it. Of a line with more cells than usual the word holds spaces, and no number."""
    spaces = line.count(b" ")
    if spaces == width:  # counting is much faster than parting, and nearly all lines go this way
        word, _, values = line.partition(b" ")
    elif spaces > width:
        word = line.rsplit(b" ", width)[0]
        values = line[len(word) + 1 :]
        word = word.strip(b" ")
    else:
        word = values = b""
    last = word.rsplit(b" ", 1)
    if not word or (len(last) == 2 and finite_number(last[1]) is not None):
        raise DataError(
            f"{where}: {spaces + 1} cells; a word and {width} numbers are needed, as in the file's first line; "
            f"got {_shown(line)}."
        )
    return word, values


def _numbers(where: str, values: bytes) -> NDArray[np.float32]:
    cells = values.split(b" ")
    try:  # all at once first: four times as fast as one by one
        numbers = np.array(list(map(float, cells)))
        if b"_" not in values and (np.abs(numbers) <= LARGEST).all():
            return numbers.astype(np.float32)
    except ValueError:
        pass
    wrong = next(cell for cell in cells if (number := finite_number(cell)) is None or abs(number) > LARGEST)
    raise DataError(f"{where}: found {_shown(wrong)}; a finite number is needed.")


def _shown(text: bytes) -> str:
    return repr(text[:40].decode("utf-8", "replace"))


# -- room


def _require_room(path: Path, form: _Form, most: int | None) -> None:
    """Raises InputError if all words, or the first ``most``, need more memory than is free."""
    rows = _estimated_rows(path) if form.promised is None else form.promised
    rows = rows if most is None else min(rows, most)
    needed, free = rows * (4 * form.width + WORD), room.free_bytes()
    if free is not None and needed > free:
        raise InputError(
            f"{path} holds about {rows:,} words of {form.width} numbers, which need {needed / 1e9:.3g} GB of memory; "
            f"{free / 1e9:.3g} GB are free. Give the words to keep, those of a vocabulary, or how many at most."
        )


def _estimated_rows(path: Path) -> int:
    """From the lines of the first MiB, and how much of the file that takes (less than its text, if it is packed)."""
    with path.open("rb") as raw:
        try:
            file = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            lines = file.read(SAMPLE).count(b"\n")
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
        return max(1, round(lines * path.stat().st_size / raw.tell()))
