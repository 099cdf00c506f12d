"""How good the tags of words are: entities found exactly, of each kind, with an interval."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from sparring.data.tags import Span, spans

__all__ = ["Kind", "TagAnswers", "judge_tags"]

REPLICATES = 1000
SHOWN = 24  # sentences with mistakes


@dataclass(frozen=True)
class Kind:
    """One kind of entity, or one tag. there: in the data; said: by the model; right: both, with the same words."""

    name: str
    there: int
    said: int
    right: int

    @property
    def precision(self) -> float:
        return self.right / self.said if self.said else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.there if self.there else 0.0

    @property
    def f1(self) -> float:
        """2 right / (said + there): the harmonic mean of precision and recall."""
        return 2 * self.right / (self.said + self.there) if self.said + self.there else 0.0


@dataclass(frozen=True)
class TagAnswers:
    """What was found for sentences that were not learned from.

    entities: whether tags are spans, and ``score`` the F1 of entities found exactly (CoNLL 2003); otherwise it is the
    share of right tags. interval: of the score, 95 %, over resampled sentences. accuracy: the share of right tags.
    surface: F1 of the different entities, each form counted once (WNUT 2017). baseline: the score of the commonest tag
    everywhere. unseen: (how many, share found) of entities whose form the training data did not have; None if these
    were not at hand. shown: sentences with the most mistakes, each (words, true tags, said tags).
    """

    rows: int
    words: int
    entities: bool
    score: float
    interval: tuple[float, float]
    accuracy: float
    baseline: float
    surface: float
    kinds: tuple[Kind, ...]
    unseen: tuple[int, float] | None = None
    shown: tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], ...] = ()
    seen: bool = False
    kind: str = "tags"

    @property
    def measure(self) -> str:
        """What the score is."""
        return "F1" if self.entities else "accuracy"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        made = dict(content)
        made["interval"] = tuple(content["interval"])
        made["kinds"] = tuple(Kind(**kind) for kind in content["kinds"])
        made["unseen"] = None if content["unseen"] is None else tuple(content["unseen"])
        made["shown"] = tuple(tuple(tuple(part) for part in row) for row in content["shown"])
        return cls(**made)

    def lines(self) -> list[str]:
        """What was found, for a terminal."""
        low, high = self.interval
        whose = "of the data it was given to learn from" if self.seen else "it has not learned from"
        said = "F1 of exact entities" if self.entities else "accuracy of tags"
        lines = [
            f"{said} {self.score:.4f} on {self.rows:,} sentences {whose} "
            f"(95 % interval {low:.4f} to {high:.4f}; without inputs {self.baseline:.4f})"
        ]
        for kind in self.kinds if self.entities else ():
            lines.append(
                f"{kind.name:<16} F1 {kind.f1:.3f}  precision {kind.precision:.3f}  recall {kind.recall:.3f}  "
                f"({kind.there:,} there)"
            )
        return lines


def judge_tags(
    words: Sequence[Sequence[Any]],
    true: Sequence[Sequence[str]],
    said: Sequence[Sequence[str]],
    *,
    entities: bool = True,
    train: tuple[Sequence[Sequence[str]], Sequence[Sequence[str]]] | None = None,
) -> TagAnswers:
    """Compare tags, sentence by sentence. train: (words, tags) that were learned from, for entities not seen there."""
    found = [(_parts(one, entities), _parts(other, entities)) for one, other in zip(true, said, strict=True)]
    counts = np.array([[len(there & told), len(told), len(there)] for there, told in found])
    right = np.array([sum(a == b for a, b in zip(*pair, strict=True)) for pair in zip(true, said, strict=True)])
    sizes = np.array([len(row) for row in true])
    common = Counter(tag for row in true for tag in row).most_common(1)[0]
    score = _f1(counts.sum(0)) if entities else float(right.sum() / sizes.sum())
    guesses = [(_parts([common[0]] * len(row), entities), there) for row, (there, _) in zip(true, found, strict=True)]
    flat = _f1(np.array([[len(a & b), len(a), len(b)] for a, b in guesses]).sum(0))
    worst = np.argsort(right - sizes, kind="stable")[:SHOWN]
    return TagAnswers(
        rows=len(words),
        words=int(sizes.sum()),
        entities=entities,
        score=score,
        interval=_interval(counts, right, sizes, entities),
        accuracy=float(right.sum() / sizes.sum()),
        baseline=flat if entities else common[1] / int(sizes.sum()),
        surface=_surface(words, found) if entities else 0.0,
        kinds=_kinds(found),
        unseen=_unseen(words, found, train) if train is not None and entities else None,
        shown=tuple(
            (tuple(map(str, words[i])), tuple(map(str, true[i])), tuple(map(str, said[i])))
            for i in worst
            if right[i] < sizes[i]
        ),
    )


def _parts(tags: Sequence[str], entities: bool) -> set[Span]:
    return set(spans(tags)) if entities else {Span(tag, i, i + 1) for i, tag in enumerate(tags)}


def _f1(counts: Any) -> float:
    """Of (right, said, there)."""
    right, said, there = (float(count) for count in counts)
    return 2 * right / (said + there) if said + there else 0.0


def _interval(counts: Any, right: Any, sizes: Any, entities: bool) -> tuple[float, float]:
    """A percentile interval over resampled sentences."""
    rng, n = np.random.default_rng(0), len(sizes)
    scores = []
    for _ in range(REPLICATES):
        times = np.bincount(rng.integers(n, size=n), minlength=n)
        scores.append(_f1(times @ counts) if entities else float(times @ right / (times @ sizes)))
    low, high = np.percentile(scores, (2.5, 97.5))
    return float(low), float(high)


def _kinds(found: Sequence[tuple[set[Span], set[Span]]]) -> tuple[Kind, ...]:
    there = Counter(span.kind for one, _ in found for span in one)
    said = Counter(span.kind for _, other in found for span in other)
    right = Counter(span.kind for one, other in found for span in one & other)
    names = sorted(there | said, key=lambda name: (-there[name], name))
    return tuple(Kind(name, there[name], said[name], right[name]) for name in names)


def _surface(words: Sequence[Sequence[str]], found: Sequence[tuple[set[Span], set[Span]]]) -> float:
    there = {(span.kind, form) for row, (one, _) in zip(words, found, strict=True) for span, form in _forms(row, one)}
    said = {(span.kind, form) for row, (_, one) in zip(words, found, strict=True) for span, form in _forms(row, one)}
    return _f1((len(there & said), len(said), len(there)))


def _unseen(
    words: Sequence[Sequence[str]],
    found: Sequence[tuple[set[Span], set[Span]]],
    train: tuple[Sequence[Sequence[str]], Sequence[Sequence[str]]],
) -> tuple[int, float]:
    known = {form for row, tags in zip(*train, strict=True) for _, form in _forms(row, set(spans(tags)))}
    new = [
        span in said
        for row, (there, said) in zip(words, found, strict=True)
        for span, form in _forms(row, there)
        if form not in known
    ]
    return len(new), sum(new) / len(new) if new else 0.0


def _forms(row: Sequence[str], found: set[Span]) -> list[tuple[Span, str]]:
    """Entities with their words in lower case."""
    return [(span, " ".join(row[span.start : span.stop]).lower()) for span in sorted(found)]
