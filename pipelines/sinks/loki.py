"""Loki: the push API (grafana.com/docs/loki/latest/reference/loki-http-api)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal
from zlib import crc32

from pydantic import Field, model_validator

from pipelines.errors import ConfigurationError
from pipelines.secrets import SecretReference, read_secret
from pipelines.sinks.http_client import HttpClient
from pipelines.sinks.http_settings import (
    HttpFamilySettings,
    Url,
    basic_authorization,
    origin,
    resolve_url,
)
from pipelines.sinks.settings import Clock, Text
from pipelines.sinks.sink import Batch, Limits, Receipt
from pipelines.sinks.verdict import check, refusal

if TYPE_CHECKING:
    from pipelines.lake.storage import Storage

PUSH = "/loki/api/v1/push"
HAS_ALL = 204
"""Status of a push that was taken (grafana.com/docs/loki/latest/reference/loki-http-api)."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
Label = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]


class LokiSettings(HttpFamilySettings):
    """Grafana Loki, self-hosted or in Grafana Cloud."""

    kind: Literal["loki"]
    url: Url
    """Address of Loki, such as `https://logs-prod-012.grafana.net`."""
    labels: Mapping[Label, Text] = {"job": "trailhouse"}
    """Labels of all events."""
    label_columns: tuple[Label, ...] = ("event_kind",)
    """Columns of the event that become labels; each combination of values is a stream."""
    metadata_columns: tuple[Label, ...] = ()
    """Columns that become structured metadata, such as `event_id`; Loki must allow it."""
    tenant: Annotated[str, Field(pattern=r"^[!-~]+$")] | None = None
    """Tenant (`X-Scope-OrgID`)."""
    username: Text | None = None
    """User for basic authentication; in Grafana Cloud the number of the instance."""
    password: SecretReference | None = None
    """Password for basic authentication; in Grafana Cloud an access policy's token."""
    bearer_token: SecretReference | None = None
    """Token, where a gateway asks for one."""

    @model_validator(mode="after")
    def _authentication_is_whole(self) -> LokiSettings:
        if bool(self.username) != bool(self.password):
            raise ValueError("username and password belong together; set both or none")
        if not self.labels and not self.label_columns:
            raise ValueError("a stream needs a label; set labels or label_columns")
        return self

    def open(self, storage: Storage, clock: Clock) -> LokiSink:
        """Open the sink."""
        return LokiSink(self, clock)


class LokiSink:
    """Sends events as lines of streams; Loki itself drops a line that it has, so repeats vanish."""

    def __init__(self, settings: LokiSettings, clock: Clock) -> None:
        _check_columns(settings)
        # a value is ["<19 digits>","<line>"], and a line of JSON grows by a tenth when it is quoted
        self.limits: Limits = settings.limits(128)
        self.needs: tuple[str, ...] = tuple(
            dict.fromkeys(("occurred_at", *settings.label_columns, *settings.metadata_columns))
        )
        self._settings = settings
        self._clock = clock
        url = resolve_url(settings.url).rstrip("/").removesuffix(PUSH)
        self._service = f"Loki at {origin(url)}"
        headers, secrets = _headers(settings)
        self._client = HttpClient(settings, url + PUSH, headers=headers, secrets=secrets)

    def send(self, batch: Batch) -> Receipt:
        """Deliver a batch."""
        import orjson

        body = orjson.dumps({"streams": self._streams(batch)})
        answer = self._client.post(body, {"Content-Type": "application/json"})
        check(answer, self._service, self._clock, success=HAS_ALL)
        return Receipt(answer.summary)

    def probe(self) -> None:
        """Ask for the head of the push address; Loki says 405, and a gateway checks who asks."""
        answer = self._client.probe("HEAD", self._client.url)
        if answer.status in {401, 403, 407, 429} or answer.status // 100 == 5:
            raise refusal(answer, self._service, self._clock)

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _streams(self, batch: Batch) -> list[dict[str, object]]:
        """The messages by their labels, in order within each."""
        columns = [batch.events[name] for name in self._settings.label_columns]
        extra = {name: batch.events[name] for name in self._settings.metadata_columns}
        now, ids = self._clock(), batch.events["event_id"]
        found: dict[tuple[str, ...], list[list[object]]] = {}
        for at, message in enumerate(batch.messages):
            key = tuple(_text(column[at]) for column in columns)
            when = nanoseconds(batch.events["occurred_at"][at] or now, str(ids[at]))
            value: list[object] = [str(when), message]
            if extra:
                value.append({n: _text(c[at]) for n, c in extra.items() if c[at] is not None})
            found.setdefault(key, []).append(value)
        names = self._settings.label_columns
        return [
            {
                "stream": {
                    **self._settings.labels,
                    **{name: value for name, value in zip(names, key, strict=True) if value},
                },
                "values": values,
            }
            for key, values in found.items()
        ]


def _check_columns(settings: LokiSettings) -> None:
    """Refuse columns that no event has, by the name of the setting."""
    from pipelines.lake.schemas import KINDS, TABLES

    known = {name for table in KINDS.values() for name in TABLES[table].names}
    for setting in ("label_columns", "metadata_columns"):
        if unknown := sorted(set(getattr(settings, setting)) - known):
            raise ConfigurationError(
                f"sink {settings.name}: setting {setting}: no event has the column {unknown[0]!r}; "
                f"known: {', '.join(sorted(known))}"
            )


def nanoseconds(occurred: datetime, event_id: str) -> int:
    """When an event occurred, with the last three digits made of its id.

    Loki drops a line that its stream has at the same nanosecond. So a repeat of an event leaves no
    trace, but two events that look the same in the same microsecond stay two.
    """
    return (occurred - EPOCH) // MICROSECOND * 1_000 + crc32(event_id.encode()) % 1_000


def _text(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _headers(settings: LokiSettings) -> tuple[dict[str, str], list[str]]:
    headers, secrets = {}, []
    if settings.tenant:
        headers["X-Scope-OrgID"] = settings.tenant
    if settings.username and settings.password:
        secrets.append(read_secret(settings.password))
        headers["Authorization"] = basic_authorization(settings.username, secrets[0])
        secrets.append(headers["Authorization"])
    elif settings.bearer_token:
        secrets.append(read_secret(settings.bearer_token))
        headers["Authorization"] = f"Bearer {secrets[0]}"
    return headers, secrets
