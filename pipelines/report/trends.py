"""Trends: what became of an error since the period before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from pipelines.report.period import WEEK, Period

NEW, GROWING, RETURNED, FALLING, STEADY = "new", "growing", "returned", "falling", "steady"


def trend_of(
    error: Mapping[str, Any], period: Period, first_date: date | None, *, has_before: bool
) -> str | None:
    """The trend of an error of the period, first that holds; None where nothing can be told.

    New: first seen in the period, by a lake that holds at least the week before. Returned: seen
    before, but not in the period before. Growing: at least twice the failures of the period
    before, and 5 more (as in `error_fingerprints`); falling the other way round. Else steady.

    Args:
        error: A row of `error_fingerprints`.
        period: The period of the report.
        first_date: The first UTC day of jobs in the lake.
        has_before: Whether the lake holds the whole period before; without it, new is all that
            can be told.
    """
    seen = error["first_seen_date"]
    if seen >= period.from_date and first_date is not None and (seen - first_date).days >= WEEK:
        return NEW
    now, before = error["failed_count"], error["failed_count_before"]
    if not has_before:
        return None
    if not before:
        return RETURNED
    if now >= 2 * before and now >= before + 5:
        return GROWING
    if before >= 2 * now and before >= now + 5:
        return FALLING
    return STEADY
