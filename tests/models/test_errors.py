"""Errors: golden rows for each rule of rates, retry families, trends and causes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from pipelines.lake.schemas import TABLES
from pipelines.models import MODELS

Row = dict[str, Any]
AS_OF = date(2026, 2, 28)
DAY_1, DAY_2 = date(2026, 2, 3), date(2026, 2, 4)
PER_DAY = (
    "recipe_errors_daily",
    "recipe_error_rates_daily",
    "error_families_daily",
    "error_fingerprints_daily",
)


def moment(text: str) -> datetime:
    """A UTC time of February 2026, as `03 09:15:27`."""
    return datetime.fromisoformat(f"2026-02-{text}").replace(tzinfo=UTC)


def run(job_id: str, at: str | datetime, outcome: str = "failed", **fields: Any) -> Row:
    """A row of `jobs` that ended at a time, two seconds after it started."""
    ended = moment(at) if isinstance(at, str) else at
    family_id = fields.get("family_id", job_id)
    row: Row = {
        "event_id": f"job:{job_id}:{outcome}",
        "job_id": job_id,
        "family_id": family_id,
        "workspace_id": "1",
        "environment": "prod",
        "recipe_id": "7",
        "recipe_name": "Orders to ledger",
        "outcome": outcome,
        "is_repeat": family_id != job_id,
        "is_test": False,
        "started_at": ended - timedelta(seconds=2),
        "occurred_at": ended,
        "event_date": ended.date(),
    }
    if outcome == "failed":
        row |= {
            "error_type": "NetSuite error",
            "error_message": "Customer must be present",
            "error_adapter": "netsuite",
            "error_operation": "add_object",
            "error_line_number": 2,
        }
    return row | fields


def change(event_type: str, at: str, resource: tuple[str, str], **fields: Any) -> Row:
    """A row of `activity`: what happened at a time to a resource, given as type and id."""
    row: Row = {
        "event_id": f"activity:{event_type}:{at}",
        "event_type": event_type,
        "workspace_id": "1",
        "actor_name": "Mira Okafor",
        "resource_type": resource[0],
        "resource_id": resource[1],
        "outcome": "succeeded",
        "occurred_at": moment(at),
        "event_date": moment(at).date(),
    }
    return row | fields


def build(
    name: str, jobs: Sequence[Row], activity: Sequence[Row] = (), days: Sequence[date] = ()
) -> list[Row]:
    """The rows of a mart over rows of the lake, built with all that it reads.

    With `days`, marts per day are built for these alone.
    """
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("set timezone = 'UTC'")
    for table, rows in (("jobs", jobs), ("activity", activity)):
        connection.register(table, pa.Table.from_pylist(list(rows), TABLES[table].schema))
    first, last = min(days, default=date(2026, 1, 1)), max(days, default=AS_OF)
    values = {"from_date": first, "to_date": last, "as_of": AS_OF}
    done: set[str] = set()

    def make(model: str) -> None:
        if model in done or model not in MODELS:
            return
        done.add(model)
        for source in MODELS[model].reads:
            make(source)
        sql = MODELS[model].sql
        kind = "table" if MODELS[model].layer == "marts" else "view"
        named = {key: value for key, value in values.items() if f"${key}" in sql}
        connection.execute(f"create {kind} {model} as {sql}", named or None)

    make(name)
    key = ", ".join(MODELS[name].grain)
    found = connection.execute(f"select * from {name} order by {key}")
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def holds(row: Row, **expected: Any) -> None:
    """Hold the named columns of a row."""
    assert {name: row[name] for name in expected} == expected


RECOVERED = (
    run("j-1", "03 09:00:00"),
    run("j-2", "03 09:10:00", "succeeded", family_id="j-1"),
)
OVER_MIDNIGHT = (
    run("j-1", "03 23:59:00"),
    run("j-2", "04 00:10:00", "succeeded", family_id="j-1"),
)


def test_every_error_of_a_day_goes_by_the_newest_name_of_its_recipe() -> None:
    jobs = (
        run("j-1", "03 09:00:00", recipe_name="Zoo orders"),
        run("j-2", "03 10:00:00", recipe_name="Zoo orders", error_type="Time-out"),
        run("j-3", "03 11:00:00", recipe_name="Orders"),
        run("j-4", "03 12:00:00", "succeeded", recipe_name=None),
    )

    errors = build("recipe_errors_daily", jobs)
    (families,) = build("int_error_families_by_recipe", jobs)

    assert [row["recipe_name"] for row in errors] == ["Orders", "Orders"]
    holds(families, recipe_name="Orders", family_count=4)


def test_a_family_whose_last_run_succeeded_is_no_failure() -> None:
    (rates,) = build("recipe_error_rates_daily", RECOVERED)
    (family,) = build("int_error_families", RECOVERED)
    (began,) = build("int_error_families_by_recipe", RECOVERED)

    holds(rates, job_count=2, failed_count=1, error_rate=0.5)
    holds(rates, family_count=1, failed_family_count=0, recovered_family_count=1)
    holds(rates, family_error_rate=0.0)
    holds(family, outcome="succeeded", is_failed=False, is_recovered=True, recovery_seconds=600.0)
    holds(began, family_count=1, failed_family_count=0, recovered_family_count=1)


def test_a_family_that_fails_again_is_one_failure() -> None:
    jobs = (run("j-1", "03 09:00:00"), run("j-2", "03 09:10:00", family_id="j-1"))

    (rates,) = build("recipe_error_rates_daily", jobs)
    (kind,) = build("recipe_errors_daily", jobs)
    (family,) = build("int_error_families", jobs)

    holds(rates, failed_count=2, family_count=1, failed_family_count=1, error_rate=1.0)
    holds(kind, failed_count=2, family_count=1, failed_family_count=1)
    holds(family, run_count=2, failed_count=2, is_failed=True, recovery_seconds=None)


def test_a_family_over_midnight_ends_each_day_as_it_stands_and_wins_with_its_last_run() -> None:
    first, second = build("recipe_error_rates_daily", OVER_MIDNIGHT)
    (family,) = build("int_error_families", OVER_MIDNIGHT)
    (began,) = build("int_error_families_by_recipe", OVER_MIDNIGHT)

    holds(first, event_date=DAY_1, family_count=1, failed_family_count=1)
    holds(second, event_date=DAY_2, family_count=1, failed_family_count=0, started_family_count=0)
    holds(family, is_recovered=True, day_count=2, recovery_seconds=660.0, last_job_id="j-2")
    holds(family, started_date=DAY_1, ended_date=DAY_2)
    holds(began, event_date=DAY_1, family_count=1, failed_family_count=0)


def test_families_of_one_day_and_of_more_are_told_once_each() -> None:
    jobs = (*OVER_MIDNIGHT, run("j-3", "03 08:00:00"), run("j-4", "04 08:00:00"))

    families = build("int_error_families", jobs)
    first, second = build("int_error_families_by_recipe", jobs)

    assert [(row["family_id"], row["day_count"]) for row in families] == [
        ("j-1", 2),
        ("j-3", 1),
        ("j-4", 1),
    ]
    holds(first, event_date=DAY_1, family_count=2, failed_family_count=1)
    holds(second, event_date=DAY_2, family_count=1, failed_family_count=1)
    holds(second, recovered_family_count=0)


def test_a_rerun_whose_first_run_is_unknown_begins_its_family() -> None:
    jobs = (run("j-2", "04 00:10:00", family_id="j-1"),)

    (began,) = build("int_error_families_by_recipe", jobs)

    holds(began, event_date=DAY_2, family_count=1, failed_family_count=1, family_error_rate=1.0)


@pytest.mark.parametrize("days_later", [1, 7])
def test_a_success_that_is_run_again_on_a_later_day_is_one_family_that_ends_as_the_rerun(
    days_later: int,
) -> None:
    again = moment("03 09:00:00") + timedelta(days=days_later)
    jobs = (run("j-1", "03 09:00:00", "succeeded"), run("j-2", again, family_id="j-1"))

    (family,) = build("int_error_families", jobs)
    (began,) = build("int_error_families_by_recipe", jobs)

    holds(family, has_first_run=True, started_date=DAY_1, is_failed=True, run_count=1)
    holds(began, event_date=DAY_1, family_count=1, failed_family_count=1, family_error_rate=1.0)


def test_a_rerun_finds_no_first_run_in_another_workspace_or_more_than_7_days_before() -> None:
    elsewhere = run("j-1", "03 09:00:00", "succeeded", workspace_id="2")
    early = run("j-1", "02 09:00:00", "succeeded")

    families = build(
        "int_error_families", [elsewhere, early, run("j-2", "10 09:00", family_id="j-1")]
    )

    assert [(row["has_first_run"], row["started_date"]) for row in families] == [
        (False, date(2026, 2, 10))
    ]


def test_a_run_that_has_not_ended_decides_nothing() -> None:
    jobs = (run("j-1", "03 09:00:00"), run("j-2", "03 09:10:00", "pending", family_id="j-1"))

    (rates,) = build("recipe_error_rates_daily", jobs)
    (family,) = build("int_error_families", jobs)

    holds(rates, job_count=2, failed_count=1, error_rate=1.0, failed_family_count=1)
    holds(family, run_count=1, is_failed=True)


def test_status_decides_and_never_the_presence_of_an_error() -> None:
    jobs = (
        run("j-1", "03 09:00:00", "succeeded", error_message="handled", error_type="Bad request"),
        run("j-2", "03 09:01:00", error_message=None, error_type=None, error_adapter=None),
    )

    (kind,) = build("recipe_errors_daily", jobs)

    holds(kind, error_type="unknown", error_adapter="unknown", example_message=None)
    holds(kind, failed_count=1, finished_count=2, error_rate=0.5)


def test_test_jobs_stand_in_columns_of_their_own() -> None:
    jobs = (run("j-1", "03 09:00:00", is_test=True), run("j-2", "03 09:10:00", "succeeded"))

    (rates,) = build("recipe_error_rates_daily", jobs)
    (kind,) = build("recipe_errors_daily", jobs)
    (print_,) = build("error_fingerprints_daily", jobs)

    holds(rates, job_count=1, failed_count=0, error_rate=0.0, test_job_count=1)
    holds(kind, failed_count=0, family_count=0, failed_family_count=0, test_failed_count=1)
    holds(kind, first_failed_at=None)
    holds(print_, failed_count=0, family_count=0, test_failed_count=1, first_failed_at=None)
    assert build("int_error_families", jobs) == []
    assert build("error_fingerprints", jobs) == []
    assert build("error_causes", jobs) == []


@pytest.mark.parametrize(
    "model", ["recipe_activity_daily", "recipe_error_rates_daily", "error_fingerprints_daily"]
)
def test_a_recipe_that_was_renamed_goes_by_its_newest_name(model: str) -> None:
    jobs = (
        run("j-1", "03 09:00:00", recipe_name="Zeta"),
        run("j-2", "03 10:00:00", recipe_name="Alpha"),
        run("j-3", "03 11:00:00", recipe_name=None),
    )

    (found,) = build(model, jobs)

    holds(found, recipe_name="Alpha", failed_count=3)


def test_errors_are_told_apart_by_step_and_http_status() -> None:
    jobs = (
        run("j-1", "03 09:00:00", error_http_status=429),
        run("j-2", "03 09:01:00", error_http_status=500),
        run("j-3", "03 09:02:00", error_line_number=3, error_http_status=500),
        run("j-4", "03 09:03:00", error_line_number=3, error_http_status=500),
    )

    rows = build("recipe_errors_daily", jobs)

    found = [(r["error_line_number"], r["error_http_status"], r["failed_count"]) for r in rows]
    assert found == [(2, 429, 1), (2, 500, 1), (3, 500, 2)]
    assert {r["error_rate"] for r in rows} == {0.25, 0.5}


@pytest.mark.parametrize("name", PER_DAY)
def test_a_day_depends_on_its_own_rows_alone(name: str) -> None:
    jobs = (*OVER_MIDNIGHT, run("j-3", "03 10:00:00", is_test=True), run("j-4", "04 11:00:00"))

    apart = [
        row
        for day in (DAY_1, DAY_2)
        for row in build(name, [j for j in jobs if j["event_date"] <= day], days=[day])
    ]

    assert apart == build(name, jobs)
    assert build(name, jobs, days=[DAY_2]) == [r for r in apart if r["event_date"] == DAY_2]


BEGUN = run("j-0", "01 00:00:00", "succeeded")
"""Shows that the lake has jobs of a week before those of a test."""


@pytest.mark.parametrize(
    ("days", "trend"),
    [
        pytest.param({0: 1}, "new", id="first seen today"),
        pytest.param({6: 9}, "new", id="first seen on the first day of the last week"),
        pytest.param({7: 9}, "gone", id="last seen on the day before that"),
        pytest.param({0: 2, 10: 2}, "steady", id="as often"),
        pytest.param({0: 1, 10: 9}, "steady", id="less often"),
        pytest.param({0: 6, 10: 1}, "growing", id="six times and five more"),
        pytest.param({0: 5, 10: 1}, "steady", id="five times but only four more"),
        pytest.param({0: 9, 10: 5}, "steady", id="four more but not twice"),
        pytest.param({0: 10, 10: 5}, "growing", id="twice and five more"),
        pytest.param({6: 1, 13: 1}, "steady", id="seen on the first day of the week before"),
        pytest.param({6: 1, 14: 1}, "returned", id="not seen in the week before"),
        pytest.param({8: 1, 20: 1}, "gone", id="not seen in the last week"),
    ],
)
def test_trends_follow_their_definitions(days: dict[int, int], trend: str) -> None:
    end = datetime(2026, 2, 28, 12, tzinfo=UTC)
    jobs = [
        run(f"j-{ago}-{number}", end - timedelta(days=ago, seconds=number))
        for ago, count in days.items()
        for number in range(count)
    ]

    (found,) = build("error_fingerprints", [*jobs, BEGUN])

    holds(found, trend=trend, failed_count=sum(days.values()), day_count=len(days))
    holds(found, last_seen_date=AS_OF - timedelta(days=min(days)))
    holds(found, first_seen_date=AS_OF - timedelta(days=max(days)))


@pytest.mark.parametrize(
    ("lake_days", "days", "trend"),
    [
        pytest.param(6, [0], None, id="new, or older than a young lake"),
        pytest.param(7, [0], "new", id="new after a week without"),
        pytest.param(12, [0, 5, 10, 11], None, id="no whole week before to compare with"),
        pytest.param(13, [0, 5, 10, 11], "steady", id="two whole weeks"),
        pytest.param(8, [8], "gone", id="gone is known at once"),
    ],
)
def test_a_young_lake_tells_no_trend_that_it_cannot_know(
    lake_days: int, days: list[int], trend: str | None
) -> None:
    end = datetime(2026, 2, 28, 12, tzinfo=UTC)
    jobs = [run(f"j-{ago}", end - timedelta(days=ago)) for ago in days]
    begun = run("j-begun", end - timedelta(days=lake_days), "succeeded")

    (found,) = build("error_fingerprints", [*jobs, begun])

    holds(found, trend=trend)


@pytest.mark.parametrize(("first", "is_known"), [("04 23:00:00", False), ("03 12:00:00", True)])
def test_an_error_of_a_workspace_s_first_week_may_be_older_than_the_lake(
    first: str, is_known: bool
) -> None:
    jobs = [run("j-0", first, "succeeded"), run("j-1", "10 09:00:00")]
    elsewhere = run("j-2", "01 09:00:00", "succeeded", workspace_id="2")

    (found,) = build("error_causes", [*jobs, elsewhere])

    holds(found, is_start_known=is_known, first_seen_at=datetime(2026, 2, 10, 9))


def test_a_fingerprint_counts_its_recipes_and_shows_its_first_failure() -> None:
    jobs = (
        run("j-3", "04 09:00:00", recipe_id="8", error_message="Order 3 is locked"),
        run("j-2", "03 09:00:01", recipe_id="7", error_message="Order 2 is locked"),
        run("j-1", "03 09:00:00", recipe_id="9", error_message="Order 1 is locked"),
        run("j-4", "04 09:00:00", workspace_id="2", error_message="Order 4 is locked"),
    )

    first, other = build("error_fingerprints", jobs)

    holds(first, workspace_id="1", failed_count=3, recipe_count=3, day_count=2)
    holds(first, sample_job_id="j-1", sample_message="Order 1 is locked")
    holds(first, error_text="Order <n> is locked")
    holds(other, workspace_id="2", fingerprint_id=first["fingerprint_id"], failed_count=1)


FAILED = run("j-1", "03 09:00:00")
EDIT = change("recipe_updated", "03 04:00:00", ("Flow", "7"))
LOST = change("connection_disconnected", "03 07:00:00", ("SharedAccount", "5"), provider="netsuite")
BACK = change("connection_connected", "03 08:00:00", ("SharedAccount", "5"), provider="netsuite")
OTHER_LOST = change(
    "connection_disconnected", "03 08:50:00", ("SharedAccount", "6"), provider="slack"
)
IMPORT = change("package_imported", "03 08:59:00", ("Package", "3"))
ROLE = change("team_membership_updated", "03 08:59:30", ("ManagedUserGrant", "4"))
STARTED = change("recipe_started", "03 08:30:00", ("Flow", "7"))
CONNECTOR = change("connector_released", "03 08:00:00", ("Adapter", "48213"))
LATER = change("recipe_updated", "03 09:00:01", ("Flow", "7"))


@pytest.mark.parametrize(
    ("changes", "cause", "rank", "seconds"),
    [
        pytest.param([EDIT, IMPORT, ROLE], EDIT, 1, 18_000, id="the recipe before the workspace"),
        pytest.param([EDIT, STARTED], EDIT, 1, 18_000, id="the edit before the start"),
        pytest.param([STARTED, IMPORT], STARTED, 2, 1_800, id="the start before the workspace"),
        pytest.param([EDIT, LOST], LOST, 1, 7_200, id="the nearest of equals"),
        pytest.param([LOST, OTHER_LOST], LOST, 1, 7_200, id="the connection of the connector"),
        pytest.param([OTHER_LOST], None, None, None, id="no other connection"),
        pytest.param([EDIT, LOST, BACK], EDIT, 1, 18_000, id="not one that is back"),
        pytest.param([STARTED, BACK], STARTED, 2, 1_800, id="the start before one that is back"),
        pytest.param([BACK, ROLE], BACK, 3, 3_600, id="one that is back before roles"),
        pytest.param([IMPORT, ROLE], IMPORT, 3, 60, id="the workspace before people"),
        pytest.param([ROLE], ROLE, 4, 30, id="roles at last"),
        pytest.param([LATER], None, None, None, id="nothing later"),
        pytest.param([EDIT, LATER], EDIT, 1, 18_000, id="the edit before, not the later one"),
        pytest.param([EDIT | {"resource_id": "8"}], None, None, None, id="no other recipe"),
        pytest.param([EDIT | {"workspace_id": "2"}], None, None, None, id="no other workspace"),
        pytest.param([EDIT | {"outcome": "failed"}], None, None, None, id="nothing that failed"),
        pytest.param(
            [change("recipe_updated", "01 09:00:00", ("flow", "7")), IMPORT],
            IMPORT,
            3,
            60,
            id="what is fresh before an edit of days ago",
        ),
        pytest.param(
            [change("package_exported", "03 08:00:00", ("Package", "3"))],
            None,
            None,
            None,
            id="an export changes nothing",
        ),
    ],
)
def test_a_cause_is_the_nearest_earlier_change_of_the_best_rank(
    changes: list[Row], cause: Row | None, rank: int | None, seconds: int | None
) -> None:
    (found,) = build("error_causes", [FAILED], changes)

    holds(found, cause_event_id=cause["event_id"] if cause else None)
    holds(found, cause_rank=rank, seconds_before=seconds)
    holds(found, recipe_id="7", error_text="Customer must be present")


@pytest.mark.parametrize(
    ("at", "rank"),
    [("02 09:00:00", 1), ("02 08:59:59", 5)],
)
def test_an_edit_is_fresh_for_a_day_and_old_for_a_week(at: str, rank: int) -> None:
    edit = change("recipe_updated", at, ("Flow", "7"))

    (found,) = build("error_causes", [FAILED], [edit])
    (late,) = build("error_causes", [run("j-1", "09 09:00:01")], [edit])

    holds(found, cause_rank=rank)
    holds(late, cause_rank=None, cause_event_id=None, started_at=datetime(2026, 2, 9, 9, 0, 1))


def test_an_edit_does_not_explain_a_job_that_was_running_already() -> None:
    edit = change("recipe_updated", "03 08:00:00", ("Flow", "7"))
    running = run("j-1", "03 09:00:00", started_at=moment("03 07:59:59"))

    (found,) = build("error_causes", [running], [edit, LOST])

    holds(found, cause_event_id=LOST["event_id"])


def test_a_release_of_the_custom_connector_explains_its_errors() -> None:
    job = run("j-1", "03 09:00:00", error_adapter="larkfield_wms_connector_48213_1612345678")

    (found,) = build("error_causes", [job], [CONNECTOR, IMPORT])

    holds(found, cause_event_id=CONNECTOR["event_id"], cause_reach="connector", cause_rank=2)


def test_a_lost_connection_explains_an_error_of_an_unknown_connector_but_less() -> None:
    job = run("j-1", "03 09:00:00", error_adapter=None)

    (found,) = build("error_causes", [job], [OTHER_LOST])

    holds(found, cause_event_id=OTHER_LOST["event_id"], cause_rank=3)


def test_an_error_that_returns_after_more_than_a_week_begins_anew() -> None:
    jobs = (FAILED, run("j-2", "05 09:00:00"), run("j-3", "13 09:00:00"))
    edit = change("recipe_updated", "13 08:00:00", ("Flow", "7"))

    (found,) = build("error_causes", jobs, [EDIT, edit])
    (same,) = build("error_causes", [*jobs, run("j-4", "09 09:00:00")], [EDIT, edit])

    holds(found, cause_event_id=edit["event_id"], first_seen_at=datetime(2026, 2, 3, 9))
    holds(same, cause_event_id=EDIT["event_id"], started_at=datetime(2026, 2, 3, 9))


def test_each_recipe_of_a_fingerprint_has_its_own_cause() -> None:
    jobs = (FAILED, run("j-2", "03 09:10:00", recipe_id="8"))

    first, second = build("error_causes", jobs, [EDIT])

    holds(first, recipe_id="7", cause_event_id=EDIT["event_id"])
    holds(second, recipe_id="8", cause_event_id=None, fingerprint_id=first["fingerprint_id"])
