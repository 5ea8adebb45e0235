"""Records: what an object is cut into, and the bound on what is held of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

CROWDED_BYTES = 4 * 2**20
"""A smaller record cannot hold so many values that they matter."""
MOST_WEIGHT = 12_000_000
"""What a record's values may weigh: 1 each, 4 more for an array or object. A value of the first
kind takes about 60 bytes when it is read, one of the other about 230: 700 MB at the most."""
_BRACKETS, _STRUCTURE = b"[{", b',[{"'
_OTHER = bytes(set(range(256)) - set(_STRUCTURE))

Record = tuple[int, bytes]
"""Byte offset in the uncompressed object, and the record's bytes."""


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A record that is too large to be read: where it begins, and how many bytes it has."""

    offset: int
    bytes: int
    is_crowded: bool = False
    """Whether it is its number of values that is too large."""


def bounded(records: list[Record], limit: int) -> Iterator[list[Record] | TooLarge]:
    """The records in order, those of more than `limit` bytes without their bytes."""
    fit: list[Record] = []
    for record in records:
        offset, content = record
        if len(content) <= limit:
            fit.append(record)
            continue
        if fit:
            yield fit
        fit = []
        yield TooLarge(offset, len(content))
    if fit:
        yield fit


def gather(held: bytes, pieces: Iterator[bytes], wanted: int) -> bytes:
    """`held` and as many pieces as it takes to have more than `wanted` bytes, or all there are."""
    parts, size = [held], len(held)
    while size <= wanted and (piece := next(pieces, b"")):
        parts.append(piece)
        size += len(piece)
    return b"".join(parts) if len(parts) > 1 else held


def is_crowded(content: bytes) -> bool:
    """Whether a record has so many values that reading it would fill the memory.

    Two bytes may stand for a value, which takes hundreds when it is read.
    """
    if len(content) <= CROWDED_BYTES:
        return False
    if _weight(content) <= MOST_WEIGHT:
        return False
    # texts may hold such characters, too
    left = content.replace(rb"\\", b"").replace(rb"\"", b"").translate(None, _OTHER)
    weight, inside = 0, 0
    for at in range(0, len(left), CROWDED_BYTES):
        parts = left[at : at + CROWDED_BYTES].split(b'"')
        weight += _weight(b"".join(parts[inside::2]))
        inside ^= (len(parts) - 1) % 2
    return weight > MOST_WEIGHT


def _weight(content: bytes) -> int:
    return content.count(b",") + 4 * sum(content.count(bytes([mark])) for mark in _BRACKETS)
