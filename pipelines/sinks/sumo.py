"""Sumo Logic: an HTTP logs source of a hosted collector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from pipelines.secrets import SecretReference
from pipelines.sinks.bodies import lines
from pipelines.sinks.http_client import HttpClient
from pipelines.sinks.http_settings import HttpFamilySettings, origin, resolve_url, secret_parts
from pipelines.sinks.settings import Clock
from pipelines.sinks.sink import Batch, ConfigurationSinkError, Limits, Receipt
from pipelines.sinks.verdict import check, refusal

if TYPE_CHECKING:
    from pipelines.lake.storage import Storage

HAS_ALL = 200
"""Status without a body (help.sumologic.com, "Troubleshooting HTTP Sources")."""
HeaderText = Annotated[str, Field(pattern=r"^[ -~]+$")]


class SumoSettings(HttpFamilySettings):
    """Sumo Logic's HTTP source."""

    kind: Literal["sumo"]
    url: SecretReference
    """The source's address; whoever has it can write, so it is a secret."""
    category: HeaderText | None = None
    """Source category, instead of the source's own."""
    source_name: HeaderText | None = None
    """Source name, instead of the source's own."""
    source_host: HeaderText | None = None
    """Source host, instead of the source's own."""
    fields: tuple[Annotated[str, Field(pattern=r"^[ -+\--~]+=[ -+\--~]+$")], ...] = ()
    """Fields of all events, such as `environment=production`."""

    def open(self, storage: Storage, clock: Clock) -> SumoSink:
        """Open the sink."""
        return SumoSink(self, clock)


class SumoSink:
    """Sends one message a line."""

    needs: tuple[str, ...] = ()

    def __init__(self, settings: SumoSettings, clock: Clock) -> None:
        self.limits: Limits = settings.limits(len("\n"))
        self._clock = clock
        url = resolve_url(settings.url)
        self._service = f"Sumo Logic at {origin(url)}"
        named = {
            "X-Sumo-Category": settings.category,
            "X-Sumo-Name": settings.source_name,
            "X-Sumo-Host": settings.source_host,
            "X-Sumo-Fields": ",".join(settings.fields),
        }
        headers = {name: value for name, value in named.items() if value}
        self._client = HttpClient(settings, url, headers=headers, secrets=secret_parts(url))

    def send(self, batch: Batch) -> Receipt:
        """Deliver a batch."""
        answer = self._client.post(lines(batch), {"Content-Type": batch.content_type})
        check(answer, self._service, self._clock, success=HAS_ALL)
        return Receipt(answer.summary)

    def probe(self) -> None:
        """Ask for the head of the source's address, which takes in nothing."""
        answer = self._client.probe("HEAD", self._client.url)
        if answer.status in {401, 403, 404}:
            raise ConfigurationSinkError(
                f"{self._service}: the address is not, or no longer, that of a source",
                cause="bad_credentials",
                response=answer.summary,
            )
        if answer.status == 429 or answer.status // 100 == 5:
            raise refusal(answer, self._service, self._clock)

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()
