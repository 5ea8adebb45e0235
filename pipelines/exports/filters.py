"""Filters: values as text that is safe where it is to stand; pure, the same for equal values.

Each `*_text` type marks text that is escaped already, so that it is not escaped again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from ipaddress import ip_address
from json.encoder import encode_basestring
from typing import Any

import orjson
from jinja2 import Undefined

FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""First characters by which spreadsheets know a formula (OWASP, CSV injection)."""
_BARE = re.compile(r"[^\s\"=\\\x00-\x1f\x7f]+")
_WORDS = frozenset({"null", "true", "false"})

_CEF = str.maketrans({"\\": "\\\\", "=": "\\=", "\n": "\\n", "\r": "\\r"})
_CEF_HEADER = str.maketrans({"\\": "\\\\", "|": "\\|", "\n": "\\n", "\r": "\\r"})
_LEEF = str.maketrans({"\\": "\\\\", "=": "\\=", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_LEEF_HEADER = str.maketrans(
    {"\\": "\\\\", "|": "\\|", "\t": "\\t", "\n": "\\n", "\r": "\\r"},
)
_SYSLOG = str.maketrans(
    {"\\": "\\\\", '"': '\\"', "]": "\\]", "\n": "\\n", "\r": "\\r", "\0": "\\0"}
)
_LINE = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\0": "\\0"})
_SLACK = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Escaped(str):
    """Text that was made safe for one format; it holds no line break."""

    __slots__ = ()


class Json(Escaped):
    """A JSON value."""

    __slots__ = ()


class Csv(Escaped):
    """A cell of a CSV line; the only text that may break a line, inside its quotes."""

    __slots__ = ()


class Cef(Escaped):
    """A value of a CEF extension, or a field of its header."""

    __slots__ = ()


class Leef(Escaped):
    """A value of a LEEF attribute, or a field of its header."""

    __slots__ = ()


class Logfmt(Escaped):
    """A logfmt value, quoted where it has to be."""

    __slots__ = ()


def text(value: Any) -> str:
    """A value as plain text: null is empty, times are ISO 8601, objects are JSON.

    Raises:
        UndefinedError: The value is missing.
    """
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if value is None:
        return ""
    if kind is bool:
        return "true" if value else "false"
    if kind is datetime or kind is date:
        return iso(value) or ""
    if kind is dict or kind is list:
        return orjson.dumps(value, default=_odd).decode()
    return str(value)  # a missing value raises here


def json(value: Any) -> Json:
    """A value as JSON: `"text"`, `12`, `true`, `null`, `{…}`; times as ISO 8601 text."""
    return Json(json_value(value))


def json_value(value: Any) -> str:
    """A value as JSON text; JSON text stays as it is."""
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    if value is None:
        return "null"
    if kind is Json:
        return value  # type: ignore[no-any-return]
    if kind is int:
        return str(value)
    if kind is dict or kind is list or kind is bool or kind is float:
        return orjson.dumps(value, default=_odd).decode()
    return encode_basestring(text(value))


def json_inside(value: Any) -> str:
    """A value as the inside of a JSON string."""
    return encode_basestring(text(value))[1:-1]


def _odd(value: Any) -> str:
    return text(value)


def iso(value: Any) -> str | None:
    """A time as ISO 8601 in UTC, with milliseconds or finer where it has them; null stays null.

    Example: `2026-02-03T09:15:27Z`, `2026-02-03T09:15:27.412Z`, for a date `2026-02-03`.
    """
    if type(value) is not datetime:
        return value.isoformat() if type(value) is date else _as_given(value, "a time")
    moment = value.astimezone(UTC)
    micros = moment.microsecond
    fraction = "" if not micros else f".{micros:06d}" if micros % 1000 else f".{micros // 1000:03d}"
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def epoch(value: Any, unit: str = "s") -> int | float | None:
    """A time as the count since 1970 in seconds (`s`, with decimals), `ms`, `us` or `ns`."""
    if type(value) is not datetime:
        _as_given(value, "a time")
        return None
    micros = _micros(value)
    counts: dict[str, int | float] = {
        "s": micros / 1_000_000 if micros % 1_000_000 else micros // 1_000_000,
        "ms": micros // 1000,
        "us": micros,
        "ns": micros * 1000,
    }
    if unit not in counts:
        raise ValueError(f"epoch: unit {unit!r} is unknown; allowed: {', '.join(counts)}")
    return counts[unit]


def _micros(moment: datetime) -> int:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _as_given(value: Any, wanted: str) -> Any:
    """Null; anything else is a mistake of the template."""
    if value is None:
        return None
    if isinstance(value, Undefined):
        str(value)  # raises, and names what is missing
    raise ValueError(f"{wanted} is wanted, found {type(value).__name__} {str(value)[:40]!r}")


def csv(value: Any) -> Csv:
    """A value as a CSV cell (RFC 4180) that no spreadsheet runs: a `'` disarms a formula.

    Numbers stay numbers, a negative one too; text that begins like a formula gets the `'`.
    """
    if type(value) is Csv:
        return value
    found = text(value)
    if type(value) is not int and type(value) is not float and found.startswith(FORMULA):
        found = "'" + found
    if any(mark in found for mark in ',"\n\r;') or found != found.strip():
        found = '"' + found.replace('"', '""') + '"'
    return Csv(found)


def cef(value: Any) -> Cef:
    r"""A value of a CEF extension: `\`, `=` and line breaks escaped."""
    return value if type(value) is Cef else Cef(text(value).translate(_CEF))


def cef_header(value: Any) -> Cef:
    r"""A field of a CEF header: `\`, `|` and line breaks escaped."""
    return value if type(value) is Cef else Cef(text(value).translate(_CEF_HEADER))


def leef(value: Any) -> Leef:
    r"""A value of a LEEF attribute: `\`, `=`, tabs and line breaks escaped."""
    return value if type(value) is Leef else Leef(text(value).translate(_LEEF))


def leef_header(value: Any) -> Leef:
    r"""A field of a LEEF header: `\`, `|`, tabs and line breaks escaped."""
    return value if type(value) is Leef else Leef(text(value).translate(_LEEF_HEADER))


def syslog(value: Any) -> Escaped:
    r"""A value of an RFC 5424 structured-data parameter: `\`, `"`, `]` and line breaks escaped."""
    return Escaped(text(value).translate(_SYSLOG))


def logfmt(value: Any) -> Logfmt:
    """A logfmt value: bare where it can be, else quoted as a JSON string."""
    if type(value) is Logfmt:
        return value
    if value is None:
        return Logfmt("null")
    found = text(value)
    quoted = not _BARE.fullmatch(found) or (type(value) is str and found in _WORDS)
    return Logfmt(encode_basestring(found).replace("\x7f", "\\u007f") if quoted else found)


def line(value: Any) -> str:
    r"""A value as text in one line: `\` and line breaks escaped; what is escaped stays so."""
    return value if isinstance(value, Escaped) else text(value).translate(_LINE)


def slack(value: Any) -> str:
    """Text for Slack: `&`, `<` and `>` escaped, so that it mentions nobody and links nowhere."""
    return text(value).translate(_SLACK)


def parsed(value: Any) -> Any:
    """A JSON text as the value that it holds; null for null."""
    return None if value is None else orjson.loads(str(value))  # it knows no kinds of text


def is_ip(value: Any) -> bool:
    """Whether a value is an IP address, of either version; a masked one is none."""
    return _version(value) is not None


def is_ipv4(value: Any) -> bool:
    """Whether a value is an IP address of version 4."""
    return _version(value) == 4


def _version(value: Any) -> int | None:
    try:
        return ip_address(value).version if isinstance(value, str) else None
    except ValueError:
        return None


TESTS: dict[str, Callable[[Any], bool]] = {"ip": is_ip, "ipv4": is_ipv4}
"""Tests by the name that a template calls them by, besides those of Jinja2."""
FILTERS: dict[str, Callable[..., Any]] = {
    "cef": cef,
    "cef_header": cef_header,
    "csv": csv,
    "epoch": epoch,
    "iso": iso,
    "json": json,
    "leef": leef,
    "leef_header": leef_header,
    "logfmt": logfmt,
    "slack": slack,
    "syslog": syslog,
}
"""Filters by the name that a template calls them by, besides those of Jinja2 that are allowed."""
