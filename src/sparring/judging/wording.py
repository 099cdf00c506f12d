"""How well a model knows what comes next, and how good its translations are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bleu", "NextAnswers", "bleu_of", "interval_of_mean", "unigram_error"]

REPLICATES = 1000


@dataclass(frozen=True)
class Bleu:
    """BLEU in percent (Papineni et al. 2002) and chrF (Popović 2015) of a corpus. signature: how sacreBLEU counted."""

    score: float
    chrf: float
    signature: str


@dataclass(frozen=True)
class NextAnswers:
    """What was found for sequences that were not learned from.

    unit: of a step: "word", "letter" or "frame". error: mean negative log-likelihood of a step in nats, given all steps
    before it. interval: of the error, 95 %, over resampled sequences. baseline: the same where no step is looked at:
    each by its share in the training data. accuracy: the share of words (or of frames, whole) that the most probable
    next one is. bleu: of translations, if sacrebleu is there. examples: (source, reference, said) of translations.
    """

    rows: int
    steps: int
    unit: str
    error: float
    interval: tuple[float, float]
    baseline: float
    accuracy: float
    bleu: Bleu | None = None
    examples: tuple[tuple[str, str, str], ...] = ()
    seen: bool = False
    kind: str = "next"

    @property
    def perplexity(self) -> float:
        """e^error: among how many equally probable ones the next would be as hard to know."""
        return float(np.exp(min(self.error, 700.0)))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        made = dict(content)
        made["interval"] = tuple(content["interval"])
        made["bleu"] = None if content["bleu"] is None else Bleu(**content["bleu"])
        made["examples"] = tuple(tuple(row) for row in content["examples"])
        return cls(**made)

    def lines(self) -> list[str]:
        """What was found, for a terminal."""
        low, high = self.interval
        whose = "of the data it was given to learn from" if self.seen else "it has not learned from"
        rest = f"95 % interval {low:.4f} to {high:.4f}; without looking {self.baseline:.4f}"
        lines = [f"{self.error:.4f} nats a {self.unit} on {self.rows:,} sequences {whose} ({rest})"]
        if self.unit != "frame":
            lines.append(f"perplexity {self.perplexity:.2f}; the next {self.unit} is right in {self.accuracy:.1%}")
        if self.bleu is not None:
            lines.append(f"BLEU {self.bleu.score:.2f}, chrF {self.bleu.chrf:.2f} ({self.bleu.signature})")
        return lines


def bleu_of(said: Sequence[str], references: Sequence[str]) -> Bleu | None:
    """BLEU and chrF of texts in lower case; None if sacrebleu is not installed (pip install 'sparring[text]')."""
    try:
        import sacrebleu
    except ImportError:
        return None
    bleu, chrf = sacrebleu.BLEU(lowercase=True), sacrebleu.CHRF(lowercase=True)
    return Bleu(
        float(bleu.corpus_score(list(said), [list(references)]).score),
        float(chrf.corpus_score(list(said), [list(references)]).score),
        str(bleu.get_signature()),
    )


def interval_of_mean(errors: NDArray[Any], steps: NDArray[Any]) -> tuple[float, float]:
    """Of the mean error of a step: a percentile interval over resampled rows. errors: summed over each row's steps."""
    rng, n = np.random.default_rng(0), len(errors)
    counts = (np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(REPLICATES))
    low, high = np.percentile([times @ errors / (times @ steps) for times in counts], (2.5, 97.5))
    return float(low), float(high)


def unigram_error(train: NDArray[Any], judged: NDArray[Any], words: int) -> float:
    """Mean nats of a word by its share in the training words, each counted once more than it is there."""
    counts = Counter(train.tolist())
    total = len(train) + words
    return float(-np.mean([np.log((counts[word] + 1) / total) for word in judged.tolist()]))
