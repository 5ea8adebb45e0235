"""Syslog frames: messages of RFC 5424, framed as RFC 6587 and RFC 5425 say.

How frames are sent is the matter of `syslog.py`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Literal

from pipelines.sinks.bodies import is_json, on_one_line

Facility = Literal[
    "user",
    "daemon",
    "auth",
    "authpriv",
    "audit",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
]
Framing = Literal["octets", "lines"]
FACILITIES: dict[Facility, int] = {
    "user": 1,
    "daemon": 3,
    "auth": 4,
    "authpriv": 10,
    "audit": 13,
    "local0": 16,
    "local1": 17,
    "local2": 18,
    "local3": 19,
    "local4": 20,
    "local5": 21,
    "local6": 22,
    "local7": 23,
}
"""Numerical codes (RFC 5424, table 1)."""
WARNING, INFORMATIONAL = 4, 6
NIL = "-"
CONTROLS = {number: f"\\x{number:02x}" for number in (*range(32), 127)}
CONTROLS |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\t"}


def header(text: str | None, longest: int) -> str:
    """A value for a field of the header: printable ASCII without space, or the nil value."""
    return re.sub(r"[^!-~]+", "_", text or "")[:longest] or NIL


def parameter(value: Any) -> str:
    """A value for a parameter of structured data (RFC 5424, 6.3.3)."""
    text = str(value).translate(CONTROLS)
    return re.sub(r'(["\\\]])', r"\\\1", text)


def one_line(message: str, content_type: str) -> str:
    """A message without control characters: receivers store a line a message, many in C's strings.

    In JSON a line break is space. In other text control characters are written as escapes.
    """
    if is_json(content_type):
        return on_one_line(message)
    return message.rstrip("\r\n").translate(CONTROLS)


def timestamp(moment: datetime | None) -> str:
    """A time as RFC 5424 has it, with microseconds, UTC."""
    if moment is None:
        return NIL
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def framed(message: str, framing: Framing) -> bytes:
    """A message with its length before it, or with a line feed behind it (RFC 6587, 3.4).

    Raises:
        UnicodeEncodeError: It is no text.
    """
    content = message.encode()
    return content + b"\n" if framing == "lines" else b"%d %b" % (len(content), content)
