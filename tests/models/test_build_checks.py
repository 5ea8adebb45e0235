"""Checks of marts: sound ones pass, each fault is found, and what is stale is not judged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, QueryBuilder, write_deltalake
from lakes import NOW, activity, copy_of, encode, job, lake_at, run_load

from pipelines.lake.tables import Lake
from pipelines.models import MODELS, build_model, build_stale, lake_days
from pipelines.quality import CHECKS, MART_CHECKS, CheckResult, days_of_marts, run_checks
from pipelines.quality.measure import days_to_judge, open_tables
from pipelines.samples import write_sample

DAY = date(2026, 2, 26)
STORED = [name for name, model in MODELS.items() if model.is_stored]
TOTALS = [check.name for check in MART_CHECKS if check.relation]
MAY_BE_EMPTY = {"unseen_callers"}
OF_LOADING = {"loads_daily", "rejected_daily"}
"""Marts whose day is that of the load, not of the event."""


def streamed(landing: Path) -> Iterator[dict[str, Any]]:
    """The activity of one day as the stream sent it, with a stop of a recipe."""
    yield activity(timestamp=f"{DAY} 09:15:27 UTC")
    for path in sorted(landing.rglob("*.ndjson")):
        for line in path.read_text().splitlines():
            if line.startswith('{"event":') and f'"timestamp":"{DAY} ' in line:
                yield json.loads(line)


def pulled(event: dict[str, Any], number: int) -> dict[str, Any]:
    """The same event as the API tells it."""
    own = {key: value for key, value in event.items() if key not in ("event", "team")}
    day, time, _ = event["timestamp"].split()
    moment = f"{day}T{time}.250Z"
    return own | {
        "id": number,
        "event_type": event["event"],
        "timestamp": moment,
        "workspace": event["team"],
    }


def run_again() -> Iterator[dict[str, Any]]:
    """A job that failed before midnight, and its rerun after it."""
    yield job(id="j-again-1", status="failed", error="Not found", completed_at=f"{DAY}T23:59:00Z")
    after = f"{DAY + timedelta(days=1)}T00:05:00Z"
    yield job(id="j-again-2", master_job_id="j-again-1", is_repeat=True, completed_at=after)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a lake of two months, with late files, twins and a rerun, and its marts.

    Tests copy it.
    """
    root = tmp_path_factory.mktemp("checks")
    landing, late = root / "landing", root / "late"
    write_sample(root, days=14, jobs=1200, seed=11, end=date(2026, 3, 5), ndjson=True)
    events = list(streamed(landing))
    late.mkdir()
    for number, path in enumerate(sorted(landing.rglob("*.ndjson"))[::4]):
        path.rename(late / f"{number}.ndjson")
    twins = [pulled(event, number) for number, event in enumerate(events[::2], 1)]
    more = [events[0], *twins, *run_again()]
    (late / "pulled.ndjson").write_bytes(b"\n".join(map(encode, more)))
    lake = lake_at(root / "lake")
    for folder in (landing, late):
        run_load(lake, [folder])
        for _ in build_stale(lake):
            pass
    return root / "lake"


@pytest.fixture
def lake(sound: Path, tmp_path: Path) -> Lake:
    return copy_of(lake_at(sound), tmp_path / "lake")


def failed(lake: Lake, table: str) -> list[CheckResult]:
    results = run_checks(lake, table, lake_days(lake, table), clock=lambda: NOW)
    return [result for result in results if not result.passed]


@pytest.mark.parametrize("name", STORED)
def test_sound_marts_pass_and_were_looked_at(sound: Path, name: str) -> None:
    lake = lake_at(sound)

    results = run_checks(lake, name, lake_days(lake, name), clock=lambda: NOW)

    assert [result.name for result in results if not result.passed] == []
    if name not in MAY_BE_EMPTY:
        assert all(result.metadata["rows"] > 0 for result in results)


@pytest.mark.parametrize("name", [name for name in STORED if name not in MAY_BE_EMPTY])
def test_a_row_that_stands_twice_is_found(lake: Lake, name: str) -> None:
    table = lake.find(name)
    assert table is not None
    write_deltalake(table, table.to_pyarrow_table().slice(0, 1), mode="append")

    found = {result.name: result for result in failed(lake, name)}

    twice = found[f"{name}_has_no_row_twice"]
    assert twice.blocking
    assert len(twice.metadata["examples"]) == 2
    assert set(twice.metadata["examples"][0]) == set(MODELS[name].grain)


def judged_on(table: str) -> date:
    """The day on which a fault of `DAY` is told."""
    return NOW.date() if table in OF_LOADING else MODELS[table].partition_of(DAY)


def opened(lake: Lake, name: str) -> tuple[DeltaTable, str]:
    """The table of a mart, and the condition of its rows that `DAY` is among."""
    table = lake.find(name)
    assert table is not None
    column = "month_date" if MODELS[name].is_monthly else "event_date"
    return table, f"{column} = '{judged_on(name)}'"


@pytest.mark.parametrize("name", TOTALS)
def test_a_day_that_is_lost_is_found(lake: Lake, name: str) -> None:
    check = next(check for check in CHECKS if check.name == name)
    table, where = opened(lake, check.table)
    table.delete(where)

    (found,) = failed(lake, check.table)

    assert found.name == name
    assert list(found.metadata["failing_days"]) == [judged_on(check.table).isoformat()]
    assert found.metadata["examples"]


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("recipe_usage_monthly_counts_every_day", "job_count"),
        ("recipe_usage_monthly_counts_every_day", "test_action_count"),
        ("recipe_usage_monthly_counts_every_day", "total_seconds"),
        ("recipe_activity_counts_every_job", "test_job_count"),
        ("recipe_activity_counts_every_job", "failed_count"),
        ("recipe_activity_monthly_counts_every_day", "job_count"),
        ("job_durations_count_every_job", "job_count"),
        ("job_durations_monthly_count_every_day", "job_count"),
        ("step_durations_count_every_step", "step_count"),
        ("sign_ins_count_every_event", "sign_in_count"),
        ("sign_ins_count_every_event", "failed_sign_in_count"),
        ("sign_ins_count_every_event", "workspace_switch_count"),
        ("sign_ins_count_every_event", "sign_out_count"),
        ("activity_by_person_counts_every_event", "event_count"),
    ],
)
def test_a_number_that_is_wrong_is_found(lake: Lake, name: str, column: str) -> None:
    check = next(check for check in CHECKS if check.name == name)
    table, where = opened(lake, check.table)
    table.update(updates={column: f"{column} + 1"}, predicate=where)

    (found,) = failed(lake, check.table)

    assert found.name == name
    assert list(found.metadata["failing_days"]) == [judged_on(check.table).isoformat()]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("recipe_stops_daily_keep_every_stop", "true"),
        ("recipe_stops_keep_every_stop", "true"),
        ("recipe_runs_keep_every_failure", "outcome = 'failed'"),
        ("recipe_events_keep_every_act_and_failure", "event_kind = 'activity'"),
        ("recipe_events_keep_every_act_and_failure", "outcome = 'failed' and event_kind = 'job'"),
        ("activity_twins_count_every_twin", "true"),
    ],
)
def test_one_event_that_is_lost_is_found(lake: Lake, name: str, kind: str) -> None:
    check = next(check for check in CHECKS if check.name == name)
    table, where = opened(lake, check.table)
    rows = QueryBuilder().register("mart", table)
    first = f"select min(event_id) as event_id from mart where {where} and {kind}"
    (event_id,) = pa.table(rows.execute(first).read_all())["event_id"].to_pylist()
    table.delete(f"event_id = '{event_id}'")

    (found,) = failed(lake, check.table)

    assert found.name == name
    assert list(found.metadata["failing_days"]) == [judged_on(check.table).isoformat()]


@pytest.mark.parametrize("name", ["recipe_stops_daily", "recipe_stops"])
def test_a_stop_without_its_event_is_found(lake: Lake, name: str) -> None:
    table, where = opened(lake, name)
    table.update(updates={"event_id": "'activity:none'"}, predicate=where)

    found = {result.name: result for result in failed(lake, name)}[f"{name}_keep_every_stop"]

    assert "activity:none" in {row["found_event_id"] for row in found.metadata["examples"]}
    assert None in {row["found_event_id"] for row in found.metadata["examples"]}


def test_a_connector_without_its_recipe_is_an_orphan(lake: Lake) -> None:
    table = lake.find("recipe_usage_daily")
    assert table is not None
    table.delete(f"event_date = '{DAY}'")

    (found,) = failed(lake, "connector_usage_daily")

    assert found.name == "connector_usage_counts_every_step"
    assert found.metadata["examples"][0]["found_orphan_count"] > 0


def test_a_day_is_not_judged_while_it_is_stale(lake: Lake, tmp_path: Path) -> None:
    moment = f"{DAY}T10:00:00Z"
    folder = tmp_path / "late"
    folder.mkdir()
    (folder / "late.ndjson").write_bytes(encode(job(started_at=moment, completed_at=moment)))
    run_load(lake, [folder])
    other = DAY - timedelta(days=1)

    (stale, *_) = run_checks(lake, "recipe_usage_daily", [DAY], clock=lambda: NOW)
    (fresh, *_) = run_checks(lake, "recipe_usage_daily", [DAY, other], clock=lambda: NOW)

    assert stale.metadata["note"] == "no rows on these days"
    assert fresh.metadata["days"] == 1


def test_a_month_is_judged_once_none_of_its_days_is_stale(lake: Lake, tmp_path: Path) -> None:
    moment = f"{DAY}T10:00:00Z"
    folder = tmp_path / "late"
    folder.mkdir()
    (folder / "late.ndjson").write_bytes(encode(job(started_at=moment, completed_at=moment)))
    run_load(lake, [folder])
    months = [date(2026, 2, 1), date(2026, 3, 1)]

    def judged() -> list[int]:
        results = run_checks(lake, "recipe_usage_monthly", months, clock=lambda: NOW)
        assert all(result.passed for result in results)
        return [result.metadata["days"] for result in results]

    loaded = judged()
    build_model(lake, "recipe_usage_daily", [DAY])
    daily = judged()
    build_model(lake, "recipe_usage_monthly", months[:1])
    built = judged()

    assert (loaded, daily, built) == ([1, 1], [1, 1], [2, 2])


@pytest.mark.parametrize(
    ("table", "first", "last"),
    [
        pytest.param("sign_ins_daily", DAY, DAY, id="daily"),
        pytest.param("recipe_stops_daily", DAY, DAY, id="window"),
        pytest.param("recipe_events_monthly", date(2026, 2, 1), date(2026, 2, 28), id="monthly"),
        pytest.param("recipe_stops", date(2026, 2, 19), date(2026, 3, 5), id="whole"),
    ],
)
def test_a_mart_is_judged_by_the_days_that_it_is_made_of(
    sound: Path, table: str, first: date, last: date
) -> None:
    lake = lake_at(sound)
    tables = open_tables(lake, [check for check in CHECKS if check.table == table])

    days = days_to_judge(lake, tables, table, [DAY])

    assert days == [first + timedelta(days=n) for n in range((last - first).days + 1)]


def test_days_of_marts_are_those_that_their_tables_reach() -> None:
    found = days_of_marts({"jobs": [DAY]})

    assert found["recipe_usage_daily"] == found["recipe_owners"] == [DAY]
    assert found["unseen_callers"] == [DAY + timedelta(days=n) for n in range(-1, 8)]
    assert "sign_ins_daily" not in found


def test_names_of_checks_are_unique() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
