"""Azure Blob Storage: block blobs in a container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from pipelines.secrets import SecretReference, read_secret
from pipelines.sinks.object_store import ObjectStoreSettings, StoreWriter, client_options
from pipelines.sinks.objects import ObjectSink
from pipelines.sinks.settings import Clock, Text

if TYPE_CHECKING:
    from obstore.store import AzureStore

    from pipelines.lake.storage import Storage


class AzureBlobSettings(ObjectStoreSettings):
    """A container of a storage account."""

    kind: Literal["azure_blob"]
    account: Annotated[str, Field(pattern=r"^[a-z0-9]{3,24}$")]
    """Name of the storage account."""
    container: Annotated[str, Field(pattern=r"^[a-z0-9](-?[a-z0-9]){2,62}$")]
    """Name of the container."""
    account_key: SecretReference | None = None
    """Key of the account."""
    sas_token: SecretReference | None = None
    """Shared access signature with the rights to create and write."""
    tenant_id: Text | None = None
    """Tenant of the application; needs `client_id` and `client_secret`."""
    client_id: Text | None = None
    """Application with the role Storage Blob Data Contributor, or a managed identity."""
    client_secret: SecretReference | None = None
    """Secret of the application."""

    @model_validator(mode="after")
    def _credentials_are_one(self) -> AzureBlobSettings:
        if bool(self.client_secret) != bool(self.tenant_id) or (
            self.client_secret and not self.client_id
        ):
            raise ValueError("tenant_id, client_id and client_secret belong together")
        if sum(map(bool, (self.account_key, self.sas_token, self.client_id))) > 1:
            raise ValueError("account_key, sas_token and client_id exclude one another; set one")
        return self

    def open(self, storage: Storage, clock: Clock) -> ObjectSink:
        """Open the sink; without credentials, the identity of the machine is used."""
        references = (self.account_key, self.sas_token, self.client_secret)
        key, token, secret = (read_secret(one) if one else "" for one in references)
        credentials = self._credentials(key, token)

        def open_store(seconds: float) -> AzureStore:
            return _store(self, credentials, secret, seconds)

        writer = StoreWriter(
            f"container {self.container} of {self.account}",
            open_store,
            seconds=self.timeout_seconds,
            secrets=[key, token, secret],
            creates=True,
        )
        return ObjectSink(self, writer)

    def _credentials(self, key: str, token: str) -> dict[str, Any] | None:
        if key:
            return {"access_key": key, "expires_at": None}
        if token:
            return {"sas_token": token.removeprefix("?"), "expires_at": None}
        return None


def _store(
    settings: AzureBlobSettings, credentials: dict[str, Any] | None, secret: str, seconds: float
) -> AzureStore:
    from obstore.store import AzureStore

    options = client_options(settings, seconds)
    config: Any = {"account_name": settings.account}
    if settings.endpoint_url:
        config["endpoint"] = settings.endpoint_url
    if settings.client_id:
        config["client_id"] = settings.client_id
    if secret:
        config |= {"client_secret": secret, "tenant_id": settings.tenant_id}
    if credentials:
        provided: Any = credentials
        options["credential_provider"] = lambda: provided
    return AzureStore(settings.container, config=config, **options)
