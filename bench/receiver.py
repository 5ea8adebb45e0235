"""Receiver: an HTTP server that reads each body and says yes, as cheaply as Python can."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.process import ROOT

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def serve() -> None:
    """Answer one connection after the other; says its port first."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        space = bytearray(1 << 20)
        while True:
            connection, _ = server.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while _answer(connection, space):
                    pass


def _answer(connection: socket.socket, space: bytearray) -> bool:
    head = b""
    while b"\r\n\r\n" not in head:
        read = connection.recv_into(space)
        if not read:
            return False
        head += space[:read]
    head, _, body = head.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    left = int(length or b"0") - len(body)
    while left > 0:
        read = connection.recv_into(space, min(left, len(space)))
        if not read:
            return False
        left -= read
    connection.sendall(ANSWER)
    return True


@contextmanager
def running() -> Iterator[str]:
    """A receiver in a process of its own; its URL."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.receiver"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/"
        finally:
            process.kill()


if __name__ == "__main__":
    serve()
