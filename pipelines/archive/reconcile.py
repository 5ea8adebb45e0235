"""Reconcile: whether the archive has as many rows of each sealed day as the lake."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.archive.streams import sealed_days
from pipelines.lake.schemas import LOADED_TABLES
from pipelines.lake.tables import Lake, rows_per_day

if TYPE_CHECKING:
    from pipelines.archive.log import Entry


@dataclass(frozen=True, slots=True)
class Unequal:
    """A sealed day of a table with other rows in the archive than in the lake."""

    table: str
    event_date: date
    sealed: int
    in_lake: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready facts, the day as ISO date."""
        facts = {name: getattr(self, name) for name in self.__slots__}
        return facts | {"event_date": self.event_date.isoformat()}


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Sealed days and rows that were compared, those that differ, and those not in the lake."""

    days: int
    rows: int
    unequal: tuple[Unequal, ...]
    archive_only: int


def reconcile(lake: Lake, entries: Iterable[Entry]) -> Reconciled:
    """Compare the rows of every sealed day with those of the lake, by the logs of both.

    A day whose rows the lake no longer holds at all is the archive's alone, and no difference.
    """
    sealed: dict[str, dict[date, int]] = {name: {} for name in LOADED_TABLES}
    for stream, days in sealed_days(entries).items():
        rows = sealed[stream.table]
        for day, held in days.items():
            rows[day] = rows.get(day, 0) + sum(held.loads.values())
    unequal, compared, total, alone = list[Unequal](), 0, 0, 0
    for table, counts in sealed.items():
        in_lake = rows_per_day(lake.find(table))
        for day, count in sorted(counts.items()):
            if count and day not in in_lake:
                alone += 1
                continue
            compared, total = compared + 1, total + count
            if in_lake.get(day, 0) != count:
                unequal.append(Unequal(table, day, count, in_lake.get(day, 0)))
    return Reconciled(compared, total, tuple(unequal), alone)
