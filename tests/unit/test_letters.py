"""Letters: what a notice says, in words, as text, as HTML and as a chat's message."""

from __future__ import annotations

import json
import string
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from pages import parse

from pipelines.errors import ConfigurationError
from pipelines.notify.letter import compose, span
from pipelines.notify.notice import Notice, NoticeState, Why
from pipelines.notify.render import CHATS, render_chat, render_html, render_text
from pipelines.notify.steps import advise, place_of, read_steps
from pipelines.sinks.http import HttpSettings
from pipelines.sinks.registry import KINDS
from pipelines.sinks.sink import Cause

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
STATES = get_args(NoticeState)
WHYS = (*get_args(Cause), "stopped")
BLNS = json.loads((Path(__file__).parents[1] / "vectors/strings/blns.json").read_text("utf-8"))
SIEM = HttpSettings(name="siem", kind="http", url="https://siem.example/events?x=1")


def notice(**more: Any) -> Notice:
    """A notice that a sink broke two hours ago."""
    facts: dict[str, Any] = {
        "sink": "siem",
        "state": "broken",
        "cause": "bad_credentials",
        "since": NOW - timedelta(hours=2),
        "waiting_events": 1234,
        "oldest_at": NOW - timedelta(days=3),
        "response": '401 {"error": "token expired"}',
    }
    return Notice(**(facts | more))


def letter(**more: Any) -> Any:
    """The letter of a notice."""
    return compose(notice(**more), SIEM, NOW)


@pytest.mark.parametrize("cause", WHYS)
def test_every_cause_has_steps_that_end_with_the_command_that_tests_the_sink(cause: Why) -> None:
    advice = advise(cause, SIEM)

    assert len(advice.steps) >= 3
    assert "`trailhouse sinks test siem`" in advice.steps[-1]
    assert advice.headline
    assert advice.meaning.endswith(".")


def test_the_steps_name_causes_and_kinds_that_there_are_and_fill_in_what_is_known() -> None:
    found = read_steps()

    texts = list(found["ends"])
    for cause in WHYS:
        assert found[cause].get("kinds", {}).keys() <= KINDS.keys(), cause
        for steps in (found[cause]["steps"], *found[cause].get("kinds", {}).values()):
            texts += steps
    assert found.keys() == {"ends", *WHYS}
    fields = {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name}
    assert fields <= {"sink", "kind", "place"}
    assert all(text.count("`") % 2 == 0 for text in texts)


def test_a_kind_of_sink_has_its_own_steps_for_a_cause() -> None:
    splunk = KINDS["splunk_hec"](  # type: ignore[call-arg]
        name="siem", kind="splunk_hec", url="https://splunk.example:8088", token="env:TOKEN"
    )

    assert "HTTP Event Collector" in advise("bad_credentials", splunk).steps[0]
    assert "HTTP Event Collector" not in " ".join(advise("bad_credentials", SIEM).steps)


def test_a_bucket_that_denies_us_is_named_with_the_permission_that_is_missing() -> None:
    copy = KINDS["s3"](name="copy", kind="s3", bucket="acme-audit")  # type: ignore[call-arg]

    steps = " ".join(advise("access_denied", copy).steps)

    assert "`s3:PutObject` on `arn:aws:s3:::acme-audit/*`" in steps


def test_where_a_sink_sends_to_is_said_without_what_may_be_secret() -> None:
    common: dict[str, Any] = {"name": "siem", "kind": "splunk_hec", "token": "env:TOKEN"}
    url = "https://splunk.example:8088/services?token=s3cret"
    splunk = KINDS["splunk_hec"](**common, url=url, host="our-host")
    hidden = KINDS["http"](name="chat", kind="http", url="env:WEBHOOK")  # type: ignore[call-arg]

    assert place_of(splunk) == "splunk.example:8088"
    assert place_of(hidden) == "the service"


@pytest.mark.parametrize("render", [render_text, render_html])
def test_a_letter_says_what_failed_since_when_how_much_waits_and_what_to_do(render: Any) -> None:
    written = render(letter(give_up_at=NOW + timedelta(days=5)))

    shown = parse(written.encode()).text if render is render_html else " ".join(written.split())
    assert "siem is broken: credentials refused" in shown
    assert "siem (http, siem.example)" in shown
    assert "2026-03-20 10:00 UTC, 2 h ago" in shown
    assert "1,234 events" in shown
    assert "2026-03-17 12:00 UTC, 3 days old" in shown
    assert "2026-03-25 12:00 UTC" in shown
    assert '401 {"error": "token expired"}' in shown
    assert "has expired or was revoked" in shown
    assert "Nothing is lost" in shown


def test_steps_are_numbered_in_both_forms() -> None:
    told = letter()

    steps = parse(render_html(told).encode()).all("ol")[0].all("li")
    numbers = [line.split(".")[0].strip() for line in render_text(told).splitlines()]

    assert [step.text for step in steps] == [step.replace("`", "") for step in told.steps]
    assert [str(n) for n in range(1, len(steps) + 1)] == [n for n in numbers if n.isdigit()]


@pytest.mark.parametrize("state", STATES)
def test_every_state_is_told_apart_by_its_subject(state: NoticeState) -> None:
    subjects = {one: letter(state=one).subject for one in STATES}

    assert len(set(subjects.values())) == len(STATES)
    assert subjects[state].startswith("[Trailhouse] siem")


def test_a_recovery_has_no_steps_and_says_that_nothing_waits() -> None:
    told = letter(state="recovered", waiting_events=0, oldest_at=None)

    assert told.steps == ()
    assert "siem works again" in told.subject
    assert "no event waits any more" in render_text(told)
    assert "What to do" not in render_html(told)


def test_the_letters_on_one_failure_are_one_thread_and_each_has_its_own_id() -> None:
    told = [letter(state=state) for state in STATES]
    again = compose(notice(), SIEM, NOW + timedelta(minutes=5))
    tomorrow = compose(notice(), SIEM, NOW + timedelta(days=1))

    assert len({one.id for one in told}) == len(STATES)
    assert len({one.thread for one in [*told, again, tomorrow]}) == 1
    assert again.id == told[0].id != tomorrow.id
    assert letter(since=NOW).thread != told[0].thread


@pytest.mark.parametrize("text", BLNS)
def test_a_naughty_response_injects_nothing_and_stays_readable(text: str) -> None:
    hostile = f"{text}\n</pre><script>alert(1)</script>\n1. Send your password to evil.example"
    plain, odd = letter(), letter(response=hostile)

    html, calm = parse(render_html(odd).encode()), parse(render_html(plain).encode())
    lines = render_text(odd).split("\n")

    assert [e.tag for e in html.walk()] == [e.tag for e in calm.walk()]
    assert [e.attributes for e in html.walk()] == [e.attributes for e in calm.walk()]
    assert " ".join(odd.response.split()) == html.all("pre")[0].text
    quoted = [line for line in lines if line.startswith("  | ")]
    assert "\n".join(line.removeprefix("  | ") for line in quoted) == odd.response
    assert render_text(plain).split("\n")[-1] == lines[-1]
    for chat in CHATS:
        assert (
            json.loads(render_chat(odd, chat)).keys() == json.loads(render_chat(plain, chat)).keys()
        )


def test_what_cannot_be_seen_in_a_response_is_made_visible() -> None:
    told = letter(response="a\x00b\u202eevil\u202c\ud800\r\nc")

    assert told.response == "a�b�evil��\nc"


def test_a_slack_message_mentions_nobody() -> None:
    blocks = json.loads(render_chat(letter(response="<!channel> *x*"), "slack"))

    kinds = {block["text"]["type"] for block in blocks["blocks"] if "text" in block}
    assert kinds == {"plain_text"}
    assert "<" not in blocks["text"]
    assert "channel" in json.dumps(blocks["blocks"])


def test_a_template_of_ones_own_writes_the_message_of_any_chat(tmp_path: Path) -> None:
    mine = tmp_path / "chat.json"
    mine.write_text('{"msg": {{ (letter.subject ~ "\\n" ~ numbered) | tojson }}}')

    assert "siem is broken" in json.loads(render_chat(letter(), str(mine)))["msg"]


@pytest.mark.parametrize(
    ("template", "told"),
    [
        pytest.param("{{ letter.nothing }}", "nothing", id="unknown field"),
        pytest.param("{{ letter.__class__ }}", "unsafe", id="sandbox"),
        pytest.param("not json", "not json|JSON|expected|unexpected", id="no JSON"),
        pytest.param("{% if %}", "Expected", id="syntax"),
    ],
)
def test_a_wrong_template_is_refused_by_its_path(tmp_path: Path, template: str, told: str) -> None:
    mine = tmp_path / "chat.json"
    mine.write_text(template)

    with pytest.raises(ConfigurationError, match=f"chat.template: {mine}.*({told})"):
        render_chat(letter(), str(mine))


def test_a_template_that_is_not_there_is_refused_with_what_is() -> None:
    with pytest.raises(ConfigurationError, match=r"'discord'.*slack, teams"):
        render_chat(letter(), "discord")


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(seconds=-9), "less than a minute"),
        (timedelta(minutes=61), "1 h 1 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(hours=28), "1 day 4 h"),
        (timedelta(days=9, hours=4), "9 days"),
    ],
)
def test_a_length_of_time_is_said_in_its_two_largest_units(time: timedelta, said: str) -> None:
    assert span(time) == said
