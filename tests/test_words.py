"""Words, tags and the files that hold them."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from sparring.data.lines import read_conll, read_labelled_lines, read_lines, read_parallel
from sparring.data.tags import Span, scheme_of, spans, tags_of, to_bio
from sparring.data.words import PADDING, UNKNOWN, Vocabulary
from sparring.errors import DataError, InputError

SENTENCES = [["the", "cat", "sat"], ["the", "dog", "sat", "down"], ["the", "end"]]


# -- words


def test_frequent_words_come_first_and_ties_in_order() -> None:
    vocabulary = Vocabulary.of(SENTENCES)
    assert vocabulary.words == (PADDING, UNKNOWN, "the", "sat", "cat", "dog", "down", "end")
    assert vocabulary == Vocabulary.of(SENTENCES[::-1])
    assert Vocabulary.of(SENTENCES, minimum=2).words == (PADDING, UNKNOWN, "the", "sat")
    assert Vocabulary.of(SENTENCES, most=3).words == (PADDING, UNKNOWN, "the", "sat", "cat")
    assert Vocabulary.of([[UNKNOWN, "a"]]).words == (PADDING, UNKNOWN, "a")


def test_words_become_numbers_and_numbers_words() -> None:
    vocabulary = Vocabulary.of(SENTENCES)
    assert vocabulary.encode(["the", "bird", "sat"]).tolist() == [2, 1, 3]
    assert vocabulary.decode([2, 1, 3]) == ["the", UNKNOWN, "sat"]
    assert vocabulary.encode([]).shape == (0,)
    assert vocabulary.decode([]) == []
    assert ("cat" in vocabulary, "bird" in vocabulary, len(vocabulary)) == (True, False, 8)
    assert vocabulary.unknown_share([["the", "bird"], ["a", "cat"]]) == 0.5


def test_one_hot_rows_select_rows_of_a_matrix() -> None:
    vocabulary = Vocabulary.of(SENTENCES)
    numbers = vocabulary.encode(SENTENCES[1])
    hot = vocabulary.one_hot(numbers)
    assert hot.shape == (4, 8)
    assert (hot.sum(axis=1) == 1).all()
    matrix = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
    assert np.array_equal(hot @ matrix, matrix[numbers])  # an embedding is one-hot times a matrix


def test_what_a_vocabulary_refuses() -> None:
    with pytest.raises(InputError, match="'a' is there several times"):
        Vocabulary(["a", "b", "a"])
    with pytest.raises(InputError, match=f"has no 'c', and no {UNKNOWN} for such words"):
        Vocabulary(["a", "b"]).encode(["c"])
    with pytest.raises(InputError, match="words 0 to 1; got 2"):
        Vocabulary(["a", "b"]).decode([0, 2])


def test_a_vocabulary_as_a_file(tmp_path: Path) -> None:
    vocabulary = Vocabulary.of([["straße", "naïve", "日本"], ["\u2028", '"']])
    vocabulary.save(tmp_path / "words.json")
    assert Vocabulary.load(tmp_path / "words.json") == vocabulary
    (tmp_path / "other.json").write_text("[1, 2]")
    for name in ("other.json", "missing.json"):
        with pytest.raises(DataError, match=f"{name} is no vocabulary"):
            Vocabulary.load(tmp_path / name)


# -- tags


@pytest.mark.parametrize(
    ("written", "scheme"),
    [
        (["B-per", "I-per", "O", "B-loc", "B-loc", "I-loc"], "BIO"),
        (["I-per", "I-per", "O", "I-loc", "B-loc", "I-loc"], "IOB1"),
        (["B-per", "E-per", "O", "S-loc", "B-loc", "E-loc"], "BIOES"),
        (["B-per", "L-per", "O", "U-loc", "B-loc", "L-loc"], "BILOU"),
    ],
)
def test_every_scheme_says_the_same(written: list[str], scheme: str) -> None:
    expected = [Span("per", 0, 2), Span("loc", 3, 4), Span("loc", 4, 6)]
    assert spans(written) == expected
    assert scheme_of([written]) == scheme
    assert to_bio(written) == ["B-per", "I-per", "O", "B-loc", "B-loc", "I-loc"]


def test_another_kind_begins_another_span() -> None:
    assert spans(["B-per", "I-loc", "I-loc"]) == [Span("per", 0, 1), Span("loc", 1, 3)]
    assert scheme_of([["B-per", "I-loc"], ["O", "B-per"]]) == "mixed"
    assert spans(["O", "O"]) == spans([]) == []


def _random(rng: np.random.Generator) -> tuple[list[Span], int]:
    found, place = [], 0
    for _ in range(rng.integers(0, 5)):
        start = place + int(rng.integers(0, 3))
        stop = start + int(rng.integers(1, 4))
        found.append(Span(str(rng.choice(["a", "b-c"])), start, stop))
        place = stop
    return found, place + int(rng.integers(0, 3))


def _bioes(found: list[Span], length: int) -> list[str]:
    tags = ["O"] * length
    for kind, start, stop in found:
        inner = [f"I-{kind}"] * (stop - start - 2)
        tags[start:stop] = [f"S-{kind}"] if stop == start + 1 else [f"B-{kind}", *inner, f"E-{kind}"]
    return tags


def test_spans_survive_being_written() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        found, length = _random(rng)
        assert spans(tags_of(found, length)) == found
        assert spans(_bioes(found, length)) == found


@pytest.mark.parametrize("tag", ["per", "B", "B-", "X-per", "b-per", "", "o"])
def test_a_tag_of_another_form_is_refused(tag: str) -> None:
    with pytest.raises(DataError, match="a tag is O, or one of B, I, E, S, L, U with a kind"):
        spans(["O", tag])


# -- files


def test_a_file_of_tagged_words(tmp_path: Path) -> None:
    path = tmp_path / "words.conll"
    path.write_bytes(
        "\ufeff-DOCSTART- -X- O O\r\n\r\nJohn NNP x I-per\r\nran VBD x O\r\n\r\n\r\n\u2028 NN x O\r\n".encode()
    )
    found = read_conll(path)
    assert found.words == (("John", "ran"), ("\u2028",))
    assert found.tags[0] == ("B-per", "O")
    assert found.scheme == "IOB1"
    path.write_text("one two\tB-x\nthree\tO")  # a tab parts, so that a word may hold a space
    assert read_conll(path).words == (("one two", "three"),)
    path.write_text("B-x a\nO b\n\n")
    assert read_conll(path, word=1, tag=0).tags == (("B-x", "O"),)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a O\nb\n", "line 2: a word and its tag are needed; got 'b'"),
        (b"a O\n\nb PER\n", "line 3: a tag is O, or one of"),
        (b"\n\n\n", "holds no sentence"),
        (b"", "holds no sentence"),
        (b"a O\ncaf\xe9 O\n", r"line 2: byte 7 \(0xe9\) is not in utf-8"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "broken.conll"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_conll(path)


def test_tags_that_are_no_spans_are_taken_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "speech.conll"
    path.write_text("cats NN\nrun VB\n\nthe DT\nI PRP\n")
    found = read_conll(path)
    assert found.tags == (("NN", "VB"), ("DT", "PRP"))
    assert found.scheme == "none"


def test_lines_end_at_ends_of_lines_alone(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes("a\x85b\u2028c\r\nd\re\n\nf".encode())
    assert read_lines(path) == ["a\x85b\u2028c", "d", "e", "", "f"]
    path.write_bytes(b"")
    assert read_lines(path) == []
    with pytest.raises(DataError, match="cannot read .*missing"):
        read_lines(tmp_path / "missing")


def test_a_packed_file_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "text.gz"
    path.write_bytes(gzip.compress("café\nnaïve\n".encode("latin-1")))
    assert read_lines(path, "latin-1") == ["café", "naïve"]
    with pytest.raises(DataError, match=r"line 1: byte 3 \(0xe9\) is not in utf-8; .*latin-1"):
        read_lines(path)
    path.write_bytes(b"no gzip")
    with pytest.raises(DataError, match=r"cannot read .*text.gz: Not a gzipped file"):
        read_lines(path)


def test_texts_with_labels(tmp_path: Path) -> None:
    path = tmp_path / "reviews"
    path.write_text("Loved\tit.\t1\n\nCrust is not good.\t0\n")
    assert read_labelled_lines(path) == (["Loved\tit.", "Crust is not good."], ["1", "0"])
    for content, words in (
        ("a\t1\nb 0\n", "line 2: a text, a tab and a label"),
        ("\t1\n", "line 1"),
        ("\n", "no text"),
    ):
        path.write_text(content)
        with pytest.raises(DataError, match=words):
            read_labelled_lines(path)


def test_two_files_that_translate_each_other(tmp_path: Path) -> None:
    one, other = tmp_path / "de", tmp_path / "en"
    one.write_text("ein Hund\n\nzwei\n")
    other.write_text("a dog\n\ntwo\n")
    assert read_parallel(one, other) == [("ein Hund", "a dog"), ("zwei", "two")]
    other.write_text("a dog\n\n")
    with pytest.raises(DataError, match=r"de has 3 lines and .*en 2; they must be as many"):
        read_parallel(one, other)
    other.write_text("a dog\n\n \n")
    with pytest.raises(DataError, match="en, line 3 is empty, and the other"):
        read_parallel(one, other)
