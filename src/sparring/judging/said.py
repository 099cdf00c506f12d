"""A verdict in sections (all rows, a table's columns and pairs, privacy), and as text and Markdown."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sparring.judging.compared import Compared

__all__ = ["MOST_SHOWN", "PRIVACY", "UNSEEN", "WORDS", "Section", "as_markdown", "as_text", "number", "sections"]

WORDS: Mapping[str, str] = {"good": "as good as real", "fair": "close", "poor": "far", "broken": "broken"}
PRIVACY = ("near_copies", "exact_copies", "nearer_to_training")
UNSEEN = (
    "These figures see copies of training rows and nothing else: they promise no anonymity and no differential "
    "privacy, and say nothing about what somebody who knows more could infer about a person."
)
SHAPES = "Total variation of labels, Kolmogorov-Smirnov of numbers and dates; missing: the share of missing values."
TOGETHER = (
    "Total variation of the shares of all combinations of two columns; the three furthest above their floor, which of "
    "many pairs chance alone puts there too."
)
MOST_SHOWN = 12  # columns in a text; Markdown and reports hold all
HEAD = ("", "value", "floor", "ratio", "95 % interval", "which is")


@dataclass(frozen=True)
class Section:
    """Figures that are read together.

    rows: (name, the figure in plain values). note: what they are, in a sentence. detailed: whether they are of parts
    of a table rather than of the whole.
    """

    heading: str
    rows: tuple[tuple[str, Mapping[str, Any]], ...]
    note: str = ""
    detailed: bool = False

    def short(self) -> "Section":
        """At most the first twelve rows of a table's parts, and how many more there are."""
        more = len(self.rows) - MOST_SHOWN
        if more <= 0 or not self.detailed:
            return self
        left = f"{more} more row{'s' * (more > 1)} in this order are not shown."
        return replace(self, rows=self.rows[:MOST_SHOWN], note=f"{left} {self.note}")


def sections(verdict: Mapping[str, Any]) -> tuple[Section, ...]:
    """The parts of a verdict in plain values (``Verdict.to_json``); those without rows are left out."""
    figures = [(str(figure.get("name") or "figure"), figure) for figure in _mappings(verdict.get("figures"))]
    columns: list[tuple[str, Any]] = []
    for column in _mappings(verdict.get("columns")):
        columns.append((f"{column.get('name')} ({column.get('kind')})", column.get("apart")))
        columns.append((f"{column.get('name')}, missing", column.get("missing")))
    pairs: list[tuple[str, Any]] = [
        (" and ".join(map(str, pair.get("names") or ())), pair.get("apart")) for pair in _mappings(verdict.get("pairs"))
    ]
    columns, pairs = ([row for row in rows if isinstance(row[1], Mapping)] for rows in (columns, pairs))
    made = (
        Section("", tuple(row for row in figures if row[0] not in PRIVACY)),
        Section("Columns, the worst first", tuple(columns), SHAPES, detailed=True),
        Section("Columns that go together worst", tuple(pairs), TOGETHER, detailed=True),
        Section("Privacy", tuple(row for row in figures if row[0] in PRIVACY), _unseen(verdict.get("compared"))),
    )
    return tuple(section for section in made if section.rows)


def _unseen(compared: Any) -> str:
    """What the figures of privacy do not see. compared: ``Compared`` in plain values, where it is known."""
    part = Compared.from_json(compared).said() if isinstance(compared, Mapping) else ""
    return f"{part} {UNSEEN}".strip()


def _mappings(rows: Any) -> list[Mapping[str, Any]]:
    return [row for row in rows or () if isinstance(row, Mapping)]


def as_text(verdict: Any) -> str:
    """Aligned tables under headings. verdict: a Verdict."""
    found = [section.short() for section in sections(verdict.to_json())]
    cells = [[_cells(name, figure) for name, figure in section.rows] for section in found]
    everything = [HEAD, *(row for rows in cells for row in rows)]
    widths = [max(len(row[column]) for row in everything) for column in range(len(HEAD))]
    lines = [_title(verdict), "", _aligned(HEAD, widths)]
    for section, rows in zip(found, cells, strict=True):
        lines += ["", section.heading] if section.heading else []
        lines += [_aligned(row, widths) for row in rows]
        lines += [section.note] if section.note else []
    return "\n".join([*lines, "", verdict.summary, *verdict.notes])


def as_markdown(verdict: Any) -> str:
    """The same as tables in Markdown, with every column. verdict: a Verdict."""
    lines: list[str] = []
    for section in sections(verdict.to_json()):
        lines += ["", f"**{section.heading}**", ""] if section.heading else []
        rows = [HEAD, ("---",) * len(HEAD), *(_cells(name, figure) for name, figure in section.rows)]
        lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
        lines += ["", section.note] if section.note else []
    return "\n".join([*lines, "", f"{_title(verdict)}. {verdict.summary}", *verdict.notes]) + "\n"


def _title(verdict: Any) -> str:
    space = f", in {verdict.space}" if verdict.space else ""
    said = f"{verdict.draws} draws of {verdict.samples} samples{space}"
    return f"{said}; the floor is training data in the samples' place"


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()


def _cells(name: str, figure: Mapping[str, Any]) -> tuple[str, str, str, str, str, str]:
    value, floor, sides = figure["value"], figure["floor"], figure["interval"]
    ratio = f"{value / floor:.2f}" if floor > 0 else "-"
    interval = f"{sides[0]:.2f} to {sides[1]:.2f}" if sides else "-"
    return " ".join(name.split()), number(value), number(floor), ratio, interval, WORDS[figure["grade"]]


def number(value: float) -> str:
    """With three decimals, or three digits where those say too little."""
    return f"{value:.3f}" if 0.001 <= abs(value) < 1000 or value == 0 else f"{value:.3g}"
