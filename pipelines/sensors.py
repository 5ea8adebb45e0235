"""Sensors: start a load when there is something to load, and let models and exports follow."""

import json
from hashlib import sha256
from typing import Any

import dagster as dg

from pipelines.deliveries import DELIVER, SINK_TAG, asset_key, check_keys
from pipelines.errors import TrailhouseError
from pipelines.exports.due import Due, find_due
from pipelines.jobs import load_job
from pipelines.lake.history import newest_load
from pipelines.lake.load import find_new
from pipelines.processes import end_dead_runs
from pipelines.reporting import last_reported
from pipelines.resources import Trailhouse, now
from pipelines.settings import Settings, load_settings

UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
LONGEST_WAIT = 3_600
"""Seconds, at most, before the same objects are tried again after a failed load."""
LONGEST_DELIVERY_WAIT = 300
"""The same for a delivery that changed nothing, as where a template is wrong."""
SENSOR_LOCK_SECONDS = 5.0
"""A sensor rather comes again than waits for somebody who writes in the ledger."""


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


def _next(
    state: dict[str, Any], wanted: str, interval_seconds: int, longest: int = LONGEST_WAIT
) -> dict[str, Any]:
    """The cursor after this look; `waits` where the same thing was tried a short while ago."""
    at = int(now().timestamp())
    if state.get("wanted") != wanted:
        return {"wanted": wanted, "tries": 1, "first_at": at, "tried_at": at, "waits": False}
    tries = int(state["tries"])
    pause = min(longest, interval_seconds * 2 ** min(tries, 12))
    if at < state["tried_at"] + pause:
        return {**state, "waits": True}
    return {**state, "tries": tries + 1, "tried_at": at, "waits": False}


def build_delivery_sensor(interval_seconds: int, known: frozenset[str]) -> dg.SensorDefinition:
    """The sensor that requests a delivery after each load, and when what waits is due.

    Each sink has a run of its own, so that none waits for another, and never two at once. When a
    sink is tried again is written in the ledger; the cursor only keeps a delivery that changed
    nothing from being repeated at every look.
    """

    @dg.sensor(
        name="retry_due_deliveries",
        job_name=DELIVER,
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests deliveries of what was loaded, and of what waits and is due.",
    )
    def retry_due_deliveries(
        context: dg.SensorEvaluationContext, trailhouse: Trailhouse
    ) -> dg.SensorResult | dg.SkipReason:
        sinks = [sink for sink in load_settings().sink if sink.name in known]
        try:
            with trailhouse.ledger(lock_seconds=SENSOR_LOCK_SECONDS) as ledger:
                found = find_due(trailhouse.lake(), ledger, sinks, now())
        except TrailhouseError as error:
            return dg.SkipReason(f"cannot look for what is due: {error}")
        cursor, requests = json.loads(context.cursor or "{}"), []
        for due in found:
            if _is_under_way(context.instance, due.sink):
                continue
            state = _next(
                cursor.get(due.sink, {}), due.situation, interval_seconds, LONGEST_DELIVERY_WAIT
            )
            cursor[due.sink] = state
            if not state["waits"]:
                requests.append(_delivery(due, state))
                context.log.info(f"{due.sink}: {due.why}")
        if not found:
            return dg.SkipReason("nothing is due")
        if not requests:
            names = ", ".join(due.sink for due in found)
            return dg.SkipReason(f"under way, or waiting to try again: {names}")
        return dg.SensorResult(run_requests=requests, cursor=json.dumps(cursor))

    return retry_due_deliveries


def _is_under_way(instance: dg.DagsterInstance, sink: str) -> bool:
    runs = dg.RunsFilter(tags={SINK_TAG: sink}, statuses=UNDER_WAY)
    return bool(instance.get_runs(runs, limit=1))


def _delivery(due: Due, state: dict[str, Any]) -> dg.RunRequest:
    """A request for one sink; its key holds a moment, so that none is used twice."""
    digest = sha256(due.situation.encode()).hexdigest()[:16]
    return dg.RunRequest(
        run_key=f"{due.sink}-{digest}-{state['first_at']}-{state['tries']}",
        asset_selection=[asset_key(due.sink)],
        asset_check_keys=check_keys(due.sink),
        tags={SINK_TAG: due.sink},
    )


def build_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """All sensors, with the interval and the sinks of the settings."""
    interval = settings.sensor_interval_seconds
    follow = dg.AutomationConditionSensorDefinition(
        "models_follow_loads",
        target=dg.AssetSelection.groups("marts"),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=min(interval, 10),
        description="Builds the marts for exactly the days that loads touched.",
    )
    sinks = frozenset(sink.name for sink in settings.sink if sink.enabled)
    deliver = [build_delivery_sensor(interval, sinks)] if sinks else []
    return [build_load_sensor(interval), follow, *deliver]
