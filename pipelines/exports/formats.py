"""Formats: what a template writes, and how a value is escaped by the place where it stands.

A format follows the template's own text and knows at each `{{ … }}` where it is: inside a JSON
string or outside, in a CEF header or after it. So a value is escaped rightly without a filter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipelines.exports import filters

Place = int
"""Where in a message the text is; 0 at its beginning."""

INSIDE, AFTER_ESCAPE = 1, 2
"""Places in JSON: inside a string, and there behind a backslash."""
HEADER_FIELDS = 7
"""`|` in the header of CEF (CEF:0|vendor|product|version|class|name|severity|)."""
LEEF_FIELDS = 6
"""`|` in the header of LEEF 2.0 (LEEF:2.0|vendor|product|version|event|delimiter|)."""


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of message.

    Attributes:
        name: Ending of the template's file name.
        content_type: Media type of a message.
        advance: The place after some text of the template.
        escape: What makes a value safe at a place.
        joint: What stands for a line break of the template's own text.
        end: Ends a message inside a rendered batch; it can be in no message.
    """

    name: str
    content_type: str
    advance: Callable[[Place, str], Place]
    escape: Callable[[Place], Callable[[Any], str]]
    joint: str
    end: str = "\udfff"  # no UTF-8 text holds a lone surrogate


def _json_advance(place: Place, text: str) -> Place:
    for character in text:
        if place == AFTER_ESCAPE:
            place = INSIDE
        elif character == '"':
            place = 0 if place else INSIDE
        elif character == "\\" and place:
            place = AFTER_ESCAPE
    return place


def _json_escape(place: Place) -> Callable[[Any], str]:
    return filters.json_inside if place else filters.json_value


def _counting(escaped: str, most: int) -> Callable[[Place, str], Place]:
    pattern = re.compile(rf"\\.|({re.escape(escaped)})", re.S)

    def advance(place: Place, text: str) -> Place:
        found = sum(1 for match in pattern.finditer(text) if match[1])
        return min(place + found, most)

    return advance


def _stay(place: Place, text: str) -> Place:
    return place


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format("json", "application/json", _json_advance, _json_escape, " ", "\x1e"),
        Format("csv", "text/csv", _stay, lambda _: filters.csv_value, ""),
        Format(
            "cef",
            "text/plain",
            _counting("|", HEADER_FIELDS),
            lambda place: filters.cef_header if place < HEADER_FIELDS else filters.cef,
            " ",
        ),
        Format(
            "leef",
            "text/plain",
            _counting("|", LEEF_FIELDS),
            lambda place: filters.leef_header if place < LEEF_FIELDS else filters.leef,
            "\t",
        ),
        Format("logfmt", "text/plain", _stay, lambda _: filters.logfmt, " "),
        Format("txt", "text/plain", _stay, lambda _: filters.line, " "),
    )
}
