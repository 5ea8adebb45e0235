"""Answers: only what a service documents as its success is one, and any answer has its verdict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from receivers import Answer, Receiver, Request, receiving
from services import NOW, TABLES, table_at

from pipelines.settings import load_settings
from pipelines.sinks.registry import open_sink
from pipelines.sinks.sink import Batch, Sink, SinkError, TransientSinkError

TOKEN = Answer(200, '{"access_token":"t0ken","expires_in":3600}')
BATCH = Batch(
    "s",
    "5f" * 32,
    ['{"a":0}', '{"a":1}', '{"a":2}'],
    {"event_id": ["e0", "e1", "e2"], "occurred_at": [NOW] * 3, "event_kind": ["job"] * 3},
)
SUCCESSES = {
    "http": Answer(200, "ok", {"Content-Type": "text/html"}),  # what Slack says
    "splunk_hec": Answer(200, '{"text":"Success","code":0}'),
    "datadog": Answer(202, "{}"),
    "sumo": Answer(200),
    "loki": Answer(204),
    "elasticsearch": Answer(200, '{"errors":false}'),
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
    settings = load_settings(sink=(table_at(receiver.url, kind, **more),))
    return open_sink(settings.sink[0], None, clock=lambda: NOW)  # type: ignore[arg-type]


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
