"""Schedules: maintenance and quality by the clock, UTC, one after the other at night."""

import dagster as dg

from pipelines.jobs import check_job, compact_job, seal_job, vacuum_job, verify_sample_job
from pipelines.settings import load_settings

ON = dg.DefaultScheduleStatus.RUNNING


@dg.schedule(
    name="seal_daily",
    job=seal_job,
    cron_schedule="0 4 * * *",
    execution_timezone="UTC",
    default_status=ON,
    description="Seal the days that have closed, once archive.signing_key is set.",
)
def seal_daily() -> dg.RunRequest | dg.SkipReason:
    """Request a sealing, unless there is no key to sign with."""
    if load_settings().archive.signing_key is None:
        return dg.SkipReason(
            "nothing is sealed until archive.signing_key is set; `trailhouse archive keygen` "
            "makes a key"
        )
    return dg.RunRequest()


@dg.schedule(
    name="verify_sample_daily",
    job=verify_sample_job,
    cron_schedule="0 5 * * *",
    execution_timezone="UTC",
    default_status=ON,
    description="Verify the archive's log and a sample of its files, once there is an archive.",
)
def verify_sample_daily() -> dg.RunRequest | dg.SkipReason:
    """Request a verification, unless no key is known that could have signed."""
    archive = load_settings().archive
    if archive.signing_key is None and not archive.trusted_keys:
        return dg.SkipReason(
            "there is nothing to verify: neither archive.signing_key nor archive.trusted_keys is "
            "set"
        )
    return dg.RunRequest()


SCHEDULES = [
    seal_daily,
    verify_sample_daily,
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
