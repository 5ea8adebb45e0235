"""Signatures: headers by which a receiver knows who sent a body, and that nobody changed it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Style = Literal["body", "standard_webhooks"]


@dataclass(frozen=True, slots=True)
class Signature:
    """A way to sign, with its key; a body is signed as it is before compression."""

    key: bytes = field(repr=False)
    style: Style
    header: str

    def headers(self, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
        """The headers that sign one body."""
        if self.style == "standard_webhooks":
            return standard_webhook(self.key, message_id, int(now.timestamp()), body)
        digest = hmac.new(self.key, body, hashlib.sha256).hexdigest()
        return {self.header: f"sha256={digest}"}


def standard_webhook(key: bytes, message_id: str, at: int, body: bytes) -> dict[str, str]:
    """Headers of a signed request as standardwebhooks.com says; `whsec_` keys are base64."""
    if key.startswith(b"whsec_"):
        key = base64.b64decode(key.removeprefix(b"whsec_"))
    digest = hmac.new(key, f"{message_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
