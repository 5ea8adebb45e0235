"""Split: cut an object's content into records, by content and not by name.

An object holds one JSON document (an event, an array of events, or a page of the API), or one
document a line.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import msgspec
import orjson

Record = tuple[int, bytes]
"""Byte offset in the uncompressed object, and the record's bytes."""

BOM = b"\xef\xbb\xbf"
SPACE = b" \t\r\n"

_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def split(pieces: Iterator[bytes]) -> Iterator[list[Record]]:
    """Cut an object into lists of records, in order, holding one piece and one record at a time.

    A content without any record (empty, or only white space) is one record without bytes, so
    that it can be rejected and seen. Bytes are never altered; between records only white space,
    a byte order mark, and the brackets and commas of an array are left out.
    """
    pieces = filter(None, pieces)
    parts = [next(pieces, b"")]
    more = next(pieces, b"")
    while more and b"\n" not in parts[-1]:
        parts.append(more)
        more = next(pieces, b"")
    head = b"".join(parts)
    start = len(BOM) if head.startswith(BOM) else 0
    head = head[start:]
    rest = chain((more,), pieces) if more else iter(())
    if more and _is_lines(head):
        yield from _lines(head, start, rest)
    else:
        yield _document(b"".join((head, *rest)), start)


def elements(record: Record) -> list[Record] | None:
    """The records inside an array or a page of the API (`data`, `items`), or None if not one."""
    offset, content = record
    try:
        raws: list[msgspec.Raw] = _ELEMENTS.decode(content)
    except msgspec.DecodeError:
        return None
    found, position = [], 0
    for raw in raws:
        text = bytes(raw)
        position = content.index(text, position)
        found.append((offset + position, text))
        position += len(text)
    return found


def fields(content: bytes) -> dict[str, msgspec.Raw]:
    """The exact bytes of every top-level field's value; the content is a valid JSON object."""
    return _FIELDS.decode(content)


def _is_lines(head: bytes) -> bool:
    """Whether most of the complete lines are JSON objects of their own.

    It is never so of one document over many lines: it begins with another line, and between two
    objects stands a comma.
    """
    lines = [text for line in head.split(b"\n", 100)[:-1] if (text := line.strip(SPACE))]
    return 2 * sum(map(_is_object, lines)) > len(lines)


def _has_object_line(content: bytes) -> bool:
    """Whether some line is a JSON object of its own."""
    return any(_is_object(line.strip(SPACE)) for line in content.split(b"\n"))


def _is_object(line: bytes) -> bool:
    if not line.startswith(b"{"):
        return False
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _lines(head: bytes, offset: int, pieces: Iterator[bytes]) -> Iterator[list[Record]]:
    parts = [head]
    for piece in chain(pieces, (b"",)):
        last = not piece
        if not last and b"\n" not in piece:
            parts.append(piece)
            continue
        block = b"".join((*parts, piece))
        end = len(block) if last else block.rindex(b"\n") + 1
        yield _cut(block[:end], offset)
        parts, offset = [block[end:]], offset + end


def _cut(block: bytes, offset: int) -> list[Record]:
    records = []
    for line in block.split(b"\n"):
        if text := line.strip(SPACE):
            # most lines have nothing to strip, and are then the same object
            records.append((offset if text is line else offset + line.find(text[:1]), text))
        offset += len(line) + 1
    return records


def _document(content: bytes, offset: int) -> list[Record]:
    """One document, or lines whose first is broken."""
    body = content.strip(SPACE)
    record = (offset + content.find(body[:1]) if body else offset, body)
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        if b"\n" in body and _has_object_line(content):
            return _cut(content, offset)
        return [(0, BOM[:offset] + content)]  # nothing is left out of what will be rejected
    return [record]
