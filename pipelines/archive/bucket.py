"""Bucket: a place in an object store, read by obstore and written by `uploads`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pipelines.archive.paths import inside, told
from pipelines.lake.storage import Storage

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from obstore.store import LocalStore, S3Store

    from pipelines.archive.uploads import Uploads

READ_AHEAD_BYTES = 1 << 16
"""Least that is fetched at once: the footer of most Parquet files, and less than a row group."""


@dataclass(frozen=True)
class Bucket:
    """A place in an object store; to write, an identity needs s3:PutObject and nothing else."""

    url: str
    storage: Storage
    object_lock: str | None = None
    held: str | None = None

    @cached_property
    def _store(self) -> LocalStore | S3Store:
        return self.storage.store(self.url)

    @cached_property
    def _uploads(self) -> Uploads:
        from pipelines.archive.uploads import Uploads

        return Uploads(self.url, self.storage.s3, self.object_lock, self.held)

    def put_new(self, path: str, data: bytes | Path, *, retain_until: date | None = None) -> bool:
        """Put the object unless one exists, with the digest that the store shall hold it to."""
        return self._uploads.put_new(inside(path), data, retain_until)

    def get(self, path: str) -> bytes:
        """The object's bytes."""
        with told(self.url, path):
            return bytes(self._store.get(inside(path)).bytes())

    def open(self, path: str) -> IO[bytes]:
        """A reader that asks for ranges."""
        with told(self.url, path):
            size = self._store.head(inside(path))["size"]
        return io.BufferedReader(_Ranges(self, path, size), READ_AHEAD_BYTES)

    def get_range(self, path: str, start: int, length: int) -> bytes:
        """Some bytes of an object."""
        with told(self.url, path):
            return bytes(self._store.get_range(inside(path), start=start, length=length))

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """The objects below a prefix."""
        with told(self.url, prefix):
            for page in self._store.list(inside(prefix).rstrip("/") or None):
                for meta in page:
                    yield meta["path"], meta["size"]

    def exists(self, path: str) -> bool:
        """Whether the newest version is an object."""
        try:
            with told(self.url, path):
                self._store.head(inside(path))
        except FileNotFoundError:
            return False
        return True

    def delete(self, path: str) -> None:
        """Delete every version of the object."""
        self._uploads.delete(inside(path))


class _Ranges(io.RawIOBase):
    """An object as a file: each read is one request for a range."""

    def __init__(self, bucket: Bucket, path: str, size: int) -> None:
        self._bucket, self._path, self._size, self._at = bucket, path, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        into = memoryview(buffer).cast("B")
        length = min(len(into), self._size - self._at)
        if length <= 0:
            return 0
        content = self._bucket.get_range(self._path, self._at, length)
        into[: len(content)] = content
        self._at += len(content)
        return len(content)
