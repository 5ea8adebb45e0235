"""The job `load`: what it reports, and what a failing check holds back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from pipelines.definitions import defs
from pipelines.lake.tables import Lake
from pipelines.reporting import last_reported
from tests.orchestration.events import a_job, an_activity, load_by_hand, spoil

Land = Callable[..., None]
RunLoad = Callable[[], dg.ExecuteInProcessResult]
MARTS = ("recipe_errors_daily", "recipe_usage_daily")


def reported(result: dg.ExecuteInProcessResult) -> list[tuple[str, str | None, Any]]:
    """Table, day and rows added of every materialisation, in order."""
    told = [
        event.step_materialization_data.materialization
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION
    ]
    return [
        (m.asset_key.to_user_string(), m.partition, m.metadata["rows_added"].value) for m in told
    ]


def requested(result: Any, mart: str) -> set[str]:
    return set(result.get_requested_partitions(dg.AssetKey(mart)))


def evaluate(instance: dg.DagsterInstance, cursor: Any = None) -> Any:
    return dg.evaluate_automation_conditions(
        defs, instance, asset_selection=dg.AssetSelection.groups("marts"), cursor=cursor
    )


def judge_by_hand(instance: dg.DagsterInstance, table: str, name: str) -> dg.ExecuteInProcessResult:
    """Run one check, as its button does."""
    chosen = dg.AssetCheckKey(dg.AssetKey(table), name)
    job = defs.resolve_implicit_global_asset_job_def().get_subset(
        asset_check_selection={chosen}, asset_selection=set()
    )
    return job.execute_in_process(instance=instance)


def test_one_materialisation_per_touched_partition_and_loads_last(
    land: Land, run_load: RunLoad
) -> None:
    land("a", a_job(1, "2026-02-01T10:00:00Z"), a_job(2, "2026-02-01T11:00:00Z"))
    land("b", a_job(3, "2026-02-03T10:00:00Z"), an_activity(1, "2026-02-01T09:00:00Z"))

    result = run_load()

    today = datetime.now(UTC).date().isoformat()
    assert result.success
    assert reported(result) == [
        ("activity", "2026-02-01", 1),
        ("jobs", "2026-02-01", 2),
        ("jobs", "2026-02-03", 1),
        ("loads", today, 1),
    ]


def test_verdicts_are_recorded_before_materialisations(land: Land, run_load: RunLoad) -> None:
    land("a", a_job(1, "2026-02-01T10:00:00Z"))

    kinds = [event.event_type for event in run_load().all_events]

    verdict, told = (
        dg.DagsterEventType.ASSET_CHECK_EVALUATION,
        dg.DagsterEventType.ASSET_MATERIALIZATION,
    )
    assert verdict in kinds
    assert max(at for at, kind in enumerate(kinds) if kind == verdict) < kinds.index(told)


def test_a_second_run_with_nothing_new_reports_nothing(land: Land, run_load: RunLoad) -> None:
    land("a", a_job(1, "2026-02-01T10:00:00Z"))
    run_load()

    assert reported(run_load()) == []


def test_loads_made_outside_dagster_are_reported_by_the_next_run(
    land: Land, run_load: RunLoad, lake: Lake, instance: dg.DagsterInstance
) -> None:
    land("a", a_job(1, "2026-02-01T10:00:00Z"))
    load_by_hand(lake)
    land("b", a_job(2, "2026-02-01T11:00:00Z"), a_job(3, "2026-02-02T11:00:00Z"))
    newest = load_by_hand(lake)

    result = run_load()

    assert reported(result)[:2] == [("jobs", "2026-02-01", 2), ("jobs", "2026-02-02", 1)]
    assert last_reported(instance) == newest == 2


def test_a_day_before_the_first_partition_is_reported_without_one(
    land: Land, run_load: RunLoad
) -> None:
    land("a", a_job(1, "2012-06-01T10:00:00Z"), a_job(2, "2026-02-02T11:00:00Z"))

    result = run_load()

    observed = [
        event.asset_observation_data.asset_observation
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.ASSET_OBSERVATION
    ]
    assert result.success
    assert reported(result)[0] == ("jobs", "2026-02-02", 1)
    assert observed[0].metadata["days"].value == ["2012-06-01"]


def test_marts_follow_for_exactly_the_touched_days(
    land: Land, run_load: RunLoad, instance: dg.DagsterInstance
) -> None:
    before = evaluate(instance)
    land("a", a_job(1, "2026-02-01T10:00:00Z"), an_activity(1, "2026-02-02T09:00:00Z"))
    run_load()

    after = evaluate(instance, before.cursor)
    again = evaluate(instance, after.cursor)

    assert {mart: requested(before, mart) for mart in MARTS} == {mart: set() for mart in MARTS}
    assert {mart: requested(after, mart) for mart in MARTS} == {
        mart: {"2026-02-01"} for mart in MARTS
    }
    assert {mart: requested(again, mart) for mart in MARTS} == {mart: set() for mart in MARTS}


def test_a_mart_waits_for_the_marts_that_it_reads_and_then_follows_them(
    land: Land, run_load: RunLoad, instance: dg.DagsterInstance
) -> None:
    start = evaluate(instance)
    land("a", a_job(1, "2026-02-01T10:00:00Z"), an_activity(1, "2026-02-01T09:00:00Z"))
    run_load()

    first = evaluate(instance, start.cursor)
    told = dg.AssetMaterialization("recipe_usage_daily", partition="2026-02-01")
    instance.report_runless_asset_event(told)
    second = evaluate(instance, first.cursor)

    assert requested(first, "recipe_usage_daily") == {"2026-02-01"}
    assert first.get_num_requested(dg.AssetKey("recipe_volume")) == 0
    assert second.get_num_requested(dg.AssetKey("recipe_volume")) == 1


def test_an_update_while_a_day_is_built_is_not_forgotten(
    land: Land, run_load: RunLoad, instance: dg.DagsterInstance
) -> None:
    first = evaluate(instance)
    land("a", a_job(1, "2026-02-01T10:00:00Z"))
    run_load()
    asked = evaluate(instance, first.cursor)
    land("b", a_job(2, "2026-02-01T11:00:00Z"))
    run_load()
    for mart in MARTS:
        instance.report_runless_asset_event(dg.AssetMaterialization(mart, partition="2026-02-01"))

    after = evaluate(instance, asked.cursor)

    assert requested(after, MARTS[0]) == {"2026-02-01"}


def test_a_failing_blocking_check_holds_the_marts_back_until_it_passes(
    land: Land, run_load: RunLoad, instance: dg.DagsterInstance, lake: Lake
) -> None:
    start = evaluate(instance)
    land("a", a_job(1, "2026-02-01T10:00:00Z"), a_job(2, "2026-02-03T10:00:00Z"))
    load_by_hand(lake)
    spoil(lake, "j-2", "wrong")

    failed = run_load()
    held = evaluate(instance, start.cursor)
    land("b", a_job(3, "2026-02-02T10:00:00Z"))
    still_failed = run_load()
    still_held = evaluate(instance, held.cursor)
    spoil(lake, "j-2", "job")
    judged = judge_by_hand(instance, "jobs", "jobs_kinds_fit_their_table")
    free = evaluate(instance, still_held.cursor)

    assert (failed.success, still_failed.success, judged.success) == (False, False, True)
    assert [row[0] for row in reported(failed)] == ["jobs", "jobs", "loads"]
    assert requested(held, MARTS[0]) == requested(still_held, MARTS[0]) == set()
    assert requested(free, MARTS[0]) == {"2026-02-01", "2026-02-02", "2026-02-03"}
