"""Fetch: read landing objects concurrently, in order, within a bound on memory."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from pipelines.lake.storage import Storage, is_s3
from pipelines.sources.find import LandingObject, explain

if TYPE_CHECKING:
    from obstore.store import S3Store

CHUNK_BYTES = 16 * 2**20
"""Size of a piece of a large object in an object store."""
READ_BYTES = 2**20
"""Size of a piece of a file, or of unpacked content: what is cut up fits into a core's cache."""
FED_BYTES = 2**17
"""Size of a piece of compressed content, of which about as much comes as is read at once."""
WHOLE_BYTES = 4 * 2**20
"""Objects up to this size are fetched whole and concurrently; larger ones are streamed."""


GZIP = b"\x1f\x8b"
"""The first bytes of gzip content."""


class Changed(Exception):
    """The object was replaced or removed after it was listed; the next load meets it anew."""


def fetch(
    objects: Sequence[LandingObject], storage: Storage, *, concurrency: int
) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Yield each object's number and its uncompressed content in pieces, in the order given.

    Up to `concurrency` small objects are fetched ahead; so at most `concurrency` times 4 MiB and
    one piece of a large object are held. An object that changed since it was listed is passed
    over: its new version is found by the next load.

    Raises:
        Changed: By the content of a large object, which changed while it was read.
        SourceError: An object cannot be read; the message names it.
    """
    with ThreadPoolExecutor(concurrency, thread_name_prefix="fetch") as pool:
        stores: dict[str, S3Store] = {}
        ahead: deque[tuple[int, LandingObject, Future[bytes] | None]] = deque()

        def start(number: int, item: LandingObject) -> None:
            small = item.bytes <= WHOLE_BYTES and is_s3(item.uri)
            future = pool.submit(_whole, item, storage, stores) if small else None
            ahead.append((number, item, future))

        def finish() -> tuple[int, Iterator[bytes]] | None:
            number, item, future = ahead.popleft()
            try:
                pieces = iter((future.result(),)) if future else _stream(item, storage, stores)
                return number, _unpacked(item, pieces)
            except Changed:
                return None

        for number, item in enumerate(objects):
            start(number, item)
            if len(ahead) > concurrency * 4 and (ready := finish()):
                yield ready
        while ahead:
            if ready := finish():
                yield ready


def _store(item: LandingObject, storage: Storage, stores: dict[str, S3Store]) -> tuple[Any, str]:
    parts = urlsplit(item.uri.replace("?", "%3F").replace("#", "%23"))
    bucket = f"s3://{parts.netloc}"
    if bucket not in stores:
        stores[bucket] = storage.store(bucket)  # type: ignore[assignment]
    return stores[bucket], item.uri.removeprefix(bucket + "/")


def _get(item: LandingObject, storage: Storage, stores: dict[str, S3Store], **options: Any) -> Any:
    from obstore.exceptions import PreconditionError

    store, key = _store(item, storage, stores)
    if item.etag and item.pinned:
        options = {"if_match": item.etag} | options
    try:
        return store.get(key, options=options or None)
    except (PreconditionError, FileNotFoundError) as error:
        raise Changed(item.uri) from error
    except Exception as error:
        raise explain(error, item.uri, "read") from error


def _whole(item: LandingObject, storage: Storage, stores: dict[str, S3Store]) -> bytes:
    result = _get(item, storage, stores)
    try:
        return bytes(result.bytes())
    except Exception as error:
        raise explain(error, item.uri, "read") from error


def _stream(item: LandingObject, storage: Storage, stores: dict[str, S3Store]) -> Iterator[bytes]:
    if is_s3(item.uri):
        return _pieces(item, storage, stores)
    return _file(item)


def _pieces(item: LandingObject, storage: Storage, stores: dict[str, S3Store]) -> Iterator[bytes]:
    """A range at a time: a time-out counts until the end of a body, however slowly it is judged."""
    at, size = 0, 1
    version: dict[str, Any] = {}
    while at < size:
        result = _get(item, storage, stores, range=(at, at + CHUNK_BYTES), **version)
        size, version = result.meta["size"], {"if_match": result.meta["e_tag"]}
        try:
            piece = bytes(result.bytes())
        except Exception as error:
            raise explain(error, item.uri, "read") from error
        at += len(piece)
        yield piece


def _file(item: LandingObject) -> Iterator[bytes]:
    try:
        file = Path(item.content_path or item.uri).open("rb")  # noqa: SIM115 - closed by `_read`
    except FileNotFoundError as error:
        raise Changed(item.uri) from error
    except OSError as error:
        raise explain(error, item.uri, "read") from error
    return _read(item, file)


def _read(item: LandingObject, file: BinaryIO) -> Iterator[bytes]:
    try:
        with file:
            while piece := file.read(READ_BYTES):
                yield piece
    except OSError as error:
        raise explain(error, item.uri, "read") from error


def _unpacked(item: LandingObject, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Gunzip where the content is gzip, whatever the name says; a broken tail is kept as it is."""
    first = next(pieces, b"")
    if not first.startswith(GZIP):
        if first:
            yield first
        yield from pieces
        return
    yield from _gunzip(first, pieces)


def _fed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces in small ones: what is left of one is copied whenever some of it was unpacked."""
    for piece in pieces:
        for start in range(0, len(piece), FED_BYTES):
            yield piece[start : start + FED_BYTES]


def _gunzip(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    unpacker, pieces = zlib.decompressobj(wbits=31), _fed(chain([first], pieces))
    pending, started = next(pieces), True
    while True:
        try:
            if out := unpacker.decompress(pending, READ_BYTES):
                yield out
        except zlib.error:
            yield pending  # kept whole: the judge rejects it with its bytes
            yield from pieces
            return
        pending = unpacker.unconsumed_tail
        if unpacker.eof:
            pending = unpacker.unused_data.lstrip(b"\0")
            unpacker, started = zlib.decompressobj(wbits=31), False
        if not pending:
            pending = next(pieces, b"")
            if not pending:
                break
        started = True
    if tail := unpacker.flush():
        yield tail
    if not unpacker.eof and started:
        yield b"\n" + GZIP  # a line that is no JSON: what was cut off is rejected, and so seen
