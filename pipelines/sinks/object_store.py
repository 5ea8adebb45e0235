"""Object stores: objects are stored in S3, Azure Blob Storage or Google Cloud Storage.

What their failures mean is in `object_verdict.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from pipelines.errors import ConfigurationError
from pipelines.secrets import without_secrets
from pipelines.sinks.http_client import PROBE_SECONDS
from pipelines.sinks.object_verdict import refusal
from pipelines.sinks.objects import Item, ObjectFamilySettings

if TYPE_CHECKING:
    from obstore.store import ObjectStore

Endpoint = Annotated[str, Field(pattern=r"^https?://[^\s/@]+(/\S*)?$")]


PROBE = b"This object shows that Trailhouse may write here.\n"


class ObjectStoreSettings(ObjectFamilySettings):
    """What every sink that writes to an object store may be told."""

    endpoint_url: Endpoint | None = None
    """Address of a compatible store, or of a private link."""
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 120
    """How long storing one object may take."""
    ca_file: Path | None = None
    """PEM file of further authorities to trust."""


def client_options(settings: ObjectStoreSettings, seconds: float) -> dict[str, Any]:
    """Keyword arguments of every store: time-outs, authorities, and no retries of its own.

    Raises:
        ConfigurationError: `ca_file` cannot be read.
    """
    client: dict[str, Any] = {
        "timeout": timedelta(seconds=seconds),
        "connect_timeout": timedelta(seconds=min(seconds, 10)),
        "allow_http": (settings.endpoint_url or "").startswith("http://"),
        "user_agent": "trailhouse",
    }
    if settings.ca_file:
        try:
            client["root_certificate"] = settings.ca_file.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"sink {settings.name}: ca_file cannot be read: {error}"
            ) from error
    # the ledger alone decides when to try again
    retries = {"max_retries": 0, "retry_timeout": timedelta(seconds=seconds)}
    return {"client_options": client, "retry_config": retries}


class StoreWriter:
    """Writes objects to a store."""

    def __init__(
        self,
        service: str,
        open_store: Callable[[float], ObjectStore],
        *,
        seconds: float,
        secrets: Sequence[str] = (),
        creates: bool = False,
    ) -> None:
        """Open the store; nothing is connected yet.

        Args:
            service: What to call it in messages.
            open_store: Opens it with a time-out in seconds.
            seconds: Time-out of one object.
            secrets: What must not be seen in answers.
            creates: Create objects before overwriting any: the right to overwrite is another one,
                which an identity may lack on purpose.

        Raises:
            ConfigurationError: The settings or credentials cannot be used.
        """
        from obstore.exceptions import BaseError

        self._service = service
        self._secrets = tuple(secrets)
        self._creates = creates
        try:
            self._store = open_store(seconds)
            self._probed = open_store(PROBE_SECONDS)
        except (BaseError, ValueError) as error:
            text = without_secrets(str(error).partition("\n\n")[0], self._secrets)
            raise ConfigurationError(f"{service}: {text}") from error

    def put(self, item: Item) -> str:
        """Store an object in one request, as a whole or not at all."""
        from obstore.exceptions import AlreadyExistsError

        if self._creates:
            try:
                return self._put(item, "create")
            except AlreadyExistsError:
                if item.is_named_by_content:
                    return f"{item.key} was there already"
        return self._put(item, "overwrite")

    def probe(self, key: str) -> None:
        """Create an object, which needs the same right as any other, unless it is there."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, BaseError

        try:
            obstore.put(self._probed, key, PROBE, mode="create")
        except AlreadyExistsError:
            return
        except (BaseError, OSError) as error:
            raise refusal(error, self._service, self._secrets) from error

    def close(self) -> None:
        """Nothing to do: connections end with the store."""

    def _put(self, item: Item, mode: Any) -> str:
        import obstore
        from obstore.exceptions import AlreadyExistsError, BaseError

        attributes: Any = {"Content-Type": item.content_type, "batchid": item.batch_id}
        try:
            answer = obstore.put(
                self._store,
                item.key,
                item.body,
                attributes=attributes,
                mode=mode,
                use_multipart=False,
            )
        except AlreadyExistsError:
            raise
        except (BaseError, OSError) as error:
            raise refusal(error, self._service, self._secrets) from error
        return f"{item.key} {answer['e_tag'] or ''}".strip()
