"""Syslog: RFC 5424 over TCP (RFC 6587) or TLS (RFC 5425)."""

from __future__ import annotations

import fcntl
import socket
import ssl
import sys
import termios
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from pipelines.sinks.http_client import PROBE_SECONDS
from pipelines.sinks.http_settings import tls_context
from pipelines.sinks.settings import Clock, SinkSettings
from pipelines.sinks.sink import (
    Batch,
    ConfigurationSinkError,
    Limits,
    Receipt,
    SinkError,
    TransientSinkError,
)
from pipelines.sinks.syslog_frames import (
    FACILITIES,
    INFORMATIONAL,
    WARNING,
    Facility,
    Framing,
    framed,
    header,
    one_line,
    parameter,
    timestamp,
)
from pipelines.sinks.tls_stream import TlsStream

if TYPE_CHECKING:
    from pipelines.lake.storage import Storage

CHUNK_BYTES = 262_144


class SyslogSettings(SinkSettings):
    """A syslog receiver."""

    kind: Literal["syslog"]
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]+$")]
    """Name or address of the receiver."""
    port: Annotated[int, Field(ge=1, le=65_535)] = 6514
    """Its port."""
    tls: bool = True
    """Speak TLS; without it events and their senders can be read and forged on the way."""
    ca_file: Path | None = None
    """PEM file of the authorities to trust instead of the public ones."""
    client_certificate_file: Path | None = None
    """PEM file of the certificate by which this side identifies itself (mutual TLS)."""
    client_key_file: Path | None = None
    """PEM file of its key, where the certificate's file does not hold it."""
    framing: Framing = "octets"
    """Length before each message, or a line feed behind it, for receivers that know no other."""
    message_bytes: Annotated[int, Field(ge=480, le=1_048_576)] = 8_192
    """Most bytes of a message with its header that the receiver takes without cutting it."""
    facility: Facility = "audit"
    """Facility of the messages; failures are warnings, all else is informational."""
    app_name: Annotated[str, Field(pattern=r"^[!-~]{1,48}$")] = "trailhouse"
    """`APP-NAME` of the messages."""
    hostname: Annotated[str, Field(pattern=r"^[!-~]{1,255}$")] | None = None
    """`HOSTNAME` of the messages; without it they have none."""
    structured_data_id: Annotated[str, Field(pattern=r"^[!#-<>-\\^-~]{1,32}$")] = "event@32473"
    """`SD-ID` of the structured data that has the event's id."""
    await_close: bool = True
    """Wait until the receiver closes its side too, which says that it has read everything."""
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30
    """How long to wait for the connection, for progress, and for the receiver to close."""

    def open(self, storage: Storage, clock: Clock) -> SyslogSink:
        """Open the sink."""
        return SyslogSink(self)


class SyslogSink:
    """Sends each batch over a connection of its own.

    Syslog has no acknowledgement, and what a receiver that dies has not read is lost without a
    word. But it closes its side of a connection once it has read all that was sent; that is
    waited for, and a connection that is reset instead is a failed delivery.
    """

    needs: tuple[str, ...] = ("event_type", "occurred_at", "outcome")

    def __init__(self, settings: SyslogSettings) -> None:
        most = settings.limits()
        self.limits: Limits = replace(
            most, event_bytes=min(most.event_bytes, settings.message_bytes)
        )
        self._settings = settings
        self._service = f"syslog at {settings.host}:{settings.port}"
        self._tls = tls_context(settings, "") if settings.tls else None

    def send(self, batch: Batch) -> Receipt:
        """Send a batch; messages that the receiver would cut are refused."""
        frames, refused = self._frames(batch)
        if not frames:
            return Receipt("nothing was sent", refused)
        with (
            self._explained(),
            closing(self._connect(self._settings.timeout_seconds)) as connection,
        ):
            self._deliver(connection, b"".join(frames))
        read = "read" if self._settings.await_close else "sent"
        return Receipt(f"{len(frames)} messages {read}", refused)

    def probe(self) -> None:
        """Connect, agree on TLS, and close."""
        with self._explained(), closing(self._connect(PROBE_SECONDS)) as connection:
            self._deliver(connection, b"")

    def close(self) -> None:
        """Nothing is open between batches."""

    def _frames(self, batch: Batch) -> tuple[list[bytes], dict[int, str]]:
        frames: list[bytes] = []
        refused: dict[int, str] = {}
        most = self._settings.message_bytes
        for at in range(len(batch)):
            try:
                message = framed(self._message(batch, at), self._settings.framing)
            except UnicodeEncodeError as error:
                refused[at] = f"the message is no text: {error}"
                continue
            if len(message) > most:
                refused[at] = (
                    f"the message has {len(message):,} bytes with its header; message_bytes is "
                    f"{most:,}"
                )
            else:
                frames.append(message)
        return frames, refused

    def _message(self, batch: Batch, at: int) -> str:
        """One event as RFC 5424 has it, without a byte order mark, which few receivers take out."""
        settings, events = self._settings, batch.events
        severity = WARNING if events["outcome"][at] == "failed" else INFORMATIONAL
        priority = FACILITIES[settings.facility] * 8 + severity
        hostname = header(settings.hostname, 255)
        kind = header(events["event_type"][at], 32)
        data = f'[{settings.structured_data_id} id="{parameter(events["event_id"][at])}"]'
        text = one_line(batch.messages[at], batch.content_type)
        return (
            f"<{priority}>1 {timestamp(events['occurred_at'][at])} {hostname} "
            f"{settings.app_name} - {kind} {data} {text}"
        )

    def _connect(self, seconds: float) -> socket.socket:
        return socket.create_connection((self._settings.host, self._settings.port), seconds)

    def _deliver(self, connection: socket.socket, content: bytes) -> None:
        """Send everything, end this side, and wait until the other side ends its own."""
        wait = self._settings.await_close
        parts = [
            memoryview(content)[start : start + CHUNK_BYTES]
            for start in range(0, len(content), CHUNK_BYTES)
        ]
        if self._tls:
            stream = TlsStream(connection, self._tls, self._settings.host)
            for part in parts:
                stream.sendall(part)
            stream.end(wait=wait)
        else:
            for part in parts:
                connection.sendall(part)
            connection.shutdown(socket.SHUT_WR)
            while wait and connection.recv(4_096):
                pass
        if wait and _unacknowledged(connection):
            raise ConnectionAbortedError("it closed the connection before it had everything")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, UnicodeError) as error:  # a time-out and an SSLError are OSErrors
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> SinkError:
        said = f"{self._service}: {error}"
        if isinstance(error, socket.gaierror):
            kind = TransientSinkError if error.errno == socket.EAI_AGAIN else ConfigurationSinkError
            return kind(f"{said}; the host's name is not known", cause="dns")
        if isinstance(error, TimeoutError):
            return TransientSinkError(
                f"{self._service} did not answer, or did not close the connection, in time; "
                "where it never does, set await_close = false",
                cause="timeout",
            )
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
            return ConfigurationSinkError(f"{said}; TLS was not agreed on", cause="tls")
        return TransientSinkError(said, cause="network")


def _unacknowledged(connection: socket.socket) -> int:
    """Bytes that the other side's system has not acknowledged.

    A receiver that has too many connections closes a new one at once: that looks like the close
    of one that has read everything, until its system refuses what arrives afterwards.
    """
    if sys.platform != "linux":
        return 0
    answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))  # tcp(7): SIOCOUTQ
    return int.from_bytes(answer, sys.byteorder)
