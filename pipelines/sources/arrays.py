"""Arrays: cut a large JSON array into its elements without holding it."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator

import orjson

from pipelines.sources.records import Record, TooLarge, bounded, gather, is_crowded

STEP_BYTES = 2**20
"""Content that is looked at at once; more where an element is larger."""

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)  # numbers are passed, not read


def cut_array(
    content: bytes, offset: int, pieces: Iterator[bytes], limit: int
) -> Generator[list[Record] | TooLarge, None, tuple[bytes, int]]:
    """Cut an array into lists of its elements, in order.

    What follows an element that cannot be told from the next is one record, which is no JSON.
    What follows an element of more than `limit` bytes is not looked at where its end is not seen.

    Args:
        content: The array's beginning, from its bracket on.
        offset: Where that stands in the object.
        pieces: What follows.
        limit: Bytes that a record may have.

    Returns:
        What was held beyond the array's end, and where that stands.
    """
    begun, most = False, limit + STEP_BYTES
    content, offset, step = content[1:], offset + 1, min(STEP_BYTES, most)
    while True:
        content = gather(content, pieces, step)
        if is_crowded(content[:step]):  # one element has half of it: steps grow only so
            yield TooLarge(offset, len(content) + sum(map(len, pieces)), is_crowded=True)
            return b"", offset
        found, end, closed = _elements(content[:step], offset, begun)
        yield from bounded(found, limit)
        begun = begun or bool(found)
        if not end and (step == most or len(content) <= step):
            break  # nothing more to be seen, or no room to see it
        content, offset, step = content[end:], offset + end, STEP_BYTES if end else step * 2
        step = min(step, most)
        if closed:
            return content, offset
    content = gather(content, pieces, limit)
    if len(content) > limit:
        yield TooLarge(offset, len(content) + sum(map(len, pieces)))
    else:
        yield _broken(content, offset, b"," if begun else b"[")
    return b"", offset


def _elements(content: bytes, offset: int, begun: bool) -> tuple[list[Record], int, bool]:
    """The elements that are whole, where the next begins, and whether the array is closed."""
    text = content.decode("latin-1")  # a character a byte: what JSON is made of is ASCII
    found: list[Record] = []
    position = 0
    while True:
        start = _after_space(text, position)
        if not begun and not found and text.startswith("]", start):
            return found, start + 1, True
        try:
            _, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            return found, position, False
        follows = _after_space(text, end)
        mark = text[follows : follows + 1]
        if mark != "," and mark != "]":
            return found, position, False
        found.append((offset + start, content[start:end]))
        position = follows + 1
        if mark == "]":
            return found, position, True


def _broken(content: bytes, offset: int, before: bytes) -> list[Record]:
    """What is left of an array that does not end; `before` stands before it."""
    body = content.strip(b" \t\r\n")
    left = [(offset + content.find(body[:1]), body)] if body else []
    if not body or _is_whole(body):
        left.insert(0, (offset - 1, before))  # cut off between two elements, and so seen
    return left


def _is_whole(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position
