"""How good a supervised network's answers are, beside what needs no network, with intervals."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sparring.data.targets import Classes, Labels, Numbers, Targets
from sparring.transport.clouds import Floats

__all__ = ["Answers", "Mistake", "judge_answers"]

SHOWN = 24  # worst mistakes
POINTS = 500  # of numbers answered and true, for a drawing
Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class Mistake:
    """An answer that was wrong. row: in the data that were judged; probability: of what was said."""

    row: int
    true: str
    said: str
    probability: float


@dataclass(frozen=True)
class Answers:
    """What was found for rows that were not learned from.

    kind: "classes", "labels" or "numbers". score: the share of right answers, or R². interval: of the
    score, 95 %. baseline: the score of the best answer that looks at no input: the commonest training
    class, each label's commoner value, the mean. error: the mean error in nats or squared deviations.
    names: of the classes. confusion: rows true, columns said. rates: (precision, recall) by class or label.
    typical: the mean absolute error, in the target's unit. points: pairs of (true, said). baseline_known:
    False if the training targets were not at hand, and the judged ones stood in for them. naive: of a
    forecast, the score of the naive one, which is the baseline that matters there. seen: whether these are
    the very data that the model was given to learn from.
    """

    kind: str
    rows: int
    score: float
    interval: tuple[float, float]
    baseline: float
    error: float
    baseline_known: bool = True
    naive: float | None = None
    seen: bool = False
    names: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    rates: tuple[tuple[float, float], ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    typical: tuple[float, ...] = ()
    points: tuple[tuple[float, float], ...] = ()

    @property
    def measure(self) -> str:
        """What the score is."""
        return "R²" if self.kind == "numbers" else "accuracy"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        lists = ("interval", "names", "typical")
        pairs = ("confusion", "rates", "points")
        made = dict(content)
        made |= {name: tuple(content[name]) for name in lists}
        made |= {name: tuple(tuple(part) for part in content[name]) for name in pairs}
        made["mistakes"] = tuple(Mistake(**mistake) for mistake in content["mistakes"])
        return cls(**made)

    def lines(self) -> list[str]:
        """What was found, for a terminal."""
        low, high = self.interval
        whose = "of the data it was given to learn from" if self.seen else "it has not learned from"
        said = f"{self.measure} {self.score:.4f} on {self.rows:,} rows {whose}"
        lines = [f"{said} (95 % interval {low:.4f} to {high:.4f}; without inputs {self.baseline:.4f})"]
        if self.naive is not None:
            lines.append(f"the naive forecast: {self.naive:.4f}")
        if len(self.typical) == 1:
            lines.append(f"mean absolute error {self.typical[0]:.4g}")
        if self.rates and self.kind == "classes":
            worst = min(range(len(self.rates)), key=lambda i: self.rates[i][1])
            if self.rates[worst][1] == 1:
                return lines
            lines.append(f"hardest class {self.names[worst]}: {self.rates[worst][1]:.1%} of its rows are recognised")
        return lines


def judge_answers(
    outputs: Floats,
    encoded: NDArray[Any],
    targets: Targets,
    rows: NDArray[Any],
    train: NDArray[Any] | None = None,
    together: int = 1,
) -> Answers:
    """Compare outputs (n, outputs) of a network with encoded targets.

    rows: what each row is called. train: the encoded training targets, for the baseline. together: of numbers, so many
    rows in succession are resampled as one for the interval: windows of a series overlap.
    """
    outputs = np.asarray(outputs, np.float64)
    if isinstance(targets, Classes):
        return _classes(outputs, encoded, targets, rows, train)
    if isinstance(targets, Labels):
        return _labels(outputs, encoded, train)
    assert isinstance(targets, Numbers)
    return _numbers(outputs, encoded, targets, train, together)


def _classes(
    outputs: Floats, true: NDArray[Any], targets: Classes, rows: NDArray[Any], train: NDArray[Any] | None
) -> Answers:
    logs, said = special.log_softmax(outputs, axis=1), outputs.argmax(1)
    count = targets.outputs
    confusion = np.bincount(true * count + said, minlength=count * count).reshape(count, count)
    right, wrong = said == true, np.flatnonzero(said != true)
    worst = wrong[np.argsort(logs[wrong, true[wrong]], kind="stable")][:SHOWN]
    names = tuple(str(name) for name in targets.classes.tolist())
    known = train is not None
    usual = np.bincount(train if known else true, minlength=count).argmax()
    return Answers(
        kind="classes",
        rows=len(true),
        score=float(right.mean()),
        interval=_wilson(int(right.sum()), len(true)),
        baseline=float((true == usual).mean()),
        baseline_known=known,
        error=float(-logs[np.arange(len(true)), true].mean()),
        names=names,
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        rates=_rates(confusion.diagonal(), confusion.sum(0), confusion.sum(1)),
        mistakes=tuple(
            Mistake(int(rows[i]), names[true[i]], names[said[i]], float(np.exp(logs[i, said[i]]))) for i in worst
        ),
    )


def _labels(outputs: Floats, true: NDArray[Any], train: NDArray[Any] | None) -> Answers:
    said, there = outputs > 0, true > 0
    right = (said == there).all(1)
    usual = (there if train is None else train > 0).mean(0) > 0.5
    each = there * special.log_expit(outputs) + ~there * special.log_expit(-outputs)
    return Answers(
        kind="labels",
        rows=len(true),
        score=float(right.mean()),
        interval=_wilson(int(right.sum()), len(true)),
        baseline=float((there == usual).all(1).mean()),
        baseline_known=train is not None,
        error=float(-each.sum(1).mean()),
        names=tuple(str(i) for i in range(true.shape[1])),
        rates=_rates((said & there).sum(0), said.sum(0), there.sum(0)),
    )


def _numbers(
    outputs: Floats, encoded: NDArray[Any], targets: Numbers, train: NDArray[Any] | None, together: int
) -> Answers:
    true, said = encoded.astype(np.float64), outputs.reshape(encoded.shape)
    missed, spread = (true - said) ** 2, (true - true.mean(0)) ** 2
    scale = np.array(targets.deviations)
    guess = true.mean(0) if train is None else train.astype(np.float64).mean(0)
    some = np.linspace(0, len(true) - 1, min(POINTS, len(true))).round().astype(int)
    answers = np.stack([targets.answer(part)[some].reshape(len(some), -1)[:, 0] for part in (true, said)], 1)
    return Answers(
        kind="numbers",
        rows=len(true),
        score=float(_explained(missed.sum(0), spread.sum(0))),
        interval=_bootstrapped(*(_blocks(part, together) for part in (missed, spread))),
        baseline=float(_explained(((true - guess) ** 2).sum(0), spread.sum(0))),
        baseline_known=train is not None,
        error=float(missed.mean()),
        typical=tuple((np.abs(true - said).mean(0) * scale).tolist()),
        points=tuple((float(x), float(y)) for x, y in answers),
    )


def _explained(missed: Floats, spread: Floats) -> Floats:
    """R² = 1 - missed / spread, its mean over several numbers."""
    return (1 - missed / np.maximum(spread, 1e-12)).mean(-1)


def _blocks(rows: Floats, together: int) -> Floats:
    """Sums of rows in succession; of less than five times as many rows, five sums at least."""
    return np.add.reduceat(rows, np.arange(0, len(rows), max(min(together, len(rows) // 5), 1)))


def _bootstrapped(missed: Floats, spread: Floats) -> tuple[float, float]:
    """A percentile interval of R² over resampled rows."""
    n = len(missed)
    rng = np.random.default_rng(0)
    replicates = max(min(1000, 20_000_000 // n), 100)
    found = []
    for _ in range(replicates):
        counts = np.bincount(rng.integers(n, size=n), minlength=n).astype(float)
        found.append(_explained(counts @ missed, counts @ spread))
    low, high = np.percentile(found, (2.5, 97.5))
    return float(low), float(high)


def _wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    share, room = hits / n, Z * Z / n
    middle = (share + room / 2) / (1 + room)
    half = Z / (1 + room) * math.sqrt(share * (1 - share) / n + room / (4 * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _rates(right: NDArray[Any], said: NDArray[Any], there: NDArray[Any]) -> tuple[tuple[float, float], ...]:
    """(precision, recall) each; 0 where nothing was said or there."""
    return tuple(
        (float(hit / said_count) if said_count else 0.0, float(hit / count) if count else 0.0)
        for hit, said_count, count in zip(right.tolist(), said.tolist(), there.tolist(), strict=True)
    )
