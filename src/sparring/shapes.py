"""Dimension letters and shape checks: what a size is called, never what a tensor means.

A pattern names the dimensions in order: ``"n c h w"``. A letter stands for a size, the same
letter for the same size; a number stands for itself; ``...`` at the end stands for any rest.
"""

from typing import Any

from sparring.errors import ShapeError

__all__ = ["check", "describe"]


def describe(shape: tuple[int, ...]) -> str:
    """The shape as text, without a trailing comma: ``(3, 4)``."""
    return "(" + ", ".join(str(size) for size in shape) + ")"


def check(name: str, value: Any, pattern: str, hint: str = "", **sizes: int) -> dict[str, int]:
    """Match ``value.shape`` against a pattern and return the size of every letter.

    name: what to call the value in a message. value: anything with a ``shape``.
    sizes: letters whose size is known already. hint: the usual cause, added to the message.
    Raises ShapeError with the shape found, the shape needed and the hint.

    >>> import numpy as np
    >>> check("scores", np.zeros((5, 1)), "n 1", n=5)
    {'n': 5}
    """
    shape = tuple(value.shape)
    letters = pattern.split()
    open_ended = letters[-1:] == ["..."]
    letters = letters[:-1] if open_ended else letters
    known = dict(sizes)
    fits = len(shape) >= len(letters) if open_ended else len(shape) == len(letters)
    for letter, size in zip(letters, shape, strict=False):
        needed = int(letter) if letter.isdigit() else known.setdefault(letter, size)
        fits = fits and needed == size
    if not fits:
        wanted = ", ".join(f"{x}={sizes[x]}" if x in sizes else x for x in pattern.split())
        raise ShapeError(f"{name} must have the shape ({wanted}); got {describe(shape)}. {hint}".rstrip())
    return known
