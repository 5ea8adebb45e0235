"""Partitions: UTC days, the same for every table and model of the lake."""

from datetime import date

import dagster as dg

DAYS = dg.DailyPartitionsDefinition(
    start_date="2013-01-01",  # Workato's first year: no event of it can be older
    timezone="UTC",
    end_offset=2,  # today, and tomorrow for events of clocks that run fast
)
"""The days that Dagster knows; the lake keeps any day."""


def known_days(days: list[date]) -> list[date]:
    """The days that are partitions; others are in the lake, but Dagster cannot show them."""
    first, last = DAYS.get_first_partition_key(), DAYS.get_last_partition_key()
    if first is None or last is None:
        return []
    return [day for day in days if first <= day.isoformat() <= last]


def spans(days: list[date]) -> list[tuple[date, date]]:
    """Runs of consecutive days, first and last, in order: what one Dagster run can take."""
    found: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        if found and (day - found[-1][1]).days == 1:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found
