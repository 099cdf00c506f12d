"""Word vectors: their files, and the rows of a vocabulary."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from sparring.data import vectors as module
from sparring.data.vectors import WordVectors, for_vocabulary, known_share, read_vectors
from sparring.data.words import END, PADDING, START, UNKNOWN, Vocabulary
from sparring.errors import DataError, InputError, ShapeError

GLOVE = "the 0.1 -2e-1\n, 1 2\n. . . 3 4\n\u2028 5 6\n\x85 7 8\n1 9 10\nthe 11 12\n"
WORDS = ("the", ",", ". . .", "\u2028", "\x85", "1")
VALUES = np.array([[0.1, -0.2], [1, 2], [3, 4], [5, 6], [7, 8], [9, 10]], np.float32)


def _file(folder: Path, content: str | bytes, name: str = "vectors.txt") -> Path:
    path = folder / name
    content = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


# -- files


@pytest.mark.parametrize("name", ["glove.txt", "glove.txt.gz"])
@pytest.mark.parametrize("head", ["", "\ufeff", "7 2\n", "\ufeff7 2\n"])
@pytest.mark.parametrize("end", ["\n", " \r\n"])  # word2vec's own program ends lines with a space
def test_every_form_of_file_says_the_same(tmp_path: Path, name: str, head: str, end: str) -> None:
    path = _file(tmp_path, head + GLOVE.replace("\n", end), name)
    found = read_vectors(path, None)
    assert found.words == WORDS  # the second "the" does not count
    assert found.vectors.dtype == np.float32
    assert np.array_equal(found.vectors, VALUES)
    assert (len(found), found.width) == (6, 2)


def test_some_words_and_the_first_ones(tmp_path: Path) -> None:
    path = _file(tmp_path, "7 2\n" + GLOVE)
    some = read_vectors(path, {"1", ". . .", "absent"})
    assert some.words == (". . .", "1")
    assert np.array_equal(some.vectors, VALUES[[2, 5]])
    assert read_vectors(path, None, most=3).words == WORDS[:3]
    assert read_vectors(path, ["1", ",", "the"], most=2).words == ("the", ",")
    assert read_vectors(path, None, most=100).words == WORDS
    with pytest.raises(InputError, match="most must be at least 1, or None; got 0"):
        read_vectors(path, None, most=0)


def test_numbers_are_read_as_numpy_reads_them(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(200, 50)).astype(np.float32)
    text = "".join(f"w{i} {' '.join(map(str, row.tolist()))}\n" for i, row in enumerate(values))
    path = _file(tmp_path, text)
    assert np.array_equal(read_vectors(path, None).vectors, values)
    assert np.array_equal(read_vectors(path, None).vectors, np.loadtxt(path, np.float32, usecols=range(1, 51)))


def test_reading_stops_where_nothing_more_is_wanted(tmp_path: Path) -> None:
    path = _file(tmp_path, "the 1 2\ncat 3 4\nbroken\n")
    assert read_vectors(path, {"the", "cat"}).words == ("the", "cat")
    assert read_vectors(path, None, most=2).words == ("the", "cat")
    with pytest.raises(DataError, match="line 3"):
        read_vectors(path, {"the", "cat", "dog"})


def test_the_first_line_tells_the_width(tmp_path: Path) -> None:
    assert read_vectors(_file(tmp_path, ". . . 1 2\nthe 3 4\n"), None).words == (". . .", "the")
    assert read_vectors(_file(tmp_path, "3 1 2\n"), None).words == ("3",)
    assert read_vectors(_file(tmp_path, "\n1 3\ncafé 1 2 3\n"), None).vectors.tolist() == [[1, 2, 3]]
    assert read_vectors(_file(tmp_path, "café 1 2\n".encode("latin-1")), None, encoding="latin-1").words == ("café",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("the 1 2\ncat 3\n", "line 2: 2 cells; a word and 2 numbers are needed.*got 'cat 3'"),
        ("the 1 2\n\ncat 3 4 5\n", "line 3: 4 cells; a word and 2 numbers"),
        ("the 1 2\ncat 3 x\n", "line 2: found 'x'; a finite number is needed"),
        ("the 1 2\ncat 3 nan\n", "line 2: found 'nan'"),
        ("the 1 2\ncat 3 1_0\n", "line 2: found '1_0'"),
        ("the 1 2\ncat 3 1e39\n", "line 2: found '1e39'"),  # no float32
        ("the 1 2\ncat 3  4\n", "line 2: 4 cells; a word"),
        ("the 1 2\n 3 4\n", "line 2: 3 cells; a word"),
        ("the\n", "line 1: a word and its numbers.*got 'the'"),
        ("the\t1\t2\n", "line 1: a word and its numbers, parted by spaces"),
        ("3 0\n", "line 1: a word and its numbers"),
        ("3 2\nthe 1 2\ncat 3 4\n", "says 3 words, but holds 2: it is cut"),
        ("", "is empty"),
        ("3 2\n", "says 3 words, but holds 0"),
        (b"the 1 2\ncaf\xe9 3 4\n", r"line 2: byte 11 \(0xe9\) is not in utf-8; .*latin-1"),
        (b"\xef\xbb\xbfcaf\xe9 3 4\n", r"line 1: byte 6 \(0xe9\)"),
    ],
)
def test_what_a_file_must_not_hold(tmp_path: Path, content: str | bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_vectors(_file(tmp_path, content), None)


def test_a_byte_is_wrong_also_in_a_word_that_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2: byte 11 \(0xe9\)"):
        read_vectors(_file(tmp_path, b"the 1 2\ncaf\xe9 3 4\n"), {"the", "dog"})


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    whole = _file(tmp_path, GLOVE, "v.txt.gz").read_bytes()
    (tmp_path / "v.txt.gz").write_bytes(whole[:-12])
    (tmp_path / "other.gz").write_bytes(b"no gzip")
    for name in ("v.txt.gz", "other.gz", "missing.txt", ""):
        for words in (None, {"the", "absent"}):
            with pytest.raises(DataError, match=f"cannot read .*{name}"):
                read_vectors(tmp_path / name, words)
    with pytest.raises(DataError, match="binary format; its text format is needed"):
        read_vectors(tmp_path / "GoogleNews.bin.gz", None)
    with pytest.raises(DataError, match="holds none of the 2 words asked for"):
        read_vectors(_file(tmp_path, GLOVE), {"The", "Cat"})


@pytest.mark.parametrize(("name", "head"), [("v.txt", ""), ("v.txt.gz", ""), ("v.txt", "40000 20\n")])
def test_what_does_not_fit_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, head: str
) -> None:
    values = np.random.default_rng(0).normal(size=(40_000, 20)).round(5)
    text = "".join(f"w{i:05} {' '.join(map(str, row))}\n" for i, row in enumerate(values.tolist()))  # 7 MB
    path = _file(tmp_path, head + text, name)
    needed = 40_000 * (4 * 20 + module.WORD)
    monkeypatch.setattr(module.room, "free_bytes", lambda: int(needed * 1.05))
    assert len(read_vectors(path, None, most=10)) == 10
    module._require_room(path, module._form(path), None)
    monkeypatch.setattr(module.room, "free_bytes", lambda: int(needed * 0.95))
    with pytest.raises(InputError, match=r"words of 20 numbers, which need 0.011\d* GB of memory; 0.0106 GB are free"):
        read_vectors(path, None)
    assert len(read_vectors(path, None, most=10)) == 10
    assert read_vectors(path, {"w00007"}).words == ("w00007",)


# -- vocabularies


def _spread(n: int = 2_000, width: int = 30) -> WordVectors:
    values = np.random.default_rng(1).normal(0.1, 0.4, size=(n, width)).astype(np.float32)
    return WordVectors(tuple(f"w{i}" for i in range(n)), values)


def test_known_words_have_their_vectors_and_padding_none() -> None:
    given = _spread()
    unknown = [f"u{i}" for i in range(2_000)]
    vocabulary = Vocabulary([PADDING, UNKNOWN, *given.words[::-1], *unknown])
    found = for_vocabulary(given, vocabulary, seed=3)
    assert (found.shape, found.dtype) == ((4_002, 30), np.float32)
    assert (found[0] == 0).all()
    assert np.array_equal(found[2:2002], given.vectors[::-1])
    drawn = found[2002:]
    s = given.vectors.std()
    n = drawn.size
    assert abs(drawn.std() / s - 1) < 5 / np.sqrt(2 * n)  # five standard errors
    assert abs(drawn.mean()) < 5 * s / np.sqrt(n)
    assert found[1].any()  # what stands for unknown words is drawn as they are
    assert np.array_equal(found, for_vocabulary(given, vocabulary, seed=3))
    assert not np.isclose(found[2002:], for_vocabulary(given, vocabulary, seed=4)[2002:]).any(axis=1).all()


def test_the_deviation_is_that_of_the_known_words_alone() -> None:
    given = WordVectors(("far", "a", "b"), np.array([[1e6, -1e6], [1, -1], [-1, 1]], np.float32))
    words = [f"u{i}" for i in range(5_000)]
    drawn = for_vocabulary(given, Vocabulary(["a", "b", *words]), seed=0)[2:]
    assert abs(drawn.std() - 1) < 5 / np.sqrt(2 * drawn.size)
    longer = for_vocabulary(given, Vocabulary(["a", "b", *words, "more"]), seed=0)
    assert np.array_equal(longer[2:-1], drawn)  # further words change no draw


def test_the_share_of_known_words() -> None:
    given = WordVectors(("the", "cat", UNKNOWN), np.zeros((3, 2), np.float32))
    assert known_share(given, Vocabulary([PADDING, UNKNOWN, START, END, "the", "cat", "sat", "down"])) == 0.5
    assert known_share(given, Vocabulary([PADDING, UNKNOWN])) == 0.0


def test_what_vectors_refuse() -> None:
    with pytest.raises(InputError, match="have none of the vocabulary's 2 words"):
        for_vocabulary(_spread(), Vocabulary([PADDING, "cat"]), seed=0)
    with pytest.raises(ShapeError, match="the vectors must have the shape"):
        WordVectors(("a", "b"), np.zeros((3, 2), np.float32))
