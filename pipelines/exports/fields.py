"""Fields: what a template may name, and where each column of the lake comes from in an event."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from pipelines.lake.schemas import KINDS, TABLES

LOG_MESSAGE = "log_message"
"""The event's own JSON, without wrappers, in one line."""
LOG_MESSAGE_STR = "log_message_str"
"""The same as a text."""
EVENT = "event"
"""The same as a value: `event.details.stop_reason`."""
NOWS = ("now", "now_utc", "now_utc_micro", "now_utc_nano")
"""The time of rendering: ISO 8601 with offset, and milli-, micro- and nanoseconds since 1970."""
PLACEHOLDERS = (LOG_MESSAGE, LOG_MESSAGE_STR, *NOWS)
"""What Workato's own custom log messages know."""


def columns_of(kind: str) -> frozenset[str]:
    """The columns that events of a kind have in the lake.

    Example: `columns_of("job")` has `recipe_id`.
    """
    return frozenset(TABLES[KINDS[kind]].names)


def columns_of_kinds(kinds: Collection[str]) -> frozenset[str]:
    """The columns that events of some of the kinds have; of all kinds where none is given."""
    return frozenset().union(*(columns_of(kind) for kind in kinds or KINDS))


def known_names(kinds: Collection[str]) -> frozenset[str]:
    """Every name that a template for these kinds may use."""
    return columns_of_kinds(kinds) | {*PLACEHOLDERS, EVENT}


def near(name: str, known: Collection[str]) -> str:
    """What may have been meant, as the end of a message; empty where nothing is near."""
    found = get_close_matches(name, sorted(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(found)}?" if found else ""
