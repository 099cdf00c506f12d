"""Options that several commands share."""

from typing import Annotated

from cyclopts import Parameter

__all__ = ["Json", "Seed", "Threads"]

Json = Annotated[bool, Parameter(negative=(), help="Print the result as JSON.")]
Seed = Annotated[int | None, Parameter(help="Decides every random draw; none: a fresh one.")]
Threads = Annotated[int | None, Parameter(help="Processor threads; none: chosen by the size of the networks.")]
