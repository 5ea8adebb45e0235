"""Words: values as people read them in a table; JSON and CSV have them as they are."""

from __future__ import annotations

from datetime import date, datetime
from itertools import pairwise

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def count(value: int | None) -> str:
    """A whole number with its thousands separated."""
    return "" if value is None else f"{value:,}"


def bounds(least: int | None, most: int | None) -> str:
    """A number, or the least and the most where it is not known."""
    return count(least) if least == most else f"{count(least)}–{count(most)}"


def share(value: float | None) -> str:
    """A share of one as a percentage with one digit."""
    return "" if value is None else f"{value:.1%}"


def duration(seconds: float | None) -> str:
    """A length of time in its two greatest units, rounded to the smaller.

    Example: `duration(11_212)` is `"3h 7m"`, `duration(10_796)` is `"3h"`, `duration(0.25)` is
    `"0.2s"`.
    """
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + "s"
    for (size, unit), (smaller, smaller_unit) in pairwise(_UNITS):
        whole = round(seconds / smaller) * smaller
        if whole >= size:
            many, left = divmod(whole, size)
            return f"{many}{unit}" + (f" {left // smaller}{smaller_unit}" if left else "")
    return f"{round(seconds)}s"


def moment(value: datetime | None) -> str:
    """A time to the second."""
    return "" if value is None else f"{value:%Y-%m-%d %H:%M:%S}"


def minute(value: datetime | None) -> str:
    """A time to the minute."""
    return "" if value is None else f"{value:%Y-%m-%d %H:%M}"


def day(value: date | None) -> str:
    """A day."""
    return "" if value is None else f"{value:%Y-%m-%d}"


def clip(text: str | None, most: int = 120) -> str:
    """A text in one line, cut where it is long."""
    line = " ".join((text or "").split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
