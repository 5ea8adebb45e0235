"""Receiver: an HTTP server that reads each body and says yes, as cheaply as Python can.

`python -m bench.receiver SECONDS` waits so long before each answer.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.process import ROOT

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def serve(delay_seconds: float = 0) -> None:
    """Answer one connection after the other; says its port first."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        space = bytearray(1 << 20)
        while True:
            connection, _ = server.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while _answer(connection, space, delay_seconds):
                    pass


def _answer(connection: socket.socket, space: bytearray, delay_seconds: float) -> bool:
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
    time.sleep(delay_seconds)
    connection.sendall(ANSWER)
    return True


@contextmanager
def running(delay_seconds: float = 0) -> Iterator[str]:
    """A receiver in a process of its own; its URL."""
    command = [sys.executable, "-m", "bench.receiver", str(delay_seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/"
        finally:
            process.kill()


if __name__ == "__main__":
    serve(float(sys.argv[1]))
