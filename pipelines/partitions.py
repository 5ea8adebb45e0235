"""Partitions: UTC days, the same for every table and model of the lake."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from dagster._core.instance.types import DynamicPartitionsStore

_KEYS: dict[tuple[str | None, str | None], Sequence[str]] = {}
"""The keys from the first to the last."""


class Days(dg.DailyPartitionsDefinition):
    """Days whose keys are listed once a day, and not for every input of every whole mart.

    Dagster counts them to see that there are too many to look at, in a tenth of a second.
    """

    def get_partition_keys(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[str]:
        """The keys of all days, in order."""
        with dg.partition_loading_context(current_time, dynamic_partitions_store):
            ends = self.get_first_partition_key(), self.get_last_partition_key()
            if ends not in _KEYS:
                _KEYS.clear()
                _KEYS[ends] = super().get_partition_keys()
            return _KEYS[ends]


DAYS = Days(
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
