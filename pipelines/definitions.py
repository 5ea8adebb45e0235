"""Definitions: everything that Dagster knows, on one screen."""

import dagster as dg

from assets.archive import ARCHIVE, ARCHIVE_CHECKS
from assets.checks import ASSET_CHECKS
from assets.exports import build_conservation_check, build_exports
from assets.lake import LAKE
from assets.landing import LANDING
from assets.models import MARTS, VIEWS
from assets.report import REPORTS
from pipelines.jobs import JOBS, build_deliver_job
from pipelines.resources import Trailhouse
from pipelines.schedules import SCHEDULES
from pipelines.sensors import build_sensors
from pipelines.settings import Settings, load_settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """What there is with these settings: their sinks are assets, all else is always there."""
    sinks = [sink for sink in settings.sink if sink.enabled]
    conservation = [build_conservation_check(sink) for sink in sinks]
    return dg.Definitions(
        assets=[*LANDING, *LAKE, *VIEWS, *MARTS, *REPORTS, *ARCHIVE, *build_exports(sinks)],
        asset_checks=[*ASSET_CHECKS, *ARCHIVE_CHECKS, *conservation],
        jobs=[*JOBS, *([build_deliver_job([sink.name for sink in sinks])] if sinks else [])],
        schedules=SCHEDULES,
        sensors=build_sensors(settings),
        resources={"trailhouse": Trailhouse()},
        executor=dg.in_process_executor,  # work is per load and per range of days, not per step
    )


defs = build_definitions(load_settings())
