"""Quality: a sound lake passes every check; each fault is found by its check, with an example."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from pipelines.cli.check import check as check_command
from pipelines.errors import ConfigurationError
from pipelines.exports.deliver import deliver
from pipelines.exports.ledger import open_url
from pipelines.lake.append import append_rows
from pipelines.lake.duck import connect
from pipelines.lake.load import load
from pipelines.lake.schemas import EVENT_TABLES, TABLES
from pipelines.lake.storage import Storage
from pipelines.lake.tables import Lake, applied_load, commit_files, partition_files
from pipelines.lake.write import write_files
from pipelines.quality import LAKE_CHECKS as CHECKS
from pipelines.quality import Check, CheckResult, run_checks, write_data_docs
from pipelines.quality.log import Log, judge_volume
from pipelines.quality.measure import create_views, measure, open_tables
from pipelines.samples import write_sample
from pipelines.settings import load_settings
from pipelines.sinks.file import FileSettings
from pipelines.sources.find import sources_of

LOADED_AT = datetime(2026, 3, 1, 2, tzinfo=UTC)
LOAD_DAY = LOADED_AT.date()
DAYS = [date(2026, 2, 19) + timedelta(days=n) for n in range(10)]
BY_LOAD_DAY = ("rejected", "loads", "deliveries", "checks")
DAY = date(2026, 2, 27)
"""A working day with more than a week of history."""
ANOTHER = "event_id || ':other' as event_id"
STEPLESS = "cast(null as bigint) as step_count"
"""Keeps a job that is made up from lacking its steps as well."""


def clock() -> datetime:
    return LOADED_AT


def days_of(table: str) -> list[date]:
    return [LOAD_DAY] if table in BY_LOAD_DAY else DAYS


def deliver_some(lake: Lake, folder: Path) -> None:
    """Deliver the activity of a lake to a folder, which puts rows into `deliveries`."""
    sink = FileSettings(
        name="archive", kind="file", path=folder / "out", start="beginning", kinds=("activity",)
    )
    (folder / "out").mkdir()
    numbers = count()
    ledger = open_url(f"sqlite:///{folder}/ledger.sqlite")
    (done,) = deliver(
        lake, ledger, [sink], clock=clock, random=lambda: 0.5, unique=lambda: f"d{next(numbers)}"
    )
    assert done.delivered > 0
    ledger.close()


def tell_a_verdict(lake: Lake) -> None:
    """Put a row into `checks`, as a run that judged does."""
    told = dict.fromkeys(TABLES["checks"].names) | {
        "check_id": "run:jobs:jobs_raw_is_kept",
        "table_name": "jobs",
        "check_name": "jobs_raw_is_kept",
        "is_passed": True,
        "checked_at": LOADED_AT,
        "run_id": "run",
        "event_date": LOAD_DAY,
    }
    assert append_rows(lake, "checks", lake.open("checks"), [told], {"test": 1}, lambda: "verdict")


def open_lake(folder: Path) -> Lake:
    return Lake(Storage(load_settings(lake_url=str(folder), memory_limit_mb=512)))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a lake that holds the sample, loaded once; tests copy it."""
    root = tmp_path_factory.mktemp("quality")
    write_sample(root / "sample", days=10, jobs=3000, seed=7, end=DAYS[-1])
    lake = open_lake(root / "lake")
    names = count()
    sources = sources_of([], lake.url, [str(root / "sample" / "landing")])
    load(lake, sources, clock=clock, unique=lambda: f"file-{next(names)}")
    deliver_some(lake, root)
    tell_a_verdict(lake)
    return root / "lake"


@pytest.fixture
def lake(sound: Path, tmp_path: Path) -> Lake:
    """A copy of the sound lake, to be spoilt."""
    shutil.copytree(sound / "lake", tmp_path / "lake" / "lake")
    return open_lake(tmp_path / "lake")


def spoil(lake: Lake, table: str, *changes: str, copies: int = 1, where: str = "true") -> None:
    """Add a changed copy of a row of the table (of many rows, for many copies)."""
    day = LOAD_DAY if table in BY_LOAD_DAY else DAY
    opened = lake.open(table)
    connection = connect(lake.storage)
    connection.execute(
        "create temp table rows as select * exclude (event_date) "
        "from read_parquet($files, hive_partitioning = true)",
        {"files": partition_files(opened, [day])},
    )
    replaced = f"replace ({', '.join(changes)})" if changes else ""
    query = (
        f"select * exclude (copy) {replaced} from "
        f"(select * from rows where {where} limit 1), (select unnest(range({copies})) as copy)"
    )
    files = write_files(lake, connection, table, day, query, "spoilt")
    connection.close()
    commit_files(opened, files, applied_load(opened))


def failed(results: list[CheckResult]) -> list[CheckResult]:
    return [result for result in results if not result.passed]


def other(table: str, *changes: str) -> tuple[str, ...]:
    """Changes of a row that is to be another event than the one that it is copied from."""
    return (ANOTHER, *changes, *((STEPLESS,) if table == "jobs" else ()))


FAULTS: dict[str, tuple[str, ...]] = {
    "jobs_outcomes_are_present": other("jobs", "cast(null as varchar) as outcome"),
    "jobs_lines_states_are_known": other("jobs", "'lost' as lines_state"),
    "jobs_have_the_steps_they_count": (ANOTHER, "7 as step_count"),
    "job_steps_belong_to_a_job": other("job_steps", "'job:none' as job_event_id"),
    "rejected_ids_are_unique": (),
    "rejected_ids_are_present": ("cast(null as varchar) as rejected_id",),
    "rejected_reasons_are_known": ("'other' as rejected_id", "'mood' as reason"),
    "rejected_bytes_are_kept": ("'other' as rejected_id", "cast(null as blob) as bytes"),
    "delivery_ids_are_unique": (),
    "check_ids_are_unique": (),
    "load_numbers_are_unique": (),
    "load_numbers_are_present": ("cast(null as bigint) as load_number",),
    "loads_account_for_every_record": ("2 as load_number", "received + 1 as received"),
    "loads_reject_few_records": (
        "2 as load_number",
        "received as rejected",
        "0 as accepted",
        "0 as duplicate",
    ),
}
for _table in EVENT_TABLES:
    FAULTS |= {
        f"{_table}_event_ids_are_unique": (),
        f"{_table}_event_ids_are_present": (
            "cast(null as varchar) as event_id",
            *((STEPLESS,) if _table == "jobs" else ()),
        ),
        f"{_table}_times_are_plausible": other(
            _table, "occurred_at - interval 25 hours as loaded_at"
        ),
        f"{_table}_days_match_their_times": other(
            _table, "occurred_at + interval 1 day as occurred_at"
        ),
        f"{_table}_kinds_fit_their_table": other(_table, "'mystery' as event_kind"),
    }
    if _table != "job_steps":
        FAULTS[f"{_table}_raw_is_kept"] = other(_table, "'' as raw")
BY_NAME = {check.name: check for check in CHECKS}


@pytest.mark.parametrize("table", list(dict.fromkeys(check.table for check in CHECKS)))
def test_a_sound_lake_passes_every_check(sound: Path, table: str) -> None:
    results = run_checks(open_lake(sound), table, days_of(table), clock=clock)

    assert [result.name for result in results] == [c.name for c in CHECKS if c.table == table]
    assert failed(results) == []
    assert all(result.metadata["rows"] > 0 for result in results)


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_fails_exactly_its_check_with_an_example(lake: Lake, name: str) -> None:
    check = BY_NAME[name]
    spoil(lake, check.table, *FAULTS[name])

    results = run_checks(lake, check.table, days_of(check.table), clock=clock)

    (found,) = failed(results)
    day = LOAD_DAY if check.table in BY_LOAD_DAY else DAY
    assert found.name == name
    assert found.blocking == check.blocking
    assert list(found.metadata["failing_days"]) == [day.isoformat()]
    assert found.metadata["examples"]
    assert set(found.metadata["examples"][0]) == set(check.shown)
    json.dumps([result.as_dict() for result in results], allow_nan=False)


@pytest.mark.parametrize("table", EVENT_TABLES)
def test_a_day_of_many_times_the_rows_is_unusual(lake: Lake, table: str) -> None:
    changes = ["event_id || ':' || copy as event_id"]
    if table == "jobs":
        changes.append(STEPLESS)
    spoil(lake, table, *changes, copies=20_000)

    (found,) = failed(run_checks(lake, table, days_of(table), clock=clock))

    assert found.name == f"{table}_volume_is_usual"
    assert not found.blocking
    (example,) = found.metadata["examples"]
    assert example["rows"] > example["most"]


@pytest.mark.parametrize("table", ["activity", "jobs", "api_requests", "log_messages"])
def test_a_lake_without_new_events_is_stale(sound: Path, table: str) -> None:
    results = run_checks(
        open_lake(sound), table, DAYS, clock=lambda: LOADED_AT + timedelta(days=30)
    )

    (found,) = failed(results)
    assert found.name == f"{table}_newest_event_is_recent"
    assert not found.blocking
    assert found.metadata["newest_event_at"].startswith("2026-02-28T")


def test_many_unknown_event_types_are_a_warning(lake: Lake) -> None:
    changes = ("event_id || ':' || copy as event_id", "'recipe_sang' as event_type")
    spoil(lake, "activity", *changes, copies=50)

    (found,) = failed(run_checks(lake, "activity", DAYS, clock=clock))

    assert found.name == "activity_event_types_are_known"
    assert "recipe_sang" in {example["event_type"] for example in found.metadata["examples"]}


def test_every_check_has_a_test_that_fails_it() -> None:
    unusual = {f"{table}_volume_is_usual" for table in EVENT_TABLES}
    stale = {c.name for c in CHECKS if c.name.endswith("_newest_event_is_recent")}

    assert FAULTS.keys() | unusual | stale | {"activity_event_types_are_known"} == BY_NAME.keys()
    assert len(BY_NAME) == len(CHECKS)


def test_a_null_raw_is_found_where_footers_tell_of_nulls(lake: Lake) -> None:
    spoil(lake, "jobs", *other("jobs", "cast(null as varchar) as raw"))

    (found,) = failed(run_checks(lake, "jobs", DAYS, clock=clock))

    assert found.name == "jobs_raw_is_kept"


def test_only_the_named_checks_run(sound: Path) -> None:
    names = ["jobs_outcomes_are_present", "jobs_volume_is_usual"]

    results = run_checks(open_lake(sound), "jobs", DAYS, clock=clock, names=names)

    assert [result.name for result in results] == names


@pytest.mark.parametrize(
    ("table", "names"),
    [
        pytest.param("jobbs", None, id="table"),
        pytest.param("jobs", ["activity_raw_is_kept"], id="check of another table"),
    ],
)
def test_a_name_that_is_not_known_is_refused(
    sound: Path, table: str, names: list[str] | None
) -> None:
    with pytest.raises(ConfigurationError, match="named"):
        run_checks(open_lake(sound), table, DAYS, clock=clock, names=names)


@pytest.mark.parametrize("table", ["jobs", "job_steps", "loads"])
def test_a_table_that_does_not_exist_passes_and_says_so(tmp_path: Path, table: str) -> None:
    results = run_checks(open_lake(tmp_path), table, DAYS, clock=clock)

    assert all(result.passed for result in results)
    assert {result.metadata["note"] for result in results} == {f"there is no table {table} yet"}


def test_days_without_rows_pass_and_say_so(sound: Path) -> None:
    results = run_checks(open_lake(sound), "jobs", [date(2020, 1, 1)], clock=clock)

    assert all(result.passed for result in results)
    assert {result.metadata["note"] for result in results} == {"no rows on these days"}


def test_jobs_without_any_table_of_steps_lack_the_steps_they_count(lake: Lake) -> None:
    shutil.rmtree(lake.table_url("job_steps"))

    (found,) = failed(run_checks(lake, "jobs", DAYS, clock=clock))

    assert found.name == "jobs_have_the_steps_they_count"
    assert list(found.metadata["failing_days"]) == [day.isoformat() for day in DAYS]


def test_steps_of_a_load_whose_jobs_are_not_there_yet_are_left_out(lake: Lake) -> None:
    steps = lake.open("job_steps")
    connection = connect(lake.storage)
    rows = f"read_parquet('{partition_files(steps, [DAY])[0]}')"
    query = f"select * replace ('job:later' as job_event_id, {ANOTHER}) from {rows} limit 1"
    files = write_files(lake, connection, "job_steps", DAY, query, "later")
    commit_files(steps, files, applied_load(lake.open("jobs")) + 1)

    results = run_checks(lake, "job_steps", DAYS, clock=clock)

    assert failed(results) == []


def test_equal_hashes_of_different_ids_are_no_duplicates(sound: Path) -> None:
    lake = open_lake(sound)
    unlucky = replace(BY_NAME["jobs_event_ids_are_unique"], aggregate="count(event_id) - 1")
    connection = connect(lake.storage)
    tables = open_tables(lake, [unlucky])
    create_views(connection, lake, tables, DAYS)

    _, measures = measure(connection, tables["jobs"], "jobs", DAYS, [unlucky])

    assert {values[unlucky.name] for values in measures.values()} == {0}


HISTORY = {date(2026, 1, 1) + timedelta(days=n): 100 for n in range(10)}
NEXT = date(2026, 1, 11)


@pytest.mark.parametrize(
    ("rows", "changes", "is_usual"),
    [
        pytest.param(100, {}, True, id="as ever"),
        pytest.param(11, {}, True, id="a ninth"),
        pytest.param(9, {}, False, id="less than a tenth"),
        pytest.param(9, {date(2026, 1, 4): 12}, True, id="a weekend like the one before"),
        pytest.param(999, {}, True, id="just below ten times"),
        pytest.param(1001, {}, False, id="more than ten times"),
        pytest.param(1900, {date(2026, 1, 4): 1000}, True, id="not twice a day seen before"),
    ],
)
def test_volume_is_judged_by_the_days_before(
    rows: int, changes: dict[date, int], is_usual: bool
) -> None:
    volume = judge_volume(Log(HISTORY | changes | {NEXT: rows}), NEXT, date(2026, 2, 1))

    assert volume is not None
    assert (volume.factor <= 1) == is_usual


@pytest.mark.parametrize(
    "log",
    [
        pytest.param(Log({NEXT: 5}), id="no history"),
        pytest.param(Log(dict.fromkeys(list(HISTORY)[:6], 100) | {NEXT: 5}), id="short history"),
        pytest.param(Log(dict.fromkeys(HISTORY, 3) | {NEXT: 900}), id="few rows a day"),
        pytest.param(Log(HISTORY), id="no rows"),
    ],
)
def test_volume_is_not_judged_where_history_tells_nothing(log: Log) -> None:
    assert judge_volume(log, NEXT, date(2026, 2, 1)) is None


def test_a_day_that_is_not_over_may_be_small() -> None:
    volume = judge_volume(Log(HISTORY | {NEXT: 1}), NEXT, today=NEXT)

    assert volume is not None
    assert volume.factor <= 1


def test_checks_can_be_listed_without_great_expectations_and_pandas() -> None:
    code = (
        "import sys, pipelines.quality, pipelines.cli.check; "
        "print(sorted({'great_expectations', 'pandas'} & set(sys.modules)))"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_check_says_what_it_means(check: Check) -> None:
    assert check.description.endswith(".")
    assert check.name.replace("_", "").isalnum()
    assert check.expectation["severity"] == ("critical" if check.blocking else "warning")


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    app = typer.Typer()
    app.command()(check_command)

    def run(lake: Lake, *arguments: str) -> tuple[int, str]:
        monkeypatch.setenv("TRAILHOUSE_LAKE_URL", lake.url)
        result = CliRunner().invoke(app, list(arguments))
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    return run


def test_the_command_checks_the_days_of_the_newest_load(
    lake: Lake, invoke: Callable[..., tuple[int, str]]
) -> None:
    code, output = invoke(lake, "--json")

    facts = json.loads(output)
    assert code == 0
    assert facts["failed"] == 0
    assert {one["name"] for one in facts["checks"]} >= BY_NAME.keys()
    assert {one["name"] for one in facts["checks"] if not one["passed"]} == {
        name for name in BY_NAME if name.endswith("_newest_event_is_recent")
    }


def test_the_command_exits_with_1_and_shows_the_rows_that_break_a_blocking_check(
    lake: Lake, invoke: Callable[..., tuple[int, str]]
) -> None:
    spoil(lake, "jobs", *other("jobs", "cast(null as varchar) as outcome"))

    code, output = invoke(lake, "--table", "jobs", "--from", "2026-02-27", "--to", "2026-02-28")

    assert code == 1
    assert "jobs_outcomes_are_present" in output
    assert ":other" in output


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("--table", "job"), id="table"),
        pytest.param(("--from", "yesterday"), id="date"),
        pytest.param(("--from", "2026-02-28", "--to", "2026-02-27"), id="order"),
    ],
)
def test_the_command_exits_with_2_for_bad_input(
    lake: Lake, invoke: Callable[..., tuple[int, str]], arguments: tuple[str, ...]
) -> None:
    code, _ = invoke(lake, *arguments)

    assert code == 2


def test_data_docs_show_a_failed_check(lake: Lake, tmp_path: Path) -> None:
    spoil(lake, "jobs", *other("jobs", "'lost' as lines_state"))

    page = write_data_docs(lake, [*DAYS, LOAD_DAY], tmp_path / "docs", clock)

    (jobs,) = (tmp_path / "docs" / "validations").rglob("*-jobs.html")
    assert page == tmp_path / "docs" / "index.html"
    assert page.is_file()
    assert "jobs_lines_states_are_known" in jobs.read_text()


def test_a_lake_on_s3_is_checked_like_one_in_a_folder(
    s3: object, bucket: str, tmp_path: Path
) -> None:
    write_sample(tmp_path / "sample", days=3, jobs=500, seed=7, end=DAYS[-1], ndjson=True)
    lake = Lake(Storage(load_settings(lake_url=f"s3://{bucket}/lake")))
    names = count()
    sources = sources_of([], lake.url, [str(tmp_path / "sample" / "landing")])
    load(lake, sources, clock=clock, unique=lambda: f"file-{next(names)}")
    deliver_some(lake, tmp_path)

    results = [
        result
        for table in dict.fromkeys(check.table for check in CHECKS)
        for result in run_checks(lake, table, days_of(table), clock=clock)
    ]

    assert [result.name for result in failed(results) if result.blocking] == []
    judged = [result for result in results if result.table != "checks"]  # no run judged this lake
    assert all(result.metadata["rows"] for result in judged)
