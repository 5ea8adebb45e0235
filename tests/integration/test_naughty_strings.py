"""Naughty strings: through every sink that speaks HTTP they arrive intact and inject nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from receivers import Receiver, receiving
from services import NOW, AzureMonitor, Datadog, Elasticsearch, Loki, Splunk, Sumo

from pipelines.settings import load_settings
from pipelines.sinks.registry import open_sink
from pipelines.sinks.sink import Batch

STRINGS: list[str] = json.loads(
    (Path(__file__).parents[1] / "vectors/strings/blns.json").read_text(encoding="utf-8")
)
EXTRA = ['"},{"forged":1},{"a":"', "\r\nX-Forged: 1", "a\nb", "\u2028", "\x00", "\x1b[31m"]
Received = Callable[[Any, Receiver], list[Any]]

SINKS = [
    pytest.param(
        {"kind": "http"},
        None,
        lambda _, receiver: [json.loads(line) for line in receiver.messages],
        id="lines",
    ),
    pytest.param(
        {"kind": "http", "format": "array"},
        None,
        lambda _, receiver: receiver.requests[0].json,
        id="array",
    ),
    pytest.param(
        {"kind": "splunk_hec", "token": "env:KEY"},
        Splunk("key"),
        lambda service, _: [found["event"] for found in service.events],
        id="splunk_hec",
    ),
    pytest.param(
        {"kind": "datadog", "api_key": "env:KEY"},
        Datadog(NOW, "key"),
        lambda service, _: service.events,
        id="datadog",
    ),
    pytest.param(
        {"kind": "sumo"},
        Sumo("/"),
        lambda service, _: [json.loads(line) for line in service.events],
        id="sumo",
    ),
    pytest.param(
        {"kind": "loki", "tenant": "acme", "metadata_columns": ["event_id"]},
        Loki(),
        lambda service, _: [json.loads(line) for line in service.events],
        id="loki",
    ),
    pytest.param(
        {"kind": "elasticsearch", "index": "workato-audit", "api_key": "env:KEY"},
        Elasticsearch("key"),
        lambda service, _: list(service.documents.values()),
        id="elasticsearch",
    ),
    pytest.param(
        {
            "kind": "azure_monitor",
            "rule_id": "dcr-0123",
            "stream": "Custom-Trailhouse",
            "tenant_id": "tenant-1",
            "client_id": "app",
            "client_secret": "env:KEY",
        },
        AzureMonitor(secret="key"),
        lambda service, _: service.events,
        id="azure_monitor",
    ),
]


def table_at(url: str, fields: dict[str, Any]) -> dict[str, Any]:
    """The settings of a sink at a receiver."""
    urls: dict[str, tuple[str, ...]] = {
        "datadog": ("intake_url", "api_url"),
        "azure_monitor": ("endpoint", "authority_url"),
    }
    value = "env:URL" if fields["kind"] == "sumo" else url
    return {"name": "s"} | fields | dict.fromkeys(urls.get(fields["kind"], ("url",)), value)


@pytest.mark.parametrize(("fields", "service", "received"), SINKS)
def test_naughty_strings_arrive_as_they_are(
    fields: dict[str, Any], service: Any, received: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    naughty = [*STRINGS, *EXTRA]
    ids = [f"{text}-{number}" for number, text in enumerate(naughty)]
    batch = Batch(
        "s",
        "5f" * 32,
        [json.dumps({"naughty": text}, ensure_ascii=False) for text in naughty],
        {"event_id": ids, "occurred_at": [NOW] * len(naughty), "event_kind": naughty},
    )
    with receiving(service) if service else receiving() as receiver:
        monkeypatch.setenv("KEY", "key")
        monkeypatch.setenv("URL", f"{receiver.url}/")
        settings = load_settings(sink=(table_at(receiver.url, fields),))
        sink = open_sink(settings.sink[0], None, clock=lambda: NOW)  # type: ignore[arg-type]

        receipt = sink.send(batch)

        assert not {**receipt.refused, **receipt.retry}
        arrived = received(service, receiver)
        assert sorted(found["naughty"] for found in arrived) == sorted(naughty)
        assert not any("x-forged" in request.headers for request in receiver.requests)
        if isinstance(service, Elasticsearch):
            assert list(service.documents) == ids
        if isinstance(service, Loki):
            kinds = {json.loads(labels).get("event_kind", "") for labels in service.streams}
            assert kinds == set(naughty)
