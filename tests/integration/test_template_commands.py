"""Template commands: what would be sent, and what would change, before anything is sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lakes import Place, activity, encode, job, run_load
from typer.testing import CliRunner

from pipelines.cli.main import app
from pipelines.errors import TrailhouseError

SINK = """
[[sink]]
name = "siem"
kind = "http"
url = "https://siem.example/events"
template = "{template}"
kinds = ["job"]
detail = "status"
mask = [{{ field = "{mask}", action = "mask" }}]
"""


@pytest.fixture
def lake(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A lake with two jobs of 3 February and an act of the day before."""
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", place.lake().url)
    records = [
        job(id="j-1", error="Customer must be present", status="failed"),
        {"now": "2026-02-03", "log_message": job(id="j-2", completed_at="2026-02-03T05:00:00Z")},
        activity(timestamp="2026-02-02 09:15:27 UTC"),
    ]
    place.put("1.ndjson", b"\n".join(map(encode, records)))
    run_load(place.lake(), [place.landing])
    return place


def run(*words: str, code: int = 0) -> str:
    """What a command prints."""
    done = CliRunner().invoke(app, ["template", *words])
    if isinstance(done.exception, TrailhouseError):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.stdout


def settings(template: str = "workato", mask: str = "recipe_id") -> None:
    Path("trailhouse.toml").write_text(SINK.format(template=template, mask=mask))


def test_preview_shows_the_newest_events_as_they_would_be_sent(lake: Place) -> None:
    events = [json.loads(line) for line in run("preview", "workato").splitlines()]

    assert [event.get("id") for event in events] == ["j-1", "j-2", None]
    assert events[2]["event"] == "recipe_stopped"
    assert [row["event_id"] for row in json.loads(run("preview", "cef", "--limit", "1", "--json"))]


def test_preview_for_a_sink_hides_what_the_sink_hides(lake: Place) -> None:
    settings()

    own = [json.loads(line) for line in run("preview", "--sink", "siem").splitlines()]
    other = run("preview", "logfmt", "--sink", "siem")

    assert [event["id"] for event in own] == ["j-1", "j-2"]
    assert [event["recipe_id"] for event in own] == ["***", "***"]
    assert not {"lines", "error"} & own[0].keys()
    assert "resource=***" in other
    assert "5501203" not in other


def test_diff_shows_what_a_change_would_do_to_the_events_of_a_day(
    lake: Place, tmp_path: Path
) -> None:
    path = tmp_path / "new.json"
    path.write_text(
        '{"why": {{ error_message }}, {% if outcome == "failed" %}"page": true,'
        '{% endif %} "id": {{ job_id }}}'
    )
    old = tmp_path / "old.json"
    old.write_text('{"why": {{ error_message }}, "id": {{ job_id }}}')

    told = run("diff", str(old), str(path), "--day", "2026-02-03")
    same = json.loads(run("diff", str(old), str(old), "--day", "2026-02-03", "--json"))

    assert told.startswith("1 of 2 events of 2026-02-03 would change.")
    assert "job job:j-1:failed" in told
    assert '+  "page": true,' in told
    assert (same["events"], same["changed"], same["examples"]) == (2, 0, [])


def test_diff_names_the_newest_day_where_yesterday_had_no_events(lake: Place) -> None:
    with pytest.raises(TrailhouseError, match="--day 2026-02-03"):
        run("diff", "workato", "ecs")


def test_lint_ends_with_one_where_there_is_something_to_mend(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text('{"a": {{ actor_mail }}}')

    told = run("lint", str(path), "ecs", code=1)
    found = json.loads(run("lint", str(path), "--json", code=1))

    assert f"{path}:1: unknown field 'actor_mail'; did you mean actor_email" in told
    assert [(one["line"], one["field"]) for one in found] == [(1, "actor_mail")]
    assert run("lint", "ecs", "cef") == "2 templates are sound.\n"


def test_lint_without_a_name_looks_at_the_templates_of_all_sinks(tmp_path: Path) -> None:
    path = tmp_path / "jobs.json"
    path.write_text('{"who": {{ actor_name }}}')
    settings(template=str(path))

    told = run("lint", code=1)

    assert "unknown field 'actor_name'" in told


def test_lint_refuses_a_mask_that_hides_nothing() -> None:
    settings(mask="recipe_nam")

    with pytest.raises(TrailhouseError, match="did you mean recipe_name"):
        run("lint")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("lint",), id="nothing to lint"),
        pytest.param(("preview",), id="nothing to preview"),
    ],
)
def test_a_command_without_a_template_says_what_is_missing(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, ["template", *words])

    assert done.exit_code == 2
    assert "name a template" in done.output


def test_a_sink_that_there_is_not_is_told_with_those_that_are() -> None:
    settings()

    with pytest.raises(TrailhouseError, match="'nobody'; the settings have: siem"):
        run("preview", "--sink", "nobody")
