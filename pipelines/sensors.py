"""Sensors: start a load when there is something to load, and let the models follow."""

import json
from hashlib import sha256
from typing import Any

import dagster as dg

from pipelines.errors import TrailhouseError
from pipelines.jobs import load_job
from pipelines.lake.history import newest_load
from pipelines.lake.load import find_new
from pipelines.processes import end_dead_runs
from pipelines.reporting import last_reported
from pipelines.resources import Trailhouse, now
from pipelines.settings import load_settings

UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
LONGEST_WAIT = 3_600
"""Seconds, at most, before the same objects are tried again after a failed load."""


def build_load_sensor(interval_seconds: int) -> dg.SensorDefinition:
    """The sensor that requests a load when a source has new objects or a load is unreported.

    A load that fails is requested again, later each time, up to an hour; anything new is
    requested at once.
    """

    @dg.sensor(
        name="new_landing_objects",
        job_name=load_job.name,
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests a load when a source has objects that no load has read.",
    )
    def new_landing_objects(
        context: dg.SensorEvaluationContext, trailhouse: Trailhouse
    ) -> dg.SensorResult | dg.SkipReason:
        end_dead_runs(context.instance)
        under_way = dg.RunsFilter(job_name=load_job.name, statuses=UNDER_WAY)
        if context.instance.get_runs(under_way, limit=1):
            return dg.SkipReason("a load is under way")
        try:
            wanted, why = _wanted(context.instance, trailhouse)
        except TrailhouseError as error:
            return dg.SkipReason(f"cannot look for new objects: {error}")
        if wanted is None:
            return dg.SkipReason(why)
        state = _next(json.loads(context.cursor or "{}"), wanted, interval_seconds)
        if state["waits"]:
            return dg.SkipReason(f"{why}; waiting to try again after a load that failed")
        request = dg.RunRequest(run_key=f"{wanted}-{state['first_at']}-{state['tries']}")
        context.log.info(why)
        return dg.SensorResult(run_requests=[request], cursor=json.dumps(state))

    return new_landing_objects


def _wanted(instance: dg.DagsterInstance, trailhouse: Trailhouse) -> tuple[str | None, str]:
    """A digest of what a load would do now, or None for nothing, and a sentence for people."""
    lake = trailhouse.lake()
    newest, reported = newest_load(lake), last_reported(instance)
    new = find_new(lake, trailhouse.sources(), lake.find("loads"))
    if not new and newest <= reported:
        return None, "nothing new"
    digest = sha256(f"{newest} {reported}".encode())
    for item in new:
        digest.update(f"\0{item.uri}\0{item.etag}".encode())
    unreported = f"; loads {reported + 1} to {newest} not reported yet" if newest > reported else ""
    return digest.hexdigest()[:16], f"{len(new)} new objects{unreported}"


def _next(state: dict[str, Any], wanted: str, interval_seconds: int) -> dict[str, Any]:
    """The cursor after this look; `waits` where the same load was tried a short while ago."""
    at = int(now().timestamp())
    if state.get("wanted") != wanted:
        return {"wanted": wanted, "tries": 1, "first_at": at, "tried_at": at, "waits": False}
    tries = int(state["tries"])
    pause = min(LONGEST_WAIT, interval_seconds * 2 ** min(tries, 12))
    if at < state["tried_at"] + pause:
        return {**state, "waits": True}
    return {**state, "tries": tries + 1, "tried_at": at, "waits": False}


def build_sensors() -> list[dg.SensorDefinition]:
    """All sensors, with the interval of the settings."""
    interval = load_settings().sensor_interval_seconds
    follow = dg.AutomationConditionSensorDefinition(
        "models_follow_loads",
        target=dg.AssetSelection.groups("marts"),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=min(interval, 10),
        description="Builds the marts for exactly the days that loads touched.",
    )
    return [build_load_sensor(interval), follow]
