"""Records: what an object is cut into, and the bound on what is held of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Record = tuple[int, bytes]
"""Byte offset in the uncompressed object, and the record's bytes."""


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A record that is too large to be read: where it begins, and how many bytes it has."""

    offset: int
    bytes: int


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
