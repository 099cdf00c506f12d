"""A table's schema as a TOML file: what was found, for people to read and correct."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from sparring.data.columns import KINDS, LABELLED, LEFT_OUT, Column, column_of
from sparring.data.mixed import MixedSchema
from sparring.data.relations import Numbers, Relation, found_relations
from sparring.data.schema import nearest
from sparring.errors import DataError
from sparring.files import explained, replaced_file

__all__ = ["corrected", "kept_columns", "read_schema_file", "told_columns", "write_schema_file"]

EDITED = ("kind", "low", "high", "decimals", "labels")
HEAD = """# What the columns of a table are, as Sparring found it. Change it, and: sparring fit gan TABLE --schema FILE
# kind: {kinds}.
# A column that is deleted here is left out. low, high: bounds. labels: of an ordered column from the least to the
# greatest. Relations hold in every row; one that is deleted need not hold in samples.

"""


def write_schema_file(path: Path, columns: Sequence[Column], relations: Sequence[Relation]) -> None:
    """Write what was found; texts and identifiers, which cannot be made, only as a remark.

    Raises FolderError if it cannot be written.
    """
    import tomli_w

    content: dict[str, Any] = {"columns": {}}
    for column in columns:
        if column.kind not in LEFT_OUT:
            told = column.to_json()
            timed = column.kind in ("date", "duration")  # their bounds are counts that nobody could read
            kept = {name: _short(told[name]) for name in EDITED if name in told and not (timed and name != "kind")}
            if column.kind == "integer":
                del kept["decimals"]
            content["columns"][str(column.name)] = kept
    if relations:
        content["relations"] = [{"kind": r.kind, "columns": [str(name) for name in r.columns]} for r in relations]
    left = [f"# left out: {column.name} ({column.kind}: {column.reason})\n" for column in columns if column.reason]
    text = HEAD.format(kinds=", ".join(KINDS)) + "".join(left) + ("\n" if left else "") + tomli_w.dumps(content)
    with explained(path), replaced_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _short(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def read_schema_file(given: Any) -> Mapping[str, Any]:
    """What a file says, or a mapping of the same form. Raises DataError for a file that is no schema."""
    if isinstance(given, Mapping):
        return given
    path = Path(os.fspath(given))
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. A schema (sparring schema -o) is needed.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is no TOML: {error}") from None
    if not isinstance(content.get("columns"), dict) or not content["columns"]:
        raise DataError(f"{path} has no columns; a schema as sparring schema TABLE -o FILE writes it is needed.")
    return content


def corrected(
    frame: pd.DataFrame, told: Mapping[str, Any], columns: Sequence[Column] | None = None
) -> tuple[pd.DataFrame, MixedSchema]:
    """The columns that a schema file keeps, and their schema as it says. told: as ``read_schema_file`` gives it.

    columns: what they are without it, if that is known.
    Raises DataError for columns, kinds or bounds that do not fit the data, and relations that do not hold.
    """
    kept = kept_columns(frame, told)
    made = told_columns(kept, told, columns)
    series: Any = kept
    numbers: Numbers = {column.name: column.numbers(series[column.name]) for column in made}
    hold = found_relations(made, numbers)
    found = {(relation.kind, tuple(map(str, relation.columns))): relation for relation in hold}
    relations = []
    for entry in told.get("relations", ()):
        key = (str(entry.get("kind")), tuple(map(str, entry.get("columns", ()))))
        if key not in found:
            said = ", ".join(key[1])
            raise DataError(f"the relation {key[0]!r} of {said} does not hold in every row, or could be chance.")
        relations.append(found[key])
    return kept, MixedSchema.of(kept, made, [relation for relation in hold if relation in relations])


def kept_columns(frame: pd.DataFrame, told: Mapping[str, Any]) -> pd.DataFrame:
    """The columns that a schema file keeps. Raises DataError for one that the table has not."""
    there = {str(name): name for name in frame.columns}
    wanted: Mapping[str, Any] = told.get("columns", {})
    for name in wanted:
        if name not in there:
            raise DataError(f"the schema has a column {name!r}, which the table has not{nearest(name, there)}.")
    kept: Any = frame[[original for name, original in there.items() if name in wanted]]
    return kept


def told_columns(
    frame: pd.DataFrame, told: Mapping[str, Any], columns: Sequence[Column] | None = None
) -> tuple[Column, ...]:
    """What a table's columns are, as a schema file says. Raises DataError for what does not fit the data.

    columns: what they are without it, if that is known.
    """
    wanted, known = told["columns"], {column.name: column for column in columns or ()}
    found: Any = [(name, frame[name]) for name in frame.columns]
    return tuple(
        _edited(known[name] if name in known else column_of(name, values), wanted[str(name)], values)
        for name, values in found
    )


def _edited(column: Column, edits: Mapping[str, Any], values: pd.Series) -> Column:
    """A column with what the file says of it."""
    name = column.name
    unknown = [key for key in edits if key not in EDITED]
    if unknown:
        raise DataError(f"column {name!r} in the schema: {unknown[0]!r} cannot be set; {', '.join(EDITED)} can.")
    made = _of_kind(column, str(edits.get("kind", column.kind)), edits, values)
    bounds = {end: float(edits[end]) for end in ("low", "high") if end in edits and made.kind not in LABELLED}
    if made.kind not in ("date", "duration"):
        made = replace(made, **bounds)
    if "decimals" in edits and made.kind == "continuous":
        made = replace(made, decimals=int(edits["decimals"]))
    numbers = made.numbers(values)
    outside = ((numbers < made.low) | (numbers > made.high)) if made.low is not None and made.high is not None else None
    if outside is not None and outside.any():
        row = int(outside.argmax())
        raise DataError(
            f"column {name!r}, row {values.index[row]}: {values.iloc[row]} lies outside {made.low:g} to {made.high:g} "
            "of the schema."
        )
    return made


def _of_kind(column: Column, kind: str, edits: Mapping[str, Any], values: pd.Series) -> Column:
    if kind not in KINDS:
        raise DataError(f"column {column.name!r} in the schema: there is no kind {kind!r}{nearest(kind, KINDS)}")
    labels = tuple(edits.get("labels", column.labels))
    if kind in ("category", "ordered"):
        known = [value.item() if hasattr(value, "item") else value for value in values.dropna().unique()]
        labels = labels or tuple(sorted(known))
        lost = [value for value in known if value not in labels]
        if lost:
            raise DataError(f"column {column.name!r} in the schema: its labels leave out {lost[0]!r}.")
        return Column(column.name, kind, column.dtype, column.missing, labels=labels)
    if kind == column.kind:
        return column
    numeric = ("continuous", "integer")
    if kind in numeric and column.kind in numeric:
        if kind == "integer":
            raise DataError(f"column {column.name!r} is not all whole numbers; it cannot be an integer.")
        return replace(column, kind=kind)
    if kind == "integer" and column.kind == "identifier":
        numbers = values.dropna()
        return Column(column.name, kind, column.dtype, column.missing, float(numbers.min()), float(numbers.max()), 0)
    raise DataError(f"column {column.name!r} is {column.kind}; it cannot be made {kind}.")
