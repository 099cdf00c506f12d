"""Answers from a run's answers.json, whatever their kind."""

from collections.abc import Mapping
from typing import Any

from sparring.judging.answers import Answers
from sparring.judging.entities import TagAnswers
from sparring.judging.wording import NextAnswers

__all__ = ["answers_from_json"]


def answers_from_json(content: Mapping[str, Any]) -> Answers | TagAnswers | NextAnswers:
    """The answers that ``to_json`` described."""
    kinds: dict[str, Any] = {"tags": TagAnswers, "next": NextAnswers}
    return kinds.get(str(content.get("kind")), Answers).from_json(content)
