"""Checks: the quality rules of each lake table, so that they can be seen and run by hand.

A load runs them itself; by hand they judge the days of the newest load, and those that failed.
Those of a mart stand with the mart, and run whenever it is built.
"""

from collections.abc import Iterator

import dagster as dg

from pipelines.judgement import as_result, check_specs, judge_days
from pipelines.lake.history import loads_after, newest_load
from pipelines.quality import LAKE_CHECKS
from pipelines.reporting import days_of
from pipelines.resources import Trailhouse


def build_checks(table: str) -> dg.AssetChecksDefinition:
    """The checks of one table."""

    @dg.multi_asset_check(name=f"check_{table}", specs=check_specs(table), can_subset=True)
    def check(
        context: dg.AssetCheckExecutionContext, trailhouse: Trailhouse
    ) -> Iterator[dg.AssetCheckResult]:
        lake = trailhouse.lake()
        days = days_of(loads_after(lake, newest_load(lake) - 1))
        names = frozenset(key.name for key in context.selected_asset_check_keys)
        for verdict in judge_days(lake, context.instance, {table: days.get(table, [])}, names):
            yield as_result(verdict)

    return check


ASSET_CHECKS = [build_checks(table) for table in sorted({check.table for check in LAKE_CHECKS})]
