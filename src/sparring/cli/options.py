"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

__all__ = ["Json", "LeaveOut", "SchemaFile", "Seed", "Threads"]

Json = Annotated[bool, Parameter(negative=(), help="Print the result as JSON.")]
Seed = Annotated[int | None, Parameter(help="Decides every random draw; none: a fresh one.")]
Threads = Annotated[int | None, Parameter(help="Processor threads; none: chosen by the size of the networks.")]
LeaveOut = Annotated[
    list[str] | None,
    Parameter(
        consume_multiple=True, negative=(), help="Columns of a table to pass over, such as names and identifiers."
    ),
]
SchemaFile = Annotated[
    Path | None, Parameter(help="What a table's columns are: a file from sparring schema -o, corrected.")
]
