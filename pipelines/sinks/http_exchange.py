"""HTTP exchange: one request and its answer over a connection that is kept, by httpcore alone.

httpx, which builds on it, takes as long again for each request. It still reads addresses that are
not plain, and keeps cookies where a service sets some. What answers mean is not decided here.
"""

from __future__ import annotations

import re
import ssl
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

from pipelines.sinks.http_settings import basic_authorization, origin

if TYPE_CHECKING:
    import httpcore
    import httpx

PLAIN = re.compile(r"[\w%/:?\[\]@!$&'()*+,;=.~-]+", re.ASCII)
"""Addresses that go out as they are written."""
KEPT_SECONDS = 5.0
"""How long a connection is kept without a request."""
Trouble = Literal["network", "timeout", "unreadable", "unusable"]
Headers = dict[str, tuple[bytes, bytes]]
"""By name in lower case: names and values as they go out."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: `parts` of the body, unpacked, as they arrive."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case."""
    parts: Iterator[bytes]


class ExchangeError(Exception):
    """No answer came, or none that can be read; what it was raised from says more.

    `unreadable` is an answer that cannot be unpacked, `unusable` a request that nobody could get.
    """

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble)
        self.trouble = trouble


class Exchange:
    """Connections to the services behind addresses; used by one thread at a time."""

    def __init__(
        self, headers: Mapping[str, str], context: ssl.SSLContext, proxy_url: str | None
    ) -> None:
        """Note how to connect; nothing is connected yet.

        Args:
            headers: Sent with every request.
            context: How the other side of TLS is verified.
            proxy_url: Proxy to go through.
        """
        self._headers = {"Accept-Encoding": "gzip", **headers}
        self._pool = _pool(context, proxy_url)
        self._address = lru_cache(maxsize=64)(self._encode_address)
        self._cookies: httpx.Cookies | None = None

    @contextmanager
    def send(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> Iterator[Reply]:
        """Send one request; its reply, to be read within the block.

        Args:
            method: Such as `POST`.
            url: Where to.
            body: As it goes out.
            headers: Besides those of every request, or in their place.
            seconds: How long connecting, and each part that is sent or read, may take.

        Raises:
            ExchangeError: There is no answer, or none that can be read.
        """
        with _explained():
            response = self._pool.handle_request(self._request(method, url, body, headers, seconds))
            try:
                self._keep_cookies(method, url, response)
                told = _told(response)
                yield Reply(response.status, told, _unpacked(response, told))
            finally:
                response.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.close()

    def _request(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> httpcore.Request:
        import httpcore

        address, every = self._address(url)
        sent = every | _encoded(headers) | _encoded(self._cookie(method, url))
        if body or method in ("POST", "PUT", "PATCH"):
            sent |= _encoded({"Content-Length": str(len(body))})
        return httpcore.Request(
            method,
            address,
            headers=list(sent.values()),
            content=body,
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), seconds)},
        )

    def _encode_address(self, url: str) -> tuple[httpcore.URL, Headers]:
        """An address as it goes out, and the headers of every request to it."""
        import httpcore

        written = _written(url)
        parts = urlsplit(written)
        headers = {"Host": origin(written).partition("://")[2], **self._headers}
        if parts.username:
            password = unquote(parts.password or "")
            headers["Authorization"] = basic_authorization(unquote(parts.username), password)
        return httpcore.URL(written), _encoded(headers)

    def _keep_cookies(self, method: str, url: str, response: httpcore.Response) -> None:
        if all(name.lower() != b"set-cookie" for name, _ in response.headers):
            return
        import httpx

        self._cookies = self._cookies or httpx.Cookies()
        told = httpx.Response(
            response.status, headers=response.headers, request=httpx.Request(method, url)
        )
        self._cookies.extract_cookies(told)

    def _cookie(self, method: str, url: str) -> dict[str, str]:
        """The header by which a service that sits behind others knows us again."""
        if self._cookies is None:
            return {}
        import httpx

        request = httpx.Request(method, url)
        self._cookies.set_cookie_header(request)
        return {"Cookie": request.headers["Cookie"]} if "Cookie" in request.headers else {}


def _pool(context: ssl.SSLContext, proxy_url: str | None) -> httpcore.ConnectionPool:
    import httpcore

    if proxy_url is None:
        return httpcore.ConnectionPool(context, keepalive_expiry=KEPT_SECONDS)
    parts = urlsplit(proxy_url)
    auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return httpcore.HTTPProxy(
        _written(proxy_url), proxy_auth=auth, ssl_context=context, keepalive_expiry=KEPT_SECONDS
    )


@contextmanager
def _explained() -> Iterator[None]:
    import httpcore

    try:
        yield
    except httpcore.TimeoutException as error:
        raise ExchangeError("timeout") from error
    except (httpcore.NetworkError, httpcore.RemoteProtocolError, httpcore.ProxyError) as error:
        raise ExchangeError("network") from error
    except zlib.error as error:
        raise ExchangeError("unreadable") from error
    except (
        httpcore.LocalProtocolError,
        httpcore.UnsupportedProtocol,
        ssl.SSLError,
        ValueError,  # an address, or a header with letters beyond ASCII
    ) as error:
        raise ExchangeError("unusable") from error


def _written(url: str) -> str:
    """An address with all encoded that cannot go out as it is."""
    if PLAIN.fullmatch(url):
        return url
    import httpx

    try:
        return str(httpx.URL(url))
    except httpx.InvalidURL as error:
        raise ValueError(str(error)) from error


def _encoded(headers: Mapping[str, str]) -> Headers:
    return {
        name.lower(): (name.encode("ascii"), value.encode("ascii"))
        for name, value in headers.items()
    }


def _told(response: httpcore.Response) -> dict[str, str]:
    """The headers of a response; those that came several times with commas between."""
    found: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("utf-8", "replace")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _unpacked(response: httpcore.Response, headers: Mapping[str, str]) -> Iterator[bytes]:
    parts = response.iter_stream()
    if headers.get("content-encoding", "").strip().lower() not in ("gzip", "x-gzip", "deflate"):
        yield from parts
        return
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)  # by its head, gzip or zlib
    for part in parts:
        yield unpack.decompress(part)
