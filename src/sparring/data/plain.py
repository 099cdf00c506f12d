"""What codecs and codes are in plain values, and back."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from sparring.errors import DataError

__all__ = ["from_plain"]


class _Kind(Protocol):
    """What is told apart by its kind."""

    kind: str


_Made = TypeVar("_Made", bound=_Kind)


def from_plain(content: Mapping[str, Any], kinds: Sequence[type[_Made]], what: str) -> _Made:
    """What ``to_json`` described: one of some kinds, whose parts may be such too. Lists become tuples.

    what: the word for it. Raises DataError for another kind.
    """
    found = {name: _plain(value, kinds, what) for name, value in content.items()}
    kind = found.pop("kind", None)
    for made in kinds:
        if made.kind == kind:
            return made(**found)
    *names, last = (made.kind for made in kinds)
    raise DataError(f"{what} must be of the kind {', '.join(names)} or {last}; got {kind!r}.")


def _plain(value: Any, kinds: Sequence[type[_Kind]], what: str) -> Any:
    if isinstance(value, Mapping):
        return from_plain(value, kinds, what)
    return tuple(value) if isinstance(value, list) else value
