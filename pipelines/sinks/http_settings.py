"""HTTP settings: what every sink that speaks HTTP may be told, and what follows from it."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Protocol
from urllib.parse import urlsplit

from pydantic import Field

from pipelines.errors import ConfigurationError
from pipelines.secrets import is_reference, read_secret
from pipelines.sinks.settings import SinkSettings

DEFAULT_PORTS = {"http": ":80", "https": ":443"}
Url = Annotated[str, Field(pattern=r"^(https?://[^\s/@]+(/\S*)?|env:\S+|file:\S+)$")]
"""An address without user and password, or a reference to one where the address is a secret."""


class HttpFamilySettings(SinkSettings):
    """What every sink that speaks HTTP may be told."""

    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30
    """How long to wait for a connection, and for each part of the answer."""
    gzip: bool = True
    """Compress bodies."""
    ca_file: Path | None = None
    """PEM file of the authorities to trust instead of the public ones."""
    client_certificate_file: Path | None = None
    """PEM file of the certificate by which this side identifies itself (mutual TLS)."""
    client_key_file: Path | None = None
    """PEM file of its key, where the certificate's file does not hold it."""
    proxy_url: Url | None = None
    """Proxy to go through; proxy variables of the environment are not looked at."""


class TlsSettings(Protocol):
    """Settings of a sink that may speak TLS."""

    @property
    def name(self) -> str:
        """Of the sink."""

    @property
    def ca_file(self) -> Path | None:
        """Authorities to trust."""

    @property
    def client_certificate_file(self) -> Path | None:
        """This side's certificate."""

    @property
    def client_key_file(self) -> Path | None:
        """Its key."""


def origin(url: str) -> str:
    """Scheme, host and port of a URL: as much of it as may be shown.

    The port that goes without saying is left out, so that equal origins read the same.
    """
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2].lower()
    return f"{parts.scheme}://{place.removesuffix(DEFAULT_PORTS.get(parts.scheme, ' '))}"


def resolve_url(url: str) -> str:
    """A URL that is written down, or kept as a secret because of the token in it.

    Raises:
        ConfigurationError: The secret is missing, or holds no URL.
    """
    if not is_reference(url):
        return url
    found = read_secret(url).strip()
    if urlsplit(found).scheme not in {"http", "https"} or not urlsplit(found).hostname:
        raise ConfigurationError(f"secret {url}: it must hold an http:// or https:// address")
    return found


def secret_parts(url: str) -> list[str]:
    """What must not be seen of an address that is a secret; services name paths without hosts."""
    parts = urlsplit(url)
    return [url, parts.path, parts.query, *parts.path.split("/")[-1:]]


def basic_authorization(username: str, password: str) -> str:
    """The value of `Authorization` for a name and a password (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers whose values can be sent as they are.

    Raises:
        ConfigurationError: A value has a line break, or letters beyond ASCII; only the header's
            name is told, because the value may be a secret.
    """
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise ConfigurationError(
                f"the value of the header {name} has characters that no header can carry; "
                "correct the setting, or the secret that it refers to"
            )
    return dict(headers)


def tls_context(settings: TlsSettings, url: str) -> ssl.SSLContext:
    """How the other side is verified, and how this side identifies itself.

    For a plain `http://` address it trusts nobody: reading the public authorities takes long.

    Raises:
        ConfigurationError: A file that the settings name cannot be read, or is no PEM file.
    """
    if url.startswith("http://"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    import httpx

    try:
        context = (
            ssl.create_default_context(cafile=settings.ca_file)
            if settings.ca_file
            else httpx.create_ssl_context(trust_env=False)
        )
        if settings.client_certificate_file:
            context.load_cert_chain(settings.client_certificate_file, settings.client_key_file)
    except OSError as error:  # an SSLError is one too: no certificate in the file
        raise ConfigurationError(
            f"sink {settings.name}: ca_file, client_certificate_file and client_key_file must be "
            f"PEM files that can be read: {error}"
        ) from error
    return context
