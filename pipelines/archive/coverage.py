"""Coverage: which of the days asked for are sealed, per table and environment, and which are not.

A pack can prove what it has, and only what was signed can say what it should have.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from pipelines.archive.layout import FIRST_DAY

if TYPE_CHECKING:
    from pipelines.archive.manifest import Manifest
    from pipelines.archive.selection import Selection

DAY = timedelta(1)


@dataclass(frozen=True, slots=True)
class Days:
    """Days of a table and environment, first and last included."""

    table: str
    environment: str | None
    first: date
    last: date

    @property
    def name(self) -> str:
        """Table and environment in words."""
        return f"{self.table} {self.environment or ''}".rstrip()

    def as_dict(self) -> dict[str, Any]:
        """The days as the entry of a pull names them."""
        return {
            "table": self.table,
            "environment": self.environment,
            "from": self.first.isoformat(),
            "to": self.last.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Coverage:
    """What of a selection is sealed, what is not yet, and the tables that nothing was sealed of.

    Days before the first seal of a table and environment count as neither: it began then.
    """

    sealed: tuple[Days, ...]
    not_sealed: tuple[Days, ...]
    never_sealed: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The coverage as the entry of a pull has it."""
        return {
            "sealed": [days.as_dict() for days in self.sealed],
            "not_sealed": [days.as_dict() for days in self.not_sealed],
            "never_sealed": list(self.never_sealed),
        }


def coverage_of(selection: Selection, manifests: Collection[Manifest]) -> Coverage:
    """The coverage of a selection by all seals of an archive."""
    streams: dict[tuple[str, bool, str], list[Manifest]] = {}
    for seal in manifests:
        if selection.asks_for(seal) and seal.event_date >= FIRST_DAY:
            streams.setdefault(seal.stream, []).append(seal)
    sealed, lacking = list[Days](), list[Days]()
    for stream in sorted(streams):
        seals = streams[stream]
        days = [seal.event_date for seal in seals]
        of = seals[0].table, seals[0].environment
        first, last = max(selection.first, min(days)), min(selection.last, max(days))
        if first <= last:
            sealed.append(Days(*of, first, last))
        if last < selection.last:
            lacking.append(Days(*of, max(selection.first, last + DAY), selection.last))
    known = {table for table, _, _ in streams}
    never = tuple(name for name in selection.asked_tables if name not in known)
    return Coverage(tuple(sealed), tuple(lacking), never)
