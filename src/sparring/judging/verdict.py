"""What the judge says: figures, grades, and one plain sentence."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

from sparring.errors import InputError
from sparring.judging import said
from sparring.judging.compared import Compared

__all__ = [
    "LIMITS",
    "MEANINGS",
    "ColumnFigures",
    "Figure",
    "Limits",
    "PairFigure",
    "Verdict",
    "grade",
    "summarise",
    "unsure",
]

Better = Literal["lower", "higher", "equal"]
Grade = Literal["good", "fair", "poor", "broken"]


class Limits(NamedTuple):
    """Up to which ratio to the floor a figure is good, fair, and poor; beyond, it is broken."""

    better: Better
    good: float
    fair: float
    poor: float


LOWER, HIGHER, EQUAL = (
    Limits("lower", 1.25, 2.0, 5.0),
    Limits("higher", 0.9, 0.7, 0.3),
    Limits("equal", 1.25, 2.0, 5.0),
)
LIMITS: Mapping[str, Limits] = {
    "w1": LOWER,
    "sliced_w1": Limits("lower", 1.5, 3.0, 10.0),  # its floor is small: it sees less of the noise between two samples
    "frechet": Limits("lower", 1.5, 3.0, 10.0),  # a squared distance
    "two_sample": Limits("lower", 1.15, 1.4, 1.8),  # a share that is 1/2 by chance cannot double
    "modes": Limits("higher", 0.999, 0.9, 0.5),
    "high_quality": HIGHER,
    "precision": HIGHER,
    "recall": HIGHER,
    "density": EQUAL,
    "coverage": HIGHER,
    "near_copies": LOWER,
    "exact_copies": LOWER,
    "nearer_to_training": Limits("lower", 1.2, 1.5, 1.8),
    "confident": HIGHER,
    "tstr": Limits("higher", 0.97, 0.9, 0.6),  # a share of right names falls slowly: guessing has some right too
    "smallest_class": HIGHER,
    "largest_class": LOWER,
    "columns": LOWER,
    "pairs": LOWER,
    "total_variation": LOWER,
    "kolmogorov_smirnov": LOWER,
    "missing": LOWER,
}
MEANINGS: Mapping[str, str] = {
    "w1": "How far samples must be carried, on average, to become held-out data (exact Wasserstein-1; "
    "tables in standard deviations of the training columns, images in units of their own).",
    "sliced_w1": "The mean distance along random lines: a lower bound of W1 that stays steady in many columns.",
    "frechet": "The squared distance of means and covariances, each cloud taken for a Gaussian (Fréchet distance).",
    "two_sample": "How often a point's nearest neighbour is of its own kind, sample or held-out; "
    "0.5 where they cannot be told apart.",
    "modes": "The share of the known law's modes that are reached by a sample within three deviations.",
    "high_quality": "The share of samples within three deviations of a mode.",
    "precision": "The share of samples that lie among held-out data (within reach of a row's 3rd neighbour).",
    "recall": "The share of held-out rows that lie among samples (within reach of a sample's 3rd neighbour).",
    "density": "How crowded held-out data are with samples; well above the floor there is too little spread.",
    "coverage": "The share of held-out rows with a sample near (within reach of the row's 5th neighbour).",
    "near_copies": "The share of samples closer to a training row than 95 % of training rows are to others.",
    "exact_copies": "The share of samples equal to a training row in every value.",
    "nearer_to_training": "The share of samples nearer to training rows than to as many held-out rows; "
    "0.5 for fresh samples.",
    "confident": "The share of samples that a classifier, taught by training data alone, names with a "
    "probability above 0.9; noise can reach it too.",
    "tstr": "The share of held-out rows that a classifier names rightly which was taught by samples alone "
    "(train on synthetic, test on real).",
    "smallest_class": "The share of the class that the classifier names least often.",
    "largest_class": "The share of the class that the classifier names most often.",
    "columns": "How far a table's columns are from held-out ones, each by itself, on average: from 0 to 1.",
    "pairs": "How far the shares of all combinations of two columns are from held-out ones, on average over pairs: "
    "total variation, from 0 to 1; numbers in eight bins, rare labels together.",
    "total_variation": "Half the summed difference of all labels' shares from held-out ones.",
    "kolmogorov_smirnov": "The largest difference from held-out rows in the share of numbers up to some value.",
    "missing": "The difference from held-out rows in the share of missing values.",
}
SHARED = 0.05  # of held-out rows equal to a training row; more puts the floors in doubt
COPYING = said.PRIVACY
UNSEEN = (0.001, 0.01, 0.1)  # the limits, as values, where the floor is 0
GRADES: tuple[Grade, ...] = ("good", "fair", "poor", "broken")


@dataclass(frozen=True)
class Figure:
    """A measured value beside its floor: the same measure with real data in the samples' place.

    interval: where value / floor lies with 95 % confidence; None if a floor near 0 or a single draw cannot say.
    better: which way from the floor is the good one. meaning: a sentence.
    """

    name: str
    value: float
    floor: float
    interval: tuple[float, float] | None
    better: Better
    grade: Grade
    meaning: str

    @property
    def ratio(self) -> float | None:
        """value / floor, or None where the floor is 0."""
        return self.value / self.floor if self.floor > 0 else None

    @property
    def word(self) -> str:
        """The grade as a person would say it."""
        return said.WORDS[self.grade]

    @classmethod
    def of(cls, name: str, value: float, floor: float, interval: tuple[float, float] | None) -> "Figure":
        """A figure of the judge, graded."""
        mark = grade(LIMITS[name], value, floor, interval)
        return cls(name, float(value), float(floor), interval, LIMITS[name].better, mark, MEANINGS[name])

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "interval": list(self.interval) if self.interval else None}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Figure":
        return cls(**{**plain, "interval": tuple(plain["interval"]) if plain["interval"] else None})


def grade(limits: Limits, value: float, floor: float, interval: tuple[float, float] | None) -> Grade:
    """Good, fair, poor or broken, by the ratio of value to floor.

    A figure that should be lower is good up to the first limit (1.25 times the floor), fair up to the second (2 times)
    and poor up to the third (5 times); a higher one down to 0.9, 0.7 and 0.3; one that should be equal may stray as
    far as 1.25, 2 and 5 either way. A difference that is within chance (the interval holds 1) is one grade better.
    Where the floor is 0, a lower one is good up to 0.001, fair up to 0.01 and poor up to 0.1, and the others are good.

    >>> grade(LIMITS["w1"], 1.5, 1.0, (1.3, 1.7)), grade(LIMITS["w1"], 1.5, 1.0, (0.9, 2.1))
    ('fair', 'good')
    """
    if floor <= 0:
        worse = value if limits.better == "lower" else 0.0
        return GRADES[sum(worse > limit for limit in UNSEEN)]
    step = _strayed(limits, value / floor)
    if _within_chance(interval):
        step = max(step - 1, 0)
    return GRADES[step]


def _strayed(limits: Limits, ratio: float) -> int:
    """How many of its limits a ratio is beyond."""
    bounds = (limits.good, limits.fair, limits.poor)
    if limits.better == "higher":
        return sum(ratio < limit for limit in bounds)
    away = ratio if limits.better == "lower" else max(ratio, 1 / ratio if ratio > 0 else float("inf"))
    return sum(away > limit for limit in bounds)


def _within_chance(interval: tuple[float, float] | None) -> bool:
    return interval is not None and interval[0] <= 1 <= interval[1]


@dataclass(frozen=True)
class ColumnFigures:
    """One column of a table, by itself.

    kind: what it is, as a schema tells it. apart: total variation of labels, Kolmogorov-Smirnov of numbers and dates,
    among values that are there. missing: how wrong the share of missing values is; None where there are none.
    """

    name: str
    kind: str
    apart: Figure
    missing: Figure | None = None

    @property
    def far(self) -> bool:
        """Whether a figure is far or broken."""
        return any(f is not None and f.grade in ("poor", "broken") for f in (self.apart, self.missing))

    @property
    def order(self) -> tuple[int, float]:
        """The worst first: by the worse grade, then by how far the figures are above their floors."""
        figures = [self.apart] if self.missing is None else [self.apart, self.missing]
        return -max(GRADES.index(f.grade) for f in figures), -max(f.value - f.floor for f in figures)

    def to_json(self) -> dict[str, Any]:
        missing = None if self.missing is None else self.missing.to_json()
        return {"name": self.name, "kind": self.kind, "apart": self.apart.to_json(), "missing": missing}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "ColumnFigures":
        missing = None if plain["missing"] is None else Figure.from_json(plain["missing"])
        return cls(plain["name"], plain["kind"], Figure.from_json(plain["apart"]), missing)


@dataclass(frozen=True)
class PairFigure:
    """Two columns of a table, and how far the shares of their combinations are from held-out ones."""

    names: tuple[str, str]
    apart: Figure

    def to_json(self) -> dict[str, Any]:
        return {"names": list(self.names), "apart": self.apart.to_json()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "PairFigure":
        first, second = plain["names"]
        return cls((first, second), Figure.from_json(plain["apart"]))


@dataclass(frozen=True)
class Verdict:
    """All figures of one judgement. ``verdict["w1"]`` is a Figure; ``str(verdict)`` is a table.

    samples: rows per draw. draws: how many. seconds: how long it took. summary: one sentence. space: what distances are
    measured in. notes: what so few rows cannot tell. columns: of a table, the worst first. pairs: of its columns, the
    three that are furthest off. compared: with how many rows, out of how many; None in verdicts of old.
    """

    figures: tuple[Figure, ...]
    samples: int
    draws: int
    seconds: float = field(compare=False)
    summary: str
    space: str = ""
    notes: tuple[str, ...] = ()
    columns: tuple[ColumnFigures, ...] = ()
    pairs: tuple[PairFigure, ...] = ()
    compared: Compared | None = None

    def __getitem__(self, name: str) -> Figure:
        for figure in self.figures:
            if figure.name == name:
                return figure
        raise KeyError(f"no figure is called {name!r}; there are {', '.join(f.name for f in self.figures)}")

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers, none of them infinite or NaN."""
        plain = asdict(self)
        plain["figures"] = [figure.to_json() for figure in self.figures]
        plain["notes"] = list(self.notes)
        plain["columns"] = [column.to_json() for column in self.columns]
        plain["pairs"] = [pair.to_json() for pair in self.pairs]
        plain["compared"] = None if self.compared is None else self.compared.to_json()
        plain["privacy"] = {"figures": list(said.PRIVACY), "limits": said.UNSEEN}
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Verdict":
        """The verdict that ``to_json`` wrote. Raises InputError for anything else."""
        try:
            kept = {name: value for name, value in plain.items() if name != "privacy"}
            parts = {
                "figures": tuple(map(Figure.from_json, plain["figures"])),
                "notes": tuple(plain.get("notes", ())),
                "columns": tuple(map(ColumnFigures.from_json, plain.get("columns", ()))),
                "pairs": tuple(map(PairFigure.from_json, plain.get("pairs", ()))),
                "compared": Compared.from_json(plain["compared"]) if plain.get("compared") else None,
            }
            return cls(**{**kept, **parts})
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"this is no verdict of the judge ({error}); one written by to_json is needed.") from None

    def __str__(self) -> str:
        return said.as_text(self)

    def to_markdown(self) -> str:
        """The same as tables in Markdown."""
        return said.as_markdown(self)


def unsure(figures: tuple[Figure, ...]) -> tuple[str, ...]:
    """A line for the figures whose intervals reach from as good as real to far: so few rows cannot tell."""
    names = [figure.name for figure in figures if figure.interval is not None and _reaches(figure)]
    few = "more held-out rows or samples would say"
    return (f"{', '.join(names)}: anything from as good as real to far lies within chance; {few}.",) if names else ()


def _reaches(figure: Figure) -> bool:
    limits = LIMITS[figure.name]
    steps = [_strayed(limits, end) for end in figure.interval or ()]
    return min(steps) == 0 and max(steps) >= 2


def summarise(
    figures: tuple[Figure, ...], columns: tuple[ColumnFigures, ...] = (), compared: Compared | None = None
) -> str:
    """One sentence: how near, what is missing, which columns are far off, and whether training rows were copied."""
    by_name = {figure.name: figure for figure in figures}
    parts = [_nearness(by_name["w1"])]
    if by_name["coverage"].grade in ("poor", "broken"):
        parts.append("parts of the data have no samples near them")
    parts += _far(columns, by_name.get("pairs"))
    suspects = [by_name[name] for name in COPYING]
    parts.append(_copying([f for f in suspects if f.grade != "good" and not _within_chance(f.interval)], compared))
    shared = by_name["exact_copies"].floor or 0.0
    if shared > SHARED:
        parts.append(f"but {shared:.0%} of the held-out rows stand in the training data too: were they held out?")
    sentence = "; ".join(parts)
    return sentence if sentence.endswith("?") else f"{sentence}."


def _nearness(w1: Figure) -> str:
    if w1.ratio is None:
        return f"W1 is {w1.value:.3g} where training data have 0: " + (
            "the samples are the data's one value" if w1.value == 0 else "the samples stray from the data's one value"
        )
    words = {
        "good": "the samples are nearly as close to held-out data as training data are",
        "fair": "the samples are further from held-out data than training data are",
        "poor": "the samples are far from held-out data",
        "broken": "the samples are nothing like held-out data",
    }[w1.grade]
    if w1.ratio < 0.9 and w1.interval is not None and w1.interval[1] < 1:
        words = "closer to held-out data than training data are, so they spread too little or were made from it"
    return f"W1 is {w1.ratio:.2f} times its floor: {words}"


def _far(columns: tuple[ColumnFigures, ...], pairs: Figure | None) -> list[str]:
    """What to say of columns, and of how they go together where the columns themselves are right."""
    far = [column.name for column in columns if column.far]
    if far:
        more = f" and {len(far) - 3} more" if len(far) > 3 else ""
        return [f"far off by themselves: {', '.join(far[:3])}{more}"]
    if pairs is not None and pairs.grade in ("poor", "broken"):
        return ["columns do not go together as they should"]
    return []


def _copying(signs: list[Figure], compared: Compared | None) -> str:
    if not signs:
        if compared is None or compared.train == compared.of_train:
            return "no sign of copying"
        return f"no sign of copying the {compared.train:,} training rows compared"
    evidence = ", ".join(f"{sign.name} {said.number(sign.value)} against {said.number(sign.floor)}" for sign in signs)
    worst = any(sign.grade in ("poor", "broken") for sign in signs)
    return f"{'training rows are copied' if worst else 'some signs of copying'} ({evidence})"
