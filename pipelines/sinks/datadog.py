"""Datadog: the logs intake, version 2 (docs.datadoghq.com/api/latest/logs/send-logs)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from pipelines.secrets import SecretReference, read_secret
from pipelines.sinks.bodies import as_object, json_values, with_fields
from pipelines.sinks.http_client import HttpClient
from pipelines.sinks.http_settings import HttpFamilySettings, Url, origin, resolve_url
from pipelines.sinks.settings import Clock, Text
from pipelines.sinks.sink import Batch, ConfigurationSinkError, Limits, Receipt
from pipelines.sinks.verdict import accepted, check, refusal

if TYPE_CHECKING:
    from pipelines.lake.storage import Storage

OLDEST = timedelta(hours=17)
"""Datadog takes timestamps of up to 18 hours in the past; an hour is left for what is under way."""

HAS_ALL = 202
"""Status with an empty object (docs.datadoghq.com/api/latest/logs/send-logs)."""


class DatadogSettings(HttpFamilySettings):
    """Datadog's logs."""

    kind: Literal["datadog"]
    api_key: SecretReference
    """The organisation's API key."""
    site: Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")] = "datadoghq.com"
    """Which Datadog: `datadoghq.com`, `datadoghq.eu`, `us3.datadoghq.com` and so on."""
    intake_url: Url | None = None
    """Intake other than the site's, such as a private link."""
    api_url: Url | None = None
    """API other than the site's; it is asked whether the key is valid."""
    service: Text = "workato"
    """Value of `service`."""
    source: Text = "workato"
    """Value of `ddsource`."""
    tags: tuple[Text, ...] = ()
    """Values of `ddtags`, such as `env:production`."""
    hostname: Text | None = None
    """Value of `hostname`."""

    def open(self, storage: Storage, clock: Clock) -> DatadogSink:
        """Open the sink."""
        return DatadogSink(self, clock)


class DatadogSink:
    """Sends arrays of logs.

    An event that is too old for Datadog to take its timestamp is sent under the key `event`, where
    no timestamp of its own is looked for, with its time in `occurred_at`.
    """

    needs: tuple[str, ...] = ("occurred_at",)

    def __init__(self, settings: DatadogSettings, clock: Clock) -> None:
        key = read_secret(settings.api_key)
        intake = resolve_url(settings.intake_url or f"https://http-intake.logs.{settings.site}")
        self._api = resolve_url(settings.api_url or f"https://api.{settings.site}").rstrip("/")
        self._clock = clock
        self._service = f"Datadog at {origin(intake)}"
        self._fields = _fields(settings)
        envelope = len(with_fields("{}", self._fields)) + len('"occurred_at":,"event":{}') + 32
        self.limits: Limits = settings.limits(envelope)
        self._client = HttpClient(
            settings,
            f"{intake.rstrip('/')}/api/v2/logs",
            headers={"DD-API-KEY": key},
            secrets=[key],
        )

    def send(self, batch: Batch) -> Receipt:
        """Deliver a batch as one array."""
        values = json_values(batch)
        if not values.texts:
            return values.receipt("", {}, {})
        times, oldest = batch.events["occurred_at"], self._clock() - OLDEST
        logs = []
        for at, text in zip(values.positions, values.texts, strict=True):
            occurred = times[at]
            own = as_object(text)
            if occurred and occurred < oldest:
                late = f'{{"occurred_at":"{occurred.isoformat()}","event":{own}}}'
                logs.append(with_fields(late, self._fields) if self._fields else late)
            else:
                when = {"timestamp": f'"{occurred.isoformat()}"'} if occurred else {}
                logs.append(with_fields(own, {**self._fields, **when}))
        answer = self._client.post(
            f"[{','.join(logs)}]".encode(), {"Content-Type": "application/json"}
        )
        check(answer, self._service, self._clock, success=HAS_ALL, bodies=("", "{}"))
        return values.receipt(answer.summary, {}, {})

    def probe(self) -> None:
        """Ask whether the key is valid."""
        answer = self._client.probe("GET", f"{self._api}/api/v1/validate")
        if answer.status == 403:
            raise ConfigurationSinkError(
                f"{self._service}: the API key is not valid for this site",
                cause="bad_credentials",
                response=answer.summary,
            )
        if not accepted(answer):
            raise refusal(answer, self._service, self._clock)

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()


def _fields(settings: DatadogSettings) -> dict[str, str]:
    import orjson

    named = {
        "ddsource": settings.source,
        "service": settings.service,
        "ddtags": ",".join(settings.tags),
        "hostname": settings.hostname,
    }
    return {name: orjson.dumps(value).decode() for name, value in named.items() if value}
