"""Naughty strings: through every template and sink they arrive intact and inject nothing."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from naughty import EXTRA, STRINGS, batch_of
from receivers import Receiver, receiving
from services import NOW, AzureMonitor, Datadog, Elasticsearch, Loki, Splunk, Sumo, table_at

from pipelines.exports.template import READY
from pipelines.lake.storage import Storage
from pipelines.settings import load_settings
from pipelines.sinks.bodies import is_json
from pipelines.sinks.registry import open_sink
from pipelines.sinks.sink import Batch, Limits, Sink

Received = Callable[[Any, Receiver], list[Any]]

SERVICES: dict[str, Callable[[], Any]] = {
    "lines": lambda: None,
    "array": lambda: None,
    "splunk_hec": lambda: Splunk("key"),
    "datadog": lambda: Datadog(NOW, "key"),
    "sumo": lambda: Sumo("/"),
    "loki": Loki,
    "elasticsearch": lambda: Elasticsearch("key"),
    "azure_monitor": lambda: AzureMonitor(secret="key"),
}
"""What receives, by the kind of the sink; `lines` and `array` are formats of `http`."""
VALUES: dict[str, Received] = {
    "array": lambda _, receiver: [one for request in receiver.requests for one in request.json],
    "splunk_hec": lambda service, _: [found["event"] for found in service.events],
    "datadog": lambda service, _: service.events,
    "elasticsearch": lambda service, _: list(service.documents.values()),
    "azure_monitor": lambda service, _: service.events,
}
"""The values that arrived, where it is values that are sent."""
LINES: dict[str, Received] = {
    "lines": lambda _, receiver: receiver.messages,
    "sumo": lambda service, _: service.events,
    "loki": lambda service, _: service.events,
}
"""The lines that arrived, where it is lines."""


@contextmanager
def sending(kind: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Receiver, Sink]]:
    """What receives, and a sink that sends to it."""
    service = SERVICES[kind]()
    with receiving(service) if service else receiving() as receiver:
        monkeypatch.setenv("KEY", "key")
        monkeypatch.setenv("URL", f"{receiver.url}/")
        more: dict[str, Any] = {"format": kind} if kind in ("lines", "array") else {}
        more |= {"metadata_columns": ["event_id"]} if kind == "loki" else {}
        table = table_at(receiver.url, "http" if "format" in more else kind, **more)
        settings = load_settings(sink=(table,))
        yield service, receiver, open_sink(settings.sink[0], Storage(settings), clock=lambda: NOW)
    assert not any("x-forged" in request.headers for request in receiver.requests)


@pytest.mark.parametrize("kind", SERVICES)
def test_naughty_strings_arrive_as_they_are(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    naughty = [*STRINGS, *EXTRA]
    ids = [f"{text}-{number}" for number, text in enumerate(naughty)]
    batch = Batch(
        "s",
        "5f" * 32,
        [json.dumps({"naughty": text}, ensure_ascii=False) for text in naughty],
        {"event_id": ids, "occurred_at": [NOW] * len(naughty), "event_kind": naughty},
    )
    with sending(kind, monkeypatch) as (service, receiver, sink):
        receipt = sink.send(batch)

        arrived = {**VALUES, **LINES}[kind](service, receiver)
        if kind in LINES:
            arrived = [json.loads(line) for line in arrived]

    assert not {**receipt.refused, **receipt.retry}
    assert sorted(found["naughty"] for found in arrived) == sorted(naughty)
    if isinstance(service, Elasticsearch):
        assert list(service.documents) == ids
    if isinstance(service, Loki):
        kinds = {json.loads(labels).get("event_kind", "") for labels in service.streams}
        assert kinds == set(naughty)


def cut(batch: Batch, limits: Limits) -> Iterator[Batch]:
    """A batch in parts that a service takes."""
    start = size = 0
    for at, message in enumerate(batch.messages):
        size += len(message.encode())
        if size > limits.bytes or at - start >= limits.events:
            yield part(batch, start, at)
            start, size = at, len(message.encode())
    yield part(batch, start, len(batch))


def part(batch: Batch, start: int, end: int) -> Batch:
    """Some events of a batch."""
    events = {name: values[start:end] for name, values in batch.events.items()}
    return replace(batch, messages=batch.messages[start:end], events=events)


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("template", READY)
def test_every_template_arrives_as_values(
    template: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = batch_of(template, NOW)

    with sending(kind, monkeypatch) as (service, receiver, sink):
        receipts = [sink.send(one) for one in cut(batch, sink.limits)]
        arrived = VALUES[kind](service, receiver)

    assert not any({**receipt.refused, **receipt.retry} for receipt in receipts)
    assert len(arrived) == len(batch)
    for message, value in zip(batch.messages, arrived, strict=True):
        if is_json(batch.content_type):
            assert value.items() >= json.loads(message).items()
        else:
            assert (value["message"] if isinstance(value, dict) else value) == message


@pytest.mark.parametrize("kind", LINES)
@pytest.mark.parametrize("template", READY)
def test_every_template_arrives_as_lines(
    template: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = batch_of(template, NOW)

    with sending(kind, monkeypatch) as (service, receiver, sink):
        receipts = [sink.send(one) for one in cut(batch, sink.limits)]
        arrived = LINES[kind](service, receiver)

    assert not any({**receipt.refused, **receipt.retry} for receipt in receipts)
    # a cell of CSV may break its line, within quotes
    assert "\n".join(arrived) == "\n".join(batch.messages)


@pytest.mark.parametrize("form", ["lines", "single", "parquet"])
@pytest.mark.parametrize("template", READY)
def test_every_template_arrives_as_objects(template: str, form: str, tmp_path: Path) -> None:
    batch = batch_of(template, NOW)
    keys = {"single": "{event_type}/{digest}.x", "lines": "{digest}", "parquet": "{digest}"}
    table = {"name": "s", "kind": "file", "path": str(tmp_path), "format": form, "key": keys[form]}
    settings = load_settings(sink=(table,))

    receipt = open_sink(settings.sink[0], Storage(settings)).send(batch)

    bodies = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not {**receipt.refused, **receipt.retry}
    if form == "single":
        assert sorted(bodies) == sorted(message.encode() for message in batch.messages)
    elif form == "lines":
        assert gzip.decompress(bodies[0]).decode() == "\n".join(batch.messages) + "\n"
    else:
        found = pq.read_table(io.BytesIO(bodies[0])).column("message").to_pylist()
        assert found == list(batch.messages)
