"""Split: cut an object's content into records, by content and not by name.

An object holds one JSON document (an event, an array of events, or a page of the API), or one
document a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

import msgspec
import orjson

from pipelines.sources.arrays import cut_array
from pipelines.sources.records import Record, TooLarge, bounded, gather, is_crowded

BOM = b"\xef\xbb\xbf"
SPACE = b" \t\r\n"
LARGEST = 64 * 2**20
"""Bytes that a record may have unless the caller says otherwise."""
HELD_BYTES = 2**20
"""Content that is held to tell what it is; a document or array of no more bytes is held whole."""
CUT_BYTES = 256 * 2**10
"""Lines that are cut at once: one may have two bytes, and a record costs a hundred."""

_RECORD = re.compile(rb'\{|\[\s*[\[{]|"\s*\{')
"""How a line begins that is a record: an object, an array of some, or an escaped one."""
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def split(pieces: Iterator[bytes], limit: int = LARGEST) -> Iterator[list[Record] | TooLarge]:
    """Cut an object into lists of records, in order, holding one record and one piece at a time.

    A content without any record (empty, or only white space) is one record without bytes, so
    that it can be rejected and seen. Bytes are never altered; between records only white space,
    a byte order mark, and the brackets and commas of an array are left out.

    Args:
        pieces: The uncompressed content.
        limit: Bytes that a record may have; one that has more comes without its bytes.
    """
    pieces = filter(None, pieces)
    held = gather(b"", pieces, HELD_BYTES)
    start = len(BOM) if held.startswith(BOM) else 0
    held = held[start:]
    if len(held) + start <= HELD_BYTES:
        yield from _document(held, start, limit)
        return
    is_array = held.lstrip(SPACE).startswith(b"[")
    while not is_array and b"\n" not in held and len(held) <= limit:
        size = len(held)
        held = gather(held, pieces, min(2 * size, limit))
        if len(held) == size:
            break
    if _is_lines(held, 2 if is_array else 1):
        yield from _lines(held, start, pieces, limit)
    elif is_array:
        begin = held.index(b"[")
        beyond, at = yield from cut_array(held[begin:], start + begin, pieces, limit)
        yield from _lines(beyond, at, pieces, limit)
    elif len(held := gather(held, pieces, limit)) <= limit:
        yield from _document(held, start, limit)
    elif b"\n" not in held[:limit] or _has_record_line(held[:limit]):
        yield from _lines(held, start, pieces, limit)
    else:
        yield TooLarge(start, len(held) + sum(map(len, pieces)))


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


def _is_lines(head: bytes, least: int) -> bool:
    """Whether most of the complete lines, and `least` of them, are JSON records of their own.

    It is never so of one document over many lines: it begins with another line, and between two
    values stands a comma.
    """
    lines = [text for line in head.split(b"\n", 100)[:-1] if (text := line.strip(SPACE))]
    count = sum(map(_is_record, lines))
    return 2 * count > len(lines) and count >= least


def _has_record_line(content: bytes) -> bool:
    """Whether some line is a JSON record of its own."""
    return any(_is_record(line.strip(SPACE)) for line in content.split(b"\n"))


def _is_record(line: bytes) -> bool:
    if not _RECORD.match(line):
        return False
    if is_crowded(line):
        return True
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _lines(
    held: bytes, offset: int, pieces: Iterator[bytes], limit: int
) -> Iterator[list[Record] | TooLarge]:
    """Lines, from `held` on, which stands at `offset`; of one that is too large nothing is held."""
    parts: list[bytes] = []
    size = 0
    for piece in chain((held,), pieces, (b"\n",)):  # the last line may have no end
        begin = 0
        if size > limit:
            begin = piece.find(b"\n") + 1
            size += begin or len(piece)
            if not begin:
                continue
            yield TooLarge(offset, size - 1)
            offset, size = offset + size, 0
        if end := piece.rfind(b"\n", begin) + 1:
            block = b"".join((*parts, piece[begin:end]))
            yield from _cut(block, offset, limit)
            offset, size, begin, parts = offset + len(block), 0, end, []
        size += len(piece) - begin
        parts.append(piece[begin:])
        if size > limit:
            parts.clear()


def _cut(block: bytes, offset: int, limit: int) -> Iterator[list[Record] | TooLarge]:
    """Whole lines."""
    begin = 0
    while begin < len(block):
        end = begin + CUT_BYTES
        if end < len(block):
            end = block.rfind(b"\n", begin, end) + 1 or block.find(b"\n", end) + 1 or len(block)
        records = _records(block[begin:end], offset + begin)
        yield from (records,) if end - begin <= limit else bounded(records, limit)
        begin = end


def _records(block: bytes, offset: int) -> list[Record]:
    records = []
    for line in block.split(b"\n"):
        if text := line.strip(SPACE):
            # most lines have nothing to strip, and are then the same object
            records.append((offset if text is line else offset + line.find(text[:1]), text))
        offset += len(line) + 1
    return records


def _document(content: bytes, offset: int, limit: int) -> Iterator[list[Record] | TooLarge]:
    """One document, or lines whose first is broken."""
    body = content.strip(SPACE)
    if is_crowded(body):
        if _is_lines(content, 1):
            yield from _cut(content, offset, limit)
            return
        yield TooLarge(offset + content.find(body[:1]), len(body), is_crowded=True)
        return
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        if b"\n" in body and _has_record_line(content):
            yield from _cut(content, offset, limit)
        else:
            yield [(0, BOM[:offset] + content)]  # nothing is left out of what will be rejected
    else:
        yield from bounded([(offset + content.find(body[:1]), body)], limit)
