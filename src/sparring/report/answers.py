"""What the page says of a supervised network's answers: score, confusion, worst mistakes, filters."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from sparring.errors import FolderError
from sparring.judging.saved import answers_in
from sparring.record import Record
from sparring.report.figures import agreement
from sparring.report.next import next_content
from sparring.report.samples import Picture, picture_of
from sparring.report.tags import tags_content
from sparring.report.words import finite, number

__all__ = ["matrix_style", "read_answers", "read_filters"]

MOST = 30  # classes in a table of confusion
PAIRS = 12  # of classes taken for each other, listed where the table would be too large


def read_answers(record: Record) -> dict[str, Any] | None:
    """What the template shows of answers.json; None if the run has none."""
    found = answers_in(record)
    if found is None:
        return None
    try:
        sequences = {"tags": tags_content, "next": next_content}.get(found["kind"])
        return _content(record, found) if sequences is None else sequences(found)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise FolderError(f"{record.answers_path} cannot be used: {error}. Judge the run again.") from None


def _content(record: Record, found: Mapping[str, Any]) -> dict[str, Any]:
    kind, names = str(found["kind"]), [str(name) for name in found["names"]]
    score, (low, high) = float(found["score"]), found["interval"]
    matrix = found["confusion"]
    return {
        "kind": kind,
        "summary": _summary(found, score),
        "figures": _figures(found, score, float(low), float(high)),
        "matrix": _matrix(matrix, names) if 1 < len(names) <= MOST and matrix else None,
        "names": names,
        "pairs": _pairs(matrix, names) if len(names) > MOST and matrix else [],
        "rates": [
            (name, *rate, sum(matrix[i]) if matrix else None)
            for i, (name, rate) in enumerate(zip(names, found["rates"], strict=True))
        ],
        "mistakes": [_mistake(record, i, entry) for i, entry in enumerate(found["mistakes"], 1)],
        "drawing": agreement([tuple(pair) for pair in found["points"]]) if found["points"] else None,
        "wrong": round((1 - score) * int(found["rows"])) if kind == "classes" else 0,
    }


def _summary(found: Mapping[str, Any], score: float) -> str:
    rows, baseline = f"{int(found['rows']):,} rows", float(found["baseline"])
    rows += " of the data it was given to learn from" if found.get("seen") else " that it has not learned from"
    if found["kind"] == "numbers":
        said = f"It explains {max(score, 0):.1%} of the variation among {rows}"
        if found.get("naive") is not None and score <= float(found["naive"]):
            return f"{said}: no more than the naive forecast does."
        return f"{said}." if score > baseline else f"{said}: no more than their mean does."
    what = "is right in" if found["kind"] == "classes" else "has every label right in"
    against = f"answering without looking would be in {baseline:.1%}"
    return f"It {what} {score:.1%} of {rows}; {against}."


def _figures(found: Mapping[str, Any], score: float, low: float, high: float) -> list[tuple[str, str, str]]:
    """(name, value, what it means)."""
    numbers = found["kind"] == "numbers"
    name = "R²" if numbers else "Accuracy"
    digits = 4
    usual = "the mean of the training targets" if numbers else "the commonest answer of the training rows"
    rows = [
        (
            name,
            number(score, digits),
            f"95 % interval {number(low, digits)} to {number(high, digits)}, by the number of rows",
        ),
        ("Without inputs", number(float(found["baseline"]), digits), f"the same for {usual}: the least to beat"),
        (
            "Mean error",
            number(float(found["error"])),
            "squared deviations" if numbers else "nats per row (cross-entropy)",
        ),
    ]
    if found.get("naive") is not None:
        said = (
            "the same where the last value stays, or the last season comes again: the least that a forecast must beat"
        )
        rows.insert(2, ("Naive forecast", number(float(found["naive"]), digits), said))
    typical = [number(float(value)) for value in found["typical"]]
    return rows + ([("Mean absolute error", ", ".join(typical), "in the target's own unit")] if typical else [])


def _matrix(matrix: Any, names: list[str]) -> list[dict[str, Any]]:
    """Rows of the table: the true class, and for each said class its count and the share of the true one's rows."""
    made = []
    for name, row in zip(names, matrix, strict=True):
        total = sum(row) or 1
        made.append({"name": name, "cells": [(int(count), count / total) for count in row]})
    return made


def _pairs(matrix: Any, names: list[str]) -> list[tuple[str, str, int]]:
    """(true, said, how often) of the classes that are most often taken for another."""
    found = [
        (names[i], names[j], int(count))
        for i, row in enumerate(matrix)
        for j, count in enumerate(row)
        if i != j and count
    ]
    return sorted(found, key=lambda entry: -entry[2])[:PAIRS]


def _mistake(record: Record, i: int, entry: Mapping[str, Any]) -> dict[str, Any]:
    path = record.picture_path(f"mistake-{i:02d}")
    sure = finite(entry["probability"])
    return {
        "picture": picture_of(path) if path.is_file() else None,
        "row": int(entry["row"]),
        "true": str(entry["true"]),
        "said": str(entry["said"]),
        "sure": f"{sure:.0%}" if sure is not None else "",
    }


def read_filters(record: Record) -> dict[str, Picture] | None:
    """The pictures of the first layer's filters, of an image, and of what the filters see in it."""
    paths = {name: record.picture_path(name) for name in ("filters", "seen", "maps")}
    if not all(path.is_file() for path in paths.values()):
        return None
    return {name: picture_of(path) for name, path in paths.items()}


def matrix_style(share: float) -> Markup:
    """How strongly a cell is coloured."""
    return Markup("--share:{:.0f}%").format(100 * share**0.5 * 0.75)
