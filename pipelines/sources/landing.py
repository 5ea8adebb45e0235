"""Landing: keep a copy of an object as received, for sources that are not durable."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from pipelines.lake.storage import Storage, is_s3
from pipelines.sources.find import LandingObject, explain

PIECE_BYTES = 8 * 2**20


def keep(copy: LandingObject, storage: Storage) -> LandingObject | None:
    """Copy the origin of a landing copy to its place; durable when this returns.

    Copying again changes nothing.

    Returns:
        What is to be loaded; nothing where the origin is gone since it was listed.

    Raises:
        SourceError: The origin cannot be read; nothing of the load was committed.
    """
    if copy.origin is None:
        return copy
    try:
        pieces = _pieces(copy.origin, storage)
        if is_s3(copy.uri):
            _put(pieces, copy.uri, storage)
        else:
            _write_local(pieces, Path(copy.uri))
    except Exception as error:
        if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error):
            return None
        raise explain(error, copy.origin, "copy to landing") from error
    return replace(copy, pinned=False)


def _pieces(uri: str, storage: Storage) -> Iterator[bytes]:
    if is_s3(uri):
        root, _, name = uri.rpartition("/")
        for piece in storage.store(root).get(name).stream(min_chunk_size=PIECE_BYTES):
            yield bytes(piece)
        return
    with Path(uri).open("rb") as file:
        while content := file.read(PIECE_BYTES):
            yield content


def _put(pieces: Iterator[bytes], uri: str, storage: Storage) -> None:
    import obstore

    root, _, name = uri.rpartition("/")
    with tempfile.TemporaryFile(dir=storage.settings.work_dir) as file:
        for piece in pieces:  # obstore cannot read one object while it writes another
            file.write(piece)
        file.seek(0)
        obstore.put(storage.store(root), name, file)


def _write_local(pieces: Iterator[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # two loads may copy at once: each has its own partial file, and both bring the same bytes
    partial = target.with_name(f".{uuid4().hex}.partial")
    try:
        with partial.open("wb") as write:
            for piece in pieces:
                write.write(piece)
            write.flush()
            os.fsync(write.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
