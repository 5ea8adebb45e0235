"""The sample workspace: what it is asked about changes and people, answered for several seeds."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from lakes import lake_at, run_load
from world import run, start, stop

from pipelines.lake.tables import Lake
from pipelines.models.build import build_model, stale_days
from pipelines.models.catalogue import write_catalogue
from pipelines.models.header import MODELS, reached
from pipelines.models.query import open_catalogue
from pipelines.samples import write_sample

Row = dict[str, Any]
Ask = Callable[[str], list[Row]]

ASKED = (
    "recipe_stops",
    "recipe_silence",
    "connection_outages",
    "failed_sign_in_bursts",
    "memberships",
    "people",
    "sign_ins_daily",
    "unseen_callers",
    "recipe_events_monthly",
    "resource_names",
    "resource_days",
)


def build(lake: Lake) -> None:
    """Build what is asked, and what that reads."""
    wanted = {name for asked in ASKED for name in (*reached(asked, lambda _: False), asked)}
    for name, model in MODELS.items():
        if name in wanted and model.is_stored and (days := stale_days(lake, name)):
            build_model(lake, name, days)


def asker(lake: Lake) -> Ask:
    """Ask the catalogue; times come as the truth writes them."""
    write_catalogue(lake)
    connection = open_catalogue(lake)

    def ask(sql: str) -> list[Row]:
        result = connection.execute(sql)
        names = [column[0] for column in result.description]
        return [
            {
                name: f"{value:%Y-%m-%dT%H:%M:%SZ}" if hasattr(value, "hour") else value
                for name, value in zip(names, row, strict=True)
            }
            for row in result.fetchall()
        ]

    return ask


@pytest.fixture(scope="module", params=[3, 11, 42])
def sample(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], Ask, Lake]:
    """A sample, loaded and modelled: the answers, somebody to ask, and the lake."""
    folder = Path(tmp_path_factory.mktemp("sample"))
    days = 30 if request.param == 42 else 9
    write_sample(
        folder / "out",
        days=days,
        jobs=400 * days,
        seed=request.param,
        end=date(2026, 2, 28),
        ndjson=True,
    )
    lake = lake_at(folder / "lake")
    run_load(lake, [folder / "out" / "landing"])
    build(lake)
    truth = json.loads((folder / "out" / "truth.json").read_bytes())
    answers = {question["id"]: question["answer"] for question in truth["questions"]}
    return answers, asker(lake), lake


Sample = tuple[dict[str, Any], Ask, Lake]


def told(row: Row, answer: Row, **columns: str) -> None:
    """Hold the named columns against the fields of an answer; ids are texts in the lake."""
    expected = {column: answer[field] for column, field in columns.items()}
    assert {column: row[column] for column in columns} == {
        column: str(value) if column.endswith("_id") else value
        for column, value in expected.items()
    }


def test_who_stopped_the_onboarding_recipe(sample: Sample) -> None:
    answers, ask, _ = sample
    answer = answers["who_stopped_onboarding"]

    (row,) = ask("from who_stopped('employee onboarding')")
    (stop,) = ask(f"from recipe_stops where recipe_id = '{answer['recipe_id']}'")

    for found in (row, stop):
        told(found, answer, recipe_id="recipe_id", recipe_name="recipe_name")
        told(found, answer, actor_name="actor_name", actor_email="actor_email")
        told(found, answer, ip_address="ip_address", stop_reason="stop_reason")
        told(found, answer, stopped_at="stopped_at", restarted_at="restarted_at")
        told(found, answer, restarted_by_name="restarted_by")
        assert found["stopped_by"] == "person"
    told(stop, answer, actor_id="actor_id")
    assert abs(stop["downtime_seconds"] - (3 * 3600 + 412)) < 1  # the stream has no milliseconds


def test_which_recipe_workato_stopped_and_since_when_it_was_silent(sample: Sample) -> None:
    answers, ask, _ = sample
    answer = answers["stopped_by_workato"]

    (row,) = ask("from recipe_stops where stopped_by = 'workato'")

    told(row, answer, recipe_id="recipe_id", recipe_name="recipe_name", stop_reason="stop_reason")
    told(row, answer, stopped_at="stopped_at", restarted_at="restarted_at")
    told(row, answer, restarted_by_name="restarted_by", last_started_at="last_job_at")
    # runs are up to 41 seconds off their rhythm
    assert abs(row["usual_gap_seconds"] - answer["usual_interval_seconds"]) <= 41
    assert row["silent_seconds"] > row["usual_gap_seconds"]
    assert row["last_error_message"] != ""


def test_which_connection_broke_and_what_failed_for_it(sample: Sample) -> None:
    answers, ask, _ = sample
    answer = answers["broken_connection"]

    (row,) = ask("from connection_outages where failed_count > 0")
    recipes = ask(f"from connection_outage_recipes where event_id = '{row['event_id']}'")

    told(row, answer, connection_id="connection_id", connection_name="connection_name")
    told(row, answer, provider="provider", actor_id="actor_id", actor_name="actor_name")
    told(row, answer, actor_email="actor_email", ip_address="ip_address")
    told(row, answer, disconnected_at="disconnected_at", ended_at="reconnected_at")
    told(row, answer, ended_by_name="reconnected_by", failed_count="failed_count")
    told(row, answer, first_failed_at="first_failed_at", last_failed_at="last_failed_at")
    assert {(r["recipe_id"], r["recipe_name"]) for r in recipes} == {
        (str(r["recipe_id"]), r["recipe_name"]) for r in answer["recipes"]
    }
    assert {r["error_message"] for r in recipes} == {answer["error_message"]}


def test_whose_sign_ins_failed_in_a_burst_and_what_was_changed_then(sample: Sample) -> None:
    answers, ask, _ = sample
    answer = answers["failed_login_burst"]

    (row,) = ask("from failed_sign_in_bursts")

    told(row, answer, person_name="actor_name", person_email="actor_email")
    told(row, answer, ip_address="ip_address", failed_count="failed_count")
    told(row, answer, first_failed_at="first_failed_at", last_failed_at="last_failed_at")
    told(row, answer, signed_in_at="signed_in_at", role_changed_at="role_changed_at")
    told(row, answer, member_name="member_name", member_email="member_email")
    told(row, answer, old_role="old_role", new_role="new_role")
    assert row["subject"] == str(answer["actor_id"])


def test_who_had_which_role_on_the_day_of_the_burst(sample: Sample) -> None:
    answers, ask, _ = sample
    answer = answers["failed_login_burst"]
    day = answer["role_changed_at"][:10]

    found = ask(f"from roles_on('{day}') where person_email = '{answer['member_email']}'")

    changed = [row for row in found if row["valid_from"] == answer["role_changed_at"]]
    before = [row for row in found if row["valid_to"] == answer["role_changed_at"]]
    assert [row["role"] for row in changed] == [answer["new_role"]]
    assert len(before) == 1


def test_the_edit_that_broke_a_recipe_is_on_its_timeline_before_the_failures(
    sample: Sample,
) -> None:
    answers, ask, _ = sample
    answer = answers["breaking_edit"]

    rows = ask(f"from recipe_timeline('{answer['recipe_id']}')")

    edits = [row["occurred_at"] for row in rows if row["event_type"] == "recipe_updated"]
    broken = [row["occurred_at"] for row in rows if row["detail"] == answer["error_message"]]
    assert edits == [answer["edited_at"], answer["mended_at"]]
    assert len(broken) == answer["failed_count"]
    assert all(edits[0] < moment for moment in broken)


def test_no_sign_in_of_the_sample_is_a_switch(sample: Sample) -> None:
    _, ask, _ = sample

    (counted,) = ask(
        "select sum(sign_in_count) as sign_ins, sum(workspace_switch_count) as switches, "
        "sum(failed_sign_in_count) as failures from sign_ins_daily"
    )
    (raw,) = ask(
        """
        select
            count(*) filter (where activity in ('sso_login', 'password_login')
                and event_type = 'user_login') as sign_ins,
            count(*) filter (where activity like 'switch%' and event_type = 'user_login')
                as switches,
            count(*) filter (where event_type = 'user_login_failed') as failures
        from activity
        """
    )

    assert counted == raw
    assert min(raw.values()) > 0


def test_every_job_is_in_the_roll_up_and_every_failure_among_the_failed_jobs(
    sample: Sample,
) -> None:
    _, ask, _ = sample

    rolled = ask(
        "select event_date, sum(job_count + test_job_count) as jobs, sum(failed_count) as failed "
        "from recipe_activity_daily group by all order by all"
    )
    raw = ask(
        "select event_date, count(*) as jobs, "
        "count(*) filter (where outcome = 'failed' and not is_test) as failed "
        "from stg_jobs group by all order by all"
    )
    failed = ask("select event_date, count(*) as failed from failed_jobs group by all order by all")

    assert rolled == raw
    assert failed == [
        {"event_date": row["event_date"], "failed": row["failed"]} for row in raw if row["failed"]
    ]


def test_every_caller_in_the_sample_was_seen(sample: Sample) -> None:
    _, ask, _ = sample

    assert ask("select * from stg_job_links where calling_job_id is not null limit 1")
    assert ask("from unseen_callers") == []


@pytest.mark.parametrize(
    ("call", "files_read"),
    [
        ("recipe_timeline('Employee onboarding')", []),
        ("recipe_timeline('Employee onboarding', all_jobs := true)", []),
        ("connection_timeline('Ledger database')", [1]),
    ],
)
def test_a_timeline_reads_only_the_files_that_hold_its_resource(
    sample: Sample, call: str, files_read: list[int]
) -> None:
    _, _, lake = sample
    connection = open_catalogue(lake)
    activity = lake.find("activity")
    assert activity is not None
    files = activity.file_uris()

    found = connection.execute(f"explain (analyze, format json) from {call}").fetchall()

    read = [
        int(scan["extra_info"]["Total Files Read"])
        for scan in _scans(json.loads(found[0][1]))
        if "lake/activity" in str(scan["extra_info"])
    ]
    assert read == files_read
    assert len(files) > 5


def _scans(node: Any) -> list[Any]:
    here = [node] if "Total Files Read" in node.get("extra_info", {}) else []
    return here + [scan for child in node.get("children", []) for scan in _scans(child)]


def _write(folder: Path, name: str, *events: Row) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("".join(json.dumps(event) + "\n" for event in events))


def _contents(lake: Lake) -> dict[str, list[str]]:
    found = {}
    for name in {name for asked in ASKED for name in (*reached(asked, lambda _: False), asked)}:
        if name in MODELS and MODELS[name].is_stored and "arrivals" not in name:
            mart = lake.find(name)
            assert mart is not None
            rows = mart.to_pyarrow_table().to_pylist()
            found[name] = sorted(json.dumps(row, default=str, sort_keys=True) for row in rows)
    return found


def test_what_comes_late_restates_the_days_before_as_a_build_from_nothing_would(
    tmp_path: Path,
) -> None:
    first = [run("2026-02-02 20:00", "boom"), stop("2026-02-03 09:00"), run("2026-02-05 09:00")]
    late = [start("2026-02-03 22:00"), run("2026-02-04 10:00", "again"), run("2026-02-04 11:00")]
    _write(tmp_path / "landing", "1.ndjson", *first)
    lake = lake_at(tmp_path / "lake")
    run_load(lake, [tmp_path / "landing"])
    build(lake)
    (before,) = asker(lake)("from recipe_stops")
    _write(tmp_path / "landing", "2.ndjson", *late)
    run_load(lake, [tmp_path / "landing"])

    days = stale_days(lake, "recipe_switches_daily")
    build(lake)

    (after,) = asker(lake)("from recipe_stops")
    assert before["seen_running_at"] == "2026-02-05T09:00:00Z"  # its start was not seen yet
    assert (after["is_open"], after["downtime_seconds"]) == (False, 13 * 3600.0)
    assert (after["failure_rate_before"], after["failure_rate_after"]) == (1.0, 0.5)
    assert [str(day) for day in days] == ["2026-02-02", "2026-02-03", "2026-02-04", "2026-02-05"]
    anew = lake_at(tmp_path / "anew")
    run_load(anew, [tmp_path / "landing"])
    build(anew)
    assert _contents(anew) == _contents(lake)
