"""Storage: one lake URL, opened by every client that needs it (obstore, Delta, DuckDB, s3fs)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipelines.errors import ConfigurationError

if TYPE_CHECKING:
    from obstore.store import LocalStore, S3Store

    from pipelines.settings import Settings


@dataclass(frozen=True, slots=True)
class S3Access:
    """Endpoint, region and credentials, resolved once; never printed."""

    endpoint_url: str | None
    region: str
    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return f"S3Access(endpoint_url={self.endpoint_url!r}, region={self.region!r}, …)"

    @property
    def storage_options(self) -> dict[str, str]:
        """Options for delta-rs and obstore (the `object_store` crate's names)."""
        options = {
            "aws_region": self.region,
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
        }
        if self.session_token:
            options["aws_session_token"] = self.session_token
        if self.endpoint_url:
            options["aws_endpoint"] = self.endpoint_url
            options["aws_virtual_hosted_style_request"] = "false"
            options["aws_allow_http"] = str(self.endpoint_url.startswith("http://")).lower()
        return options


def resolve_s3(settings: Settings) -> S3Access:
    """Resolve endpoint, region and credentials: settings first, then the usual AWS chain.

    Raises:
        ConfigurationError: No credentials were found; the message says where they are looked for.
    """
    secret = settings.s3_secret_access_key
    endpoint = (
        settings.s3_endpoint_url
        or os.environ.get("AWS_ENDPOINT_URL_S3")
        or os.environ.get("AWS_ENDPOINT_URL")
    )
    region = (
        settings.s3_region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    )
    if settings.s3_access_key_id and secret:
        key_id, key, token = settings.s3_access_key_id, secret.get_secret_value(), None
    elif "AWS_ACCESS_KEY_ID" in os.environ and "AWS_SECRET_ACCESS_KEY" in os.environ:
        key_id, key = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
        token = os.environ.get("AWS_SESSION_TOKEN")
    else:
        from botocore.session import Session  # half a second: only where profiles or roles count

        session = Session()
        credentials = session.get_credentials()
        if credentials is None:
            raise ConfigurationError(
                "no S3 credentials found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, an AWS "
                "profile, an instance role, or s3_access_key_id and s3_secret_access_key"
            )
        frozen = credentials.get_frozen_credentials()
        key_id, key, token = frozen.access_key, frozen.secret_key, frozen.token
        region = region or session.get_config_variable("region")
    return S3Access(endpoint, region or "us-east-1", key_id, key, token)


def is_s3(url: str) -> bool:
    """Whether `url` names an object store rather than a folder or file."""
    return url.startswith("s3://")


def absolute(url: str) -> str:
    """`url` without a trailing slash; a local path made absolute, `s3://` left as it is.

    Raises:
        ConfigurationError: The URL has a scheme other than `s3` or `file`.
    """
    if is_s3(url):
        if not urlsplit(url).netloc:
            raise ConfigurationError(f"{url!r} names no bucket; write s3://bucket/prefix")
        return url.rstrip("/")
    if url.startswith("file://"):
        url = url.removeprefix("file://")
    elif "://" in url:
        raise ConfigurationError(f"{url!r}: only folders and s3://bucket/prefix are supported")
    return str(Path(url).expanduser().absolute())


@dataclass(frozen=True)
class Storage:
    """Opens URLs; credentials are resolved at the first S3 URL and not before."""

    settings: Settings

    @cached_property
    def s3(self) -> S3Access:
        """The access to S3, resolved at first use."""
        return resolve_s3(self.settings)

    def store(self, url: str) -> LocalStore | S3Store:
        """An obstore store rooted at `url` (a folder or `s3://bucket/prefix`)."""
        from obstore.store import LocalStore, S3Store

        if not is_s3(url):
            return LocalStore(url)
        parts = urlsplit(url)
        config: Any = self.s3.storage_options | {"aws_bucket": parts.netloc}
        client: Any = {"allow_http": True, "timeout": "120s"}
        return S3Store(config=config, prefix=parts.path.strip("/") or None, client_options=client)

    def delta_options(self, url: str) -> dict[str, str] | None:
        """`storage_options` for delta-rs, or None for a folder."""
        return self.s3.storage_options if is_s3(url) else None

    def filesystem(self) -> Any:
        """An s3fs file system with the same access, for pandas, notebooks and landing copies."""
        import s3fs

        return s3fs.S3FileSystem(
            key=self.s3.access_key_id,
            secret=self.s3.secret_access_key,
            token=self.s3.session_token,
            endpoint_url=self.s3.endpoint_url,
            client_kwargs={"region_name": self.s3.region},
            max_concurrency=1,  # without it every GET is preceded by a HEAD
        )
