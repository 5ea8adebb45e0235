"""Registry: every kind of sink that there is; to add one, see `docs/sinks.md`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, get_args

from pydantic import Field

from pipelines.errors import ConfigurationError
from pipelines.sinks.azure_blob import AzureBlobSettings
from pipelines.sinks.azure_monitor import AzureMonitorSettings
from pipelines.sinks.datadog import DatadogSettings
from pipelines.sinks.elasticsearch import ElasticsearchSettings
from pipelines.sinks.file import FileSettings
from pipelines.sinks.gcs import GcsSettings
from pipelines.sinks.http import HttpSettings
from pipelines.sinks.loki import LokiSettings
from pipelines.sinks.s3 import S3Settings
from pipelines.sinks.settings import Clock, SinkSettings
from pipelines.sinks.sink import ConfigurationSinkError, Sink
from pipelines.sinks.splunk_hec import SplunkHecSettings
from pipelines.sinks.sumo import SumoSettings
from pipelines.sinks.syslog import SyslogSettings

if TYPE_CHECKING:
    from pipelines.lake.storage import Storage

EverySettings = (
    HttpSettings
    | SplunkHecSettings
    | DatadogSettings
    | SumoSettings
    | LokiSettings
    | ElasticsearchSettings
    | AzureMonitorSettings
    | S3Settings
    | AzureBlobSettings
    | GcsSettings
    | FileSettings
    | SyslogSettings
)
AnySinkSettings = Annotated[EverySettings, Field(discriminator="kind")]
"""One `[[sink]]` table, told apart by its `kind`."""

KINDS: dict[str, type[SinkSettings]] = {
    get_args(found.model_fields["kind"].annotation)[0]: found for found in get_args(EverySettings)
}
"""Settings by kind."""


def utc_now() -> datetime:
    """The time now, UTC."""
    return datetime.now(UTC)


def open_sink(settings: SinkSettings, storage: Storage, *, clock: Clock = utc_now) -> Sink:
    """Open a sink: its secrets are read now, its network is not touched before the first batch.

    Args:
        settings: One `[[sink]]` table.
        storage: Access to object stores, as the lake has it.
        clock: Says the time, UTC.

    Raises:
        ConfigurationSinkError: A secret or file that the settings name cannot be read. The sink is
            broken as if the service had said so; others are not concerned.
    """
    try:
        return settings.open(storage, clock)
    except ConfigurationError as error:
        raise ConfigurationSinkError(str(error), cause="bad_credentials") from error
