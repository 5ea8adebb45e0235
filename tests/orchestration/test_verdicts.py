"""The table `checks`: every verdict of Dagster's history stands in the lake, and stands once."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Barrier, Thread

import dagster as dg
from lakes import rows

from pipelines.definitions import defs
from pipelines.instance import open_instance, run_main
from pipelines.judgement import JUDGED
from pipelines.lake.tables import Lake
from pipelines.models.catalogue import write_catalogue
from pipelines.models.query import open_catalogue
from pipelines.quality import CHECKS, run_checks
from pipelines.settings import load_settings
from pipelines.verdicts import MANY, mirror_verdicts
from tests.orchestration.events import a_job, an_activity, load_by_hand, spoil

Land = Callable[..., None]
RunLoad = Callable[[], dg.ExecuteInProcessResult]


def mirror(lake: Lake, instance: dg.DagsterInstance) -> int:
    numbers = count()
    return mirror_verdicts(
        lake,
        instance,
        clock=lambda: datetime.now(UTC),
        unique=lambda: f"{datetime.now(UTC).timestamp()}-{id(numbers)}-{next(numbers)}",
    )


def in_history(instance: dg.DagsterInstance) -> Counter[tuple[str, str, str]]:
    """Run, table and name of every verdict that Dagster has."""
    return Counter(
        (record.run_id, check.table, check.name)
        for check in CHECKS
        for record in instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(dg.AssetKey(check.table), check.name), limit=100, status=JUDGED
        )
    )


def in_lake(lake: Lake) -> Counter[tuple[str, str, str]]:
    return Counter((v["run_id"], v["table_name"], v["check_name"]) for v in rows(lake, "checks"))


def judge(instance: dg.DagsterInstance, name: str, *, passed: bool = True) -> str:
    """A run that judges one thing of its own; returns its id."""

    @dg.op(out=dg.Out(dg.Nothing))
    def judging() -> object:
        yield dg.AssetCheckEvaluation(dg.AssetKey("jobs"), name, passed)
        yield dg.Output(None)

    @dg.job(name="elsewhere")
    def job() -> None:
        judging()

    return job.execute_in_process(instance=instance).run_id


def test_a_load_and_a_build_leave_one_row_for_each_verdict(lake: Lake, land: Land) -> None:
    land("a", a_job(1, "2026-02-01T10:00:00Z"), an_activity(1, "2026-02-03T09:00:00Z"))

    done = run_main(load_settings())
    first = in_lake(lake)
    run_main(load_settings())

    with open_instance(load_settings()) as instance:
        assert mirror(lake, instance) == 0
        assert first == in_lake(lake) == in_history(instance)
    assert set(first.values()) == {1}
    assert {table for _, table, _ in first} >= {"jobs", "loads", *done.built}
    now = datetime.now(UTC)
    (unique,) = run_checks(lake, "checks", [now.date()], clock=lambda: now)
    assert (unique.passed, unique.metadata["rows"]) == (True, len(first))


def test_a_failing_check_is_a_row_with_its_days_and_what_broke_it(
    lake: Lake, land: Land, run_load: RunLoad
) -> None:
    land("a", a_job(1, "2026-02-01T10:00:00Z"), a_job(2, "2026-02-03T10:00:00Z"))
    load_by_hand(lake)
    spoil(lake, "j-2", "wrong")

    run_load()

    failed = {v["check_name"]: v for v in rows(lake, "checks") if not v["is_passed"]}
    wrong = failed.pop("jobs_kinds_fit_their_table")
    assert wrong["table_name"] == "jobs"
    assert wrong["is_blocking"]
    assert [v["is_blocking"] for v in failed.values()] == [False]  # the events are old
    assert wrong["job_name"] == "load"
    assert wrong["failing_days"] == [date(2026, 2, 3)]
    assert (wrong["first_judged_date"], wrong["last_judged_date"]) == (
        date(2026, 2, 1),
        date(2026, 2, 3),
    )
    assert (wrong["judged_day_count"], wrong["row_count"], wrong["observed_max"]) == (2, 2, 1)
    assert json.loads(wrong["detail"])["examples"][0]["event_kind"] == "wrong"
    assert datetime.now(UTC) - wrong["checked_at"] < timedelta(minutes=5)


def test_the_catalogue_tells_which_checks_failed_and_how_new_that_is(
    lake: Lake, land: Land, run_load: RunLoad
) -> None:
    land("a", a_job(1, "2026-02-01T10:00:00Z"))
    load_by_hand(lake)
    spoil(lake, "j-1", "wrong")
    write_catalogue(lake)

    run_load()

    with closing(open_catalogue(lake)) as connection:
        failed = connection.execute(
            "select distinct check_name from checks where not is_passed and is_blocking"
        ).fetchall()
        newest = connection.execute(
            "select newest_event_date = (select max(event_date) from checks) and refreshed_at "
            "= (select max(checked_at) at time zone 'UTC' from checks) from freshness "
            "where table_name = 'checks'"
        ).fetchall()
    assert failed == [("jobs_kinds_fit_their_table",)]
    assert newest == [(True,)]


def test_the_daily_check_leaves_its_verdicts(
    lake: Lake, land: Land, instance: dg.DagsterInstance
) -> None:
    day = datetime.now(UTC) - timedelta(days=load_settings().closed_after_days + 2)
    land("a", a_job(1, day.isoformat()))
    load_by_hand(lake)

    defs.resolve_job_def("check").execute_in_process(instance=instance)

    found = rows(lake, "checks")
    assert in_lake(lake) == in_history(instance)
    assert {v["job_name"] for v in found} == {"check"}
    assert {v["judged_day_count"] for v in found} == {7}


def test_a_verdict_that_a_longer_run_stores_later_is_not_lost(
    lake: Lake, instance: dg.DagsterInstance
) -> None:
    def look_meanwhile() -> None:
        judge(instance, "quick")
        mirror(lake, instance)

    @dg.op(out=dg.Out(dg.Nothing))
    def slow() -> object:
        yield dg.AssetCheckEvaluation(dg.AssetKey("jobs"), "before", True)
        look_meanwhile()
        yield dg.AssetCheckEvaluation(dg.AssetKey("jobs"), "quick", False)
        yield dg.Output(None)

    @dg.job
    def long() -> None:
        slow()

    long.execute_in_process(instance=instance)
    before = [(v["job_name"], v["check_name"]) for v in rows(lake, "checks")]
    added = mirror(lake, instance)

    assert sorted(before) == [("elsewhere", "quick"), ("long", "before")]
    assert added == 1
    assert len(in_lake(lake)) == 3


def test_two_that_look_at_once_add_each_verdict_once(
    lake: Lake, instance: dg.DagsterInstance
) -> None:
    ids = {judge(instance, "one"), judge(instance, "two")}
    start = Barrier(2)
    added: list[int] = []

    def look() -> None:
        start.wait()
        added.append(mirror(lake, instance))

    threads = [Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(added) == [0, 2]
    assert Counter(v["run_id"] for v in rows(lake, "checks")) == dict.fromkeys(ids, 1)


def test_a_dagster_home_that_was_lost_begins_anew_and_doubles_nothing(
    lake: Lake, tmp_path: Path
) -> None:
    with open_instance(load_settings()) as instance:
        judge(instance, "one")
        mirror(lake, instance)

    shutil.rmtree(tmp_path / "dagster")
    with open_instance(load_settings()) as instance:
        judge(instance, "one")
        added = [mirror(lake, instance), mirror(lake, instance)]

    assert added == [1, 0]
    assert [v["check_name"] for v in rows(lake, "checks")] == ["one", "one"]


def test_many_runs_without_verdicts_are_looked_at_once(
    lake: Lake, instance: dg.DagsterInstance
) -> None:
    @dg.job
    def idle() -> None:
        pass

    judge(instance, "one")
    mirror(lake, instance)
    for _ in range(MANY):
        instance.create_run_for_job(idle, status=dg.DagsterRunStatus.SUCCESS)
    before = lake.open("checks").version()

    mirror(lake, instance)

    assert lake.open("checks").version() == before + 1
    assert len(in_lake(lake)) == 1


def test_a_lake_that_takes_no_verdicts_does_not_fail_the_load(
    lake: Lake, land: Land, run_load: RunLoad, instance: dg.DagsterInstance
) -> None:
    land("a", a_job(1, "2026-02-01T10:00:00Z"))
    broken = Path(lake.table_url("checks"))
    broken.parent.mkdir(parents=True)
    broken.write_text("no folder")

    result = run_load()
    warned = [
        entry.user_message
        for entry in instance.all_logs(result.run_id)
        if entry.level == 30 and "checks" in entry.user_message
    ]
    broken.unlink()

    assert result.success
    assert len(warned) == 1
    assert mirror(lake, instance) > 0
    assert in_lake(lake) == in_history(instance)


def test_a_long_text_is_shortened_and_stays_json(lake: Lake, instance: dg.DagsterInstance) -> None:
    text = "x" * 10_000

    @dg.op(out=dg.Out(dg.Nothing))
    def judging() -> object:
        yield dg.AssetCheckEvaluation(
            dg.AssetKey(["exports", "siem"]),
            "events_are_taken",
            False,
            metadata={"response": text, "broken": dg.MetadataValue.json([text] * 50)},
        )
        yield dg.Output(None)

    @dg.job(name="deliver")
    def job() -> None:
        judging()

    job.execute_in_process(instance=instance)
    mirror(lake, instance)

    (found,) = rows(lake, "checks")
    assert found["table_name"] == "exports/siem"
    assert found["judged_day_count"] is found["failing_days"] is None
    assert len(found["detail"]) < 4_000
    assert json.loads(found["detail"])["response"].startswith("xxx")
