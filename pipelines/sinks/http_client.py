"""HTTP client: one request at a time to one service, and what its failures mean for delivery.

What a particular service says in its answers belongs in that service's sink.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from pipelines.secrets import without_secrets
from pipelines.sinks.http_exchange import Exchange, ExchangeError
from pipelines.sinks.http_settings import (
    HttpFamilySettings,
    checked_headers,
    origin,
    resolve_url,
    tls_context,
)
from pipelines.sinks.sink import ConfigurationSinkError, SinkError, TransientSinkError

MOST_REDIRECTS = 3
MOST_ANSWER_BYTES = 16_000_000
"""A bulk answer has a few hundred bytes an event; what is longer is no answer of a log service."""
PROBE_SECONDS = 2.0
HEADERS = {"User-Agent": "trailhouse", "Accept": "application/json, text/plain;q=0.5, */*;q=0.1"}
SAME_METHOD_REDIRECTS = (301, 302, 307, 308)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered, with secrets masked."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> dict[str, Any]:
        """The object that the text is, or an empty one where it is none."""
        import orjson

        try:
            found = orjson.loads(self.text)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def summary(self) -> str:
        """Status and the beginning of the text, for receipts and errors."""
        return f"{self.status} {self.text[:900]}".strip()


class HttpClient:
    """A keep-alive connection to a service: TLS verified, redirects only within its origin."""

    def __init__(
        self,
        settings: HttpFamilySettings,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        """Make the client; nothing is connected yet.

        Args:
            settings: Of the sink.
            url: Where requests go; only its origin is ever shown.
            headers: Sent with every request.
            secrets: What must not be seen in an answer or an error.

        Raises:
            ConfigurationError: A header or a file that the settings name cannot be used.
        """
        self.url = url
        self._gzip = settings.gzip
        self._seconds = settings.timeout_seconds
        self._secrets = tuple(secrets)
        # neither .netrc nor proxy variables decide where events go
        proxy_url = resolve_url(settings.proxy_url) if settings.proxy_url else None
        every = HEADERS | checked_headers(headers or {})
        self._http = Exchange(every, tls_context(settings, url), proxy_url)

    def hide(self, secret: str) -> None:
        """Mask a further secret, come by later, in answers and errors."""
        self._secrets = (*self._secrets[-8:], secret)

    def post(
        self,
        body: bytes,
        headers: Mapping[str, str],
        *,
        url: str | None = None,
        method: str = "POST",
    ) -> Answer:
        """Send a body, compressed where the settings say so; any status is an answer.

        Raises:
            TransientSinkError: The network failed, or the answer did not come in time.
            ConfigurationSinkError: Name, certificate or redirect are such that nobody would answer.
        """
        sent = dict(headers)
        if self._gzip:
            # level 1: half the time of the default, for a tenth more bytes; no time in the header
            body = gzip.compress(body, 1, mtime=0)
            sent["Content-Encoding"] = "gzip"
        return self.request(method, url or self.url, body=body, headers=sent)

    def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """Send one request as it is, and follow redirects that stay within its origin."""
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._once(method, url, body, headers or {}, seconds or self._seconds)
            if answer.status // 100 != 3:
                return answer
            url = self._redirected(url, answer)
        raise ConfigurationSinkError(
            f"{origin(url)} redirects in a circle; correct the sink's url",
            cause="redirect",
            response=answer.summary,
        )

    def probe(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for an answer within two seconds."""
        return self.request(method, url, headers=headers, seconds=PROBE_SECONDS)

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def _once(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> Answer:
        try:
            with self._http.send(method, url, body, headers, seconds) as reply:
                content = self._content(reply.parts, origin(url), time.monotonic() + 2 * seconds)
        except ExchangeError as error:
            raise self._failure(error, origin(url)) from error
        text = without_secrets(content.decode("utf-8", "replace"), self._secrets)
        return Answer(reply.status, text, reply.headers)

    def _content(self, received: Iterable[bytes], service: str, deadline: float) -> bytes:
        parts, size = [], 0
        for part in received:
            parts.append(part)
            size += len(part)
            if size > MOST_ANSWER_BYTES:
                raise TransientSinkError(
                    f"{service} answered more than {MOST_ANSWER_BYTES:,} bytes",
                    cause="wrong_answer",
                )
            if time.monotonic() > deadline:
                raise TransientSinkError(
                    f"{service} did not finish its answer in time", cause="timeout"
                )
        return b"".join(parts)

    def _redirected(self, url: str, answer: Answer) -> str:
        """Where a redirect leads to, if it may be followed."""
        target = _joined(url, answer.headers.get("location", ""))
        if answer.status not in SAME_METHOD_REDIRECTS or not target:
            raise ConfigurationSinkError(
                f"{origin(url)} answered {answer.status}, which is no place to send events to; "
                "correct the sink's url",
                cause="redirect",
                response=answer.summary,
            )
        if origin(target) != origin(url):
            raise ConfigurationSinkError(
                f"{origin(url)} redirects to {origin(target)}; events and credentials are not "
                "sent to another host: if it is the right one, write it into the sink's url",
                cause="redirect",
                response=answer.summary,
            )
        return target

    def _failure(self, error: ExchangeError, service: str) -> SinkError:
        """What a request that got no answer means."""
        causes = list(_chain(error))
        text = str(causes[-1]) or type(causes[-1]).__name__
        said = f"{service}: {without_secrets(text, self._secrets)}"
        for cause in causes:
            if isinstance(cause, socket.gaierror):
                kind = TransientSinkError if cause.errno == socket.EAI_AGAIN else _Configuration
                return kind(f"{said}; the host's name is not known", cause="dns")
            if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
                return ConfigurationSinkError(f"{said}; TLS was not agreed on", cause="tls")
        if error.trouble == "unreadable":
            return TransientSinkError(
                f"{said}; the answer cannot be unpacked", cause="wrong_answer"
            )
        if error.trouble == "timeout":
            return TransientSinkError(f"{service} did not answer in time", cause="timeout")
        if error.trouble == "network":
            return TransientSinkError(said, cause="network")
        return ConfigurationSinkError(f"{said}; correct the sink's settings", cause="not_found")


_Configuration = ConfigurationSinkError


def _joined(url: str, location: str) -> str:
    """Where a `Location` leads; empty where it is none."""
    try:
        return urljoin(url, location) if location else ""
    except ValueError:  # such as half of an IPv6 address
        return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what caused it, the innermost last."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
