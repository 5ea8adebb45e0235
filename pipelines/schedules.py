"""Schedules: maintenance and quality by the clock, UTC, one after the other at night."""

import dagster as dg

from pipelines.jobs import check_job, compact_job, vacuum_job

ON = dg.DefaultScheduleStatus.RUNNING

SCHEDULES = [
    dg.ScheduleDefinition(
        name="compact_daily",
        job=compact_job,
        cron_schedule="30 2 * * *",
        execution_timezone="UTC",
        default_status=ON,
        description="Merge the small files of the days that have closed.",
    ),
    dg.ScheduleDefinition(
        name="check_daily",
        job=check_job,
        cron_schedule="30 3 * * *",
        execution_timezone="UTC",
        default_status=ON,
        description="Judge the last closed days again.",
    ),
    dg.ScheduleDefinition(
        name="vacuum_weekly",
        job=vacuum_job,
        cron_schedule="30 4 * * 0",
        execution_timezone="UTC",
        default_status=ON,
        description="Delete files that no reader needs any more.",
    ),
    dg.ScheduleDefinition(
        name="report_weekly",
        job=dg.define_asset_job(
            "report_week",
            dg.AssetSelection.groups("reports"),
            description="Write the page about the last full week.",
        ),
        cron_schedule="30 5 * * 1",
        execution_timezone="UTC",
        default_status=ON,
        description="Write the page about the week that has ended.",
    ),
]
