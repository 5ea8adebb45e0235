"""TLS stream: a connection that is ended in order, and says why the other side refused it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

RECEIVE_BYTES = 65_536


class TlsStream:
    """TLS over a socket, in one direction.

    An `ssl.SSLSocket` will not do: in TLS 1.3 a receiver refuses this side's certificate only after
    the handshake, by an alert, and `SSLSocket.unwrap` takes an alert for a farewell.
    """

    def __init__(self, connection: socket.socket, context: ssl.SSLContext, host: str) -> None:
        """Agree on TLS, and verify the other side.

        Raises:
            OSError: It could not be agreed on (`ssl.SSLError`), or the connection failed.
        """
        self._socket = connection
        self._received, self._sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._received, self._sent, server_hostname=host)
        try:
            self._step(self._tls.do_handshake)
        except ssl.SSLError:
            with suppress(OSError):
                self._flush()  # tell the other side why
            raise

    def sendall(self, data: memoryview) -> None:
        """Send data."""
        self._step(lambda: self._tls.write(data))

    def end(self, *, wait: bool) -> None:
        """Say farewell; with `wait`, until the other side has read everything and closed."""
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()  # nothing is received meanwhile, so it says farewell and no more
        self._flush()
        if wait:
            self._read_to_the_end()

    def _step(self, step: Callable[[], Any]) -> None:
        while True:
            try:
                step()
            except ssl.SSLWantReadError:
                self._flush()
                self._receive()
            else:
                self._flush()
                return

    def _flush(self) -> None:
        try:
            self._socket.sendall(self._sent.read())
        except ConnectionError:
            self._read_to_the_end()  # if the other side said why, that is raised instead
            raise

    def _receive(self) -> None:
        data = self._socket.recv(RECEIVE_BYTES)
        if data:
            self._received.write(data)
        else:
            self._received.write_eof()

    def _read_to_the_end(self) -> None:
        """Read until the other side closes, with a farewell or without."""
        while True:
            try:
                if not self._tls.read(RECEIVE_BYTES):
                    return
            except ssl.SSLWantReadError:
                self._receive()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return
