"""Witnesses: a real mail receiver and a real time-stamp authority (OpenSSL's) on this machine."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from aiosmtpd.smtp import SMTP

AUTHORITY = """
[tsa]
default_tsa = authority

[authority]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""
CERTIFICATE = "extendedKeyUsage = critical,timeStamping"


@dataclass
class Mails:
    """The messages that a receiver took, and where it listens."""

    port: int = 0
    received: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 theirs
        """Keep a message."""
        parsed = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        self.received.append(parsed)
        self.recipients += envelope.rcpt_tos
        return "250 kept"


@contextmanager
def mail_receiver() -> Iterator[Mails]:
    """A mail server that keeps what it is sent."""
    mails, loop = Mails(), asyncio.new_event_loop()
    listening = loop.create_server(lambda: SMTP(mails, loop=loop), "127.0.0.1", 0)
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
        loop.close()


def openssl(*arguments: object, given: bytes = b"") -> bytes:
    """Run OpenSSL; what it writes."""
    done = subprocess.run(
        ["openssl", *map(str, arguments)], input=given, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@dataclass
class TimeStamps:
    """An authority: its URL, the certificate that vouches for its stamps, and what it answers."""

    url: str
    certificate: Path
    asked: int = 0
    answer: bytes | None = None
    """Answered instead of a stamp, where set."""


@contextmanager
def time_stamps(folder: Path) -> Iterator[TimeStamps]:
    """An RFC 3161 authority: `openssl ts` behind HTTP."""
    folder.mkdir(parents=True, exist_ok=True)
    key, certificate, config = (folder / name for name in ("key.pem", "cert.pem", "tsa.cnf"))
    config.write_text(AUTHORITY.format(folder=folder))
    (folder / "serial").write_text("01\n")
    openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-keyout", key, "-out", certificate, "-days", 2, "-subj", "/CN=Test authority"),
        *("-addext", CERTIFICATE),
    )

    class Authority(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            stamps.asked += 1
            answer = stamps.answer
            if answer is None:
                asked = folder / f"query-{stamps.asked}.tsq"
                asked.write_bytes(query)
                answer = openssl(
                    *("ts", "-reply", "-config", config, "-queryfile", asked),
                    *("-inkey", key, "-signer", certificate),
                )
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *given: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Authority)
    stamps = TimeStamps(f"http://127.0.0.1:{server.server_port}/", certificate)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield stamps
    finally:
        server.shutdown()
        server.server_close()
