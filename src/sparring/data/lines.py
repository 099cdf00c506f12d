"""Text files of sentences: tagged words, a word to a line."""

import re
from dataclasses import dataclass
from pathlib import Path

from sparring.data.tags import scheme_of, to_bio
from sparring.errors import DataError

__all__ = ["Tagged", "read_conll", "read_lines"]

BLANK = " \t"  # what parts cells; other blanks of Unicode may be words
BREAK = "-DOCSTART-"  # begins a document in CoNLL 2003; no sentence


@dataclass(frozen=True)
class Tagged:
    """Sentences of words, and a tag in BIO for each word. scheme: how the file wrote them."""

    words: tuple[tuple[str, ...], ...]
    tags: tuple[tuple[str, ...], ...]
    scheme: str = "BIO"

    def __len__(self) -> int:
        return len(self.words)


def read_lines(path: str | Path) -> list[str]:
    """A text file's lines without their ends, in UTF-8. Raises DataError with the place of a byte that is no UTF-8."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    try:
        return _split(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line, byte = content[: error.start].count(b"\n") + 1, content[error.start]
        raise DataError(
            f"{path}, line {line}: byte {error.start} (0x{byte:02x}) is no UTF-8; save it as UTF-8."
        ) from error


def _split(text: str) -> list[str]:
    """At ends of lines alone: str.splitlines would also part at the odd separators that tweets hold."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def read_conll(path: str | Path, word: int = 0, tag: int = -1) -> Tagged:
    """A file with a word and its tag on each line, parted by tabs or spaces, and an empty line after each sentence.

    word, tag: their columns, counted from 0, or from -1 at the end. Tags in IOB1, BIOES or BILOU become BIO. Lines that
    begin with "-DOCSTART-" are left out. Raises DataError, with the line, for one that has too few columns or a tag of
    another form, and for a file without sentences.
    """
    sentences: list[list[tuple[str, str]]] = [[]]
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip(BLANK) or line.startswith(BREAK):
            sentences.append([])
            continue
        try:
            sentences[-1].append(_word_and_tag(line, word, tag))
        except DataError as error:
            raise DataError(f"{path}, line {number}: {error}") from None
    full = [sentence for sentence in sentences if sentence]
    if not full:
        raise DataError(f"{path} holds no sentence.")
    tags = [[tag for _, tag in sentence] for sentence in full]
    return Tagged(
        tuple(tuple(word for word, _ in sentence) for sentence in full),
        tuple(tuple(to_bio(found)) for found in tags),
        scheme_of(tags),
    )


def _word_and_tag(line: str, word: int, tag: int) -> tuple[str, str]:
    cells = line.split("\t") if "\t" in line else re.split(" +", line.strip(BLANK))
    if len(cells) < 2 or not all(-len(cells) <= column < len(cells) for column in (word, tag)):
        raise DataError(f"a word and its tag are needed; got {line.strip()!r}.")
    found = cells[tag].strip(BLANK)
    to_bio([found])  # refuses a tag of another form
    return cells[word].strip(BLANK), found
