"""Samples: the same bytes for the same seed, and a truth that a plain reader finds again."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from pipelines.cli.sample import sample
from pipelines.samples import Truth, write_sample
from pipelines.samples.clock import day_start, pacific_text
from pipelines.samples.draw import job_ids

Json = dict[str, Any]
END = date(2026, 2, 28)
JOB_NAME = re.compile(r"^(\d+)-(\d+)-(.+)-(\d{8}(?:\d{6})?)-([a-z_]+)\.json$")


@dataclass(frozen=True, slots=True)
class Found:
    """One record as a plain reader finds it."""

    key: str
    event: Json
    outer: Json
    kind: str
    identity: str

    @property
    def is_wrapped(self) -> bool:
        return self.outer is not self.event


def kind_of(record: Any) -> str | None:
    if not isinstance(record, dict):
        return None
    if isinstance(record.get("event") or record.get("event_type"), str) and "resource" in record:
        return "activity"
    if ("flow_id" in record or "recipe_id" in record) and {"status", "started_at"} <= set(record):
        return "jobs"
    if {"endpoint", "code"} <= set(record):
        return "api_requests"
    if {"level", "message"} <= set(record):
        return "log_messages"
    return None


def unwrap(record: Any) -> Json | None:
    if isinstance(record, dict) and kind_of(record):
        return record
    if isinstance(record, str) and record.startswith("{"):
        return unwrap(json.loads(record))
    if isinstance(record, dict):
        return next((found for found in map(unwrap, record.values()) if found), None)
    return None


def identity(kind: str, event: Json) -> str:
    if kind == "jobs":
        return f"{event['id']}:{event['status']}"
    if kind == "activity" and "id" in event:
        return str(event["id"])
    return json.dumps(event, sort_keys=True)


def records(root: Path) -> Iterator[tuple[str, Json | None]]:
    """Yield every record with its object's name; None for an object that cannot be read."""
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        key = path.relative_to(root).as_posix()
        body = path.read_bytes()
        if key.endswith(".gz"):
            body = gzip.decompress(body) if body else b""
        for line in body.splitlines() or [b""]:
            try:
                yield key, json.loads(line)
            except ValueError:
                yield key, None


def read(root: Path) -> tuple[list[Found], int]:
    found, unreadable = [], 0
    for key, outer in records(root):
        if outer is None:
            unreadable += 1
            continue
        event = unwrap(outer)
        assert event is not None, outer
        kind = kind_of(event)
        assert kind is not None
        found.append(Found(key, event, outer, kind, identity(kind, event)))
    return found, unreadable


def digest(root: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        total.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def write(out: Path, **options: Any) -> Truth:
    return write_sample(out, **{"days": 10, "jobs": 1500, "seed": 7, "end": END, **options})


def at(text: str) -> int:
    """Return the epoch second of any of the times in a record."""
    if text.endswith(" UTC"):
        return int(datetime.strptime(text, "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC).timestamp())
    return int(datetime.fromisoformat(text).timestamp())


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample")
    write(out)
    return out


@pytest.fixture(scope="module")
def landed(out: Path) -> tuple[list[Found], int]:
    return read(out / "landing")


@pytest.fixture(scope="module")
def found(landed: tuple[list[Found], int]) -> list[Found]:
    return landed[0]


@pytest.fixture(scope="module")
def truth(out: Path) -> Json:
    loaded: Json = json.loads((out / "truth.json").read_bytes())
    return loaded


@pytest.fixture(scope="module")
def unique(found: list[Found]) -> list[Found]:
    return list({(one.kind, one.identity): one for one in found}.values())


@pytest.fixture(scope="module")
def jobs(unique: list[Found]) -> list[Json]:
    return [one.event for one in unique if one.kind == "jobs"]


@pytest.fixture(scope="module")
def activity(unique: list[Found]) -> list[Json]:
    return [one.event for one in unique if one.kind == "activity"]


@pytest.fixture(scope="module")
def answers(truth: Json) -> Json:
    return {question["id"]: question["answer"] for question in truth["questions"]}


def events(activity: list[Json], name: str, /, **wanted: Any) -> list[Json]:
    return [
        event
        for event in activity
        if (event.get("event") or event.get("event_type")) == name
        and all(event["resource"].get(key) == value for key, value in wanted.items())
    ]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="files"),
        pytest.param({"ndjson": True}, id="ndjson"),
        pytest.param({"ndjson": True, "gzip": True}, id="gzip"),
    ],
)
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, options: Json) -> None:
    options = {"days": 3, "jobs": 500, **options}

    write(tmp_path / "one", **options)
    write(tmp_path / "two", **options)

    assert digest(tmp_path / "one") == digest(tmp_path / "two")


def test_another_process_gives_the_same_bytes(tmp_path: Path) -> None:
    code = (
        "import sys; from datetime import date; from pathlib import Path;"
        "from pipelines.samples import write_sample;"
        "write_sample(Path(sys.argv[1]), days=3, jobs=500, seed=7, end=date(2026, 2, 28), "
        "ndjson=True)"
    )
    for name, salt in (("one", "1"), ("two", "2")):
        environment = {**os.environ, "PYTHONHASHSEED": salt, "TZ": f"UTC-{salt}"}
        environment["PYTHONPATH"] = os.pathsep.join(sys.path)
        command = [sys.executable, "-c", code, str(tmp_path / name)]
        subprocess.run(command, check=True, env=environment)

    assert digest(tmp_path / "one") == digest(tmp_path / "two")


def test_another_seed_gives_other_bytes(tmp_path: Path) -> None:
    write(tmp_path / "one", days=3, jobs=500, ndjson=True)
    write(tmp_path / "two", days=3, jobs=500, ndjson=True, seed=8)

    assert digest(tmp_path / "one" / "landing") != digest(tmp_path / "two" / "landing")


def recount(landed: tuple[list[Found], int]) -> Json:
    found, unreadable = landed
    kinds = Counter(kind for kind, _ in {(one.kind, one.identity) for one in found})
    steps = {
        one.identity: len(one.event["lines"])
        for one in found
        if one.kind == "jobs" and isinstance(one.event.get("lines"), list)
    }
    return {
        "received": len(found) + unreadable,
        "unique": {
            "activity": kinds["activity"],
            "jobs": kinds["jobs"],
            "job_steps": sum(steps.values()),
            "api_requests": kinds["api_requests"],
            "log_messages": kinds["log_messages"],
        },
        "duplicate": len(found) - kinds.total(),
        "rejected": {"not_json": unreadable},
    }


def test_the_truth_counts_what_a_plain_reader_counts(
    landed: tuple[list[Found], int], truth: Json, out: Path
) -> None:
    objects = sum(path.is_file() for path in (out / "landing").rglob("*"))

    assert truth["counts"] == {"objects": objects, **recount(landed)}
    assert truth["counts"]["unique"]["jobs"] == 1500


@pytest.mark.parametrize(
    ("options", "seed"),
    [
        pytest.param({"ndjson": True}, 7, id="ndjson"),
        pytest.param({"ndjson": True, "gzip": True}, 3, id="gzip"),
        pytest.param({"ndjson": True, "days": 3, "jobs": 500}, 5, id="smallest"),
        pytest.param({"ndjson": True, "days": 40, "jobs": 500}, 5, id="sparse"),
        pytest.param({"ndjson": True, "days": 3, "end": date(2026, 3, 1)}, 1, id="over_a_weekend"),
    ],
)
def test_the_truth_holds_in_every_layout(tmp_path: Path, options: Json, seed: int) -> None:
    truth = write(tmp_path, seed=seed, **options).as_dict()

    counts = {key: value for key, value in truth["counts"].items() if key != "objects"}
    assert counts == recount(read(tmp_path / "landing"))
    assert counts["unique"]["jobs"] == truth["jobs"]
    assert len(truth["questions"]) == 7


def test_blocks_of_a_day_never_share_an_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.samples.write.BLOCK", 100)

    truth = write(tmp_path, jobs=4000, days=4, ndjson=True).as_dict()

    counts = {key: value for key, value in truth["counts"].items() if key != "objects"}
    assert counts == recount(read(tmp_path / "landing"))


def test_both_layouts_hold_the_same_events(found: list[Found], tmp_path: Path) -> None:
    write(tmp_path, ndjson=True)

    daily, _ = read(tmp_path / "landing")
    assert Counter(json.dumps(one.outer) for one in daily) == Counter(
        json.dumps(one.outer) for one in found
    )


def test_job_objects_are_named_as_published(found: list[Found]) -> None:
    for one in found:
        if one.kind != "jobs":
            continue
        parts = one.key.replace("/retry/", "/").split("/")
        match = JOB_NAME.match(parts[-1])
        assert match is not None, one.key
        account, recipe, job_id, digits, status = match.groups()
        event = one.event
        assert (recipe, job_id, status) == (
            str(event["flow_id"]),
            str(event["id"]),
            event["status"],
        )
        assert parts[:4] == [account, "jobs", recipe, digits[:8]]
        folder = "".join(parts[4:-1])
        assert folder == (job_id.rjust(21, "0") if isinstance(event["id"], int) else job_id)


def test_no_event_lies_outside_the_window(unique: list[Found], truth: Json) -> None:
    low = day_start(date.fromisoformat(truth["window"]["from"]))
    high = day_start(date.fromisoformat(truth["window"]["to"]) + timedelta(days=1))

    times = [at(one.event.get("started_at") or one.event["timestamp"]) for one in unique]

    # A message or an answer may come minutes after its job began.
    assert low <= min(times)
    assert max(times) < high + 3600


def test_every_wrapper_is_used_for_jobs_and_for_activity(found: list[Found]) -> None:
    shapes = {(one.kind, tuple(one.outer)) for one in found if one.is_wrapped}

    for kind in ("jobs", "activity"):
        kinds = {keys for found_kind, keys in shapes if found_kind == kind}
        assert {"log_message", "log_message_str", "logEntries", "attributes"} <= set().union(*kinds)
    nested = [one for one in found if "attributes" in one.outer]
    assert {"message" in one.outer["attributes"]["attributes"] for one in nested} == {True, False}
    assert any(isinstance(one.outer.get("time"), float) for one in found)


def test_events_come_twice_bare_and_wrapped(found: list[Found]) -> None:
    by_identity: dict[tuple[str, str], list[Found]] = {}
    for one in found:
        by_identity.setdefault((one.kind, one.identity), []).append(one)

    repeats = [group for group in by_identity.values() if len(group) > 1]

    assert all(one.event == group[0].event for group in repeats for one in group)
    assert any(len({one.is_wrapped for one in group}) == 2 for group in repeats)
    assert {group[0].kind for group in repeats} >= {"jobs", "activity"}


def test_events_come_up_to_eight_days_late(found: list[Found]) -> None:
    lags = set()
    for one in found:
        match = re.search(r"-(\d{14})-", one.key)
        if match and "started_at" in one.event:
            delivered = datetime.strptime(match.group(1), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            lags.add((int(delivered.timestamp()) - at(one.event["started_at"])) // 86_400)

    assert lags >= {0, 8}
    assert max(lags) == 8


def test_unreadable_objects_are_cut_or_html_or_empty(out: Path) -> None:
    bodies = [path.read_bytes() for path in (out / "landing").rglob("retry/[123]/*")]

    assert {body[:1] for body in bodies} == {b"{", b"<", b""}


def test_jobs_have_every_shape_of_lines_error_report_and_status(jobs: list[Json]) -> None:
    lines = [job.get("lines", "absent") for job in jobs]
    failed = [job for job in jobs if job["status"] == "failed"]
    texts = [job["error"] for job in failed if isinstance(job["error"], str)]

    assert {"absent", "Log lines exceed size limit"} <= {x for x in lines if isinstance(x, str)}
    assert {0, 2, 3, 4} <= {len(x) for x in lines if isinstance(x, list)}
    assert any(
        line.get("input") == {"data": "masked"} for x in lines for line in x if "{" in str(x)
    )
    assert {type(job["error"]) for job in failed} == {str, dict, type(None)}
    assert {text.startswith("{") for text in texts} == {True, False}
    assert any("error_parts" in job for job in failed)
    assert {job["status"] for job in jobs} == {"succeeded", "failed", "completed"}
    assert {type(job["id"]) for job in jobs} == {str, int}
    reports = [set(job["report"]) for job in jobs if job.get("report")]
    assert {"custom_column_0", "custom_column_1"} in reports
    assert {"Bill", "Vendor"} in reports


def test_jobs_call_repeat_and_test(jobs: list[Json]) -> None:
    by_id = {job["id"]: job for job in jobs}
    called = [job for job in jobs if job.get("calling_job_id")]
    repeats = [job for job in jobs if job["is_repeat"]]

    for job in called:
        assert by_id[job["calling_job_id"]]["recipe_id"] == job["calling_recipe_id"]
        assert by_id[job["root_job_handle"]]["recipe_id"] == job["root_recipe_id"]
    assert any(job["root_job_handle"] != job["calling_job_id"] for job in called)
    assert repeats
    for job in repeats:
        first = by_id[job["master_job_id"]]
        assert first["status"] == "failed"
        assert at(first["completed_at"]) < at(job["started_at"])
    assert any(job.get("is_test") for job in jobs)


def test_activity_has_both_spellings_and_every_variant(activity: list[Json]) -> None:
    words = {event.get("details", {}).get("activity") for event in activity}
    names = {event.get("event") or event.get("event_type") for event in activity}

    assert {"event" in event for event in activity} == {True, False}
    assert all(("id" in event) == ("workspace" in event) for event in activity)
    assert {
        "switch_team",
        "switch_workspace",
        "sso_login",
        "password_login",
        "user_logout",
    } <= words
    assert any("details" not in event for event in activity)
    assert any(event["user"] is None for event in activity)
    assert "Tags::Models::Tag" in {event["resource"]["type"] for event in activity}
    assert names >= {
        "user_login_failed",
        "team_invitation_created",
        "team_invitation_accept",
        "team_membership_deleted",
        "recipe_copied",
        "recipe_renamed",
        "recipe_deleted",
        "folder_deleted",
        "connection_created",
        "package_imported",
        "manifest_updated",
        "connector_released",
        "lookup_table_updated",
        "genie_skill_published",
    }


def test_recipe_names_are_unique_within_an_environment(jobs: list[Json]) -> None:
    names: dict[tuple[int, str], set[int]] = {}
    for job in jobs:
        if "context" in job:
            key = (job["account_id"], job["context"]["recipe_name"])
            names.setdefault(key, set()).add(job["recipe_id"])

    assert all(len(ids) == 1 for ids in names.values())
    renamed = [len(ids) for ids in _names_by_recipe(jobs).values() if len(ids) > 1]
    assert len(renamed) <= 1


def _names_by_recipe(jobs: list[Json]) -> dict[int, set[str]]:
    names: dict[int, set[str]] = {}
    for job in jobs:
        if "context" in job:
            names.setdefault(job["recipe_id"], set()).add(job["context"]["recipe_name"])
    return names


def test_the_busiest_recipes_are_as_told(jobs: list[Json], answers: Json) -> None:
    runs: Counter[int] = Counter()
    actions: Counter[int] = Counter()
    for job in jobs:
        if job.get("environment_type") == "prod" and not job["is_test"]:
            runs[job["recipe_id"]] += 1
            actions[job["recipe_id"]] += job["action_count"]

    top = sorted(runs, key=lambda recipe: (-runs[recipe], recipe))[:5]
    told = answers["most_usage"]["recipes"]
    assert [(r, runs[r], actions[r]) for r in top] == [
        (row["recipe_id"], row["job_count"], row["action_count"]) for row in told
    ]


def test_the_most_failing_recipes_are_as_told(jobs: list[Json], answers: Json) -> None:
    failed = Counter(
        job["flow_id"] for job in jobs if job["status"] == "failed" and not job.get("is_test")
    )

    top = sorted(failed, key=lambda recipe: (-failed[recipe], recipe))[:5]
    told = answers["most_errors"]["recipes"]
    assert [(r, failed[r]) for r in top] == [(r["recipe_id"], r["failed_count"]) for r in told]
    names = _names_by_recipe(jobs)
    assert all(row["recipe_name"] in names[row["recipe_id"]] for row in told)


def test_a_person_stopped_onboarding(activity: list[Json], jobs: list[Json], answers: Json) -> None:
    told = answers["who_stopped_onboarding"]

    (stop,) = events(activity, "recipe_stopped", name="Employee onboarding")
    (start,) = events(activity, "recipe_started", name="Employee onboarding")

    assert at(stop["timestamp"]) == at(told["stopped_at"])
    assert at(start["timestamp"]) == at(told["restarted_at"])
    assert stop["user"]["email"] == told["actor_email"]
    assert stop["details"]["request"]["ip_address"] == told["ip_address"]
    assert stop["details"]["stop_reason"] == told["stop_reason"] == "user"
    assert not _runs(jobs, told["recipe_id"], told["stopped_at"], told["restarted_at"])


def _runs(jobs: list[Json], recipe: int, low: str, high: str) -> list[Json]:
    return [
        job
        for job in jobs
        if job["flow_id"] == recipe and at(low) <= at(job["started_at"]) < at(high)
    ]


def test_workato_stopped_a_silent_recipe(
    activity: list[Json], jobs: list[Json], answers: Json
) -> None:
    told = answers["stopped_by_workato"]

    (stop,) = events(activity, "recipe_stopped", id=told["recipe_id"])

    assert stop["user"] is None
    assert stop["details"]["stop_reason"] == "trigger_errors_limit"
    assert at(stop["timestamp"]) == at(told["stopped_at"])
    silence = at(told["stopped_at"]) - at(told["last_job_at"])
    assert silence > 2 * told["usual_interval_seconds"]
    last = _runs(jobs, told["recipe_id"], told["last_job_at"], told["restarted_at"])
    assert [at(job["started_at"]) for job in last] == [at(told["last_job_at"])]


def test_a_broken_connection_failed_its_recipes(
    activity: list[Json], jobs: list[Json], answers: Json
) -> None:
    told = answers["broken_connection"]

    (off,) = events(activity, "connection_disconnected", id=told["connection_id"])
    (on,) = events(activity, "connection_connected", id=told["connection_id"])
    failed = [job for job in jobs if told["error_message"] in str(job["error"])]

    assert at(off["timestamp"]) == at(told["disconnected_at"])
    assert at(on["timestamp"]) == at(told["reconnected_at"])
    assert off["user"]["name"] == told["actor_name"]
    times = [at(job["started_at"]) for job in failed]
    assert (min(times), max(times)) == (at(told["first_failed_at"]), at(told["last_failed_at"]))
    assert len(failed) == told["failed_count"]
    ids = {row["recipe_id"] for row in told["recipes"]}
    assert {job["recipe_id"] for job in failed} == ids
    for recipe in ids:
        during = _runs(jobs, recipe, told["disconnected_at"], told["reconnected_at"])
        assert {job["status"] for job in during} == {"failed"}


def test_an_edit_brought_a_new_error(activity: list[Json], jobs: list[Json], answers: Json) -> None:
    told = answers["breaking_edit"]

    edits = events(activity, "recipe_updated", id=told["recipe_id"])
    failed = [job for job in jobs if told["error_message"] in str(job["error"])]
    between = _runs(jobs, told["recipe_id"], told["edited_at"], told["mended_at"])

    times = sorted(at(edit["timestamp"]) for edit in edits)
    assert times == [at(told["edited_at"]), at(told["mended_at"])]
    assert len(failed) == told["failed_count"]
    assert len(between) == told["job_count"]
    assert all(job in between for job in failed)
    assert len(failed) / len(between) > 0.6


def test_a_burst_of_failed_logins_came_before_a_role_change(
    activity: list[Json], answers: Json
) -> None:
    told = answers["failed_login_burst"]
    mine = [
        event
        for event in activity
        if event.get("details", {}).get("request", {}).get("ip_address") == told["ip_address"]
    ]
    mine.sort(key=lambda event: at(event["timestamp"]))

    names = [event.get("event") or event.get("event_type") for event in mine]

    failed = told["failed_count"]
    assert names == ["user_login_failed"] * failed + ["user_login", "team_membership_updated"]
    assert {event["user"]["email"] for event in mine} == {told["actor_email"]}
    assert at(mine[0]["timestamp"]) == at(told["first_failed_at"])
    assert at(mine[failed]["timestamp"]) == at(told["signed_in_at"])
    assert mine[-1]["resource"]["member"]["email"] == told["member_email"]
    assert mine[-1]["resource"]["role"] == told["new_role"]


def test_pacific_offsets_follow_daylight_saving() -> None:
    seconds = np.array([at("2026-03-08T09:59:59Z"), at("2026-03-08T10:00:00Z")], dtype=np.int64)

    assert pacific_text(seconds) == ["2026-03-08T01:59:59-08:00", "2026-03-08T03:00:00-07:00"]


def test_job_ids_of_one_second_differ() -> None:
    seconds = np.full(200_000, 1_770_000_000, dtype=np.int64)

    ids = job_ids(seconds, 0).tolist()

    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"j-\w{8}-\w{6}", job_id) for job_id in ids[:100])


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"days": 2}, id="days"),
        pytest.param({"jobs": 499}, id="jobs"),
        pytest.param({"seed": -1}, id="seed"),
    ],
)
def test_small_values_are_refused(tmp_path: Path, options: Json) -> None:
    with pytest.raises(typer.BadParameter):
        sample(tmp_path / "out", **options)
    with pytest.raises(ValueError, match="at least"):
        write(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("mine")

    with pytest.raises(typer.BadParameter, match="not empty"):
        sample(tmp_path)
    with pytest.raises(FileExistsError):
        write(tmp_path)


def test_the_command_prints_one_json_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample(tmp_path / "out", days=3, jobs=500, ndjson=True, as_json=True)

    facts = json.loads(capsys.readouterr().out)
    assert set(facts) == {"out", "objects", "events", "bytes", "seconds"}
    truth = json.loads((tmp_path / "out" / "truth.json").read_bytes())
    assert facts["events"] == truth["counts"]["received"] - 3
