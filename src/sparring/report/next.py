"""What the page says of a model that knows what comes next: its error beside the baseline, BLEU, translations."""

import math
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from sparring.judging.wording import NextAnswers
from sparring.report.strip import strip
from sparring.report.words import cut, number

__all__ = ["next_content"]

LETTERS = 400  # of a text that are shown


def next_content(found: Mapping[str, Any]) -> dict[str, Any]:
    """What the template shows of answers of the kind "next". Raises as ``NextAnswers.from_json`` does."""
    answers = NextAnswers.from_json(found)
    return {
        "kind": answers.kind,
        "summary": _summary(answers),
        "strip": _strip(answers),
        "figures": _figures(answers),
        "examples": [_example(*row) for row in answers.examples],
    }


def _summary(answers: NextAnswers) -> str:
    whose = "of the data it was given to learn from" if answers.seen else "that it has not learned from"
    where = f"in {answers.rows:,} sequences {whose}"
    error, baseline = number(answers.error), number(answers.baseline)
    if answers.unit == "frame":
        said = f"A frame {where} takes it by surprise with {error} nats"
        against = f"knowing only how often each key sounds, it would be {baseline}"
    else:
        said = (
            f"The next {answers.unit} {where} is as hard for it as a choice among {number(answers.perplexity)} "
            "equally likely ones"
        )
        least = number(math.exp(min(answers.baseline, 700.0)))
        against = f"knowing only how often each comes, it would be among {least}"
    useless = "" if answers.error < answers.baseline else " So what it looks at does not help it yet."
    return f"{said}; {against}.{useless}"


def _strip(answers: NextAnswers) -> Markup:
    high = answers.interval[1]
    most = 1.1 * max(answers.error, answers.baseline, high)
    end = float(f"{most:.2g}") if math.isfinite(most) else most
    return strip(answers.error, answers.baseline, answers.interval, (0.0, end), "error", " nats")


def _figures(answers: NextAnswers) -> list[tuple[str, str, str]]:
    """(name, value, what it means)."""
    unit = answers.unit
    low, high = (number(side, 4) for side in answers.interval)
    often = "each key on as often as" if unit == "frame" else f"each {unit} by its share"
    figures = [
        (
            "Error",
            number(answers.error, 4),
            f"mean negative log-likelihood of a {unit} in nats, given all before it; lower is better; "
            f"95 % interval {low} to {high}, over resampled sequences",
        ),
        (
            "Without inputs",
            number(answers.baseline, 4),
            f"the same with {often} in the training data: to be beaten",
        ),
    ]
    if unit != "frame":
        meaning = f"e to the error: among how many equally likely ones the next {unit} would be as hard to know"
        figures.append(("Perplexity", number(answers.perplexity, 4), meaning))
    if unit == "letter":
        figures.append(("Bits a letter", number(answers.error / math.log(2), 4), "the error over log 2"))
    right = "whole frames, every key of them right" if unit == "frame" else f"the most probable next {unit} is right"
    figures.append(("Accuracy", number(answers.accuracy, 4), f"the share of {answers.steps:,} steps: {right}"))
    return [*figures, *_translation(answers)]


def _translation(answers: NextAnswers) -> list[tuple[str, str, str]]:
    if answers.bleu is None:
        absent = "sacrebleu is not installed: pip install 'sparring[text]'"
        return [("BLEU", "–", absent)] if answers.examples else []
    return [
        (
            "BLEU",
            number(answers.bleu.score, 4),
            f"percent; words shared with references ({answers.bleu.signature})",
        ),
        ("chrF", number(answers.bleu.chrf, 4), "percent; stretches of letters shared with the references"),
    ]


def _example(source: str, reference: str, said: str) -> dict[str, Any]:
    texts = zip(("source", "reference", "said"), (source, reference, said), strict=True)
    same = said.strip().lower() == reference.strip().lower()
    return {"same": same, **{name: cut(text, LETTERS) for name, text in texts}}
