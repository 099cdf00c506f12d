"""Text files of sentences: labelled, tagged word by word, or in pairs that translate each other."""

import re
from dataclasses import dataclass
from pathlib import Path

from sparring.data.tags import are_spans, scheme_of, to_bio
from sparring.data.unpacking import unpacked
from sparring.errors import DataError

__all__ = ["Tagged", "read_conll", "read_labelled_lines", "read_lines", "read_parallel"]

BLANK = " \t"  # what parts cells; other blanks of Unicode may be words
BREAK = "-DOCSTART-"  # begins a document in CoNLL 2003; no sentence


@dataclass(frozen=True)
class Tagged:
    """Sentences of words, and a tag in BIO for each word. scheme: how the file wrote them, or "none"."""

    words: tuple[tuple[str, ...], ...]
    tags: tuple[tuple[str, ...], ...]
    scheme: str = "BIO"

    def __len__(self) -> int:
        return len(self.words)


def read_lines(path: str | Path, encoding: str = "utf-8") -> list[str]:
    """A text file's lines without their ends; a .gz is unpacked.

    Raises DataError for a file that cannot be read, and with the line for a byte that the encoding does not have.
    """
    content = unpacked(Path(path))
    if b"\0" in content and encoding.lower().replace("_", "-").startswith("utf-8"):
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise DataError(f"{path}, line {line}: a NUL byte, which no text holds; the file is damaged, or no text.")
    try:
        return _split(content.decode("utf-8-sig" if encoding == "utf-8" else encoding))
    except UnicodeDecodeError as error:
        line, byte = content[: error.start].count(b"\n") + 1, content[error.start]
        raise DataError(
            f"{path}, line {line}: byte {error.start} (0x{byte:02x}) is not in {encoding}; save the file in it, or "
            "give the file's encoding, such as latin-1."
        ) from error


def _split(text: str) -> list[str]:
    """At ends of lines alone: str.splitlines would also part at the odd separators that tweets hold."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def read_labelled_lines(path: str | Path, encoding: str = "utf-8") -> tuple[list[str], list[str]]:
    """A file with a text, a tab and its label on each line: the texts, and the labels.

    Raises DataError, with the line, for one without a tab, a text or a label, and for a file without any.
    """
    texts, labels = [], []
    for number, line in enumerate(read_lines(path, encoding), 1):
        if not line.strip():
            continue
        text, tab, label = line.rpartition("\t")
        if not (tab and text.strip() and label.strip()):
            raise DataError(f"{path}, line {number}: a text, a tab and a label are needed; got {line.strip()[:60]!r}.")
        texts.append(text.strip())
        labels.append(label.strip())
    if not texts:
        raise DataError(f"{path} holds no text.")
    return texts, labels


def read_parallel(source: str | Path, target: str | Path, encoding: str = "utf-8") -> list[tuple[str, str]]:
    """Two files whose lines translate each other; pairs of which both lines are empty are left out.

    Raises DataError if one file is longer, or where one line of a pair is empty.
    """
    sides = read_lines(source, encoding), read_lines(target, encoding)
    if len(sides[0]) != len(sides[1]):
        raise DataError(f"{source} has {len(sides[0]):,} lines and {target} {len(sides[1]):,}; they must be as many.")
    pairs = []
    for number, (one, other) in enumerate(zip(*sides, strict=True), 1):
        if bool(one.strip()) != bool(other.strip()):
            empty = source if other.strip() else target
            raise DataError(f"{empty}, line {number} is empty, and the other file's is not.")
        if one.strip():
            pairs.append((one.strip(), other.strip()))
    return pairs


def read_conll(path: str | Path, word: int = 0, tag: int = -1, encoding: str = "utf-8") -> Tagged:
    """A file with a word and its tag on each line, parted by tabs or spaces, and an empty line after each sentence.

    word, tag: their columns, counted from 0, or from -1 at the end. Tags in IOB1, BIOES or BILOU become BIO; in a file
    without a single O or tag of a span, such as one of parts of speech, they are taken as they are. Lines that begin
    with "-DOCSTART-" are left out. Raises DataError, with the line, for one that has too few columns or, among tags of
    spans, one of another form, and for a file without sentences.
    """
    sentences: list[list[tuple[str, str, int]]] = [[]]
    for number, line in enumerate(read_lines(path, encoding), 1):
        if not line.strip(BLANK) or line.startswith(BREAK):
            sentences.append([])
            continue
        try:
            sentences[-1].append((*_word_and_tag(line, word, tag), number))
        except DataError as error:
            raise DataError(f"{path}, line {number}: {error}") from None
    full = [sentence for sentence in sentences if sentence]
    if not full:
        raise DataError(f"{path} holds no sentence.")
    words = tuple(tuple(word for word, _, _ in sentence) for sentence in full)
    tags = [[tag for _, tag, _ in sentence] for sentence in full]
    if not are_spans(tags):
        return Tagged(words, tuple(map(tuple, tags)), "none")
    for _, found, number in (cell for sentence in full for cell in sentence):
        try:
            to_bio([found])
        except DataError as error:
            raise DataError(f"{path}, line {number}: {error}") from None
    return Tagged(words, tuple(tuple(to_bio(found)) for found in tags), scheme_of(tags))


def _word_and_tag(line: str, word: int, tag: int) -> tuple[str, str]:
    cells = line.split("\t") if "\t" in line else re.split(" +", line.strip(BLANK))
    if len(cells) < 2 or not all(-len(cells) <= column < len(cells) for column in (word, tag)):
        raise DataError(f"a word and its tag are needed; got {line.strip()[:60]!r}.")
    return cells[word].strip(BLANK), cells[tag].strip(BLANK)
