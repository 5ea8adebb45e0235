"""Receivers: a real HTTP server on loopback that keeps what it gets and answers as it is told.

What the services that we deliver to answer is in `services.py`.
"""

from __future__ import annotations

import gzip
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import trustme


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came; the body is decompressed, header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    wire_bytes: int

    @property
    def lines(self) -> list[str]:
        """The body, line by line."""
        return self.body.decode().split("\n")

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver says."""

    status: int = 200
    body: str | bytes = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Fault(Enum):
    """What the receiver does instead of answering; the request was received whole."""

    DROP = "closes the connection"
    HANG = "says nothing until the receiver is closed"
    DRIP = "sends its answer so slowly that it never ends"


Rule = Callable[[Request], Answer | Fault]


def accept(_: Request) -> Answer:
    """Take everything."""
    return Answer()


class Receiver:
    """A running server. It is used by many threads, so that several sinks may share it."""

    def __init__(self, url: str, rule: Rule) -> None:
        self.url = url
        self.rule = rule
        """What it answers, unless the script says otherwise; may be replaced at any time."""
        self.keep = True
        """Whether requests are kept; a benchmark sets it to False."""
        self.requests: list[Request] = []
        """What was received, the oldest first."""
        self._script: deque[Answer | Fault] = deque()
        self._changed = threading.Condition()
        self.errors: list[Exception] = []
        """What went wrong in the rule itself; raised when the receiver is closed."""
        self.closing = threading.Event()

    def then(self, *answers: Answer | Fault) -> None:
        """Answer the next requests so, one each, before the rule holds again."""
        with self._changed:
            self._script.extend(answers)

    def wait_for(self, count: int, seconds: float = 20) -> None:
        """Wait until so many requests were received."""
        with self._changed:
            done = self._changed.wait_for(lambda: len(self.requests) >= count, seconds)
        if not done:
            raise TimeoutError(f"received {len(self.requests)} requests, not {count}")

    @property
    def messages(self) -> list[str]:
        """Every line of every request, in order."""
        return [line for request in self.requests for line in request.lines]

    def answer(self, request: Request) -> Answer | Fault:
        """Keep a request, and say what is answered to it."""
        with self._changed:
            if self.keep:
                self.requests.append(request)
                self._changed.notify_all()
            if self._script:
                return self._script.popleft()
        try:
            return self.rule(request)
        except Exception as error:
            self.errors.append(error)
            raise


@contextmanager
def receiving(rule: Rule = accept, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on a free port; with `tls` it speaks HTTPS under the name `localhost`."""
    server = _Server(("127.0.0.1", 0), _Connection)
    host = "localhost" if tls else "127.0.0.1"
    receiver = Receiver(f"http{'s' * bool(tls)}://{host}:{server.server_port}", rule)
    server.receiver, server.tls = receiver, tls
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
    if receiver.errors:
        raise receiver.errors[0]


def server_context(
    ca: trustme.CA, *, name: str = "localhost", client_ca: trustme.CA | None = None
) -> ssl.SSLContext:
    """The TLS context of a server; with `client_ca` it wants certificates of its clients."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert(name).configure_cert(context)
    if client_ca:
        client_ca.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    receiver: Receiver
    tls: ssl.SSLContext | None

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Agree on TLS in the connection's own thread, so that a bad client stops nobody."""
        if self.tls:
            try:
                request = self.tls.wrap_socket(request, server_side=True)
            except (ssl.SSLError, OSError):
                return
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the tests."""


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def _take(self) -> None:
        wire = self.rfile.read(int(self.headers.get("content-length", 0)))
        gzipped = self.headers.get("content-encoding") == "gzip"
        parts = urlsplit(self.path)
        request = Request(
            self.command,
            parts.path,
            {name: values[-1] for name, values in parse_qs(parts.query).items()},
            {name.lower(): value for name, value in self.headers.items()},
            gzip.decompress(wire) if gzipped else wire,
            len(wire),
        )
        match self.server.receiver.answer(request):
            case Answer() as answer:
                self._say(answer)
            case Fault.HANG:
                self.server.receiver.closing.wait()
                self.close_connection = True
            case Fault.DRIP:
                self._drip()
            case Fault.DROP:
                self.close_connection = True

    def _say(self, answer: Answer) -> None:
        body = answer.body.encode() if isinstance(answer.body, str) else answer.body
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        while not self.server.receiver.closing.wait(0.02):
            self.wfile.write(b" ")
            self.wfile.flush()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = _take  # noqa: N815 (names of http.server)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the requests are kept."""
