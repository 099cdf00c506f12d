"""Numbers, durations, moments and settings as people read them."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

__all__ = ["cut", "duration", "finite", "number", "plain", "ratio", "when"]

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def finite(value: Any) -> float | None:
    """The value as a number if it is one, and finite; otherwise None."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable else None


def number(value: float | int | None, digits: int = 3, most: float = 1e9) -> str:
    """A number for people: so many significant digits, thousands grouped, powers of ten when far from one.

    most: from which size on powers of ten are used for whole numbers too.

    >>> number(0.012345), number(12345), number(1.5e-7), number(None)
    ('0.0123', '12,345', '1.5×10⁻⁷', '–')
    """
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value == 0 or (float(value).is_integer() and abs(value) < most):
        text = f"{int(value):,}"
    elif 1e-3 <= abs(value) < min(1e6, most):
        decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
        text = f"{value:,.{decimals}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        power = "10" + str(int(exponent)).translate(SUPERSCRIPT)
        text = power if mantissa == "1" else f"{mantissa}×{power}"
    return text.replace("-", "−")


def plain(value: Any) -> str:
    """A value of the configuration as text; numbers exactly, so that they can be typed again.

    >>> plain(0.001), plain([64, 64]), plain(None), plain(25000)
    ('0.001', '64, 64', 'none', '25000')
    """
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {plain(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(plain(part) for part in value)
    return str(value)


def duration(seconds: Any) -> str:
    """Seconds as people say them.

    >>> duration(0.42), duration(75), duration(7260)
    ('0.4 s', '1 min 15 s', '2 h 1 min')
    """
    value = finite(seconds)
    if value is None:
        return "–"
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    hours, rest = divmod(round(value / 60), 60)
    return f"{hours} h {rest} min"


def when(moment: Any) -> str:
    """A moment in ISO 8601 as people write it; anything else as it is."""
    try:
        read = datetime.fromisoformat(str(moment))
        return f"{read.day} {read:%B %Y, %H:%M %Z}".strip()
    except ValueError:
        return str(moment)


def ratio(figure: Mapping[str, Any]) -> float | None:
    """A figure of a verdict over its floor; None where either is missing or the floor is zero."""
    value, floor = finite(figure.get("value")), finite(figure.get("floor"))
    return value / floor if value is not None and floor else None


def cut(text: Any, most: int) -> str:
    """A text of at most so many characters, ending in an ellipsis where some were left out.

    >>> cut("a long word", 6), cut("short", 6)
    ('a lon…', 'short')
    """
    whole = str(text)
    return whole if len(whole) <= most else whole[: most - 1].rstrip() + "…"
