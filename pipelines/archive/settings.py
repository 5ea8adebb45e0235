"""Settings of the archive; `pipelines.settings` reads and validates them with all others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_serializer,
    field_validator,
    model_validator,
)


class RetentionSettings(BaseModel):
    """How long sealed days are kept: an `[[archive.retention]]` table; the most specific wins."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str = "*"
    """Lake table, or `*` for any."""
    environment: str = "*"
    """Environment of the workspace, empty for days without one, or `*` for any."""
    years: Annotated[int, Field(ge=1, le=1000)]
    """Calendar years after the day; without any table that fits, days are kept for ever."""


class ArchiveSettings(BaseModel):
    """Where sealed days go, who signs them, and who is told: the `[archive]` table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, Field(min_length=1)] | None = None
    """Folder or `s3://bucket/prefix`; without it, `archive/` under the lake URL."""
    signing_key: Annotated[str | None, Field(repr=False)] = None
    """The private key by reference: `file:PATH`, `env:NAME` or `command:PROGRAM …`."""
    signing_public_key: Path | None = None
    """PEM file of the public key that belongs to a `command:`."""
    trusted_keys: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")], ...] = ()
    """Ids of keys that are trusted when the archive is verified; what the log says is not."""
    object_lock: Literal["governance", "compliance"] | None = None
    """Have the store refuse deletion until the retention ends; the bucket must allow it."""
    anchor_urls: tuple[str, ...] = ()
    """Folders or `s3://bucket/prefix` out of the writer's reach that get the newest entry."""
    anchor_email: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...] = ()
    """Addresses that get the newest entry; they need `smtp_host`."""
    smtp_host: str | None = None
    """Mail server that takes messages for `anchor_email`."""
    smtp_port: Annotated[int, Field(ge=1, le=65_535)] = 587
    """Its port."""
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection to it is encrypted."""
    smtp_user: str | None = None
    """User at the mail server."""
    smtp_password: SecretStr | None = None
    """Password at the mail server; better set as a variable than in a file."""
    smtp_from: str | None = None
    """Sender of the messages; without it, the first address of `anchor_email`."""
    timestamp_url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """RFC 3161 authority that stamps the newest entry."""
    retention: tuple[RetentionSettings, ...] = ()
    """How long days are kept, per table and environment."""

    @field_serializer("signing_key")
    def _without_arguments(self, signing_key: str | None) -> str | None:
        """A program's arguments may be secret, such as a card's PIN."""
        program, blank, _ = (signing_key or "").partition(" ")
        is_masked = program.startswith("command:") and blank
        return f"{program} **********" if is_masked else signing_key

    @field_validator("signing_key")
    @classmethod
    def _is_a_reference(cls, signing_key: str | None) -> str | None:
        if signing_key and not signing_key.startswith(("file:", "env:", "command:")):
            raise ValueError("no reference to a key; write file:PATH, env:NAME or command:PROGRAM")
        return signing_key

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.object_lock and not self.retention:
            raise ValueError("object_lock needs [[archive.retention]]: until when shall it hold?")
        if self.anchor_email and not self.smtp_host:
            raise ValueError("anchor_email needs smtp_host, the mail server that takes messages")
        return self
