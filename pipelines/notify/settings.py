"""Settings of notices: which mail server takes them, and which chat gets them as well."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipelines.secrets import SecretReference
from pipelines.sinks.settings import Address, Text


class MailSettings(BaseModel):
    """The mail server that takes messages, and who they are from: the `[mail]` table."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    smtp_host: Text
    """Name of the mail server; its certificate must be for this name."""
    smtp_port: Annotated[int, Field(ge=1, le=65_535)] = 587
    """Its port: usually 587 for STARTTLS, 465 for TLS."""
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection to it is encrypted; nothing is sent where that cannot be agreed on."""
    smtp_user: Text | None = None
    """User at the mail server; needs `smtp_password`."""
    smtp_password: SecretReference | None = None
    """Password at the mail server, by reference."""
    smtp_from: Address
    """Sender of the messages."""
    smtp_ca_file: Path | None = None
    """PEM file of the authorities to trust instead of the public ones."""

    @model_validator(mode="after")
    def _credentials_are_safe(self) -> MailSettings:
        if bool(self.smtp_user) != bool(self.smtp_password):
            raise ValueError("smtp_user and smtp_password belong together; set both or none")
        if self.smtp_user and self.smtp_security == "none":
            raise ValueError("smtp_security 'none' would show the password; use starttls or tls")
        return self


class ChatSettings(BaseModel):
    """A chat that hears of notices through its incoming webhook: the `[chat]` table."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: SecretReference
    """Address of the webhook, by reference, for who knows it can write there."""
    template: Text = "slack"
    """`slack`, `teams`, or the path of a Jinja2 template that writes JSON."""
    ca_file: Path | None = None
    """PEM file of the authorities to trust instead of the public ones."""
