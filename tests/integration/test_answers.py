"""Answers: only what a service documents as its success is one, and any answer has its verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from desk import Desk, Service
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from lakes import activity, encode, folder_place, run_load
from receivers import Answer, Receiver, Request, receiving
from services import NOW, TABLES, table_at

from pipelines.exports import schema
from pipelines.exports.states import find_state
from pipelines.lake.storage import Storage
from pipelines.settings import load_settings
from pipelines.sinks.http import HttpSettings
from pipelines.sinks.registry import open_sink
from pipelines.sinks.sink import Batch, Sink, SinkError, TransientSinkError

TOKEN = Answer(200, '{"access_token":"t0ken","expires_in":3600}')
BATCH = Batch(
    "s",
    "5f" * 32,
    ['{"a":0}', '{"a":1}', '{"a":2}'],
    {"event_id": ["e0", "e1", "e2"], "occurred_at": [NOW] * 3, "event_kind": ["job"] * 3},
)
KEYS = """access_token acks ackId code create errors error expires_in index invalid-event-number
items message ok reason status success text type 0 1""".split()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([*KEYS, "", "\x00"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)
ITEMS = st.fixed_dictionaries(
    {"items": st.lists(st.fixed_dictionaries({"create": JSON}) | JSON, min_size=3, max_size=3)}
)
BODIES = (JSON | ITEMS).map(json.dumps) | st.binary(max_size=50) | st.just("[" * 100_000)
STATUSES = st.sampled_from([200, 200, 202, 204, 207, 300, 307, 400, 401, 403, 404, 413, 429, 503])
HEADERS = st.dictionaries(
    st.sampled_from(["Content-Encoding", "Content-Type", "Location", "Retry-After", "ETag"]),
    st.sampled_from(["gzip", "text/html", "http://[", "//", "-1", "9" * 400, "²", "Fri, 32 Mar"]),
)
ANSWERS = st.builds(Answer, STATUSES, BODIES, HEADERS)
OBJECTS: Mapping[str, dict[str, Any]] = {
    "s3": {"bucket": "bucket", "access_key_id": "id", "secret_access_key": "env:KEY"},
    "azure_blob": {"account": "account", "container": "container", "account_key": "env:KEY"},
}
SUCCESSES = {
    "http": Answer(200, "ok", {"Content-Type": "text/html"}),  # what Slack says
    "splunk_hec": Answer(200, '{"text":"Success","code":0}'),
    "datadog": Answer(202, "{}"),
    "sumo": Answer(200),
    "loki": Answer(204),
    "elasticsearch": Answer(
        200, json.dumps({"errors": False, "items": [{"create": {"status": 201}}] * 3})
    ),
    "azure_monitor": Answer(204),
}


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver whose address is Sumo's secret."""
    with receiving() as running:
        monkeypatch.setenv("KEY", "key")
        monkeypatch.setenv("URL", running.url)
        yield running


def sink_at(receiver: Receiver, kind: str, **more: Any) -> Sink:
    """A sink at the receiver."""
    return opened(table_at(receiver.url, kind, **more))


def opened(table: dict[str, Any]) -> Sink:
    """A sink as the settings would give it."""
    loaded = load_settings(sink=(table,))
    return open_sink(loaded.sink[0], Storage(loaded), clock=lambda: NOW)


def saying(answer: Answer) -> Any:
    """What answers every batch so; tokens are given."""

    def rule(request: Request) -> Answer:
        return TOKEN if request.path.endswith("/token") else answer

    return rule


@pytest.mark.parametrize("kind", TABLES)
def test_what_a_service_documents_is_success(receiver: Receiver, kind: str) -> None:
    receiver.rule = saying(SUCCESSES[kind])

    receipt = sink_at(receiver, kind).send(BATCH)

    assert not {**receipt.refused, **receipt.retry}


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(200, '{"errors":["quota exceeded, nothing stored"]}'), id="an error"),
        pytest.param(
            Answer(200, "<p>Please log in</p>", {"Content-Type": "text/html; charset=utf-8"}),
            id="a page",
        ),
        pytest.param(
            Answer(200, "\n<!DOCTYPE HTML><title>Log in</title>"), id="a page by its look"
        ),
        pytest.param(Answer(203, "<html>Portal</html>"), id="a portal"),
    ],
)
def test_success_without_what_the_service_says_delivers_nothing(
    receiver: Receiver, kind: str, answer: Answer
) -> None:
    receiver.rule = saying(answer)

    with pytest.raises(SinkError) as failure:
        sink_at(receiver, kind).send(BATCH)

    assert (type(failure.value), failure.value.cause) == (TransientSinkError, "wrong_answer")


def test_a_page_is_believed_where_the_settings_say_so(receiver: Receiver) -> None:
    receiver.rule = saying(Answer(200, "<html>Thanks</html>", {"Content-Type": "text/html"}))

    assert sink_at(receiver, "http", judge_answer=False).send(BATCH).response


def attempt(sink: Sink) -> None:
    """Deliver and probe: a receipt or an error of its own; anything else is raised."""
    with suppress(SinkError):
        receipt = sink.send(BATCH)
        assert {*receipt.refused, *receipt.retry} <= {0, 1, 2}
    with suppress(SinkError):
        sink.probe()


@pytest.mark.parametrize("kind", TABLES)
@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(answers=st.lists(ANSWERS, min_size=1, max_size=3))
@example([TOKEN, Answer(400, '{"error":"text"}')])
@example([Answer(200, '{"access_token":"t0ken","expires_in":"soon"}')])
@example([Answer(200, '{"items":[{"create":null},{"create":{"error":"x","status":400}},1]}')])
@example([Answer(200, '{"code":0,"ackId":1}'), Answer(200, '{"acks":[]}')])
@example([Answer(307, headers={"Location": "http://["})])
@example([Answer(200, b"no gzip", {"Content-Encoding": "gzip"})])
def test_any_answer_of_any_shape_becomes_a_verdict(
    receiver: Receiver, kind: str, answers: list[Answer]
) -> None:
    more = {"acknowledge": True, "acknowledge_seconds": 0.01} if kind == "splunk_hec" else {}
    turns = cycle(answers)
    receiver.rule = lambda _: next(turns)

    attempt(sink_at(receiver, kind, **more))


@pytest.mark.parametrize("kind", OBJECTS)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(answer=ANSWERS)
def test_any_answer_of_an_object_store_becomes_a_verdict(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, kind: str, answer: Answer
) -> None:
    monkeypatch.setenv("KEY", "c2VjcmV0")  # keys of Azure are base64
    receiver.rule = lambda _: answer
    table = {"name": "s", "kind": kind, "endpoint_url": receiver.url, "format": "single"}

    attempt(opened(table | {"timeout_seconds": 2, "key": "{event_id}"} | OBJECTS[kind]))


@pytest.mark.parametrize(
    ("answer", "breaker", "cause"),
    [
        pytest.param(Answer(429, headers={"Retry-After": "7200"}), "closed", "throttled"),
        pytest.param(Answer(401), "open", "bad_credentials"),
    ],
)
def test_what_stops_a_batch_half_way_is_what_the_ledger_goes_by(
    receiver: Receiver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    breaker: str,
    cause: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    place = folder_place(tmp_path)
    place.put("a.ndjson", b"\n".join(encode(activity()) for _ in range(3)))
    run_load(place.lake(), [place.landing])
    sink = HttpSettings(name="s", kind="http", url=receiver.url, format="single", start="beginning")
    desk = Desk(
        place.lake(), f"sqlite:///{tmp_path}/ledger.sqlite", Service(tmp_path / "x"), [sink]
    )
    receiver.then(Answer(200), answer)

    desk.deliver(open_sink=open_sink)

    with desk.ledger.read() as connection:
        state = find_state(connection, "s")
        attempts = connection.execute(sa.select(schema.attempts.c.cause)).scalars().all()
    assert state is not None
    assert (state.breaker, state.cause, attempts) == (breaker, cause, [cause])
    if answer.headers:
        assert state.next_attempt_at == desk.now + timedelta(hours=2)
    assert (desk.balance().delivered, desk.balance().waiting) == (1, 2)
