"""Deliveries by command: what is sent, what waits, what is wrong, and what to do about it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from lakes import activity, encode, folder_place, job, lake_at, run_load
from receivers import Answer, Fault, Receiver, Request, receiving
from typer.testing import CliRunner

from pipelines.cli.main import app
from pipelines.errors import TrailhouseError
from pipelines.exports import schema
from pipelines.exports.ledger import open_url
from pipelines.exports.trial import MARK

EVENTS = 8
LATE = datetime(2035, 1, 1, tzinfo=UTC)
CANARY = "s3cret-canary-91c0"


def denied(_: Request) -> Answer:
    """We may not write."""
    return Answer(403, "no right to write")


def without_failed_jobs(request: Request) -> Answer:
    """Batches with a failed job are refused."""
    return Answer(400, "bad field") if b'"failed"' in request.body else Answer()


def toml(value: Any) -> str:
    """A value as TOML writes it, which for all but tables is as JSON does."""
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {toml(one)}' for key, one in value.items())} }}"
    return json.dumps(value)


@dataclass
class Office:
    """A folder with settings and a lake of 8 events, and the service that they are sent to."""

    folder: Path
    receiver: Receiver
    sinks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def configure(self, name: str = "siem", **more: Any) -> None:
        """Write the settings, with one sink more or another way."""
        common = {"kind": "http", "url": f"{self.receiver.url}/{name}", "start": "beginning"}
        self.sinks[name] = {"name": name, "batch_events": 3} | common | more
        tables = [
            "\n".join(["[[sink]]", *(f"{key} = {toml(value)}" for key, value in sink.items())])
            for sink in self.sinks.values()
        ]
        Path("trailhouse.toml").write_text("\n".join([f'lake_url = "{self.folder}"', *tables]))

    def run(self, *words: str, code: int = 0) -> str:
        """What a command prints to standard output."""
        done = CliRunner().invoke(app, list(words))
        if isinstance(done.exception, TrailhouseError):
            raise done.exception
        assert done.exit_code == code, f"{done.output}{done.exception!r}"
        return done.stdout

    def json(self, *words: str, code: int = 0) -> Any:
        """The one JSON value that a command prints, and nothing besides."""
        return json.loads(self.run(*words, "--json", code=code))

    def sink(self, name: str = "siem") -> dict[str, Any]:
        """What `sinks` says of one."""
        return next(one for one in self.json("sinks") if one["sink"] == name)

    def arrived(self, name: str = "siem") -> list[str]:
        """What the service took of a sink, message by message."""
        taken = [r for r in self.receiver.requests if r.method == "POST" and r.path == f"/{name}"]
        return [line for request in taken for line in request.lines]

    def change(self, *statements: sa.Executable) -> None:
        """Change the ledger behind everybody's back."""
        ledger = open_url(f"sqlite:///{self.folder}/ledger.sqlite")
        with ledger.write() as connection:
            for statement in statements:
                connection.execute(statement)
        ledger.close()

    def rest(self) -> None:
        """Let nobody try the sinks for years, unless told to."""
        self.change(schema.sink_states.update().values(next_attempt_at=LATE))


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with five acts of 2 February, and two jobs and a failed one of 3 February."""
    folder = tmp_path_factory.mktemp("loaded")
    place = folder_place(folder)
    events = [activity(timestamp=f"2026-02-02 09:{n:02}:00 UTC") for n in range(5)]
    events += [job(), job(), job(id="j-bad", status="failed", error="Customer is missing")]
    place.put("a.ndjson", b"\n".join(encode(event) for event in events))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_load(place.lake(), [place.landing])
    return folder / "lake-1"


@pytest.fixture
def office(loaded: Path, tmp_path: Path) -> Iterator[Office]:
    """The office, with one sink whose service is well."""
    with receiving() as receiver:
        made = Office(Path(shutil.copytree(loaded, tmp_path / "lake")), receiver)
        made.configure()
        yield made


@pytest.fixture
def waiting(office: Office) -> Office:
    """The office, with a service that denied us, and is well by now; nobody tried it since."""
    office.receiver.rule = denied
    office.run("deliver", code=1)
    office.rest()
    office.receiver.requests.clear()
    office.receiver.rule = lambda _: Answer()
    return office


@pytest.fixture
def refused(office: Office) -> Office:
    """The office, with a service that refused the failed job, and would take it by now."""
    office.receiver.rule = without_failed_jobs
    office.run("deliver", code=1)
    office.receiver.requests.clear()
    office.receiver.rule = lambda _: Answer()
    return office


def test_deliver_sends_what_is_loaded_once(office: Office) -> None:
    (done,) = office.json("deliver")
    (again,) = office.json("deliver")

    assert (done["sink"], done["delivered"], done["waiting"]) == ("siem", EVENTS, 0)
    assert again["delivered"] == 0
    assert len(office.arrived()) == EVENTS


def test_deliver_tells_people_what_it_did(office: Office) -> None:
    told = office.run("deliver")

    row = next(line for line in told.splitlines() if "siem" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")][:5] == ["siem", "8", "0", "0", "0"]
    assert "well" in row


def test_deliver_ends_with_one_where_a_sink_fails(office: Office) -> None:
    office.receiver.rule = denied

    told = office.run("deliver", code=1)

    assert "broken: access denied" in told
    assert office.sink()["waiting_events"] == EVENTS


def test_deliver_ends_with_one_where_events_were_refused(office: Office) -> None:
    office.receiver.rule = without_failed_jobs

    (done,) = office.json("deliver", code=1)

    assert (done["delivered"], done["dead"], done["cause"]) == (EVENTS - 1, 1, None)


def test_deliver_ends_with_one_where_a_template_is_wrong(office: Office) -> None:
    Path("bad.json").write_text('{"a":\n{{ no_such_field }}}')
    office.configure(template="bad.json")

    (done,) = office.json("deliver", code=1)

    assert "bad.json:2" in done["problem"]
    assert office.sink()["state"] == "stopped"
    assert office.sink()["loads"] == 1


def test_deliver_to_some_sinks_leaves_the_others_alone(office: Office) -> None:
    office.configure("other")

    done = office.json("deliver", "other")

    assert [one["sink"] for one in done] == ["other"]
    assert (len(office.arrived("other")), office.arrived()) == (EVENTS, [])


def test_a_failing_sink_is_left_alone_until_it_is_due_or_named_with_now(waiting: Office) -> None:
    waiting.run("deliver", code=1)
    left_alone = waiting.arrived()

    (done,) = waiting.json("deliver", "siem", "--now")

    assert left_alone == []
    assert (done["delivered"], done["waiting"], done["breaker"]) == (EVENTS, 0, "closed")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["deliver", "sime"], "no sink is named 'sime'; .* siem", id="unknown sink"),
        pytest.param(["sinks", "show", "sime"], "no sink is named 'sime'", id="unknown page"),
        pytest.param(["outbox", "list", "sime"], "no sink is named 'sime'", id="unknown queue"),
        pytest.param(["outbox", "show", "0"], "no batch has an id", id="unknown batch"),
        pytest.param(["dead", "show", "job:1"], "no dead letter is of event", id="unknown event"),
        pytest.param(["dead", "redrive", "siem", "job:1"], "trailhouse dead list siem", id="alive"),
        pytest.param(["deliver", "off"], "'off': it is off", id="off"),
        pytest.param(
            ["replay", "off", "--from", "2026-02-02", "--to", "2026-02-03"],
            "it is off",
            id="replay",
        ),
        pytest.param(
            "replay siem --from 2026-02-02 --to 2026-02-03 --template nope".split(),
            "no such template",
            id="template",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_can(
    office: Office, words: list[str], told: str
) -> None:
    office.configure("off", enabled=False)

    with pytest.raises(TrailhouseError, match=told):
        office.run(*words)


@pytest.mark.parametrize("words", ["deliver", "sinks", "sinks show siem", "doctor"])
def test_without_a_sink_commands_say_where_one_is_written(
    words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", str(tmp_path))
    done = CliRunner().invoke(app, words.split())

    assert isinstance(done.exception, TrailhouseError)
    assert "sink" in str(done.exception)


def test_sinks_shows_state_backlog_oldest_and_last_error(waiting: Office) -> None:
    found = waiting.sink()
    told = waiting.run("sinks")

    assert (found["state"], found["waiting_events"], found["loads"]) == ("broken", EVENTS, 0)
    assert found["oldest_at"] == "2026-02-02T09:00:00+00:00"
    assert found["error"] == "access denied: 403 no right to write"
    for word in ("broken", "2026-02-02 09:00:00", "2035-01-01", "no right to write"):
        assert word in told


@pytest.mark.parametrize(
    ("more", "state", "loads"),
    [
        pytest.param({}, "new", 1, id="new"),
        pytest.param({"start": "now"}, "new", 0, id="begins now"),
        pytest.param({"enabled": False}, "off", 0, id="off"),
    ],
)
def test_sinks_knows_what_a_sink_that_nothing_was_sent_to_will_get(
    office: Office, more: dict[str, Any], state: str, loads: int
) -> None:
    office.configure(**more)

    assert (office.sink()["state"], office.sink()["loads"]) == (state, loads)


def test_a_load_that_no_delivery_has_met_is_counted(office: Office, tmp_path: Path) -> None:
    office.run("deliver")
    place = folder_place(tmp_path / "more")
    place.put("b.json", encode(activity()))
    run_load(lake_at(office.folder), [place.landing])

    assert office.sink()["loads"] == 1


def test_a_sink_that_was_taken_out_of_the_settings_still_shows_what_waits(waiting: Office) -> None:
    waiting.sinks.clear()
    waiting.configure("other")

    gone = waiting.sink("siem")

    assert (gone["state"], gone["kind"]) == ("not in the settings", None)
    assert gone["waiting_events"] == EVENTS
    assert len(waiting.json("outbox", "list", "siem")) == 3


def test_the_page_of_a_sink_has_books_attempts_and_what_to_do(waiting: Office) -> None:
    page = waiting.json("sinks", "show", "siem")
    told = waiting.run("sinks", "show", "siem")

    assert page["books"]["selected"] == page["books"]["waiting"] == EVENTS
    assert page["books"]["broken"] == []
    assert [one["outcome"] for one in page["attempts"]] == ["configuration"]
    assert page["advice"]["headline"] == "access denied"
    assert "  1. " in told
    assert "trailhouse sinks test siem" in told
    assert "nobody is told" in page["untold"]


def test_the_page_of_a_sink_that_is_well_gives_no_advice(refused: Office) -> None:
    page = refused.json("sinks", "show", "siem")

    assert (page["state"], page["advice"], page["dead_by_reason"]) == ("well", None, {"payload": 1})
    assert "1. " not in refused.run("sinks", "show", "siem")


@pytest.mark.parametrize("kind", ["activity", "job", "api_request", "log_message"])
def test_the_test_event_says_that_it_is_one_and_changes_nothing(waiting: Office, kind: str) -> None:
    waiting.configure(kinds=[kind])
    before = waiting.json("sinks", "show", "siem")

    trial = waiting.json("sinks", "test", "siem")

    (message,) = waiting.arrived()
    assert json.loads(message)["trailhouse_test"] is True
    assert MARK in message
    assert trial["passed"]
    assert [step["problem"] for step in trial["steps"]] == [None] * 4
    assert waiting.json("sinks", "show", "siem") == before


def test_the_test_event_is_shaped_as_the_sink_says(office: Office) -> None:
    office.configure(template="ecs", mask=[{"field": "actor_email", "action": "mask"}])

    office.run("sinks", "test", "siem")

    (message,) = office.arrived()
    assert json.loads(message)["ecs"]["version"]
    assert "trailhouse@example.com" not in message


@pytest.mark.parametrize(
    ("answer", "cause", "step"),
    [
        pytest.param(Answer(401), "bad_credentials", "token", id="credentials"),
        pytest.param(Answer(403), "access_denied", "permission", id="access"),
        pytest.param(Answer(404), "not_found", "address", id="address"),
        pytest.param(Answer(429), "throttled", "quota", id="throttled"),
        pytest.param(Answer(400), "payload", "template", id="payload"),
        pytest.param(Answer(503), "server_error", "status", id="server"),
        pytest.param(Fault.DROP, "network", "127.0.0.1", id="network"),
    ],
)
def test_a_test_that_fails_explains_what_is_wrong(
    office: Office, answer: Answer | Fault, cause: str, step: str
) -> None:
    office.receiver.rule = lambda _: answer  # type: ignore[return-value]

    trial = office.json("sinks", "test", "siem", code=1)
    told = office.run("sinks", "test", "siem", code=1)

    assert (trial["passed"], trial["cause"]) == (False, cause)
    assert step in " ".join(trial["advice"]["steps"]).lower()
    assert trial["advice"]["meaning"] in told
    assert all(f"{n}. {one}" in told for n, one in enumerate(trial["advice"]["steps"], 1))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        pytest.param(
            {"bearer_token": "env:NOT_SET"}, "the variable NOT_SET is not set", id="secret"
        ),
        pytest.param({"template": "nope"}, "no such template", id="template"),
        pytest.param({"where": "no_such_column = 1"}, "setting 'where'", id="filter"),
        pytest.param({"url": "http://no-such-host.invalid/"}, "no-such-host.invalid", id="host"),
    ],
)
def test_a_test_names_the_setting_that_is_wrong_before_anything_is_sent(
    office: Office, more: dict[str, Any], told: str
) -> None:
    office.configure(**more)

    trial = office.json("sinks", "test", "siem", code=1)

    assert told in trial["steps"][-1]["problem"]
    assert office.receiver.requests == []


def test_a_service_that_takes_events_but_no_probes_is_told(office: Office) -> None:
    office.receiver.rule = lambda r: Answer(401) if r.method == "HEAD" else Answer()

    trial = office.json("sinks", "test", "siem", code=1)

    assert [step["problem"] is None for step in trial["steps"]] == [True, True, False, True]
    assert trial["cause"] == "bad_credentials"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("sinks test siem", 1),
        ("sinks test siem --json", 1),
        ("deliver", 1),
        ("sinks show siem", 0),
        ("sinks --json", 0),
        ("config --json", 0),
    ],
)
def test_secrets_are_never_printed_though_the_service_repeats_them(
    office: Office, words: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIEM_TOKEN", CANARY)
    office.configure(bearer_token="env:SIEM_TOKEN")
    office.receiver.rule = lambda r: Answer(401, f"{r.headers['authorization']} is not known")
    office.run("deliver", code=1)

    assert CANARY not in office.run(*words.split(), code=code)
    assert any(CANARY in request.headers["authorization"] for request in office.receiver.requests)


def test_what_waits_is_listed_in_order_and_sent_as_it_is_shown(waiting: Office) -> None:
    batches = waiting.json("outbox", "list")
    shown = [waiting.json("outbox", "show", one["batch_id"][:16]) for one in batches]
    printed = waiting.run("outbox", "show", batches[0]["batch_id"], "--messages")
    told = waiting.run("outbox", "list", "--limit", "1")

    waiting.run("deliver", "--now")

    assert [one["event_count"] for one in batches] == [3, 3, 2]
    assert [m for one in shown for m in one["messages"]] == waiting.arrived()
    assert printed.splitlines() == waiting.arrived()[:3]
    assert [len(one["attempts"]) for one in shown] == [1, 0, 0]
    assert "3 batches wait" in told
    assert waiting.run("outbox", "list") == "Nothing waits.\n"


def test_a_batch_shows_its_attempts_also_once_it_is_delivered(office: Office) -> None:
    office.receiver.rule = denied
    office.run("deliver", code=1)
    batch_id = office.json("outbox", "list")[0]["batch_id"]
    office.receiver.rule = lambda _: Answer()
    office.run("deliver", "--now")

    shown = office.json("outbox", "show", batch_id)
    told = office.run("outbox", "show", batch_id)

    assert (shown["state"], shown["messages"]) == ("delivered", [])
    assert [one["outcome"] for one in shown["attempts"]] == ["delivered", "configuration"]
    assert "no right to write" in told


def test_dead_letters_are_listed_shown_and_redriven_as_they_were_rendered(refused: Office) -> None:
    (letter,) = refused.json("dead", "list")
    (shown,) = refused.json("dead", "show", letter["event_id"])
    told = refused.run("dead", "show", letter["event_id"])

    redriven = refused.json("dead", "redrive", "siem")
    refused.run("deliver", "--now")

    assert (letter["event_id"], letter["reason"]) == ("job:j-bad:failed", "payload")
    assert "bad field" in letter["response"]
    assert json.loads(shown["message"])["error"] == "Customer is missing"
    assert shown["message"] in told
    assert redriven == {"sink": "siem", "redriven": 1}
    assert refused.arrived() == [shown["message"]]
    assert refused.run("dead", "list", "siem") == "No dead letters.\n"
    assert "no such dead letters" in refused.run("dead", "redrive", "siem")


def test_dead_letters_are_chosen_by_sink_reason_and_event(refused: Office) -> None:
    refused.configure("other")
    refused.run("deliver", "other")

    assert refused.json("dead", "list", "other") == []
    assert refused.json("dead", "list", "siem", "--reason", "given_up") == []
    assert refused.json("dead", "redrive", "siem", "--reason", "given_up")["redriven"] == 0
    assert refused.json("dead", "redrive", "siem", "job:j-bad:failed")["redriven"] == 1


def replay_of(office: Office, start: str, end: str, *more: str) -> dict[str, Any]:
    told: dict[str, Any] = office.json("replay", "siem", "--from", start, "--to", end, *more)
    return told


@pytest.mark.parametrize(
    ("start", "end", "sent"),
    [
        pytest.param("2026-02-02", "2026-02-02", 5, id="a day"),
        pytest.param("2026-02-02", "2026-02-03", 8, id="two days"),
        pytest.param("2026-02-02T09:01", "2026-02-02T09:03:00", 2, id="up to a moment"),
        pytest.param("2026-02-02T10:01+01:00", "2026-02-02", 4, id="a moment with a zone"),
        pytest.param("2025-01-01", "2025-01-31", 0, id="nothing"),
    ],
)
def test_a_dry_replay_says_what_it_would_send_and_sends_nothing(
    office: Office, start: str, end: str, sent: int
) -> None:
    office.run("deliver")
    office.receiver.requests.clear()

    plan = replay_of(office, start, end, "--dry-run")
    told = office.run("replay", "siem", "--from", start, "--to", end, "--dry-run")

    assert (plan["selected"], plan["deliveries"]) == (sent, [])
    assert f"Would send {sent} of {sent} events" in told
    assert office.json("deliver")[0]["delivered"] == 0
    assert office.receiver.requests == []


def test_a_replay_sends_the_events_again_through_another_template(office: Office) -> None:
    office.run("deliver")
    office.receiver.requests.clear()
    Path("again.json").write_text('{"id": {{ event_id }}, "kind": {{ event_kind }}}')

    told = replay_of(office, "2026-02-03", "2026-02-03", "--template", "again.json")

    assert told["selected_by_kind"] == {"job": 3}
    assert told["deliveries"][0]["delivered"] == 3
    sent = [json.loads(message) for message in office.arrived()]
    assert {one["kind"] for one in sent} == {"job"}
    assert "job:j-bad:failed" in {one["id"] for one in sent}


def test_a_replay_holds_to_the_filter_of_the_sink(office: Office) -> None:
    office.configure(failed_jobs_only=True, kinds=["job"])

    plan = replay_of(office, "2026-02-02", "2026-02-03", "--dry-run")

    assert (plan["in_range"], plan["selected"]) == (EVENTS, 1)


def test_a_replay_that_fails_waits_and_finds_its_template_from_any_folder(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.run("deliver")
    office.receiver.requests.clear()
    Path("again.json").write_text('{"again": {{ event_id }}}')
    office.configure(bearer_token="env:NOT_SET")
    span = ("--from", "2026-02-03", "--to", "2026-02-03")
    office.run("replay", "siem", *span, "--template", "again.json", code=1)
    monkeypatch.setenv("TRAILHOUSE_CONFIG", str(Path("trailhouse.toml").absolute()))
    monkeypatch.setenv("NOT_SET", "set now")
    monkeypatch.chdir(tmp_path)

    office.run("deliver", "--now")

    assert [json.loads(message).keys() for message in office.arrived()] == [{"again"}] * 3


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-02-03", "2026-02-02"), ("2026-02-03T10:00", "2026-02-03T10:00"), ("soon", "later")],
)
def test_a_range_that_is_none_is_refused(office: Office, start: str, end: str) -> None:
    assert office.run("replay", "siem", "--from", start, "--to", end, code=2) == ""


def test_the_doctor_finds_nothing_where_all_agree(waiting: Office) -> None:
    assert waiting.run("doctor") == "Ledger, lake and cache agree.\n"
    assert waiting.json("doctor", "--apply") == {"found": [], "left": []}


def test_the_doctor_plans_repairs_and_does_them_when_told_to(waiting: Office) -> None:
    texts = [
        message
        for one in waiting.json("outbox", "list")
        for message in waiting.json("outbox", "show", one["batch_id"])["messages"]
    ]
    shutil.rmtree(waiting.folder / "exports/siem/waiting")

    planned = waiting.json("doctor", code=1)["found"]
    told = waiting.run("doctor", code=1)
    mended = waiting.run("doctor", "--apply")

    assert [one["kind"] for one in planned] == ["waiting_file_missing"] * 3
    assert "trailhouse doctor --apply" in told
    assert "All 3 repaired." in mended
    waiting.run("deliver", "--now")
    assert waiting.arrived() == texts


def test_the_doctor_leaves_to_a_person_what_only_a_person_can_judge(office: Office) -> None:
    office.run("deliver")
    office.change(schema.feeds.update().values(selected_count=99))

    left = office.json("doctor", "--apply", code=1)["left"]
    told = office.run("doctor", "--apply", code=1)

    assert {one["kind"] for one in left} == {"books_differ"}
    assert "a person must look" in told


def test_a_chat_is_told_when_a_delivery_by_command_breaks_a_sink(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_URL", f"{office.receiver.url}/chat")
    with Path("trailhouse.toml").open("a") as file:
        file.write('\n[chat]\nurl = "env:CHAT_URL"\n')
    office.receiver.rule = lambda r: Answer() if r.path == "/chat" else denied(r)

    office.run("deliver", code=1)
    office.run("deliver", "--now", code=1)

    (told,) = [r.body.decode() for r in office.receiver.requests if r.path == "/chat"]
    assert "siem" in told
    assert "access denied" in told


def test_analysts_find_every_attempt_in_the_lake(refused: Office) -> None:
    query = "select outcome, sum(event_count) as events from deliveries group by all order by all"

    told = refused.run("query", query, "--format", "csv")

    assert told.splitlines()[:2] == ["outcome,events", "delivered,7"]
    assert told.splitlines()[2].startswith("payload,")


def test_the_help_of_the_list_of_sinks_has_an_example() -> None:
    told = CliRunner().invoke(app, ["sinks", "--help"]).stdout

    assert "Example: trailhouse sinks" in " ".join(told.split())
