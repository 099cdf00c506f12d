"""What the page says of a tagger: its score beside the baseline, every kind, and sentences with marked mistakes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sparring.data.tags import Span, spans
from sparring.judging.entities import Kind, TagAnswers
from sparring.report.strip import strip
from sparring.report.words import cut, number

__all__ = ["Piece", "pieces", "tags_content"]

MOST = 40  # kinds in the table
WORDS = 48  # of a sentence that are shown
BEFORE = 12  # of them before the first mistake, if it stands further back
LETTERS = 40  # of a word
COLOURS = 6  # c0 to c5 of the page


@dataclass(frozen=True)
class Piece:
    """Words that stand together: what is true of them, and what was said.

    state: "plain", "right", "missed" (true, not said), "wrong" (said, not true) or "taken" (both, and not the same).
    told: the same in words. right, missed, wrong: the kind of what ends with this piece. colour: a CSS variable's name
    without its dashes, by what is true, or else by what was said.
    """

    words: str
    state: str = "plain"
    told: str = ""
    right: str = ""
    missed: str = ""
    wrong: str = ""
    colour: str = ""


def tags_content(found: Mapping[str, Any]) -> dict[str, Any]:
    """What the template shows of answers of the kind "tags". Raises as ``TagAnswers.from_json`` does."""
    answers = TagAnswers.from_json(found)
    colours = {kind.name: f"c{i % COLOURS}" for i, kind in enumerate(answers.kinds)}
    low, high = answers.interval
    return {
        "kind": answers.kind,
        "entities": answers.entities,
        "summary": _summary(answers),
        "strip": strip(answers.score, answers.baseline, (low, high), (0.0, 1.0), answers.measure),
        "figures": _figures(answers),
        "kinds": [_row(kind, colours) for kind in answers.kinds[:MOST]],
        "more_kinds": len(answers.kinds[MOST:]),
        "sentences": [_sentence(row, answers.entities, colours) for row in answers.shown],
    }


# -- figures


def _summary(answers: TagAnswers) -> str:
    whose = "of the data it was given to learn from" if answers.seen else "that it has not learned from"
    where = f"in {answers.rows:,} sentences {whose}"
    if not answers.entities:
        against = f"the commonest tag everywhere would be in {answers.baseline:.1%}"
        return f"It is right in {answers.accuracy:.1%} of {answers.words:,} words {where}; {against}."
    whole = _whole(answers)
    if not whole.there:
        return f"There are no entities {where}; it says {whole.said:,}."
    right = f", and {whole.precision:.1%} of the {whole.said:,} that it says are right" if whole.said else ""
    return f"It finds {whole.recall:.1%} of {whole.there:,} entities {where}{right}."


def _whole(answers: TagAnswers) -> Kind:
    """All kinds together."""
    counts = [(kind.there, kind.said, kind.right) for kind in answers.kinds]
    there, said, right = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0, 0)
    return Kind("all", there, said, right)


def _figures(answers: TagAnswers) -> list[tuple[str, str, str]]:
    """(name, value, what it means)."""
    low, high = (number(side, 4) for side in answers.interval)
    known = f"95 % interval {low} to {high}, over resampled sentences"
    tags = ("Right tags", number(answers.accuracy, 4), "the share of all words, those in no entity included")
    without = ("Without inputs", number(answers.baseline, 4), "the same for the commonest tag everywhere")
    if not answers.entities:
        return [("Accuracy", number(answers.score, 4), known), without]
    whole = _whole(answers)
    found = [
        ("F1", number(answers.score, 4), f"of entities with the very same words and kind; {known}"),
        without,
        ("Precision", number(whole.precision, 4), f"{whole.right:,} right of {whole.said:,} entities said"),
        ("Recall", number(whole.recall, 4), f"{whole.right:,} found of {whole.there:,} entities there"),
        (
            "Surface F1",
            number(answers.surface, 4),
            "each form counted once, so that no frequent name outweighs the rest",
        ),
    ]
    if answers.unseen is not None and answers.unseen[0]:
        count, share = answers.unseen
        unseen = f"the share found of {int(count):,} entities whose words the training data never had as one"
        found.append(("Recall of unseen ones", number(share, 4), unseen))
    return [*found, tags]


def _row(kind: Kind, colours: Mapping[str, str]) -> dict[str, Any]:
    counts = {"there": kind.there, "said": kind.said, "right": kind.right}
    shares = {"precision": kind.precision, "recall": kind.recall, "f1": kind.f1}
    return {
        "name": cut(kind.name, LETTERS),
        "colour": colours[kind.name],
        **{name: f"{int(count):,}" for name, count in counts.items()},
        **{name: f"{share:.3f}" for name, share in shares.items()},
        "width": f"{100 * kind.f1:.0f}",
    }


# -- sentences


def _sentence(row: Sequence[Sequence[str]], entities: bool, colours: Mapping[str, str]) -> dict[str, Any]:
    """The pieces of a sentence, as far as it is shown, and whether something is left out before and after."""
    words, true, said = row
    if not len(words) == len(true) == len(said):
        raise ValueError(f"a sentence has {len(words)} words, {len(true)} true tags and {len(said)} said ones")
    first = next((i for i, pair in enumerate(zip(true, said, strict=True)) if pair[0] != pair[1]), 0)
    start = max(first - BEFORE, 0) if first >= WORDS else 0
    made = pieces(words, true, said, entities, colours, (start, start + WORDS))
    return {"pieces": made, "before": start > 0, "after": start + WORDS < len(words)}


def pieces(
    words: Sequence[str],
    true: Sequence[str],
    said: Sequence[str],
    entities: bool,
    colours: Mapping[str, str],
    shown: tuple[int, int],
) -> list[Piece]:
    """A sentence in pieces: consecutive words of the same entities, or of tags that agree where these are no spans.

    shown: the first word, and the one after the last. Raises DataError for tags of entities that are none.

    >>> made = pieces("anna in paris".split(), ["B-who", "O", "B-where"], ["B-who", "O", "O"], True, {}, (0, 3))
    >>> [(piece.words, piece.state, piece.missed) for piece in made]
    [('anna', 'right', ''), ('in', 'plain', ''), ('paris', 'missed', 'where')]
    """
    pairs = list(zip(_by_word(true, entities), _by_word(said, entities), strict=True))
    if not entities:
        pairs = [(None, None) if one == other else (one, other) for one, other in pairs]
    made: list[Piece] = []
    start, end = shown[0], min(shown[1], len(words))
    while start < end:
        stop = start + 1
        while stop < end and pairs[stop] == pairs[start]:
            stop += 1
        text = " ".join(cut(word, LETTERS) for word in words[start:stop])
        made.append(_piece(text, *pairs[start], stop, colours))
        start = stop
    return made


def _by_word(tags: Sequence[str], entities: bool) -> list[Span | None]:
    """The span that each word is in, if any."""
    if not entities:
        return [Span(tag, i, i + 1) for i, tag in enumerate(tags)]
    found: list[Span | None] = [None] * len(tags)
    for span in spans(tags):
        found[span.start : span.stop] = [span] * (span.stop - span.start)
    return found


def _piece(text: str, true: Span | None, said: Span | None, stop: int, colours: Mapping[str, str]) -> Piece:
    one = true or said
    if one is None:
        return Piece(text)
    colour = colours.get(one.kind, "c5")
    there, told = (cut(span.kind, LETTERS) if span else "" for span in (true, said))
    if true == said:
        return Piece(text, "right", f"right: {there}", right=there, colour=colour)
    state = "taken" if true and said else "missed" if true else "wrong"
    words = {"taken": f"is {there}, said {told}", "missed": f"missed: {there}", "wrong": f"wrongly said: {told}"}
    return Piece(
        text,
        state,
        words[state],
        missed=there if true and true.stop == stop else "",
        wrong=told if said and said.stop == stop else "",
        colour=colour,
    )
