"""Services: what the log services that we deliver to enforce, by their own documentation.

Each is a rule for a `Receiver`, and keeps what it took in `events`, in order.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import orjson
from receivers import Answer, Request


def say(status: int, **body: Any) -> Answer:
    """A JSON answer."""
    return Answer(status, json.dumps(body), {"Content-Type": "application/json"})


@dataclass
class Splunk:
    """HTTP Event Collector, with indexer acknowledgement after some looks."""

    token: str = "splunk-t0ken"
    indexes: Sequence[str] = ("main",)
    acknowledges: bool = False
    looks_before_indexed: int = 2
    most_bytes: int = 1_000_000
    is_full: bool = False
    events: list[dict[str, Any]] = field(default_factory=list)
    channels: set[str] = field(default_factory=set)
    _looks: Counter[int] = field(default_factory=Counter)
    _taken: int = 0

    def __call__(self, request: Request) -> Answer:  # noqa: PLR0911 (one an answer)
        """Answer as "Troubleshoot HTTP Event Collector" lists it."""
        if request.path == "/services/collector/health":
            if self.is_full:
                return say(503, text="HEC is unhealthy, queues are full", code=18)
            return say(200, text="HEC is healthy", code=17)
        if request.headers.get("authorization") != f"Splunk {self.token}":
            return say(403, text="Invalid token", code=4)
        if self.acknowledges and "x-splunk-request-channel" not in request.headers:
            return say(400, text="Data channel is missing", code=10)
        if request.path == "/services/collector/ack":
            return self._acknowledge(request)
        if self.is_full:
            return say(503, text="Server is busy", code=9)
        if len(request.body) > self.most_bytes:
            return Answer(413, "Content-Length is too large")
        return self._take(request)

    def _take(self, request: Request) -> Answer:
        text, at, number = request.body.decode(), 0, 0
        while at < len(text):
            try:
                found, at = json.JSONDecoder().raw_decode(text, at)
            except ValueError:
                return say(400, text="Invalid data format", code=6, **{_NUMBER: number})
            if found.get("event", "") == "":
                return say(400, text="Event field cannot be blank", code=13, **{_NUMBER: number})
            if found.get("index", "main") not in self.indexes:
                return say(400, text="Incorrect index", code=7, **{_NUMBER: number})
            self.events.append(found)  # what stood before a bad event is kept
            number += 1
            while text[at : at + 1].isspace():
                at += 1
        self._taken += 1
        if not self.acknowledges:
            return say(200, text="Success", code=0)
        self.channels.add(request.headers["x-splunk-request-channel"])
        return say(200, text="Success", code=0, ackId=self._taken - 1)

    def _acknowledge(self, request: Request) -> Answer:
        if not self.acknowledges:
            return say(400, text="ACK is disabled", code=14)
        self._looks.update(request.json["acks"])
        done = {str(n): self._looks[n] > self.looks_before_indexed for n in request.json["acks"]}
        return say(200, acks=done)


_NUMBER = "invalid-event-number"


@dataclass
class Datadog:
    """Logs intake, and the API that validates keys."""

    now: datetime
    key: str = "datadog-k3y"
    events: list[dict[str, Any]] = field(default_factory=list)
    dropped: list[dict[str, Any]] = field(default_factory=list)
    """What it accepted and threw away, as it does with old timestamps."""

    def __call__(self, request: Request) -> Answer:
        """Answer as "Send logs" lists it."""
        if request.headers.get("dd-api-key") != self.key:
            return say(403, errors=["Forbidden"])
        if request.path == "/api/v1/validate":
            return say(200, valid=True)
        if len(request.body) > 5_000_000:
            return say(413, errors=["Request Entity Too Large"])
        try:
            found = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            return say(400, errors=["invalid JSON"])
        if not isinstance(found, list) or len(found) > 1_000:
            return say(400, errors=["not an array of at most 1000"])
        for log in found:
            when = log.get("timestamp")
            age = self.now - datetime.fromisoformat(when) if when else timedelta()
            (self.dropped if age > timedelta(hours=18) else self.events).append(log)
        return Answer(202, "{}")


@dataclass
class Sumo:
    """HTTP source; its address is its token."""

    path: str = "/receiver/v1/http/ZaVnC4dhaV"
    events: list[str] = field(default_factory=list)

    def __call__(self, request: Request) -> Answer:
        """Answer as "Troubleshooting HTTP Sources" lists it; long messages are cut in pieces."""
        if request.path != self.path:
            return Answer(401, f"no source at {request.path}")
        if request.method == "POST":
            for line in request.lines:
                self.events += [line[at : at + 65_536] for at in range(0, len(line), 65_536)]
        return Answer(200)


@dataclass
class Loki:
    """Push API of a tenant; keeps each line of a stream and nanosecond once."""

    tenant: str = "acme"
    most_line_bytes: int = 262_144
    takes_metadata: bool = True
    streams: dict[str, dict[tuple[str, str], Any]] = field(default_factory=dict)

    @property
    def events(self) -> list[str]:
        """The lines of all streams."""
        return [line for stream in self.streams.values() for _, line in stream]

    def __call__(self, request: Request) -> Answer:  # noqa: PLR0911 (one an answer)
        """Answer as Loki's distributor does: what is well is kept, and the rest told as 400."""
        if request.headers.get("x-scope-orgid") != self.tenant:
            return Answer(401, "no org id")
        if request.method != "POST":
            return Answer(405)
        if request.path != "/loki/api/v1/push":
            return Answer(404, "404 page not found")
        if len(request.body) > 4_194_304:
            return Answer(413, "message size too large")
        ignored = 0
        for stream in request.json["streams"]:
            labels = stream["stream"]
            if not labels or not all(isinstance(value, str) for value in labels.values()):
                return Answer(400, "error at least one label pair is required per stream")
            kept = self.streams.setdefault(json.dumps(labels, sort_keys=True), {})
            for at, line, *metadata in stream["values"]:
                if metadata and not self.takes_metadata:
                    return Answer(400, "stream includes structured metadata, but not allowed")
                if len(line.encode()) > self.most_line_bytes:
                    ignored += 1
                elif len(at) == 19 and at.isdecimal():
                    kept[at, line] = metadata
                else:
                    return Answer(400, "loghttp.PushRequest: invalid timestamp")
        if ignored:
            return Answer(400, f"max entry size exceeded, total ignored: {ignored}")
        return Answer(204)


@dataclass
class Elasticsearch:
    """Bulk API of one data stream, whose field `count` is a number."""

    api_key: str = "ZWxhc3RpYw=="
    index: str = "workato-audit"
    room: int = 1_000_000
    """How many documents the write queue takes before it answers 429."""
    block: tuple[int, str] | None = None
    """Status and description of a block of the index."""
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __call__(self, request: Request) -> Answer:
        """Answer for each document."""
        if request.headers.get("authorization") != f"ApiKey {self.api_key}":
            return say(401, error={"type": "security_exception"})
        if request.path == "/":
            return say(200, tagline="You Know, for Search")
        if not request.body.endswith(b"\n"):
            return say(400, error={"reason": "The bulk request must be terminated by a newline"})
        lines = request.lines[:-1]
        items = []
        for at in range(0, len(lines), 2):
            ((operation, target),) = json.loads(lines[at]).items()
            document = json.loads(lines[at + 1])
            items.append({operation: self._write(operation, target["_id"], document, request)})
        failed = any(item["status"] >= 400 for found in items for item in found.values())
        return say(200, errors=failed, items=items)

    def _write(
        self, operation: str, name: str, document: dict[str, Any], request: Request
    ) -> dict[str, Any]:
        if request.path != f"/{self.index}/_bulk":
            return _item(404, "index_not_found_exception", "no such index")
        if self.block:
            return _item(self.block[0], "cluster_block_exception", self.block[1])
        if operation == "create" and name in self.documents:
            return _item(409, "version_conflict_engine_exception", "document already exists")
        if "@timestamp" not in document or not isinstance(document.get("count", 0), int):
            return _item(400, "document_parsing_exception", "failed to parse field [count]")
        if self.room <= 0:
            return _item(429, "es_rejected_execution_exception", "rejected execution")
        self.room -= 1
        self.documents[name] = document
        return {"status": 201}


def _item(status: int, kind: str, reason: str) -> dict[str, Any]:
    return {"status": status, "error": {"type": kind, "reason": reason}}


@dataclass
class AzureMonitor:
    """Logs ingestion API and the token service before it."""

    rule_id: str = "dcr-0123"
    stream: str = "Custom-Trailhouse"
    secret: str = "azure-s3cret"
    token_seconds: int = 3_600
    tokens: list[str] = field(default_factory=list)
    """The tokens given, of which the last is valid."""
    events: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, request: Request) -> Answer:  # noqa: PLR0911 (one an answer)
        """Answer as Azure Monitor does."""
        if request.path == "/tenant-1/oauth2/v2.0/token":
            return self._give_token(request)
        if request.method != "POST":
            return Answer(405)
        token = self.tokens[-1] if self.tokens else ""
        if request.headers.get("authorization") != f"Bearer {token}":
            return say(401, error={"code": "InvalidToken"})
        if request.path != f"/dataCollectionRules/{self.rule_id}/streams/{self.stream}":
            return say(400, error={"code": "InvalidStream", "message": "Stream was not found"})
        if request.query.get("api-version") != "2023-01-01":
            return say(400, error={"code": "InvalidApiVersion"})
        if max(len(request.body), request.wire_bytes) > 1_048_576:
            return say(413, error={"code": "ContentLengthLimitExceeded"})
        found = request.json
        if not isinstance(found, list) or not all(
            isinstance(row, dict) and "TimeGenerated" in row for row in found
        ):
            return say(400, error={"code": "InvalidRequestBody"})
        self.events += found
        return Answer(204)

    def _give_token(self, request: Request) -> Answer:
        form = parse_qs(request.body.decode())
        if form["client_secret"] != [self.secret]:
            return say(
                401,
                error="invalid_client",
                error_description=f"AADSTS7000222: {form['client_secret'][0]} is expired",
            )
        self.tokens.append(f"token-{len(self.tokens)}")
        return say(200, access_token=self.tokens[-1], expires_in=self.token_seconds)


NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
"""The clock of the tests of sinks."""
TABLES: dict[str, dict[str, Any]] = {
    "http": {"url": "{}"},
    "splunk_hec": {"url": "{}", "token": "env:KEY"},
    "datadog": {"intake_url": "{}", "api_url": "{}", "api_key": "env:KEY"},
    "sumo": {"url": "env:URL"},
    "loki": {"url": "{}", "tenant": "acme"},
    "elasticsearch": {"url": "{}", "index": "workato-audit", "api_key": "env:KEY"},
    "azure_monitor": {
        "endpoint": "{}",
        "authority_url": "{}",
        "rule_id": "dcr-0123",
        "stream": "Custom-Trailhouse",
        "tenant_id": "tenant-1",
        "client_id": "app",
        "client_secret": "env:KEY",
    },
}
"""Settings of a sink of each kind that speaks HTTP; the braces are the receiver's address."""


def table_at(url: str, kind: str, **more: Any) -> dict[str, Any]:
    """The table of a sink at a receiver; its secrets are in `KEY`, Sumo's address in `URL`."""
    table = {name: value.replace("{}", url) for name, value in TABLES[kind].items()}
    return {"name": "s", "kind": kind, "timeout_seconds": 5} | table | more
