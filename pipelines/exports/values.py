"""Values: what a value is as plain text, as a time or a count; the same for equal values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

import orjson
from jinja2 import Undefined

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
        return orjson.dumps(value, default=odd).decode()
    return str(value)  # a missing value raises here


def odd(value: Any) -> str:
    """What stands in JSON for a value that JSON has no word for."""
    return text(value)


def iso(value: Any) -> str | None:
    """A time as ISO 8601 in UTC, with milliseconds or finer where it has them; null stays null.

    Example: `2026-02-03T09:15:27Z`, `2026-02-03T09:15:27.412Z`, for a date `2026-02-03`.
    """
    if type(value) is not datetime:
        return value.isoformat() if type(value) is date else _as_given(value, "a time")
    moment = value if value.tzinfo is UTC else value.astimezone(UTC)
    written = moment.isoformat(
        timespec="auto" if moment.microsecond % 1000 or not moment.microsecond else "milliseconds"
    )
    return f"{written.removesuffix('+00:00')}Z"


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
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _as_given(value: Any, wanted: str) -> Any:
    """Null; anything else is a mistake of the template."""
    if value is None:
        return None
    if isinstance(value, Undefined):
        str(value)  # raises, and names what is missing
    raise ValueError(f"{wanted} is wanted, found {type(value).__name__} {str(value)[:40]!r}")


def parsed(value: Any) -> Any:
    """A JSON text as the value that it holds; null for null."""
    return None if value is None else orjson.loads(str(value))  # it knows no kinds of text


def is_ip(value: Any) -> bool:
    """Whether a value is an IP address, of either version; a masked one is none."""
    return isinstance(value, str) and _version(value) is not None


def is_ipv4(value: Any) -> bool:
    """Whether a value is an IP address of version 4."""
    return isinstance(value, str) and _version(value) == 4


@lru_cache(4_096)
def _version(text: str) -> int | None:
    try:
        return ip_address(text).version
    except ValueError:
        return None


def is_starting(value: Any, start: str) -> bool:
    """Whether a text begins so; calling `startswith` takes the sandbox five times as long."""
    return isinstance(value, str) and value.startswith(start)


def is_ending(value: Any, end: str) -> bool:
    """Whether a text ends so."""
    return isinstance(value, str) and value.endswith(end)


TESTS: dict[str, Callable[..., bool]] = {
    "ending": is_ending,
    "ip": is_ip,
    "ipv4": is_ipv4,
    "starting": is_starting,
}
"""Tests by the name that a template calls them by, besides those of Jinja2."""
