"""Filters: values as text that is safe where it is to stand; pure, the same for equal values.

Each `*_text` type marks text that is escaped already, so that it is not escaped again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any

import orjson

from pipelines.exports.values import epoch, iso, odd, text

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First characters by which spreadsheets know a formula (OWASP, CSV injection)."""
_CELL = re.compile(r"[,\"\n\r;]|^[=+\-@＝＋－＠\s]|\s$")
"""Text that cannot stand in a cell as it is."""
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
        return orjson.dumps(value, default=odd).decode()
    return encode_basestring(text(value))


def json_inside(value: Any) -> str:
    """A value as the inside of a JSON string."""
    return encode_basestring(text(value))[1:-1]


def csv(value: Any) -> Csv:
    """A value as a CSV cell (RFC 4180) that no spreadsheet runs: a `'` disarms a formula.

    Numbers stay numbers, a negative one too; text that begins like a formula gets the `'`.
    """
    return value if type(value) is Csv else Csv(csv_value(value))


def csv_value(value: Any) -> str:
    """A value as a CSV cell; what is one already stays so."""
    kind = type(value)
    if value is None:
        return ""
    if kind is Csv or (kind is str and not _CELL.search(value)):
        return value  # type: ignore[no-any-return]
    found = text(value)
    if kind is not int and kind is not float and found.startswith(FORMULA):
        found = "'" + found
    if any(mark in found for mark in ',"\n\r;') or found != found.strip():
        found = '"' + found.replace('"', '""') + '"'
    return found


def _translated(value: Any, marks: str, table: dict[int, str]) -> str:
    """A value as text, escaped; most texts have nothing to escape, which is quick to see."""
    found = text(value)
    if found.isprintable() and marks[0] not in found and marks[1] not in found:
        return found
    return found.translate(table)


def cef(value: Any) -> Cef:
    r"""A value of a CEF extension: `\`, `=` and line breaks escaped."""
    return value if type(value) is Cef else Cef(_translated(value, "\\=", _CEF))


def cef_header(value: Any) -> Cef:
    r"""A field of a CEF header: `\`, `|` and line breaks escaped."""
    return value if type(value) is Cef else Cef(_translated(value, "\\|", _CEF_HEADER))


def leef(value: Any) -> Leef:
    r"""A value of a LEEF attribute: `\`, `=`, tabs and line breaks escaped."""
    return value if type(value) is Leef else Leef(_translated(value, "\\=", _LEEF))


def leef_header(value: Any) -> Leef:
    r"""A field of a LEEF header: `\`, `|`, tabs and line breaks escaped."""
    return value if type(value) is Leef else Leef(_translated(value, "\\|", _LEEF_HEADER))


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
