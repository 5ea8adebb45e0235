"""Definitions: everything that Dagster knows, on one screen."""

import dagster as dg

from assets.archive import ARCHIVE, ARCHIVE_CHECKS
from assets.checks import ASSET_CHECKS
from assets.lake import LAKE
from assets.landing import LANDING
from assets.models import MARTS, VIEWS
from assets.report import REPORTS
from pipelines.jobs import JOBS
from pipelines.resources import Trailhouse
from pipelines.schedules import SCHEDULES
from pipelines.sensors import build_sensors

defs = dg.Definitions(
    assets=[*LANDING, *LAKE, *VIEWS, *MARTS, *REPORTS, *ARCHIVE],
    asset_checks=[*ASSET_CHECKS, *ARCHIVE_CHECKS],
    jobs=JOBS,
    schedules=SCHEDULES,
    sensors=build_sensors(),
    resources={"trailhouse": Trailhouse()},
    executor=dg.in_process_executor,  # work is per load and per range of days, not per step
)
