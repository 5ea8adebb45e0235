"""The commands for analysts, on the sample workspace: right answers, in every form they come in."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from lakes import activity, encode, folder_place, lake_at, run_load
from world import run as job_at
from world import start, stop

from pipelines.cli.main import main
from pipelines.lake.queries import SQL
from pipelines.lake.tables import Lake
from pipelines.models import build_stale, write_catalogue
from pipelines.models.header import parse_facts
from pipelines.models.query import open_catalogue
from pipelines.models.sources import without_comments
from pipelines.samples import write_sample

ROOT = Path(__file__).resolve().parents[2]
HOURS = [(day, hour) for day in (1, 2, 3) for hour in range(24)]
ALL = ["--from", "2026-01-30", "--to", "2026-02-28"]


@dataclass(frozen=True)
class Sample:
    """A sample lake with its models, and the answers of its truth."""

    lake: Lake
    answers: dict[str, Any]


@dataclass(frozen=True)
class Result:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> list[dict[str, Any]]:
        """Standard output as JSON."""
        return list(json.loads(self.out))

    @property
    def csv(self) -> list[dict[str, str]]:
        """Standard output as CSV."""
        return list(csv.DictReader(io.StringIO(self.out)))


Run = Callable[..., Result]


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """The sample of the docs: 30 days, 6,000 jobs, seed 7; loaded and built once."""
    folder = tmp_path_factory.mktemp("questions")
    write_sample(folder / "out", days=30, jobs=6_000, seed=7, end=date(2026, 2, 28), ndjson=True)
    lake = lake_at(folder / "lake")
    run_load(lake, [folder / "out" / "landing"])
    list(build_stale(lake))
    truth = json.loads((folder / "out" / "truth.json").read_text())
    return Sample(lake, {q["id"]: q["answer"] for q in truth["questions"]})


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[[str], Run]]:
    """Run `trailhouse` on a lake, as a shell would, at 100 characters a line."""
    monkeypatch.setenv("COLUMNS", "100")

    def on(lake_url: str) -> Run:
        monkeypatch.setenv("TRAILHOUSE_LAKE_URL", lake_url)

        def run(*arguments: str, code: int = 0) -> Result:
            monkeypatch.setattr(sys, "argv", ["trailhouse", *arguments])
            with pytest.raises(SystemExit) as end:
                main()
            captured = capsys.readouterr()
            result = Result(int(end.value.code or 0), captured.out, captured.err)
            assert result.code == code, result
            return result

        return run

    return on


@pytest.fixture
def run(command: Callable[[str], Run], sample: Sample) -> Run:
    """Run `trailhouse` on the sample."""
    return command(sample.lake.url)


FORMS = [
    pytest.param(["usage"], "Usage by recipe", id="usage"),
    *(
        pytest.param(["usage", "--by", by], f"Usage by {by}", id=f"usage by {by}")
        for by in ("folder", "project", "connector", "owner", "process", "environment")
    ),
    *(
        pytest.param(["usage", "--per", per, "--top", "3"], f"per {per}", id=f"usage per {per}")
        for per in ("day", "week", "month", "cycle")
    ),
    *(
        pytest.param(["errors", "--by", by], f"Failed jobs by {by}", id=f"errors by {by}")
        for by in ("recipe", "fingerprint", "type", "connector", "step")
    ),
    pytest.param(["usage", "--high-volume"], "High volume in the billing", id="high volume"),
    pytest.param(["timeline", "employee onboarding"], "Employee onboarding (", id="recipe"),
    pytest.param(["timeline", "Hannah Weiss"], "Hannah Weiss (", id="person"),
    pytest.param(["timeline", "Ledger database"], "Ledger database (", id="connection"),
    pytest.param(["who-stopped", "employee onboarding"], "Stops of Employee", id="who-stopped"),
    pytest.param(["blind"], "Blind spots", id="blind"),
]


@pytest.mark.parametrize(("arguments", "title"), FORMS)
def test_every_answer_comes_as_table_json_and_csv(
    run: Run, arguments: list[str], title: str
) -> None:
    table = run(*arguments, "--top", "0")
    objects = run(*arguments, "--top", "0", "--json").json
    rows = run(*arguments, "--top", "0", "--csv").csv

    assert title in table.out.splitlines()[0]
    assert max(len(line) for line in table.out.splitlines()) <= 100
    assert objects
    assert [list(row) for row in rows] == [list(row) for row in objects]
    assert [_text(row) for row in objects] == rows


def _text(row: dict[str, Any]) -> dict[str, str]:
    """A JSON object as CSV has it."""
    words = {None: "", True: "true", False: "false"}
    return {
        key: words[value] if value is None or isinstance(value, bool) else str(value)
        for key, value in row.items()
    }


def test_the_busiest_recipes_are_those_of_the_truth(run: Run, sample: Sample) -> None:
    rows = run("usage", "-e", "prod", "--top", "5", "--json").json

    assert [(int(r["id"]), r["name"], r["job_count"], r["action_count"]) for r in rows] == [
        (r["recipe_id"], r["recipe_name"], r["job_count"], r["action_count"])
        for r in sample.answers["most_usage"]["recipes"]
    ]


def test_the_most_failing_recipes_are_those_of_the_truth(run: Run, sample: Sample) -> None:
    rows = run("errors", "--top", "5", "--json").json

    assert [(int(r["recipe_id"]), r["recipe_name"], r["failed_count"]) for r in rows] == [
        (r["recipe_id"], r["recipe_name"], r["failed_count"])
        for r in sample.answers["most_errors"]["recipes"]
    ]


def test_who_stopped_onboarding_is_as_in_the_truth(run: Run, sample: Sample) -> None:
    truth = sample.answers["who_stopped_onboarding"]

    (row,) = run("who-stopped", "onboarding", "-e", "production", "--json").json

    assert int(row["recipe_id"]) == truth["recipe_id"]
    assert int(row["actor_id"]) == truth["actor_id"]
    told = ("actor_name", "actor_email", "ip_address", "stop_reason", "stopped_at", "restarted_at")
    assert {key: row[key] for key in told} == {key: truth[key] for key in told}
    assert row["restarted_by_name"] == truth["restarted_by"]


def test_a_recipe_that_workato_stopped_was_blind_before(run: Run, sample: Sample) -> None:
    truth = sample.answers["stopped_by_workato"]

    (stop,) = run("who-stopped", str(truth["recipe_id"]), "--json").json
    (finding,) = [
        row for row in run("blind", "--json").json if row["finding"] == "stopped after silence"
    ]

    assert (stop["actor_name"], stop["stopped_at"]) == ("Workato", truth["stopped_at"])
    assert stop["stop_reason"] == truth["stop_reason"]
    assert stop["restarted_at"] == truth["restarted_at"]
    assert (int(finding["id"]), finding["since_at"]) == (truth["recipe_id"], truth["last_job_at"])
    assert finding["usual_gap_seconds"] == pytest.approx(truth["usual_interval_seconds"], rel=0.05)


def test_a_connections_timeline_tells_who_broke_it_and_what_failed(
    run: Run, sample: Sample
) -> None:
    truth = sample.answers["broken_connection"]

    rows = run("timeline", "ledger database", "--all-jobs", "--json").json

    gone = next(r for r in rows if r["event_type"] == "connection_disconnected")
    back = next(r for r in rows if r["event_type"] == "connection_connected")
    failed = [r for r in rows if r["matched_by"] == "outage"]
    assert (gone["occurred_at"], gone["actor_name"]) == (
        truth["disconnected_at"],
        truth["actor_name"],
    )
    assert (back["occurred_at"], back["actor_name"]) == (
        truth["reconnected_at"],
        truth["reconnected_by"],
    )
    assert len(failed) == truth["failed_count"]
    assert {int(r["recipe_id"]) for r in failed} == {r["recipe_id"] for r in truth["recipes"]}
    assert [r["occurred_at"] for r in rows] == sorted(r["occurred_at"] for r in rows)
    (connector,) = {r["matched_by"] for r in rows if r["event_kind"] == "job"} - {"outage"}
    assert connector == "connector"


def test_what_failed_after_an_edit_is_on_the_timeline_of_whoever_made_it(
    run: Run, sample: Sample
) -> None:
    truth = sample.answers["breaking_edit"]
    day = truth["edited_at"][:10]

    rows = run("timeline", truth["actor_name"], "--from", day, "--to", day, "--json").json
    table = run("timeline", truth["actor_name"], "--from", day, "--to", day).out

    edited = next(r for r in rows if r["occurred_at"] == truth["edited_at"])
    broken = [r for r in rows if r["detail"] == truth["error_message"]]
    assert (edited["part"], {r["part"] for r in broken}) == ("did", {"followed"})
    assert {int(r["recipe_id"]) for r in broken} == {truth["recipe_id"]}
    assert broken[0]["job_id"] in table


def test_an_error_names_the_edit_that_it_began_with(run: Run, sample: Sample) -> None:
    truth = sample.answers["breaking_edit"]

    rows = run("errors", "--recipe", str(truth["recipe_id"]), "--by", "fingerprint", "--json").json

    (row,) = [r for r in rows if r["sample_message"] == truth["error_message"]]
    assert row["failed_count"] == truth["failed_count"]
    assert (row["cause_event_type"], row["cause_actor_name"], row["cause_changed_at"]) == (
        "recipe_updated",
        truth["actor_name"],
        truth["edited_at"],
    )


def test_a_persons_timeline_tells_the_burst_and_what_came_of_it(run: Run, sample: Sample) -> None:
    truth = sample.answers["failed_login_burst"]

    rows = run("timeline", str(truth["actor_id"]), "--from", "2026-02-26", "--json").json

    burst = [r for r in rows if r["outcome"] == "failed" and r["ip_address"] == truth["ip_address"]]
    assert len(burst) == truth["failed_count"]
    (change,) = [r for r in rows if r["occurred_at"] == truth["role_changed_at"]]
    assert change["resource_name"] == truth["member_name"]
    assert change["detail"] == f"{truth['new_role']} (was {truth['old_role']})"


def test_people_who_share_an_invitations_id_are_told_apart(run: Run) -> None:
    answer = run("timeline", "nadia karim", "--json").json

    assert answer
    for row in answer:
        assert "Nadia Karim" in (row["actor_name"], row["resource_name"])


@pytest.mark.parametrize("rule", ["task_2019", "task_2021", "business_action"])
def test_tasks_are_counted_by_the_rule_that_is_named(run: Run, sample: Sample, rule: str) -> None:
    rows = run("usage", "--rule", rule, *ALL, "--json").json
    processes = run("usage", "--by", "process", "--rule", rule, *ALL, "--json").json
    connectors = run("usage", "--by", "connector", "--rule", rule, *ALL, "--json").json
    table = run("usage", "--rule", rule, "--top", "1")
    connection = open_catalogue(sample.lake)
    known = connection.execute(
        """
        select sum(tasks_least_count), sum(tasks_most_count), sum(job_count)
        from int_usage_tasks where counting_rule = ?
        """,
        [rule],
    ).fetchone()
    connection.close()

    assert {row["counting_rule"] for row in [*rows, *processes, *connectors]} == {rule}
    assert rule in table.out
    figures = ("tasks_least_count", "tasks_most_count", "job_count")
    assert tuple(sum(row[f] for row in rows) for f in figures) == known
    assert tuple(sum(row[f] for row in processes) for f in figures) == known
    # an action that nobody can place is in no connector's least, and in the most of several
    assert 0 < sum(row["tasks_least_count"] for row in connectors) <= known[0]
    assert sum(row["tasks_most_count"] for row in connectors) >= known[1]


def test_a_line_of_120_characters_has_the_shares_of_reruns_and_tests_and_the_median(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for by in ("recipe", "folder", "connector", "process", "owner"):
        monkeypatch.setenv("COLUMNS", "120")
        (header, *lines) = run("usage", "--by", by, "--rule", "task_2019").out.splitlines()[2:]
        monkeypatch.setenv("COLUMNS", "100")

        assert {"failed", "reruns", "tests", "wasted", "median", "p95"} <= set(header.split())
        assert max(map(len, lines)) <= 120
        assert "reruns" not in run("usage", "--by", by).out.splitlines()[2]


def test_high_volume_is_told_by_the_rule_that_is_named(run: Run, sample: Sample) -> None:
    rows = run("usage", "--high-volume", "--rule", "task_2019", "-e", "prod", "--json").json
    connection = open_catalogue(sample.lake)
    known = connection.execute(
        "select recipe_id, forecast_most_count from recipe_volume "
        "where counting_rule = 'task_2019' and environment = 'prod' order by all"
    ).fetchall()
    connection.close()

    assert sorted((row["id"], row["forecast_most_count"]) for row in rows) == known
    shares = [row["threshold_share"] for row in rows]
    assert shares == sorted(shares, reverse=True)
    assert {row["earliest_crossing_date"] for row in rows} == {None}
    assert "not in this cycle" in run("usage", "--high-volume", "--top", "1").out


def test_every_cut_of_usage_has_the_same_sum(run: Run) -> None:
    sums = {
        by: sum(row["job_count"] for row in run("usage", "--by", by, *ALL, "--json").json)
        for by in ("recipe", "folder", "project", "owner", "process", "environment")
    }

    assert len(set(sums.values())) == 1
    assert sums["recipe"] > 5_000


def test_periods_sum_to_the_span_and_begin_on_mondays_and_firsts(run: Run) -> None:
    whole = sum(row["job_count"] for row in run("usage", *ALL, "--json").json)
    for per in ("day", "week", "month", "cycle"):
        rows = run("usage", "--per", per, *ALL, "--json").json
        starts = {date.fromisoformat(row["period_start_date"]) for row in rows}

        assert sum(row["job_count"] for row in rows) == whole
        assert per != "day" or len(starts) == 30
        assert per != "week" or {start.weekday() for start in starts} == {0}
        assert per != "month" or starts == {date(2026, 1, 1), date(2026, 2, 1)}
        assert per != "cycle" or starts == {date(2026, 1, 1), date(2026, 2, 1)}


def test_days_bound_what_is_counted(run: Run) -> None:
    one = run("errors", "--from", "2026-02-18", "--to", "2026-02-18", "--json").json
    rest = [
        run("errors", "--from", *days, "--json").json
        for days in (("2026-01-30", "--to", "2026-02-17"), ("2026-02-19", "--to", "2026-02-28"))
    ]
    whole = run("errors", *ALL, "--json").json

    counts = [sum(row["failed_count"] for row in rows) for rows in (one, *rest, whole)]
    assert sum(counts[:3]) == counts[3]
    assert 0 < counts[0] < counts[3]
    assert {row["last_failed_at"][:10] for row in one} == {"2026-02-18"}


def test_the_last_day_of_a_timeline_is_whole(run: Run) -> None:
    days = ["--from", "2026-02-13", "--to", "2026-02-13"]

    rows = run("timeline", "employee onboarding", *days, "--json").json

    assert [row["event_type"] for row in rows] == ["recipe_stopped", "recipe_started"]


def test_an_environment_keeps_the_others_out(run: Run) -> None:
    for arguments in (["usage"], ["usage", "--by", "connector"], ["errors", "--by", "type"]):
        rows = run(*arguments, "-e", "Test", "--json").json

        assert {row["environment"] for row in rows} == {"test"}
    assert run("blind", "-e", "dev", "--json").json
    assert "stopped after silence" not in run("blind", "-e", "dev", "--json").out


def test_top_takes_the_first_and_says_how_many_there_are(run: Run) -> None:
    whole = run("usage", "--json").json
    some = run("usage", "--top", "4", "--json")

    assert some.json == whole[:4]
    assert f"4 of {len(whole)} recipes; --top 0 prints all." in some.err
    assert "recipes;" not in run("usage", "--top", "0").err


def test_top_takes_the_newest_of_a_timeline(run: Run) -> None:
    whole = run("timeline", "hannah weiss", "--json").json

    assert run("timeline", "hannah weiss", "--top", "3", "--json").json == whole[-3:]


def test_top_of_periods_keeps_every_period_of_the_busiest(run: Run) -> None:
    rows = run("usage", "--per", "week", "--top", "2", "-e", "prod", *ALL, "--json").json

    assert len({row["id"] for row in rows}) == 2
    assert len(rows) == 10


def test_jobs_of_a_timeline_are_all_there_when_asked_for(run: Run, sample: Sample) -> None:
    (busiest, *_) = sample.answers["most_usage"]["recipes"]

    rows = run("timeline", str(busiest["recipe_id"]), "--all-jobs", "--json").json

    jobs = [row for row in rows if row["event_kind"] == "job" and not row["is_test"]]
    assert len(jobs) == busiest["job_count"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["who-stopped", "orders to ledger"], r"can be any of 3; .*\n  61053884 .*\n  61040200 "),
        (["timeline", "okta"], r"can be any of 3; give an id, or --environment"),
        (["errors", "--recipe", "ledger"], r"can be any of \d+"),
        (["who-stopped", "qwertz uiop"], r"nothing is called 'qwertz uiop'; the nearest:\n  \d+ "),
        (["who-stopped", "hannah weiss"], r"nothing is called 'hannah weiss'"),
        (["who-stopped", "employee onboarding", "-e", "dev"], "is not in environment dev, but"),
        (["usage", "-e", "moon"], r"--environment 'moon' is not known; there are: dev, prod"),
        (["usage", "--rule", "guess"], r"--rule 'guess' is not known; there are: business_action"),
        (["usage", "--high-volume", "--per", "day"], r"--high-volume is of recipes in the billing"),
        (["usage", "--from", "2026-02-02", "--to", "2026-02-01"], r"--from 2026-02-02 is after"),
    ],
)
def test_what_is_not_clear_is_said_and_ends_with_code_2(
    run: Run, arguments: list[str], message: str
) -> None:
    result = run(*arguments, code=2)

    assert result.out == ""
    assert re.search(message, result.err)


def test_an_environment_or_a_kind_settles_which_is_meant(run: Run) -> None:
    rows = run("timeline", "okta", "-e", "prod", "--kind", "connection", "--csv").csv

    assert {row["resource_type"] for row in rows} <= {"SharedAccount", "Flow"}
    assert run("timeline", "orders to ledger", "-e", "prod", "--json").json


def test_a_guess_is_said_on_standard_error(run: Run) -> None:
    result = run("who-stopped", "employe onbording", "--json")

    assert "taken as Employee onboarding (61060415)" in result.err
    assert len(result.json) == 1


def test_nothing_found_is_no_failure(run: Run) -> None:
    never = run("who-stopped", "61040200", "--json")
    later = run("usage", "--from", "2027-01-01", "--csv")

    assert (never.json, later.csv) == ([], [])
    assert "Nobody stopped Orders to ledger" in never.err
    assert "the newest day of the lake is 2026-02-28" in later.err


def test_json_and_csv_together_are_refused(run: Run) -> None:
    assert "give one of --json and --csv" in run("blind", "--json", "--csv", code=2).err


@pytest.mark.parametrize("name", ["usage", "errors", "timeline", "who-stopped", "blind"])
def test_the_help_of_every_command_has_an_example_that_runs(run: Run, name: str) -> None:
    text = " ".join(run(name, "--help").out.split())

    (example,) = re.findall(rf"Example: trailhouse ({name}.*?) [╭│]", text)
    assert run(*shlex.split(example)).out


def test_a_lake_without_models_says_what_to_do(
    command: Callable[[str], Run], tmp_path: Path
) -> None:
    place = folder_place(tmp_path)
    ask = command(f"{tmp_path}/lake-1")
    assert "nothing is loaded into" in ask("usage", code=2).err
    assert not (tmp_path / "lake-1").exists()

    place.put("one.json", encode(activity()))
    lake = place.lake()
    run_load(lake, [place.landing])
    write_catalogue(lake)  # which makes empty tables

    for arguments in (["usage"], ["errors"], ["timeline", "x"], ["who-stopped", "x"], ["blind"]):
        error = ask(*arguments, code=2).err
        assert "were not built yet: `trailhouse build` builds them" in error


def test_models_older_than_the_loads_are_said_to_be(
    command: Callable[[str], Run], tmp_path: Path
) -> None:
    place = folder_place(tmp_path)
    lake, ask = place.lake(), command(f"{tmp_path}/lake-1")
    place.put("one.json", encode(activity(resource={"type": "Flow", "id": 1, "name": "A"})))
    run_load(lake, [place.landing])
    list(build_stale(lake))
    fresh = ask("who-stopped", "A", "--json")
    place.put("two.json", encode(activity(resource={"type": "Flow", "id": 2, "name": "B"})))
    run_load(lake, [place.landing])

    stale = ask("who-stopped", "A", "--json")

    assert fresh.err == ""
    assert stale.json == fresh.json
    assert len(stale.err.splitlines()) == 1
    assert "`trailhouse build` brings them up to date" in stale.err


def test_each_blind_spot_is_found_and_nothing_else(
    command: Callable[[str], Run], tmp_path: Path
) -> None:
    quiet = {"type": "Flow", "id": 77, "name": "Falls quiet"}
    clock = {"type": "Flow", "id": 99, "name": "Runs all the time"}
    timely = [
        *(job_at(f"2026-02-{day:02d} {hour:02d}:00", recipe=clock) for day, hour in HOURS),
        *(job_at(f"2026-02-{day:02d} {hour:02d}:30", recipe=quiet) for day, hour in HOURS[:48]),
        job_at("2026-02-03 12:15", recipe=clock, tail="child", calling_job_id="j-never-seen"),
        start("2026-02-02 09:00", resource={"type": "Flow", "id": 88, "name": "Never ran"}),
    ]
    place = folder_place(tmp_path)
    for name, events, arrival in (
        ("timely.ndjson", timely, "2026-02-01 23:00"),
        ("late.ndjson", [stop("2026-02-01 08:00", resource=clock)], "2026-02-03 23:30"),
    ):
        place.put(name, b"\n".join(encode(event) for event in events))
        written = datetime.fromisoformat(arrival).replace(tzinfo=UTC).timestamp()
        os.utime(tmp_path / "landing" / name, (written, written))
    lake = place.lake()
    run_load(lake, [place.landing])
    list(build_stale(lake))

    ask = command(lake.url)
    rows = ask("blind", "--json").json
    table = ask("blind").out

    found = {row["finding"]: row for row in rows}
    assert list(found) == [
        "silent recipe",
        "never ran",
        "runs although stopped",
        "unseen caller",
        "late events",
    ]
    assert len(rows) == len(found)
    assert (found["silent recipe"]["name"], found["silent recipe"]["since_at"]) == (
        "Falls quiet",
        "2026-02-02T23:30:00Z",
    )
    assert found["never ran"]["id"] == "88"
    assert (found["runs although stopped"]["id"], found["runs although stopped"]["until_at"]) == (
        "99",
        "2026-02-01T09:00:00Z",
    )
    assert "j-never-seen" in found["unseen caller"]["detail"]
    assert found["late events"]["event_count"] == 1
    assert all(finding.split()[0] in table for finding in found)


STATEMENTS = [pytest.param(path, id=path.stem) for path in (SQL / "questions").glob("*.sql")]


@pytest.mark.parametrize("path", STATEMENTS)
def test_the_header_of_a_question_says_what_it_reads(path: Path) -> None:
    sql = without_comments(path.read_text())
    plain = re.sub(r"\$\w+", "null", re.sub(r"(?s)(\w+_timeline)\(.*?\)", r"\1", sql))
    read = duckdb.connect().get_table_names(plain)
    _, facts = parse_facts(str(path), path.read_text())

    assert {name.strip() for name in facts["reads"].split(",")} == read
    assert facts["scope"] == "global"


def _told() -> list[tuple[str, list[str]]]:
    """The commands of the page for analysts, each with the lines that it shows of the output."""
    told: list[tuple[str, list[str]]] = []
    page = (ROOT / "docs" / "questions.md").read_text()
    for block in re.findall(r"```console\n(.*?)```", page, re.S):
        for line in block.splitlines():
            if line.startswith("$ trailhouse "):
                told.append((line.removeprefix("$ trailhouse "), []))
            elif line.strip() and line.strip() != "…":
                told[-1][1].append(line.rstrip())
    return told


def test_the_page_for_analysts_tells_every_command() -> None:
    assert {line.split()[0] for line, _ in _told()} >= {
        "usage",
        "errors",
        "timeline",
        "who-stopped",
        "blind",
    }


@pytest.mark.parametrize(("line", "shown"), _told())
def test_what_the_page_for_analysts_shows_is_what_is_printed(
    run: Run, line: str, shown: list[str]
) -> None:
    code = 2 if any(text.startswith("trailhouse: ") for text in shown) else 0

    result = run(*shlex.split(line), code=code)

    printed = iter([text.rstrip() for text in (result.out + result.err).splitlines()])
    missing = [text for text in shown if text not in printed]
    assert not missing, result.out + result.err
