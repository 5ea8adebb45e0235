"""Azure Monitor: the logs ingestion API, through a data collection rule.

learn.microsoft.com/azure/azure-monitor/logs/logs-ingestion-api-overview.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import Field

from pipelines.secrets import SecretReference, read_secret
from pipelines.sinks.bodies import as_object, json_values, with_fields
from pipelines.sinks.http_client import Answer, HttpClient
from pipelines.sinks.http_settings import HttpFamilySettings, Url, origin, resolve_url
from pipelines.sinks.settings import Clock
from pipelines.sinks.sink import Batch, ConfigurationSinkError, Limits, Receipt, TransientSinkError
from pipelines.sinks.verdict import accepted, check, refusal

if TYPE_CHECKING:
    from pipelines.lake.storage import Storage

VERSION = "2023-01-01"
HAS_ALL = 204
"""Status of a call that was taken."""
RENEW_SECONDS = 120
"""A token is renewed so long before it ends."""
Identifier = Annotated[str, Field(pattern=r"^[\w.-]+$")]


class AzureMonitorSettings(HttpFamilySettings):
    """Azure Monitor (Log Analytics)."""

    kind: Literal["azure_monitor"]
    endpoint: Url
    """Logs ingestion endpoint of the data collection rule or data collection endpoint."""
    rule_id: Identifier
    """Immutable id of the data collection rule: `dcr-…`."""
    stream: Identifier
    """Stream of the rule, such as `Custom-Trailhouse`."""
    tenant_id: Identifier
    """Directory (tenant) id of the application."""
    client_id: Identifier
    """Application (client) id; needs the role Monitoring Metrics Publisher on the rule."""
    client_secret: SecretReference
    """Secret of the application."""
    authority_url: Url = "https://login.microsoftonline.com"
    """Where tokens come from; national clouds have their own."""
    scope: Annotated[str, Field(pattern=r"^\S+$")] = "https://monitor.azure.com//.default"
    """What tokens are for; national clouds have their own."""

    def open(self, storage: Storage, clock: Clock) -> AzureMonitorSink:
        """Open the sink."""
        return AzureMonitorSink(self, clock)


class AzureMonitorSink:
    """Sends arrays of objects, each with `TimeGenerated`, under a token of the application."""

    needs: tuple[str, ...] = ("occurred_at",)

    def __init__(self, settings: AzureMonitorSettings, clock: Clock) -> None:
        self.limits: Limits = settings.limits(64)
        self._settings = settings
        self._clock = clock
        self._secret = read_secret(settings.client_secret)
        self._token, self._until = "", 0.0
        endpoint = resolve_url(settings.endpoint).rstrip("/")
        self._authority = resolve_url(settings.authority_url).rstrip("/")
        self._service = f"Azure Monitor at {origin(endpoint)}"
        url = (
            f"{endpoint}/dataCollectionRules/{settings.rule_id}"
            f"/streams/{settings.stream}?api-version={VERSION}"
        )
        self._client = HttpClient(settings, url, secrets=[self._secret])

    def send(self, batch: Batch) -> Receipt:
        """Deliver a batch as one array."""
        values = json_values(batch)
        if not values.texts:
            return values.receipt("", {}, {})
        times = batch.events["occurred_at"]
        rows = [
            with_fields(
                as_object(text),
                {"TimeGenerated": f'"{times[at].isoformat()}"'} if times[at] else {},
            )
            for at, text in zip(values.positions, values.texts, strict=True)
        ]
        answer = self._post(f"[{','.join(rows)}]".encode())
        self._check(answer)
        return values.receipt(answer.summary, {}, {})

    def probe(self) -> None:
        """Get a token anew, and see that the endpoint answers."""
        self._renew(seconds=2)
        answer = self._client.probe("HEAD", self._client.url)
        if answer.status == 429 or answer.status // 100 == 5:
            raise refusal(answer, self._service, self._clock)

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _post(self, body: bytes) -> Answer:
        if time.monotonic() > self._until:
            self._renew()
        answer = self._sent(body)
        if answer.status != 401:
            return answer
        self._renew()  # revoked before its time: once more with a new one, and then it counts
        return self._sent(body)

    def _sent(self, body: bytes) -> Answer:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        return self._client.post(body, headers)

    def _check(self, answer: Answer) -> None:
        """Azure calls a missing rule or stream a bad request; that is nothing of the events."""
        error = answer.json.get("error")
        code = str(error.get("code", "")) if isinstance(error, dict) else ""
        if answer.status == 400 and code.startswith(("InvalidStream", "InvalidDcr", "InvalidApi")):
            raise ConfigurationSinkError(
                f"{self._service} answered {answer.summary[:300]}",
                cause="not_found",
                response=answer.summary,
            )
        check(answer, self._service, self._clock, success=HAS_ALL)

    def _renew(self, seconds: float | None = None) -> None:
        """Ask for a token (RFC 6749, 4.4)."""
        ours = self._settings
        form = {
            "grant_type": "client_credentials",
            "client_id": ours.client_id,
            "client_secret": self._secret,
            "scope": ours.scope,
        }
        answer = self._client.request(
            "POST",
            f"{self._authority}/{ours.tenant_id}/oauth2/v2.0/token",
            body=urlencode(form).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            seconds=seconds,
        )
        service = f"the token service at {origin(self._authority)}"
        found = answer.json
        if answer.status in {400, 401, 403}:
            why = str(found.get("error_description") or found.get("error") or answer.status)
            raise ConfigurationSinkError(
                f"{service} gives no token: {why[:300]}",
                cause="bad_credentials",
                response=answer.summary,
            )
        if not accepted(answer):
            raise refusal(answer, service, self._clock)
        if not isinstance(token := found.get("access_token"), str):
            raise TransientSinkError(f"{service} answered without a token", cause="wrong_answer")
        self._token = token
        self._client.hide(token)
        self._until = time.monotonic() + max(0, _seconds(found.get("expires_in")) - RENEW_SECONDS)


def _seconds(value: Any) -> int:
    """How long a token lasts; where that cannot be read, it is renewed before each batch."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0
