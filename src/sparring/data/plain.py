"""Schemas, codecs and codes from plain values, held against their types, since anyone may have written them."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec
import numpy as np
import pandas as pd

from sparring.documents import finite
from sparring.errors import DataError

__all__ = ["from_plain", "refuse", "refuse_dtype", "typed"]


class _Kind(Protocol):
    """What is told apart by its kind."""

    kind: str


_Made = TypeVar("_Made", bound=_Kind)
_Any = TypeVar("_Any")


def typed(
    content: Mapping[str, Any], made: type[_Any], equal: Sequence[str] = (), deviations: str = "", dtypes: str = ""
) -> _Any:
    """A dataclass of plain values, whose kind is left out. Lists become tuples.

    equal: fields that are equally long. deviations: the field that scales, all above 0. dtypes: the field of dtypes.
    Raises DataError for values of other types, and for numbers that are not finite.
    """
    try:
        finite(content)
        fields: Any = made.__dataclass_fields__  # pyright: ignore[reportAttributeAccessIssue]
        found = msgspec.convert({name: value for name, value in content.items() if name in fields}, made)
    except (ValueError, RecursionError) as error:
        raise DataError(f"the schema of {made.__name__} is damaged: {error}.") from None
    lengths = {len(getattr(found, name)) for name in equal}
    refuse(len(lengths) > 1, f"{', '.join(equal)} must be equally long")
    if deviations:
        refuse(min(getattr(found, deviations), default=1.0) <= 0, "deviations must be above 0")
    if dtypes:
        told = getattr(found, dtypes)
        for dtype in {told} if isinstance(told, str) else {*told}:
            refuse_dtype(dtype)
    return found


def refuse_dtype(dtype: str) -> None:
    """Raise DataError for what is no dtype of NumPy or pandas."""
    try:
        pd.api.types.pandas_dtype(dtype)
    except (TypeError, ValueError, LookupError, AttributeError, SyntaxError, OSError) as error:
        raise DataError(f"the schema is damaged: {dtype[:40]!r} is no dtype ({type(error).__name__}).") from None


def refuse(wrong: Any, needed: str) -> None:
    """Raise DataError if something is wrong. needed: what has to be so."""
    if bool(np.any(wrong)):
        raise DataError(f"the schema is damaged: {needed}.")


def from_plain(content: Mapping[str, Any], kinds: Sequence[type[_Made]], what: str) -> _Made:
    """What ``to_json`` described: one of some kinds, whose parts may be such too. Lists become tuples.

    what: the word for it. Raises DataError for another kind, and for values of other types.
    """
    found = dict(content) if isinstance(content, Mapping) else {}
    kind = found.pop("kind", None)
    for made in kinds:
        if made.kind == kind:
            try:
                finite(found)
                return msgspec.convert(found, made, dec_hook=lambda _, part: from_plain(part, kinds, what))
            except (ValueError, RecursionError) as error:
                raise DataError(f"{what} of the kind {kind} is damaged: {error}.") from None
    *names, last = (made.kind for made in kinds)
    raise DataError(f"{what} must be of the kind {', '.join(names)} or {last}; got {kind!r}.")
