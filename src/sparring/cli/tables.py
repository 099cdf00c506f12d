"""What the command line says and takes of tables: their schema, conditions on samples, and gaps to fill."""

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from sparring.cli.actions import needs
from sparring.cli.display import Display
from sparring.errors import InputError
from sparring.record import Record

__all__ = ["complete", "conditions", "schema"]

SHOWN = 6  # labels of a category
MOST_CLASSES = 20  # labels of a column, up to which it is offered as one to predict
NUMBERS = ("continuous", "integer")
TARGETS = ("target", "label", "class", "outcome", "y")  # names of columns that are there to be predicted


def conditions(given: Sequence[str] | None) -> dict[str, Any] | None:
    """What ``GAN.sample`` calls where: of COLUMN=VALUE, COLUMN=VALUE|VALUE, COLUMN=LOW..HIGH and COLUMN= (missing).

    >>> conditions(["sex=Female", "age=30..40", "hours=60..", "city=Bern|Basel", "note="])
    {'sex': 'Female', 'age': ('30', '40'), 'hours': ('60', None), 'city': ['Bern', 'Basel'], 'note': None}
    """
    if not given:
        return None
    found: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputError(f"--where takes COLUMN=VALUE, COLUMN=VALUE|VALUE or COLUMN=LOW..HIGH; got {text!r}")
        if name in found:
            raise InputError(f"--where names {name!r} twice; join its values by a bar: {name}=A|B")
        low, dots, high = value.partition("..")
        found[name] = (low or None, high or None) if dots else value.split("|") if "|" in value else value or None
    return found


def schema(data: str, output: Path | None, leave_out: Sequence[str], as_json: bool) -> None:
    """Say what the columns of a table are, and write it to a file if one is named."""
    display = Display(as_json=as_json)
    from sparring.data.columns import LEFT_OUT
    from sparring.data.mixed_source import columns_found

    with display.heard():
        found = columns_found(data, leave_out)
    columns, relations, made = found.columns, found.relations, found.schema
    state = {
        "rows": found.rows,
        "columns": [column.to_json() for column in columns],
        "relations": [relation.said() for relation in relations],
        "numbers": None if made is None else made.shape[0],
    }

    def show() -> None:
        display.print(f"{found.rows:,} rows of {len(columns)} columns in {data}")
        rows = [("column", "kind", "values")]
        for column in columns:
            values: Any = found.frame[column.name]
            gaps = f", {found.gaps[column.name]:.1%} missing" if column.missing else ""
            rows.append((str(column.name), column.kind, _said(column, values) + gaps))
        widths = [max(len(row[i]) for row in rows) for i in range(2)]
        display.lines([f"  {a:<{widths[0]}}  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in rows])
        if relations:
            display.print("in every row: " + "; ".join(relation.said() for relation in relations))
        refused = [str(column.name) for column in columns if column.kind in LEFT_OUT]
        if refused:
            options = " ".join(f"--leave-out {name}" for name in refused)
            display.say(
                f"texts and identifiers cannot be made; learn the others with: sparring fit gan {data} {options}"
            )
        elif made is not None:
            display.say(f"{made.shape[0]} numbers a row for the networks. Next: sparring fit gan {data}")
        predicted = _predicted(data, columns, refused)
        if predicted:
            display.say(f"to predict a column: {predicted}")

    if output is not None:
        from sparring.data.schema_file import write_schema_file

        write_schema_file(output, columns, relations)
    display.result(state, show)
    if output is not None:
        display.say(f"schema   {output}; corrected or not, it is used by: sparring fit gan {data} --schema {output}")


def complete(
    folder: Path, rows: str, output: Path, columns: Sequence[str] | None, seed: int | None, as_json: bool
) -> None:
    """Fill the gaps of a table's rows and write them."""
    record = Record.open(folder)
    needs(record, ("gan",), "rows", "sparring predict, or sparring translate")
    display = Display(as_json=as_json)
    from sparring.data.mixed_source import framed
    from sparring.data.parquet import needs_pyarrow
    from sparring.data.write import ROWS, write_rows
    from sparring.estimators import load

    if output.suffix.lower() not in ROWS:
        raise InputError(f"{output}: rows are written as .csv or .parquet.")
    if output.suffix.lower() == ".parquet":
        needs_pyarrow(output)
    model = load(record.folder)
    given, _ = framed(rows, strict=False)
    filled = model.complete(rows if given is None else given, columns=columns or None, random_state=seed)
    before, after = (0 if given is None else int(given.isna().sum().sum()), int(filled.isna().sum().sum()))
    gaps = () if given is None else given.columns[given.isna().any()].tolist()
    write_rows([filled], output, gaps)
    state = {"rows": len(filled), "filled": before - after, "missing": after, "output": str(output)}
    left = f"; {after:,} are still missing" if after else ""
    display.result(state, lambda: display.print(f"{before - after:,} values filled in, in {output}{left}"))


def _predicted(data: str, columns: Sequence[Any], refused: Sequence[str]) -> str:
    """The command that learns to predict a likely column; nothing if there is none."""
    wanted = _target(columns)
    if wanted is None:
        return ""
    options = " ".join(["--target", quote(str(wanted.name)), *(f"--leave-out {quote(name)}" for name in refused)])
    return f"sparring fit {'regressor' if wanted.kind in NUMBERS else 'classifier'} {data} {options}"


def _target(columns: Sequence[Any]) -> Any:
    """The column that a table is likely to be about: one called so, else the last, if it has no gaps and few labels.

    None if there is no such column, or no other to predict it from.
    """
    named = [column for column in columns if str(column.name).lower() in TARGETS]
    found = (named or list(columns[-1:]) or [None])[0]
    others = [column for column in columns if column.kind not in ("constant", "text", "identifier")]
    if found is None or found.missing or len(others) < 2:
        return None
    few = found.kind in ("boolean", "category", "ordered") and 2 <= len(found.labels) <= MOST_CLASSES
    return found if few or found.kind in NUMBERS else None


def _said(column: Any, values: Any) -> str:
    """A column's values in few words."""
    if column.kind in ("text", "identifier"):
        return column.reason
    if column.labels:
        words = [str(label) or "(empty)" for label in column.labels[:SHOWN]]
        more = f", ... ({len(column.labels):,} in all)" if len(column.labels) > SHOWN else ""
        return (" < " if column.kind == "ordered" else ", ").join(words) + more
    known = values.dropna()
    if not len(known):
        return "nothing but missing values"
    if column.kind == "integer":
        return f"{column.low:.0f} to {column.high:.0f}"
    decimals = column.decimals if column.kind == "continuous" else None
    digits = "" if decimals is None else f", {decimals} decimal{'s' if decimals > 1 else ''}"
    steps = f", by the {column.step}" if column.step else ""
    return f"{known.min()} to {known.max()}{digits}{steps}"
