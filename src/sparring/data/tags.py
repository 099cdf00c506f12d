"""Tags of words as spans: which words form an entity, in any of the usual ways to write it."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sparring.errors import DataError

__all__ = ["OUTSIDE", "Span", "are_spans", "scheme_of", "spans", "tags_of", "to_bio"]

OUTSIDE = "O"
SHAPE = re.compile(r"([BIESLU])-(.+)")
BEGINS, ENDS = "BSU", "ESLU"  # prefixes after which a new span begins, or at which one ends


class Span(NamedTuple):
    """The words start to stop - 1, and what they are."""

    kind: str
    start: int
    stop: int


def spans(tags: Sequence[str]) -> list[Span]:
    """The spans of a sentence, from tags in any scheme: IOB1, BIO (IOB2), BIOES, BILOU.

    A span begins at B, S and U, and at any other tag that follows ``O``, another kind, or the end of a span (E, S, L,
    U). So I after ``O`` begins one, as in IOB1 and as the scorer of CoNLL reads it. Raises DataError for a tag of
    another form.

    >>> spans(["B-per", "I-per", "O", "I-loc"])
    [Span(kind='per', start=0, stop=2), Span(kind='loc', start=3, stop=4)]
    """
    found: list[Span] = []
    before = ("", OUTSIDE)  # prefix and kind of the word before
    for i, tag in enumerate(tags):
        prefix, kind = parts = _parts(tag)
        if kind != OUTSIDE:
            goes_on = kind == before[1] and prefix not in BEGINS and before[0] not in ENDS
            start = found.pop().start if goes_on else i
            found.append(Span(kind, start, i + 1))
        before = parts
    return found


def are_spans(sentences: Iterable[Sequence[str]]) -> bool:
    """Whether tags mark spans: any is ``O`` or has the form of ``B-per``. If not they are plain classes.

    >>> are_spans([["O", "I-per"]]), are_spans([["O", "O"]]), are_spans([["NOUN", "VERB"]])
    (True, True, False)
    """
    return any(tag == OUTSIDE or SHAPE.fullmatch(str(tag)) for sentence in sentences for tag in sentence)


def _parts(tag: str) -> tuple[str, str]:
    """("B", "per") of "B-per"; ("", "O") of "O"."""
    if tag == OUTSIDE:
        return "", OUTSIDE
    form = SHAPE.fullmatch(tag)
    if form is None:
        raise DataError(f"a tag is O, or one of B, I, E, S, L, U with a kind, such as B-location; got {tag!r}.")
    return form[1], form[2]


def tags_of(found: Iterable[Span], length: int) -> list[str]:
    """Spans as tags in BIO: the first word of each is B, the others I, words in none are O."""
    tags = [OUTSIDE] * length
    for kind, start, stop in found:
        tags[start:stop] = [f"B-{kind}", *[f"I-{kind}"] * (stop - start - 1)]
    return tags


def to_bio(tags: Sequence[str]) -> list[str]:
    """The same spans in BIO.

    >>> to_bio(["I-per", "B-per", "E-loc"]), to_bio(["B-per", "E-per", "S-loc"])
    (['B-per', 'B-per', 'B-loc'], ['B-per', 'I-per', 'B-loc'])
    """
    return tags_of(spans(tags), len(tags))


def scheme_of(sentences: Iterable[Sequence[str]]) -> str:
    """How the tags of some sentences are written: "BIO", "IOB1", "BIOES", "BILOU", or "mixed" if no scheme fits all.

    Tags that fit several are called BIO.
    """
    prefixes: set[str] = set()
    fits_bio = fits_iob1 = True
    for tags in sentences:
        before = ("", OUTSIDE)
        for tag in tags:
            prefix, kind = parts = _parts(tag)
            prefixes.add(prefix)
            follows = kind == before[1] and kind != OUTSIDE
            fits_bio = fits_bio and not (prefix == "I" and not follows)
            fits_iob1 = fits_iob1 and not (prefix == "B" and not follows)
            before = parts
    if prefixes & set("ES"):
        return "mixed" if prefixes & set("LU") else "BIOES"
    if prefixes & set("LU"):
        return "BILOU"
    return "BIO" if fits_bio else "IOB1" if fits_iob1 else "mixed"
