"""Conform: golden rows for every shape that Workato is known to send."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from lakes import NOW, activity, job

from pipelines.lake.duck import connect
from pipelines.lake.queries import read_sql
from pipelines.lake.schemas import TABLES
from pipelines.lake.stage import Stage
from pipelines.lake.storage import Storage
from pipelines.settings import load_settings

Row = dict[str, Any]
Conform = Callable[..., list[Row]]
AT = datetime(2026, 2, 3, 9, 15, 27, tzinfo=UTC)


@pytest.fixture(scope="module")
def conform(tmp_path_factory: pytest.TempPathFactory) -> Conform:
    """Run one of the conform models over events."""
    connection = connect(Storage(load_settings()))
    Stage(connection, Path(tmp_path_factory.mktemp("stage")), NOW)  # defines how times are read

    def run(table: str, *events: Row, digest: str | None = None) -> list[Row]:
        texts = [json.dumps(event) for event in events]
        digests = ["" if event.get("id") else "d" for event in events]
        columns = {
            "row_id": list(range(len(texts))),
            "object_index": [0] * len(texts),
            "source_offset": [0] * len(texts),
            "raw": texts,
            "event": texts,
            "digest": [digest] * len(texts) if digest is not None else digests,
        }
        connection.register("batch", pa.table(columns))
        derived = "".join(f", {sql} as {name}" for name, sql in TABLES[table].derived.items())
        jobs = f"with jobs as ({read_sql('conform/jobs')}) " if table == "job_steps" else ""
        found = connection.execute(
            f"{jobs}select *{derived} from ({read_sql(f'conform/{table}')}) order by all"
        )
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    return run


def holds(row: Row, **expected: Any) -> None:
    """Hold the named columns of a row."""
    assert {name: row[name] for name in expected} == expected


TIMES: dict[str, Any] = {
    "2026-02-03 09:15:27 UTC": AT,
    "2026-02-03T09:15:27Z": AT,
    "2026-02-03T09:15:27.412Z": AT + timedelta(milliseconds=412),
    "2026-02-03T01:15:27-08:00": AT,
    "2026-02-03T01:15:27.000-08:00": AT,
    "2026-02-03 01:15:27 -0800": AT,
    "2026-02-03 14:45:27 +0530": AT,
    "2026-02-03T09:15:27": AT,
    "2026-02-03 09:15:27.5": AT + timedelta(milliseconds=500),
    "2026-02-03 09:15:27 GMT": AT,
    "2026-02-03 09:15:27.250 utc": AT + timedelta(milliseconds=250),
    "2026-02-03 01:15:27 -08:00": AT,
    "2026-02-03 01:15:27-08": AT,
    "2026-02-03t09:15:27z": AT,
    "2026-02-03t01:15:27.000-08:00": AT,
    "2026-02-03T09:15Z": AT - timedelta(seconds=27),
    "2026-02-03 09:15": AT - timedelta(seconds=27),
    "2026-02-03T01:15-08:00": AT - timedelta(seconds=27),
    "2026-02-03 09:15 UTC": AT - timedelta(seconds=27),
    "2026-07-01T04:00:00-07:00": datetime(2026, 7, 1, 11, tzinfo=UTC),
    "1770110127": AT,
    "1770110127000": AT,
    "1770110127412.25": AT + timedelta(microseconds=412_250),
    "1770110127000000": AT,
    "1770110127000000000": AT,
    1770110127000: AT,
    1770110127412.25: AT + timedelta(microseconds=412_250),
    "": None,
    "yesterday": None,
    "2026-02-30 09:15:27 UTC": None,
    "2026-02-03 25:15:27 UTC": None,
    "2026-02-03 09:15:27 +99:99": None,
    "2026-02-03 09:15:27 Nowhere/Town": None,
    "2026-02-03 09:15:27 PST": None,
    "2026-02-03 09:15:27 America/New_York": None,
    "2026-02-03 09:15:27 +00 UTC": None,
    "0001-01-01 00:00:00 UTC": None,
    "1999-12-31 23:59:59 UTC": None,
    "2150-01-01 00:00:00 UTC": None,
    "17701101270001": None,
    None: None,
    True: None,
}


@pytest.mark.parametrize("moment", TIMES)
def test_times_are_read_as_instants_or_not_at_all(conform: Conform, moment: Any) -> None:
    (row,) = conform("activity", activity(timestamp=moment))

    assert row["occurred_at"] == TIMES[moment]
    assert (row["problem"] or "").startswith("bad_time: ") == (TIMES[moment] is None)
    assert row["event_date"] == (TIMES[moment].date() if TIMES[moment] else None)


def test_a_zone_is_never_that_of_another_row(conform: Conform) -> None:
    plain, named = "2026-02-03 09:15:27", "2026-02-03 09:15:27 PST"
    times = [plain, named, plain, named, "2026-02-03 09:15:27 UTC", plain]

    found = conform("activity", *(activity(timestamp=moment) for moment in times))

    assert [row["occurred_at"] for row in found] == [AT, None, AT, None, AT, AT]


def test_a_day_is_the_utc_day(conform: Conform) -> None:
    (row,) = conform("jobs", job(completed_at="2026-02-03T23:30:00-08:00"))

    assert str(row["event_date"]) == "2026-02-04"


STREAM = {
    "event": "recipe_stopped",
    "timestamp": "2026-02-03 09:15:27 UTC",
    "team": {"id": 70121, "name": "Globex Ops", "email": "ops@globex.example"},
    "user": {"id": 70455, "name": "Mira Okafor", "email": "mira@globex.example"},
    "resource": {"type": "Flow", "id": 5501203, "name": "Orders to ledger", "parent_id": 55},
    "details": {
        "request": {"ip_address": "2001:db8::1", "user_agent": "Mozilla/5.0"},
        "stop_reason": "user",
        "force": False,
        "error": True,
    },
}


def test_both_spellings_of_an_event_give_the_same_columns(conform: Conform) -> None:
    api = {k: v for k, v in STREAM.items() if k not in ("event", "team")} | {
        "id": 918273645,
        "event_type": "recipe_stopped",
        "timestamp": "2026-02-03T09:15:27.000Z",
        "workspace": {"id": 70121, "name": "Globex Ops", "environment": "Production"},
    }

    streamed, pulled = conform("activity", STREAM, api)

    own = {"row_id", "event_id", "activity_id", "environment", "raw"}
    assert {k: v for k, v in streamed.items() if k not in own} == {
        k: v for k, v in pulled.items() if k not in own
    }
    holds(streamed, event_id="activity:d", activity_id=None, environment=None)
    holds(pulled, event_id="activity:918273645", activity_id="918273645", environment="Production")
    holds(
        pulled,
        event_kind="activity",
        event_type="recipe_stopped",
        occurred_at=AT,
        workspace_id="70121",
        workspace_name="Globex Ops",
        actor_id="70455",
        actor_name="Mira Okafor",
        actor_email="mira@globex.example",
        resource_type="Flow",
        resource_id="5501203",
        resource_name="Orders to ledger",
        parent_id="55",
        outcome="succeeded",
        stop_reason="user",
        is_forced=False,
        is_error=True,
        is_run_once=None,
        ip_address="2001:db8::1",
        user_agent="Mozilla/5.0",
        problem=None,
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(
            {"event": "user_login", "details": {"activity": "sso_login", "sso_provider": "okta"}},
            {"activity": "sso_login", "sso_provider": "okta", "outcome": "succeeded"},
            id="single sign-on",
        ),
        pytest.param(
            {"event": "user_login_failed"}, {"outcome": "failed"}, id="a failed sign-in failed"
        ),
        pytest.param(
            {"event": "xfailed"}, {"outcome": "succeeded"}, id="the underscore is no wildcard"
        ),
        pytest.param(
            {"resource_changes": {"name": {"old_value": "Orders to ledger"}}},
            {
                "old_name": "Orders to ledger",
                "resource_changes": '{"name":{"old_value":"Orders to ledger"}}',
            },
            id="rename",
        ),
        pytest.param(
            {"resource_changes": "renamed"},
            {"old_name": None, "resource_changes": "renamed"},
            id="changes are text",
        ),
        pytest.param(
            {"resource": {"type": "Package", "id": 4, "file_name": "a.zip", "folder_path": "A/B"}},
            {"resource_name": "a.zip", "resource_path": "A/B"},
            id="package",
        ),
        pytest.param(
            {
                "resource": {
                    "type": "ManagedUserGrant",
                    "role": "admin",
                    "member": {"id": 9, "name": "Ana", "email": "ana@globex.example"},
                }
            },
            {
                "resource_name": "Ana",
                "member_id": "9",
                "member_name": "Ana",
                "member_email": "ana@globex.example",
                "role": "admin",
                "resource_id": None,
            },
            id="membership",
        ),
        pytest.param(
            {"resource": {"type": "SharedAccount", "provider": "jira", "authorized": True}},
            {"provider": "jira", "is_authorized": True},
            id="connection",
        ),
        pytest.param(
            {"resource": {"type": "Tags::Models::Tag", "id": "tag-x"}},
            {"resource_type": "Tags::Models::Tag", "resource_id": "tag-x"},
            id="colons in the type",
        ),
        pytest.param(
            {"team": {"id": 1, "environment": {"name": "Test", "type": "test"}}},
            {"environment": "test"},
            id="environment is an object",
        ),
        pytest.param(
            {"team": {"id": 1, "environment": "{half"}}, {"environment": "{half"}, id="half JSON"
        ),
        pytest.param(
            {"user": None, "details": None},
            {"actor_id": None, "actor_email": None, "stop_reason": None, "ip_address": None},
            id="an act of Workato itself",
        ),
    ],
)
def test_activity(conform: Conform, fields: Row, expected: Row) -> None:
    (row,) = conform("activity", activity(**fields))

    holds(row, **expected)
    assert row["problem"] is None


FAILING_LINE = {
    "recipe_line_number": 3,
    "adapter_name": "netsuite",
    "adapter_operation": "add_object",
    "error": "Customer must be present",
}
OF_THE_LINE = {
    "error_line_number": 3,
    "error_adapter": "netsuite",
    "error_operation": "add_object",
}
NO_ERROR = dict.fromkeys(
    [
        "error_type", "error_message", "error_inner_message", "error_id", "error_line_number",
        "error_adapter", "error_operation", "error_http_status", "error_raw",
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, NO_ERROR | {"outcome": "succeeded"}, id="none"),
        pytest.param(
            {"error": "Timeout", "error_type": "Timeout"},
            NO_ERROR
            | {"error_type": "Timeout", "error_message": "Timeout", "error_raw": "Timeout"},
            id="text",
        ),
        pytest.param(
            {
                "error_type": "Missing required field",
                "error": '{"message":"Customer must be present","inner_message":"nil"}',
                "lines": [{"recipe_line_number": 0}, FAILING_LINE],
            },
            OF_THE_LINE
            | {
                "error_type": "Missing required field",
                "error_message": "Customer must be present",
                "error_inner_message": None,
                "error_raw": '{"message":"Customer must be present","inner_message":"nil"}',
            },
            id="JSON text",
        ),
        pytest.param(
            {
                "error": {
                    "error_id": "e-1",
                    "error_type": "AuthError",
                    "adapter": "salesforce",
                    "action": "search",
                    "line_number": 7,
                    "message": "expired",
                    "inner_message": "INVALID_SESSION",
                    "http_response": {"status": 401, "body": "{}"},
                },
                "lines": [FAILING_LINE],
            },
            {
                "error_id": "e-1",
                "error_type": "AuthError",
                "error_adapter": "salesforce",
                "error_operation": "search",
                "error_line_number": 7,
                "error_message": "expired",
                "error_inner_message": "INVALID_SESSION",
                "error_http_status": 401,
            },
            id="object",
        ),
        pytest.param(
            {"error": {"message": "m", "http_response": "503"}},
            {"error_message": "m", "error_http_status": 503},
            id="status is text",
        ),
        pytest.param(
            {"error": {"message": "m", "http_response": "{half"}},
            {"error_message": "m", "error_http_status": None},
            id="answer is half JSON",
        ),
        pytest.param(
            {
                "is_error": True,
                "error_parts": {"message": "boom", "error_type": "Adapter", "error_id": "e-2"},
            },
            {"error_message": "boom", "error_type": "Adapter", "error_id": "e-2"},
            id="parts",
        ),
        pytest.param(
            {"error": "plain", "error_parts": "{half"}, {"error_message": "plain"}, id="half parts"
        ),
        pytest.param(
            {"error": "{not json"},
            {"error_message": "{not json", "error_raw": "{not json"},
            id="text that begins like JSON",
        ),
        pytest.param(
            {"status": "failed", "lines": [FAILING_LINE]},
            OF_THE_LINE | {"error_message": "Customer must be present", "outcome": "failed"},
            id="only on the line",
        ),
    ],
)
def test_errors_of_jobs(conform: Conform, fields: Row, expected: Row) -> None:
    (row,) = conform("jobs", job(**fields))

    holds(row, **expected)
    assert row["problem"] is None


@pytest.mark.parametrize(
    ("lines", "state", "count"),
    [
        pytest.param([{}, {}], "sent", 2, id="array"),
        pytest.param([], "sent", 0, id="no steps"),
        pytest.param("Log lines exceed size limit", "too_large", None, id="text"),
        pytest.param(None, "absent", None, id="null"),
        pytest.param(..., "absent", None, id="absent"),
    ],
)
def test_lines_of_jobs(conform: Conform, lines: Any, state: str, count: int | None) -> None:
    record = job(lines=lines)
    if lines is ...:
        del record["lines"]

    (row,) = conform("jobs", record)
    steps = conform("job_steps", record)

    holds(row, lines_state=state, step_count=count)
    assert len(steps) == (count or 0)


def test_a_job(conform: Conform) -> None:
    rerun = job(
        id="j-2",
        master_job_id="j-1",
        parent_id="j-1",
        is_repeat=True,
        repeat_count=1,
        is_test=False,
        calling_job_id="j-0",
        calling_recipe_id=1,
        root_job_handle="j-0",
        root_recipe_id=1,
        title="New order",
        context={"user_id": 5, "recipe_name": "Orders", "recipe_path": "Home/Finance"},
        report={"custom_column_0": "SO-1"},
    )
    old = {
        "id": 100,
        "flow_id": 7,
        "status": "completed",
        "started_at": "2026-02-03T01:20:05-08:00",
        "completed_at": None,
        "context": {"user_id": 5},
    }

    new, before = conform("jobs", rerun, old)

    holds(
        new,
        event_id="job:j-2:succeeded",
        event_type="succeeded",
        job_id="j-2",
        family_id="j-1",
        parent_id="j-1",
        recipe_id="5501203",
        resource_type="Flow",
        resource_id="5501203",
        recipe_name="Orders",
        recipe_path="Home/Finance",
        workspace_id="70121",
        environment="prod",
        calling_job_id="j-0",
        calling_recipe_id="1",
        root_job_id="j-0",
        root_recipe_id="1",
        title="New order",
        is_repeat=True,
        repeat_count=1,
        is_test=False,
        duration_seconds=2.0,
        action_count=1,
        report='{"custom_column_0":"SO-1"}',
        problem=None,
    )
    assert new["occurred_at"] == new["completed_at"]
    holds(
        before,
        event_id="job:100:completed",
        family_id="100",
        recipe_id="7",
        workspace_id="5",
        outcome="succeeded",
        status="completed",
        completed_at=None,
        duration_seconds=None,
        action_count=None,
        problem=None,
    )
    assert before["occurred_at"] == before["started_at"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (
            {"started_at": None, "completed_at": None},
            "bad_time: started_at is missing, completed_at",
        ),
        ({"status": None}, "not_an_event: status is null"),
        ({"action_count": 2**64}, "bad_value: action_count is 18446744073709551616"),
        ({"repeat_count": "x"}, "bad_value: repeat_count is x"),
    ],
)
def test_jobs_with_a_problem_say_which(conform: Conform, fields: Row, problem: str) -> None:
    (row,) = conform("jobs", job(**fields))

    assert row["problem"].startswith(problem)


def test_steps_are_numbered_and_masked_ones_told(conform: Conform) -> None:
    masked = {"input": {"data": "masked"}, "output": {"data": "masked"}, "recipe_line_number": 4}
    timed = {
        "line_stat": {"total": 0.41, "details": [{"name": "execute", "total": 0.4}, {"name": "x"}]}
    }

    steps = conform("job_steps", job(id="j-1", lines=[timed, masked, FAILING_LINE, None]))

    assert [step["step_index"] for step in steps] == [0, 1, 2, 3]
    assert [step["is_masked"] for step in steps] == [False, True, False, False]
    assert [step["outcome"] for step in steps] == ["succeeded", "succeeded", "failed", "succeeded"]
    holds(steps[0], event_id="job:j-1:succeeded:0", total_seconds=0.41, execute_seconds=0.4)
    holds(steps[1], job_event_id="job:j-1:succeeded", recipe_line_number=4, total_seconds=None)
    holds(steps[2], adapter_name="netsuite", event_type="add_object", job_id="j-1")


def test_requests_and_messages(conform: Conform) -> None:
    at = "2026-02-03 09:15:27 UTC"
    request = {
        "timestamp": at,
        "endpoint": "/orders",
        "code": 404,
        "ip": "192.0.2.1",
        "timing": 1.5,
    }
    message = {"time": "1770110127000", "level": "ERROR", "message": "no", "log_type": "recipe"}

    (first,) = conform("api_requests", request)
    (second,) = conform("log_messages", message)

    holds(
        first,
        event_id="api_request:d",
        occurred_at=AT,
        status_code=404,
        outcome="failed",
        ip_address="192.0.2.1",
        timing_ms=1.5,
        endpoint="/orders",
        problem=None,
    )
    holds(
        second,
        event_id="log_message:d",
        occurred_at=AT,
        outcome="failed",
        event_type="recipe",
        message="no",
        problem=None,
    )


@pytest.mark.parametrize("table", ["activity", "jobs", "job_steps", "api_requests", "log_messages"])
def test_a_conformed_row_has_the_columns_of_its_table(conform: Conform, table: str) -> None:
    record = job(endpoint="x", level="info", message="m", event="e", resource={}, code=1)

    row = conform(table, record)[0]

    later = {"received_at", "loaded_at", "source", "source_uri", "source_offset", "load_id"}
    assert set(TABLES[table].names) - later <= set(row)
