"""Checks: the quality rules of each table, so that they can be seen and run by hand.

A load runs them itself; by hand they judge the days of the newest load, and those that failed.
"""

from collections.abc import Iterator

import dagster as dg

from pipelines.judgement import judge_days
from pipelines.lake.history import loads_after, newest_load
from pipelines.quality import CHECKS
from pipelines.reporting import days_of
from pipelines.resources import Trailhouse


def build_checks(table: str) -> dg.AssetChecksDefinition:
    """The checks of one table."""
    specs = [
        dg.AssetCheckSpec(
            check.name, asset=table, blocking=check.blocking, description=check.description
        )
        for check in CHECKS
        if check.table == table
    ]

    @dg.multi_asset_check(name=f"check_{table}", specs=specs, can_subset=True)
    def check(
        context: dg.AssetCheckExecutionContext, trailhouse: Trailhouse
    ) -> Iterator[dg.AssetCheckResult]:
        lake = trailhouse.lake()
        days = days_of(loads_after(lake, newest_load(lake) - 1))
        names = frozenset(key.name for key in context.selected_asset_check_keys)
        for verdict in judge_days(lake, context.instance, {table: days.get(table, [])}, names):
            yield dg.AssetCheckResult(
                asset_key=verdict.asset_key,
                check_name=verdict.check_name,
                passed=verdict.passed,
                severity=verdict.severity,
                metadata=verdict.metadata,
            )

    return check


ASSET_CHECKS = [build_checks(table) for table in sorted({check.table for check in CHECKS})]
