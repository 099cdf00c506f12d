"""Answers and verdicts from a run's folder, whatever their kind, held against their types."""

import json
from collections.abc import Mapping
from typing import Any

from sparring import contents
from sparring.documents import converted, parsed
from sparring.errors import FolderError
from sparring.judging.answers import Answers
from sparring.judging.entities import TagAnswers
from sparring.judging.translations import TranslationVerdict
from sparring.judging.verdict import Verdict
from sparring.judging.wording import NextAnswers
from sparring.record import Record

__all__ = ["answers_from_json", "answers_in", "verdict_from_json", "verdict_in"]


def answers_from_json(content: Mapping[str, Any]) -> Answers | TagAnswers | NextAnswers:
    """The answers that ``to_json`` described. Raises ValueError for anything else."""
    kinds: dict[str, Any] = {"tags": TagAnswers, "next": NextAnswers}
    kind = kinds.get(str(content.get("kind")), Answers)
    unknown = sorted({*content} - {*kind.__dataclass_fields__})
    if unknown:
        raise ValueError(f"it holds {unknown[0]!r}, which this version does not know")
    return converted(parsed(json.dumps(content)), kind)


def verdict_from_json(content: Mapping[str, Any]) -> Verdict | TranslationVerdict:
    """The verdict that ``to_json`` described. Raises ValueError for anything else."""
    return converted(
        parsed(json.dumps(content)), TranslationVerdict if content.get("kind") == "translations" else Verdict
    )


def answers_in(record: Record) -> dict[str, Any] | None:
    """What a run's answers.json holds, checked; None if there is none. Raises FolderError if it is damaged."""
    return _checked(record.answers(), record.answers_path, answers_from_json)


def verdict_in(record: Record) -> dict[str, Any] | None:
    """The same of verdict.json."""
    return _checked(record.verdict(), record.verdict_path, lambda content: converted(content, contents.Verdict))


def _checked(content: dict[str, Any] | None, path: Any, read: Any) -> dict[str, Any] | None:
    try:
        if content is not None:
            read(content)
    except ValueError as error:
        raise FolderError(f"{path} cannot be used: {error}. Judge the run again.") from None
    return content
