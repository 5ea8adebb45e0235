"""Time stamp: ask an RFC 3161 authority to sign that a digest existed by now."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from pipelines.errors import TrailhouseError

TIMEOUT = 30
"""Seconds to wait for the authority."""
LARGEST = 2**20
"""Bytes of an answer; a stamp with its certificates has a few thousand."""
SHA256 = bytes.fromhex("300d06096086480165030402010500")
"""AlgorithmIdentifier of SHA-256, as DER (RFC 5754)."""
IMPRINT = bytes.fromhex("3031") + SHA256 + bytes.fromhex("0420")
"""What a stamp's imprint starts with, as DER (RFC 3161, 2.4.2); the SHA-256 follows."""
GRANTED = (0, 1)
"""PKIStatus of an answer that holds a stamp: granted, and granted with modifications."""


def request_of(digest: bytes) -> bytes:
    """A request for a stamp on a SHA-256, as DER (RFC 3161, 2.4.1), certificates included.

    It has no nonce, so that the same digest makes the same request: a stamp that is played again
    names the same digest, and an earlier time.
    """
    imprint = _der(0x30, SHA256 + _der(0x04, digest))
    return _der(0x30, _der(0x02, b"\x01") + imprint + _der(0x01, b"\xff"))


def stamped(answer: bytes) -> bytes:
    """The SHA-256 that an answer stamps; who signed it is for `openssl ts -verify`.

    Raises:
        ValueError: It is no answer, refuses, or stamps no SHA-256.
    """
    _, body, rest = _read(answer)
    _, status, stamp = _read(body)
    tag, number, _ = _read(status)
    if rest or tag != 0x02:
        raise ValueError("not the answer of an RFC 3161 authority")
    if int.from_bytes(number, "big") not in GRANTED or not stamp:
        raise ValueError(f"the authority refused, with status {int.from_bytes(number, 'big')}")
    # what is stamped comes before certificates and signatures
    _, imprint, after = stamp.partition(IMPRINT)
    if not imprint or len(after) < 32:
        raise ValueError("the stamp is on no SHA-256")
    return after[:32]


def check_answer(answer: bytes, digest: bytes) -> None:
    """Check that an answer holds a stamp on the digest.

    Raises:
        ValueError: It is no answer, refuses, or stamps something else.
    """
    if stamped(answer) != digest:
        raise ValueError("the stamp is on another digest than the one sent")


def stamp(url: str, digest: bytes) -> bytes:
    """Have a digest stamped.

    Args:
        url: The authority, `https://…` or `http://…`: what it answers is signed.
        digest: A SHA-256, 32 bytes.

    Returns:
        The whole answer, as `openssl ts -verify -in` reads it.

    Raises:
        TrailhouseError: The authority cannot be reached, refuses, or answers something else.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise TrailhouseError(f"archive.timestamp_url is {url!r}; write http://… or https://…")
    request = urllib.request.Request(  # noqa: S310 the scheme was checked
        url, request_of(digest), {"Content-Type": "application/timestamp-query"}
    )
    opener = urllib.request.build_opener(
        _NoRedirects, urllib.request.HTTPSHandler(context=ssl.create_default_context())
    )
    try:
        with opener.open(request, timeout=TIMEOUT) as response:
            answer: bytes = response.read(LARGEST)
        check_answer(answer, digest)
    except (OSError, http.client.HTTPException, ValueError, IndexError) as error:
        raise TrailhouseError(
            f"archive.timestamp_url {url}: no time stamp: {error}; try `archive anchor` again, or "
            "name another authority"
        ) from error
    return answer


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The authority that was named answers, or nobody."""

    def redirect_request(self, *given: object) -> None:
        """Follow nothing: the redirect becomes an error."""


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _read(data: bytes) -> tuple[int, bytes, bytes]:
    """The tag and content of the first DER value, and what follows it."""
    size, begin = data[1], 2
    if size & 0x80:
        begin = 2 + (size & 0x7F)
        size = int.from_bytes(data[2:begin], "big")
    if len(data) < begin + size:
        raise ValueError("the answer was cut off")
    return data[0], data[begin : begin + size], data[begin + size :]
