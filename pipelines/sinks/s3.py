"""S3: objects in a bucket of Amazon S3, or of a store that speaks its protocol."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, SecretStr, model_validator

from pipelines.lake.storage import S3Access, resolve_s3
from pipelines.secrets import SecretReference, is_reference, read_secret
from pipelines.sinks.object_store import ObjectStoreSettings, StoreWriter, client_options
from pipelines.sinks.objects import ObjectSink
from pipelines.sinks.settings import Clock, Text

if TYPE_CHECKING:
    from obstore.store import S3Store

    from pipelines.lake.storage import Storage


class S3Settings(ObjectStoreSettings):
    """A bucket."""

    kind: Literal["s3"]
    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    """Name of the bucket."""
    region: Text | None = None
    """Region of the bucket; without it, and without `endpoint_url`, those of the lake hold."""
    access_key_id: Text | None = None
    """Id of the access key, or a reference to it; without it the lake's credentials are used."""
    secret_access_key: SecretReference | None = None
    """The access key itself."""
    session_token: SecretReference | None = None
    """Token of temporary credentials."""
    kms_key_id: Text | None = None
    """KMS key that objects are encrypted with; without it, as the bucket says."""

    @model_validator(mode="after")
    def _credentials_are_whole(self) -> S3Settings:
        if bool(self.access_key_id) != bool(self.secret_access_key):
            raise ValueError(
                "access_key_id and secret_access_key belong together; set both or none"
            )
        if self.session_token and not self.access_key_id:
            raise ValueError("session_token belongs to access_key_id and secret_access_key")
        return self

    def open(self, storage: Storage, clock: Clock) -> ObjectSink:
        """Open the sink."""
        access = access_of(self, storage)
        place = access.endpoint_url or f"S3 in {access.region}"
        secrets = [access.secret_access_key, access.session_token or ""]

        def open_store(seconds: float) -> S3Store:
            return _store(self, access, seconds)

        writer = StoreWriter(
            f"bucket {self.bucket} at {place}",
            open_store,
            seconds=self.timeout_seconds,
            secrets=secrets,
        )
        return ObjectSink(self, writer)


def access_of(settings: S3Settings, storage: Storage) -> S3Access:
    """Endpoint, region and credentials: the sink's own, and where it has none, the lake's.

    Raises:
        ConfigurationError: A secret cannot be read, or there are no credentials at all.
    """
    if settings.access_key_id and settings.secret_access_key:
        key_id = settings.access_key_id
        own = {
            "s3_access_key_id": read_secret(key_id) if is_reference(key_id) else key_id,
            "s3_secret_access_key": SecretStr(read_secret(settings.secret_access_key)),
        }
        access = resolve_s3(storage.settings.model_copy(update=own))
        token = read_secret(settings.session_token) if settings.session_token else None
        access = replace(access, session_token=token)
    else:
        access = storage.s3
    return replace(
        access,
        endpoint_url=settings.endpoint_url or access.endpoint_url,
        region=settings.region or access.region,
    )


def _store(settings: S3Settings, access: S3Access, seconds: float) -> S3Store:
    from obstore.store import S3Store

    options = client_options(settings, seconds)
    config: Any = {"region": access.region, "checksum_algorithm": "SHA256"}
    if access.endpoint_url:
        config |= {"endpoint": access.endpoint_url, "virtual_hosted_style_request": False}
        options["client_options"]["allow_http"] = access.endpoint_url.startswith("http://")
    if settings.kms_key_id:
        config |= {"server_side_encryption": "aws:kms", "sse_kms_key_id": settings.kms_key_id}
    # by a provider, so that no variable of the environment is mixed in, such as another's token
    credentials: Any = {
        "access_key_id": access.access_key_id,
        "secret_access_key": access.secret_access_key,
        "token": access.session_token,
        "expires_at": None,
    }
    return S3Store(
        settings.bucket, config=config, credential_provider=lambda: credentials, **options
    )
