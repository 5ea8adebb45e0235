"""Build: what is stale, what a build replaces, and that the way to a state leaves no trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from lakes import NOW, Place, activity, copy_of, encode, job, lake_at, run_load

from pipelines.errors import LakeError
from pipelines.lake.maintain import compact
from pipelines.lake.tables import Lake, partition_files
from pipelines.models import MODELS, build_model, build_stale, stale_days
from pipelines.models.catalogue import write_catalogue
from pipelines.models.header import in_order, parse_header
from pipelines.models.query import open_catalogue
from pipelines.models.turns import in_turns
from pipelines.samples import write_sample

Row = dict[str, Any]
USAGE, OWNERS = "recipe_usage_daily", "recipe_owners"
MONTHLY = "recipe_usage_monthly"
ERRORS = "error_fingerprints_daily"
STORED = [name for name, model in MODELS.items() if model.is_stored]
WINDOWED = next(name for name in STORED if MODELS[name].window == (7, 1))
FIRST = date(2026, 2, 3)
FAILED = {"status": "failed", "error": "Not found", "error_type": "NotFound"}
FAR_DAYS = [FIRST, FIRST + timedelta(days=40)]


def a_job(day: date, **fields: Any) -> Row:
    moment = f"{day.isoformat()}T10:00:00Z"
    return job(started_at=moment, completed_at=moment, lines=None, **fields)


def load(lake: Lake, folder: Path, *events: Row, **more: Any) -> None:
    """One load with one new object."""
    folder.mkdir(exist_ok=True)
    number = len(list(folder.iterdir()))
    (folder / f"{number}.ndjson").write_bytes(b"\n".join(encode(event) for event in events))
    run_load(lake, [folder], **more)


def build(lake: Lake) -> dict[str, list[date]]:
    return {name: days for name, days, _ in build_stale(lake)}


def files(lake: Lake, name: str, day: date) -> list[str]:
    return partition_files(lake.find(name), [day])


def month_files(lake: Lake, month: date, name: str = MONTHLY) -> list[str]:
    return partition_files(lake.find(name), [month], "month_date")


def rows(lake: Lake, name: str) -> list[Row]:
    table = lake.find(name)
    return table.to_pyarrow_table().to_pylist() if table is not None else []


def contents(lake: Lake, names: Sequence[str]) -> dict[str, list[str]]:
    """Every row of the marts, as text."""
    return {name: sorted(repr(row) for row in rows(lake, name)) for name in names}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return lake_at(tmp_path / "lake")


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    return tmp_path / "landing"


@dataclass(frozen=True)
class Built:
    """A lake that was loaded and built once; tests go on with a copy."""

    lake: Lake
    events: tuple[Row, ...]
    days: dict[str, list[date]]
    """The days of every mart that were built."""


def built_of(folder: Path, *events: Row) -> Built:
    lake = lake_at(folder / "lake")
    load(lake, folder / "landing", *events)
    return Built(lake, events, build(lake))


@pytest.fixture(scope="module")
def a_job_built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return built_of(tmp_path_factory.mktemp("one"), a_job(FIRST))


@pytest.fixture(scope="module")
def two_jobs_built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Two recipes on one day."""
    jobs = a_job(FIRST, recipe_id=1), a_job(FIRST, recipe_id=2)
    return built_of(tmp_path_factory.mktemp("two"), *jobs)


@pytest.fixture(scope="module")
def two_days_built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return built_of(tmp_path_factory.mktemp("days"), *(a_job(day) for day in FAR_DAYS))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The objects of a sample, in no order that time would give them."""
    root = tmp_path_factory.mktemp("sample")
    write_sample(root, days=14, jobs=1200, seed=11, end=date(2026, 2, 28), ndjson=True)
    found = sorted(path for path in (root / "landing").rglob("*") if path.is_file())
    return sorted(found, key=lambda path: path.name[::-1])


def test_a_rebuild_from_nothing_equals_the_incremental_state(
    sample: list[Path], tmp_path: Path
) -> None:
    step_by_step, at_once = lake_at(tmp_path / "steps"), lake_at(tmp_path / "once")
    cut = len(sample) // 3
    for part in (sample[:cut], sample[cut : 2 * cut], sample[2 * cut :]):
        run_load(step_by_step, part)
        run_load(at_once, part)
        build(step_by_step)

    build(at_once)

    incremental, rebuilt = contents(step_by_step, STORED), contents(at_once, STORED)
    assert [name for name in STORED if incremental[name] != rebuilt[name]] == []
    assert build(step_by_step) == {}


def test_marts_and_catalogue_are_the_same_in_a_folder_and_on_s3(place: Place) -> None:
    place.put("a.ndjson", encode(a_job(FIRST, recipe_id=1, action_count=3)))
    lake = place.lake()
    run_load(lake, [place.landing])

    first, again = build(lake), build(lake)

    assert set(first) >= {USAGE, OWNERS}
    assert again == {}
    with open_catalogue(lake) as connection:
        found = connection.execute(
            "select recipe_id, job_count, tasks_most_count "
            f"from usage_between('{FIRST}', '{FIRST}')"
        ).fetchall()
    assert found == [("1", 1, 3)]


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(activity(timestamp=f"{FIRST} 09:00:00 UTC"), id="activity"),
        pytest.param(job(), id="a job"),
        pytest.param(
            {"timestamp": f"{FIRST}T09:00:00Z", "code": 200, "endpoint": "/"}, id="request"
        ),
        pytest.param({"neither": "this"}, id="nothing that can be read"),
    ],
)
def test_a_lake_with_one_kind_of_event_is_built(lake: Lake, landing: Path, event: Row) -> None:
    load(lake, landing, event)

    assert "loads_daily" in build(lake)
    assert build(lake) == {}


def test_building_a_day_again_writes_the_same_rows(two_jobs_built: Built, tmp_path: Path) -> None:
    lake = copy_of(two_jobs_built.lake, tmp_path / "lake")
    before = contents(lake, [USAGE])

    written = build_model(lake, USAGE, [FIRST])

    assert written == 2
    assert contents(lake, [USAGE]) == before


def test_late_data_restates_exactly_the_days_that_it_touches(lake: Lake, landing: Path) -> None:
    days = [FIRST + timedelta(days=n) for n in range(3)]
    load(lake, landing, *(a_job(day) for day in days))
    build(lake)
    before = {day: files(lake, USAGE, day) for day in days}

    load(lake, landing, a_job(days[1]))
    built = build(lake)

    after = {day: files(lake, USAGE, day) for day in days}
    assert built[USAGE] == [days[1]]
    assert [day for day in days if after[day] != before[day]] == [days[1]]
    counts = {row["event_date"]: row["job_count"] for row in rows(lake, USAGE)}
    assert [counts[day] for day in days] == [1, 2, 1]


def test_a_duplicate_restates_nothing(a_job_built: Built, tmp_path: Path, landing: Path) -> None:
    lake = copy_of(a_job_built.lake, tmp_path / "lake")

    load(lake, landing, *a_job_built.events)

    assert set(build(lake)) == {"loads_daily"}


def test_a_window_is_stale_where_it_takes_in_a_day_that_changed(lake: Lake, landing: Path) -> None:
    load(lake, landing, a_job(FIRST), a_job(FIRST + timedelta(days=20)))
    build(lake)

    load(lake, landing, a_job(FIRST + timedelta(days=2)))

    changed = FIRST + timedelta(days=2)
    assert stale_days(lake, USAGE) == [changed]
    assert stale_days(lake, WINDOWED) == [changed + timedelta(days=n) for n in range(-1, 8)]


def test_a_day_to_come_is_built_when_it_has_come(
    a_job_built: Built, tmp_path: Path, landing: Path
) -> None:
    lake = copy_of(a_job_built.lake, tmp_path / "lake")

    load(lake, landing, activity(timestamp=f"{FIRST + timedelta(days=3)} 09:00:00 UTC"))

    assert max(a_job_built.days[WINDOWED]) == FIRST
    assert stale_days(lake, WINDOWED) == [FIRST + timedelta(days=n) for n in (1, 2, 3)]


def test_a_month_is_stale_where_one_of_its_days_changed_and_is_replaced_as_a_whole(
    lake: Lake, landing: Path
) -> None:
    months = [date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)]
    days = [date(2026, 1, 31), FIRST, date(2026, 2, 28), date(2026, 3, 1)]
    load(lake, landing, *(a_job(day, recipe_id=1) for day in days))
    first = build(lake)
    before = {month: month_files(lake, month) for month in months}

    load(lake, landing, a_job(date(2026, 2, 28), recipe_id=1))
    built = build(lake)

    after = {month: month_files(lake, month) for month in months}
    assert first[MONTHLY] == months
    assert built[MONTHLY] == [months[1]]
    assert [month for month in months if after[month] != before[month]] == [months[1]]
    assert {row["month_date"]: row["job_count"] for row in rows(lake, MONTHLY)} == {
        months[0]: 1,
        months[1]: 3,
        months[2]: 1,
    }


def test_any_day_of_a_month_builds_the_month(two_jobs_built: Built, tmp_path: Path) -> None:
    lake = copy_of(two_jobs_built.lake, tmp_path / "lake")

    assert build_model(lake, MONTHLY, [date(2026, 2, 27), date(2026, 2, 28)]) == 2
    assert len(rows(lake, MONTHLY)) == 2


def test_a_new_day_is_put_into_the_file_of_its_month_and_loses_no_other_day(
    lake: Lake, landing: Path
) -> None:
    days = [date(2026, 1, 31), FIRST, date(2026, 2, 27)]
    load(lake, landing, *(a_job(day, **FAILED) for day in days))
    build(lake)
    january = month_files(lake, date(2026, 1, 1), ERRORS)

    load(lake, landing, a_job(date(2026, 2, 28), **FAILED), a_job(FIRST, **FAILED))
    built = build(lake)

    assert built[ERRORS] == [FIRST, date(2026, 2, 28)]
    assert {row["event_date"]: row["failed_count"] for row in rows(lake, ERRORS)} == {
        days[0]: 1,
        days[1]: 2,
        days[2]: 1,
        date(2026, 2, 28): 1,
    }
    assert month_files(lake, date(2026, 1, 1), ERRORS) == january
    assert len(month_files(lake, date(2026, 2, 1), ERRORS)) == 1


def test_the_rows_of_a_build_are_those_of_its_days(lake: Lake, landing: Path) -> None:
    load(lake, landing, a_job(FIRST, **FAILED), a_job(date(2026, 2, 4), **FAILED))
    build(lake)

    assert build_model(lake, ERRORS, [FIRST]) == 1
    assert len(rows(lake, ERRORS)) == 2


def test_a_mart_that_was_stored_by_day_is_built_anew_by_month(
    lake: Lake, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(lake, landing, a_job(FIRST, **FAILED), a_job(date(2026, 3, 9), **FAILED))
    with monkeypatch.context() as patch:
        patch.setitem(MODELS, ERRORS, replace(MODELS[ERRORS], has_monthly_files=False))
        build(lake)
    before = rows(lake, "error_fingerprints")

    write_catalogue(lake)  # of this version, over tables of the other
    build_model(lake, "error_fingerprints", [FIRST])
    assert rows(lake, "error_fingerprints") == before
    assert build(lake)[ERRORS] == [FIRST, date(2026, 3, 9)]

    table = lake.find(ERRORS)
    assert table is not None
    assert table.metadata().partition_columns == ["month_date"]
    assert len(rows(lake, ERRORS)) == 2


def test_a_mart_that_is_stored_by_something_else_is_replaced_as_a_whole(
    lake: Lake, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(lake, landing, a_job(FIRST), a_job(date(2026, 3, 9)))
    with monkeypatch.context() as patch:
        patch.setitem(MODELS, MONTHLY, replace(MODELS[MONTHLY], scope="global"))
        build(lake)

    build_model(lake, MONTHLY, [FIRST])

    table = lake.find(MONTHLY)
    assert table is not None
    assert table.metadata().partition_columns == ["month_date"]
    assert {row["month_date"] for row in rows(lake, MONTHLY)} == {
        date(2026, 2, 1),
        date(2026, 3, 1),
    }


def test_a_day_is_built_although_a_comment_changed(
    a_job_built: Built, tmp_path: Path, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = copy_of(a_job_built.lake, tmp_path / "lake")
    load(lake, landing, a_job(FIRST))
    monkeypatch.setattr("pipelines.models.store.comment_of", lambda *_: "Other words.")

    assert build(lake)[USAGE] == [FIRST]


def test_a_whole_mart_follows_what_it_reads_and_nothing_else(
    a_job_built: Built, tmp_path: Path, landing: Path
) -> None:
    lake = copy_of(a_job_built.lake, tmp_path / "lake")
    message = {
        "timestamp": f"{FIRST}T10:00:00Z",
        "log_type": "recipe",
        "level": "INFO",
        "message": "hello",
    }

    load(lake, landing, message)
    of_a_message = build(lake)
    load(lake, landing, a_job(FIRST))
    of_a_job = build(lake)

    assert a_job_built.days[OWNERS] == of_a_job[OWNERS] == [FIRST]
    assert OWNERS not in of_a_message


def test_compaction_makes_nothing_stale_and_forgets_no_load(lake: Lake, landing: Path) -> None:
    load(lake, landing, a_job(FIRST))
    load(lake, landing, a_job(FIRST))
    build(lake)
    load(lake, landing, a_job(FIRST + timedelta(days=1)))

    done = {
        facts["table"]
        for facts in compact(lake, clock=lambda: NOW, unique=lambda: uuid4().hex, all_days=True)
    }

    assert done >= {"jobs", "loads"}
    assert build(lake)[USAGE] == [FIRST + timedelta(days=1)]


def test_a_mart_built_before_one_that_it_reads_stays_stale(
    a_job_built: Built, tmp_path: Path, landing: Path
) -> None:
    lake = copy_of(a_job_built.lake, tmp_path / "lake")
    load(lake, landing, a_job(FIRST))

    build_model(lake, OWNERS, [FIRST])

    assert stale_days(lake, OWNERS) == [FIRST]
    built = list(build(lake))
    assert built.index(USAGE) < built.index(OWNERS)
    assert stale_days(lake, OWNERS) == []


def test_a_load_that_is_cut_off_is_built_when_it_is_complete(
    a_job_built: Built, tmp_path: Path, landing: Path
) -> None:
    lake = copy_of(a_job_built.lake, tmp_path / "lake")

    def cut(reached: str) -> None:
        if reached == "committed":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(lake, landing, a_job(FIRST), fault=cut)
    build(lake)
    early = [row["job_count"] for row in rows(lake, USAGE)]
    load(lake, landing, a_job(FIRST + timedelta(days=1)))

    built = build(lake)

    assert early == [1]
    assert built[USAGE] == [FIRST, FIRST + timedelta(days=1)]
    assert sorted(row["job_count"] for row in rows(lake, USAGE)) == [1, 2]


def test_a_changed_statement_makes_the_mart_and_what_reads_it_stale(
    two_days_built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = copy_of(two_days_built.lake, tmp_path / "lake")
    model = MODELS[USAGE]
    changed = model.sql.replace("'unknown' then 1", "'unknown' then 2")
    monkeypatch.setitem(MODELS, USAGE, replace(model, sql=f"-- another word\n{changed}"))

    built = build(lake)

    assert changed != model.sql
    assert built[USAGE] == FAR_DAYS
    assert OWNERS in built
    assert "recipe_errors_daily" not in built


def test_a_changed_comment_makes_nothing_stale(
    a_job_built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = copy_of(a_job_built.lake, tmp_path / "lake")
    model = MODELS[USAGE]
    monkeypatch.setitem(MODELS, USAGE, replace(model, sql=f"-- another word\n{model.sql}"))

    assert build(lake) == {}


def test_a_changed_setting_restates_what_is_counted_by_it(
    a_job_built: Built, tmp_path: Path
) -> None:
    lake = copy_of(a_job_built.lake, tmp_path / "lake")

    assert build(lake_at(lake.url, billing_cycle_day=9)) == {"recipe_volume": [FIRST]}


def test_a_mart_of_other_columns_is_replaced_as_a_whole(
    lake: Lake, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [FIRST, FIRST + timedelta(days=40)]
    load(lake, landing, *(a_job(day) for day in days))
    old = "select workspace_id, 1 as lost, event_date from int_usage_counts"
    monkeypatch.setitem(MODELS, USAGE, replace(MODELS[USAGE], sql=old))
    build_model(lake, USAGE, days)
    monkeypatch.undo()

    build_model(lake, USAGE, [days[1]])

    found = rows(lake, USAGE)
    assert {row["event_date"] for row in found} == set(days)
    assert "lost" not in found[0]
    assert {row["job_count"] for row in found} == {1}


def test_a_build_that_fails_leaves_the_mart_as_it_was_and_says_why(
    two_days_built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = copy_of(two_days_built.lake, tmp_path / "lake")
    before = contents(lake, [USAGE])
    # the second part of the build fails, after the rows of the first have been given away
    broken = (
        "case when event_date > date '2026-03-01' then error('no such luck') end as recipe_name"
    )
    sql = MODELS[USAGE].sql.replace("    recipe_name,\n    folder", f"    {broken},\n    folder")
    monkeypatch.setitem(MODELS, USAGE, replace(MODELS[USAGE], sql=sql))
    monkeypatch.setattr("pipelines.models.build.DAYS_AT_ONCE", 1)

    with pytest.raises(LakeError, match=r"recipe_usage_daily was not built: .*no such luck"):
        build_model(lake, USAGE, FAR_DAYS)

    assert contents(lake, [USAGE]) == before
    assert stale_days(lake, USAGE) == FAR_DAYS


def test_a_day_far_from_the_others_does_not_bring_those_between(
    lake: Lake, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [FIRST + timedelta(days=n) for n in range(3)]
    load(lake, landing, *(a_job(day) for day in days))
    every = "select * replace (date '2026-02-04' as event_date) from stg_jobs"
    monkeypatch.setitem(MODELS, USAGE, replace(MODELS[USAGE], sql=every))

    assert build_model(lake, USAGE, [days[0], days[2]]) == 0


def test_marts_come_after_those_that_they_read_and_a_circle_is_refused() -> None:
    def a_model(name: str, reads: str) -> Any:
        header = f"-- X.\n-- grain: a\n-- reads: {reads}\n-- scope: global\nselect 1 as a"
        return parse_header(name, "marts", header)

    models = {"a": a_model("a", "b"), "b": a_model("b", "jobs")}

    assert list(in_order(models)) == ["b", "a"]
    with pytest.raises(ValueError, match="a reads b reads a"):
        in_order(models | {"b": a_model("b", "a")})


@pytest.mark.parametrize("scope", ["window(7d)", "window(-7d)", "daily", ""])
def test_a_scope_that_no_build_knows_is_refused(scope: str) -> None:
    with pytest.raises(ValueError, match="scope"):
        parse_header("a", "marts", f"-- X.\n-- grain: a\n-- reads: b\n-- scope: {scope}\n")


@pytest.mark.parametrize(
    ("scope", "files"), [("global", "month"), ("month", "month"), ("partition", "year")]
)
def test_files_that_no_build_knows_are_refused(scope: str, files: str) -> None:
    header = f"-- X.\n-- grain: a\n-- reads: b\n-- scope: {scope}\n-- files: {files}\n"

    with pytest.raises(ValueError, match="files is"):
        parse_header("a", "marts", header)


def test_marts_are_built_together_only_where_none_reads_the_other() -> None:
    near, far = [FIRST], [FIRST, FIRST + timedelta(days=1)]
    stale = {
        USAGE: far,
        "recipe_errors_daily": near,
        "failed_jobs": far,
        OWNERS: near,
        "loads_daily": near,
    }

    turns = in_turns(stale)

    assert turns == [
        (tuple(far), [USAGE, "failed_jobs"]),
        (tuple(near), ["recipe_errors_daily", "loads_daily"]),
        (tuple(near), [OWNERS]),
    ]
