"""Log: what the Delta log tells of volume and freshness, without a look at any data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from statistics import median
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.quality.checks import FRESHNESS, VOLUME, Check

if TYPE_CHECKING:
    from deltalake import DeltaTable

HISTORY_DAYS = 28
SHORTEST_HISTORY_DAYS = 7
SMALLEST_MEDIAN = 20
"""Rows a day; below it a day's number says nothing."""


@dataclass(frozen=True, slots=True)
class Log:
    """What the Delta log tells of a table without a look at its data."""

    rows: dict[date, int] = field(default_factory=dict)
    newest: datetime | None = None


def read_log(table: DeltaTable) -> Log:
    """Rows per UTC day and the newest `occurred_at`; a file without statistics is left out."""
    actions = pa.table(table.get_add_actions(flatten=True))
    have = set(actions.column_names)
    if not {"num_records", "partition.event_date"} <= have:
        return Log()
    rows: dict[date, int] = {}
    for day, count in zip(
        actions.column("partition.event_date").to_pylist(),
        actions.column("num_records").to_pylist(),
        strict=True,
    ):
        rows[day] = rows.get(day, 0) + (count or 0)
    times = actions.column("max.occurred_at").to_pylist() if "max.occurred_at" in have else []
    known = [moment for moment in times if moment is not None]
    newest = max(known) if known else None
    if newest is not None and newest.tzinfo is None:
        newest = newest.replace(tzinfo=UTC)
    return Log(rows, newest)


@dataclass(frozen=True, slots=True)
class Volume:
    """A day's rows beside those of the days before it."""

    event_date: date
    rows: int
    least: float
    most: float

    @property
    def factor(self) -> float:
        """How far outside the bounds the rows are; 1 or less is inside."""
        return max(self.least / self.rows, self.rows / self.most)


def judge_volume(log: Log, day: date, today: date) -> Volume | None:
    """Bounds for a day from up to 28 days before it; None where they are too few to tell.

    A day passes below a tenth of the median if that is no less than half of the smallest day
    seen (weekends), and above ten times the median if it is at most twice the largest. A day that
    is not over may be small.
    """
    rows = log.rows.get(day, 0)
    before = [log.rows[d] for d in sorted(d for d in log.rows if d < day)[-HISTORY_DAYS:]]
    if not rows or len(before) < SHORTEST_HISTORY_DAYS or median(before) < SMALLEST_MEDIAN:
        return None
    least = 0 if day >= today else min(median(before) / 10, min(before) / 2)
    return Volume(day, rows, least, max(median(before) * 10, max(before) * 2))


def measure_log(
    check: Check, log: Log, days: Sequence[date], now: datetime
) -> dict[date, float | None]:
    """The measure of a check that reads the log, for the days that it can tell of."""
    if check.reads == VOLUME:
        today = now.astimezone(UTC).date()
        volumes = {day: judge_volume(log, day, today) for day in days}
        return {day: volume.factor if volume else None for day, volume in volumes.items()}
    if check.reads == FRESHNESS and log.newest is not None and days:
        # about the table, not a day: it stands in the newest day that is checked
        return {max(days): (now - log.newest).total_seconds() / 3600}
    return {}


def explain(check: Check, log: Log, failing: Sequence[date], now: datetime) -> dict[str, Any]:
    """What a reader needs besides the measure: the bounds of failing days, the newest event."""
    if check.reads == FRESHNESS:
        return {"newest_event_at": log.newest.isoformat() if log.newest else None}
    today = now.astimezone(UTC).date()
    volumes = [judge_volume(log, day, today) for day in failing]
    return {"examples": [_describe(volume) for volume in volumes if volume]}


def _describe(volume: Volume) -> dict[str, Any]:
    return {
        "event_date": volume.event_date.isoformat(),
        "rows": volume.rows,
        "least": volume.least,
        "most": volume.most,
    }
