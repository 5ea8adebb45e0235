"""Splunk: the HTTP Event Collector, with or without indexer acknowledgement.

Codes and formats: docs.splunk.com, "Troubleshoot HTTP Event Collector" and "About HTTP Event
Collector Indexer Acknowledgment".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import NAMESPACE_URL, uuid5

from pydantic import Field

from pipelines.secrets import SecretReference, read_secret
from pipelines.sinks.bodies import Values, json_values
from pipelines.sinks.http_client import Answer, HttpClient
from pipelines.sinks.http_settings import HttpFamilySettings, Url, origin, resolve_url
from pipelines.sinks.settings import Clock, Text
from pipelines.sinks.sink import (
    Batch,
    ConfigurationSinkError,
    Limits,
    PayloadSinkError,
    Receipt,
    TransientSinkError,
)
from pipelines.sinks.verdict import refusal

if TYPE_CHECKING:
    from pipelines.lake.storage import Storage

BAD_TOKEN = {1, 2, 3, 4}
"""Disabled, missing, wrongly sent, unknown."""
BAD_EVENT = {6, 12, 13, 15}
"""Invalid format, no event, blank event, bad indexed fields: `invalid-event-number` says which."""
BAD_SETTINGS = {7, 10, 11, 14, 16}
"""Index not allowed, channel missing or invalid, acknowledgement off, query authentication."""
UNHEALTHY = {9, 18, 19, 20}
FIRST_LOOK_SECONDS, LONGEST_LOOK_SECONDS = 0.05, 2.0


class SplunkHecSettings(HttpFamilySettings):
    """Splunk's HTTP Event Collector."""

    kind: Literal["splunk_hec"]
    url: Url
    """Address of the collector, such as `https://http-inputs-acme.splunkcloud.com:443`."""
    token: SecretReference
    """The collector's token."""
    index: Text | None = None
    """Index to write to; without it the token's own."""
    source: Text = "trailhouse"
    """Value of `source`."""
    sourcetype: Text = "workato:audit"
    """Value of `sourcetype`."""
    host: Text | None = None
    """Value of `host`."""
    acknowledge: bool = False
    """Wait until the indexers say that they keep the events; the token must allow it."""
    acknowledge_seconds: Annotated[float, Field(gt=0, le=600)] = 60
    """How long to wait for that before the batch is sent again."""

    def open(self, storage: Storage, clock: Clock) -> SplunkHecSink:
        """Open the sink."""
        return SplunkHecSink(self, clock)


class SplunkHecSink:
    """Sends events with their own time; with acknowledgement, returns once they are indexed."""

    needs: tuple[str, ...] = ("occurred_at",)

    def __init__(
        self,
        settings: SplunkHecSettings,
        clock: Clock,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        token = read_secret(settings.token)
        self._settings = settings
        self._clock = clock
        self._wait = wait
        self._base = resolve_url(settings.url).rstrip("/").removesuffix("/services/collector")
        self._service = f"Splunk at {origin(self._base)}"
        self._fields = _fields(settings)
        self.limits: Limits = settings.limits(
            len(self._fields) + len('{"time":1700000000.000000,,"event":}')
        )
        # one channel a sink: acknowledgements are counted by channel, and a channel has one sender
        channel = str(uuid5(NAMESPACE_URL, f"trailhouse:{settings.name}"))
        headers = {"Authorization": f"Splunk {token}"}
        if settings.acknowledge:
            headers["X-Splunk-Request-Channel"] = channel
        self._client = HttpClient(settings, self._base, headers=headers, secrets=[token])

    def send(self, batch: Batch) -> Receipt:
        """Deliver a batch; events that Splunk cannot read are refused one by one."""
        values = json_values(batch)
        times = batch.events["occurred_at"]
        events = [
            f'{{"time":{_seconds(times[at])},{self._fields},"event":{text}}}'
            for at, text in zip(values.positions, values.texts, strict=True)
        ]
        refused: dict[int, str] = {}
        answer: Answer | None = None
        while len(refused) < len(events):
            kept = [at for at in range(len(events)) if at not in refused]
            answer = self._post("\n".join(events[at] for at in kept))
            bad = self._refused_event(answer)
            if bad is None or not 0 <= bad < len(kept):
                break
            # what stood before it may be indexed already: better twice than never
            refused[kept[bad]] = answer.summary
        return self._receipt(values, refused, answer)

    def probe(self) -> None:
        """Ask for the collector's health."""
        answer = self._client.probe("GET", f"{self._base}/services/collector/health")
        if answer.status != 200:
            self._raise(answer)

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _receipt(
        self, values: Values, refused: Mapping[int, str], answer: Answer | None
    ) -> Receipt:
        if answer is None or len(refused) == len(values.texts):
            return values.receipt(answer.summary if answer else "", refused, {})
        if answer.status != 200 or _code(answer) != 0:
            self._raise(answer)
        if self._settings.acknowledge:
            self._await_acknowledgement(answer)
        return values.receipt(answer.summary, refused, {})

    def _post(self, body: str) -> Answer:
        url = f"{self._base}/services/collector/event"
        return self._client.post(body.encode(), {"Content-Type": "application/json"}, url=url)

    def _refused_event(self, answer: Answer) -> int | None:
        """The position of the one event that Splunk could not read, where it names one."""
        found = answer.json
        number = found.get("invalid-event-number")
        return number if found.get("code") in BAD_EVENT and isinstance(number, int) else None

    def _await_acknowledgement(self, answer: Answer) -> None:
        number = answer.json.get("ackId")
        if not isinstance(number, int):
            raise ConfigurationSinkError(
                f"{self._service} gives no acknowledgement; enable indexer acknowledgement for the "
                "token, or set acknowledge = false",
                cause="wrong_answer",
                response=answer.summary,
            )
        body = f'{{"acks":[{number}]}}'.encode()
        deadline = time.monotonic() + self._settings.acknowledge_seconds
        pause = FIRST_LOOK_SECONDS
        while time.monotonic() < deadline:
            self._wait(pause)
            pause = min(2 * pause, LONGEST_LOOK_SECONDS)
            told = self._client.post(body, {}, url=f"{self._base}/services/collector/ack")
            if told.status != 200:
                self._raise(told)
            done = told.json.get("acks")
            if isinstance(done, dict) and done.get(str(number)) is True:
                return
        raise TransientSinkError(
            f"{self._service} took the events but did not acknowledge within "
            f"{self._settings.acknowledge_seconds:g} s that they are indexed",
            cause="timeout",
            response=answer.summary,
        )

    def _raise(self, answer: Answer) -> None:
        """Raise what the collector's code means; it says more than the status."""
        code, said = _code(answer), f"{self._service} answered {answer.summary[:300]}"
        if code in BAD_TOKEN:
            raise ConfigurationSinkError(said, cause="bad_credentials", response=answer.summary)
        if code in BAD_SETTINGS:
            raise ConfigurationSinkError(said, cause="wrong_answer", response=answer.summary)
        if code in BAD_EVENT:
            raise PayloadSinkError(said, cause="payload", response=answer.summary)
        if code in UNHEALTHY:
            raise TransientSinkError(said, cause="server_error", response=answer.summary)
        if answer.status // 100 == 2:
            raise TransientSinkError(said, cause="wrong_answer", response=answer.summary)
        raise refusal(answer, self._service, self._clock)


def _fields(settings: SplunkHecSettings) -> str:
    import orjson

    named = {
        "source": settings.source,
        "sourcetype": settings.sourcetype,
        "host": settings.host,
        "index": settings.index,
    }
    return orjson.dumps({k: v for k, v in named.items() if v}).decode()[1:-1]


def _seconds(at: datetime | None) -> str:
    return f"{at.timestamp():.6f}" if at else "null"


def _code(answer: Answer) -> int | None:
    code = answer.json.get("code")
    return code if isinstance(code, int) else None
