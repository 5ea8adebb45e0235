"""The sensor that starts loads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg

from pipelines.definitions import defs
from pipelines.lake.tables import Lake
from pipelines.processes import PROCESS_TAG, end_dead_runs
from pipelines.resources import Trailhouse
from tests.orchestration.events import a_job, load_by_hand

Land = Callable[..., None]


def tick(instance: dg.DagsterInstance, cursor: str | None = None) -> Any:
    sensor = defs.resolve_sensor_def("new_landing_objects")
    with dg.build_sensor_context(
        instance=instance, cursor=cursor, definitions=defs, resources={"trailhouse": Trailhouse()}
    ) as context:
        return sensor.evaluate_tick(context)


def test_nothing_new_is_skipped_with_its_reason(lake: Lake, instance: dg.DagsterInstance) -> None:
    assert tick(instance).skip_message == "nothing new"


def test_a_new_object_requests_one_load(
    lake: Lake, instance: dg.DagsterInstance, land: Land
) -> None:
    land("a", a_job(1, "2026-02-01T10:00:00Z"))

    assert len(tick(instance).run_requests) == 1


def test_a_load_that_dagster_does_not_know_is_requested_to_be_reported(
    lake: Lake, instance: dg.DagsterInstance, land: Land
) -> None:
    land("a", a_job(1, "2026-02-01T10:00:00Z"))
    load_by_hand(lake)

    assert len(tick(instance).run_requests) == 1


def test_a_load_under_way_is_not_doubled(
    lake: Lake, instance: dg.DagsterInstance, land: Land
) -> None:
    land("a", a_job(1, "2026-02-01T10:00:00Z"))
    instance.create_run_for_job(defs.resolve_job_def("load"), status=dg.DagsterRunStatus.STARTED)

    assert tick(instance).skip_message == "a load is under way"


def test_the_same_load_waits_before_it_is_tried_again_but_a_new_object_does_not(
    lake: Lake, instance: dg.DagsterInstance, land: Land
) -> None:
    land("a", a_job(1, "2026-02-01T10:00:00Z"))
    first = tick(instance)
    second = tick(instance, first.cursor)
    land("b", a_job(2, "2026-02-01T10:00:00Z"))
    third = tick(instance, first.cursor)

    assert not second.run_requests
    assert "waiting to try again" in second.skip_message
    assert len(third.run_requests) == 1
    assert third.run_requests[0].run_key != first.run_requests[0].run_key


def test_a_source_that_cannot_be_listed_is_skipped_with_the_cause(
    lake: Lake, instance: dg.DagsterInstance, tmp_path: Any
) -> None:
    (tmp_path / "trailhouse.toml").write_text(
        '[[source]]\nname = "gone"\nurl = "/nowhere/at/all"\n'
    )

    assert "/nowhere/at/all does not exist" in tick(instance).skip_message


def test_a_run_whose_process_was_killed_does_not_count_as_under_way(
    lake: Lake, instance: dg.DagsterInstance
) -> None:
    import socket
    import subprocess
    import sys

    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    run = instance.create_run_for_job(
        defs.resolve_job_def("load"),
        status=dg.DagsterRunStatus.STARTED,
        tags={PROCESS_TAG: f"{socket.gethostname()}:{child.pid}"},
    )

    ended = end_dead_runs(instance)

    assert ended == [run.run_id]
    assert instance.get_runs()[0].status == dg.DagsterRunStatus.FAILURE
