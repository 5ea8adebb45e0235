"""Wording: numbers, times and names as a reader wants them; English, UTC."""

from __future__ import annotations

import re
from datetime import date, datetime

from markupsafe import Markup, escape

NOTHING = "–"
LONGEST = 240
"""Characters of a text that somebody else wrote; what is longer is cut."""
LONG_WORD = 24
"""Characters of a word that may not fit a narrow column."""
LONG_WORD_PARTS = re.compile(rf"[^_/.,@:-]{{1,{LONG_WORD}}}[_/.,@:-]*|[_/.,@:-]+")
UNREADABLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]"
)
"""What HTML does not allow, and what turns the text of others round."""


def clip(text: object, most: int = LONGEST) -> str:
    """A text of one line and of bounded length, without control characters."""
    told = " ".join(UNREADABLE.sub("\ufffd", str(text)[: 2 * most]).split())
    return told if len(told) <= most else told[: most - 1].rstrip() + "…"


def isolated(text: object, most: int = LONGEST) -> str:
    """A clipped text within a sentence, which its direction of writing does not reach."""
    return f"\u2068{clip(text, most)}\u2069"


def breakable(text: object) -> Markup:
    """A clipped text in which a browser may break words that are too long for a column."""
    told = Markup()
    for at, piece in enumerate(re.split(rf"(\S{{{LONG_WORD + 1},}})", clip(text))):
        is_long = at % 2 == 1  # the group of the pattern
        parts = LONG_WORD_PARTS.findall(piece) if is_long else [piece]
        told += Markup("<wbr>").join(escape(part) for part in parts)
    return told


def count(value: float | None) -> str:
    """12345 as 12,345."""
    return NOTHING if value is None else f"{value:,.0f}"


def bounds(least: int, most: int) -> str:
    """A number of which only bounds are known: 1,200–1,450, or one number where they agree."""
    return count(least) if least == most else f"{count(least)}–{count(most)}"


def share(part: float | None, whole: float | None) -> str:
    """Part of a whole in per cent: 2.4%; a very small one is not called zero."""
    if part is None or not whole:
        return NOTHING
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "<0.1%"
    if 99.9 < percent < 100:
        return ">99.9%"
    return f"{percent:.0f}%" if percent in (0, 100) else f"{percent:.1f}%"


def change(now: float | None, before: float | None) -> str:
    """The change from a number to another: +12%, −3%, ×4.2, none, or new."""
    if now is None or before is None:
        return NOTHING
    if now == before:
        return "±0%"
    if not before:
        return "new"
    if now >= 10 * before:
        return f"×{now / before:,.0f}"
    percent = 100 * (now - before) / before
    sign = "+" if percent > 0 else "−"
    size = abs(percent)
    return f"{sign}{size:.0f}%" if size >= 9.5 else f"{sign}{size:.1f}%"


def points(now: float | None, before: float | None) -> str:
    """The difference of two shares in percentage points: +0.4 points."""
    if now is None or before is None:
        return NOTHING
    difference = round(100 * (now - before), 1)
    sign = "+" if difference > 0 else "−" if difference < 0 else "±"
    return f"{sign}{abs(difference):.1f} points"


def duration(seconds: float | None) -> str:
    """Seconds in the two largest units that say it: 16 s, 3 h 7 min, 2 d 4 h."""
    if seconds is None:
        return NOTHING
    if round(seconds) < 60:
        return f"{seconds:.1f} s" if 0 < seconds < 1 else f"{round(seconds)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, rest = divmod(round(seconds / 3600), 24)
    return f"{days} d {rest} h" if rest and days < 100 else f"{days:,} d"


def day(value: date | None, *, with_year: bool = True) -> str:
    """A UTC day: 3 Feb 2026."""
    if value is None:
        return NOTHING
    told = f"{value.day} {value:%b}"
    return f"{told} {value.year}" if with_year else told


def moment(value: datetime | None, year: int) -> str:
    """A time to the minute, UTC: 3 Feb 13:42; with its year where that is not the given one."""
    if value is None:
        return NOTHING
    return f"{day(value, with_year=value.year != year)} {value:%H:%M}"


def span(first: date, last: date) -> str:
    """Days from one to another: 1–28 Feb 2026."""
    if first == last:
        return day(last)
    if first.year != last.year:
        return f"{day(first)} – {day(last)}"
    if first.month != last.month:
        return f"{day(first, with_year=False)} – {day(last)}"
    return f"{first.day}–{day(last)}"


def size(value: int) -> str:
    """Bytes in decimal units: 10.4 MB."""
    units = ("bytes", "kB", "MB", "GB", "TB", "PB")
    amount, at = float(value), 0
    while amount >= 999.5 and at < len(units) - 1:
        amount, at = amount / 1000, at + 1
    return f"{amount:.0f} {units[at]}" if at == 0 or amount >= 100 else f"{amount:.1f} {units[at]}"


def words(text: str | None) -> str:
    """A name of a program as words: trigger_errors_limit as trigger errors limit."""
    return clip(text).replace("_", " ") if text else NOTHING


def plural(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: 1 job, 1,200 jobs."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"
