"""Mails: a real SMTP server on loopback that keeps what it takes, over TLS or without."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from threading import Thread
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

USER, PASSWORD = "trailhouse", "mail-s3cret"
Security = Literal["none", "starttls", "tls"]


@dataclass
class Mails:
    """The messages that a receiver took, and whom it refuses."""

    port: int = 0
    received: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    down: bool = False

    async def handle_RCPT(  # noqa: N802 (theirs)
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or not."""
        if address in self.refuses:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep a message."""
        if self.down:
            return "451 try later"
        parsed = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        self.received.append(parsed)
        self.recipients += envelope.rcpt_tos
        transport = server.transport.get_extra_info("sslcontext")
        self.encrypted.append(transport is not None)
        return "250 kept"

    def bodies(self, at: int = -1) -> tuple[str, str]:
        """Text and HTML of a message."""
        text, html = self.received[at].iter_parts()
        return text.get_content(), html.get_content()


def _knows(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    known = isinstance(data, LoginPassword) and data == LoginPassword(
        USER.encode(), PASSWORD.encode()
    )
    return AuthResult(success=known, handled=False)


@contextmanager
def mail_receiver(
    context: ssl.SSLContext | None = None, *, security: Security = "none", wants_login: bool = False
) -> Iterator[Mails]:
    """A mail server that keeps what it is sent, known as `localhost`."""
    mails, loop = Mails(), asyncio.new_event_loop()
    options: dict[str, Any] = {"hostname": "localhost", "loop": loop}
    if security == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    if wants_login:
        options |= {"authenticator": _knows, "auth_required": True}
        options["auth_require_tls"] = security == "starttls"
    listening = loop.create_server(
        lambda: SMTP(mails, **options),
        "127.0.0.1",
        0,
        ssl=context if security == "tls" else None,
    )
    server = loop.run_until_complete(listening)
    mails.port = server.sockets[0].getsockname()[1]
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield mails
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(server.wait_closed())
        loop.close()
