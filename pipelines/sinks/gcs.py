"""Google Cloud Storage: objects in a bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson
from pydantic import Field

from pipelines.errors import ConfigurationError
from pipelines.secrets import SecretReference, read_secret
from pipelines.sinks.object_store import ObjectStoreSettings, StoreWriter, client_options
from pipelines.sinks.objects import ObjectSink
from pipelines.sinks.settings import Clock

if TYPE_CHECKING:
    from obstore.store import GCSStore

    from pipelines.lake.storage import Storage


class GcsSettings(ObjectStoreSettings):
    """A bucket."""

    kind: Literal["gcs"]
    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$")]
    """Name of the bucket."""
    service_account_key: SecretReference | None = None
    """Key of a service account, as JSON; without it, the application default credentials."""

    def open(self, storage: Storage, clock: Clock) -> ObjectSink:
        """Open the sink."""
        key = read_secret(self.service_account_key) if self.service_account_key else ""
        secrets = [key, *_parts(self.service_account_key or "", key)]

        def open_store(seconds: float) -> GCSStore:
            return _store(self, key, seconds)

        writer = StoreWriter(
            f"bucket {self.bucket} at {self.endpoint_url or 'Google Cloud Storage'}",
            open_store,
            seconds=self.timeout_seconds,
            secrets=secrets,
            creates=True,
        )
        return ObjectSink(self, writer)


def _parts(reference: str, key: str) -> list[str]:
    """The secret parts of a service account's key.

    Raises:
        ConfigurationError: It is none.
    """
    if not key:
        return []
    try:
        found = orjson.loads(key)
        return [found["private_key"], found["private_key_id"]]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"secret {reference}: it must hold the JSON key of a service account, with private_key"
        ) from error


def _store(settings: GcsSettings, key: str, seconds: float) -> GCSStore:
    from obstore.store import GCSStore

    config: Any = {}
    if key:
        config["service_account_key"] = key
    if settings.endpoint_url:
        config["base_url"] = settings.endpoint_url
    return GCSStore(settings.bucket, config=config, **client_options(settings, seconds))
