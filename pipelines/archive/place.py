"""Place: a folder or a bucket's prefix that objects are added to, durably, and never overwritten.

Nothing here knows what the objects are; `log` and `seal` do.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol
from uuid import uuid4

from pipelines.errors import ArchiveError, ConfigurationError
from pipelines.lake.storage import Storage, absolute, is_s3
from pipelines.sources.find import join

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from obstore.store import LocalStore, S3Store

    from pipelines.archive.uploads import Uploads
    from pipelines.lake.tables import Lake

INCOMING = ".incoming"
"""Where a folder keeps what is being written; a crash may leave something, which nobody reads."""
COPY_BYTES = 1 << 20
READ_AHEAD_BYTES = 1 << 16
"""Least that is fetched at once: the footer of most Parquet files, and less than a row group."""


class Place(Protocol):
    """Where an archive, its mirror or an anchor lies; paths are relative, with `/`."""

    @property
    def url(self) -> str:
        """The folder, or `s3://bucket/prefix`, without a trailing slash."""

    def put_new(self, path: str, data: bytes | Path, *, retain_until: date | None = None) -> bool:
        """Add an object, whole and durable or not at all.

        Args:
            path: Where to.
            data: Its bytes, or the local file that holds them.
            retain_until: The store is asked to refuse deletion before this UTC day; only where
                the place has an Object Lock mode.

        Returns:
            False where an object exists already, which stays as it is. After a lost answer of
            the store it can be one of this very call.

        Raises:
            ArchiveError: The store refused.
        """

    def get(self, path: str) -> bytes:
        """The bytes of an object.

        Raises:
            FileNotFoundError: There is no such object.
            ArchiveError: The store refused.
        """

    def open(self, path: str) -> IO[bytes]:
        """A seekable reader that fetches what is read; the same errors as `get`."""

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Path and size in bytes of every object below a folder, in no particular order."""

    def exists(self, path: str) -> bool:
        """Whether there is such an object."""

    def delete(self, path: str) -> None:
        """Remove an object and all its versions; removing what is gone already is no error.

        Raises:
            ArchiveError: The store refused, as it does under Object Lock.
        """


def open_archive_place(lake: Lake) -> Place:
    """The place of the archive that the settings name; without a name, `archive/` in the lake.

    Raises:
        ConfigurationError: `archive.url` cannot be one, or Object Lock was asked of a folder.
    """
    settings = lake.storage.settings.archive
    url = settings.url or join(lake.url, "archive")
    return open_place(url, lake.storage, object_lock=settings.object_lock)


def open_place(url: str, storage: Storage, *, object_lock: str | None = None) -> Place:
    """The place at a URL.

    Args:
        url: Folder or `s3://bucket/prefix`.
        storage: Gives the access to S3.
        object_lock: `governance` or `compliance`: with what mode the store keeps what has a
            `retain_until`.

    Raises:
        ConfigurationError: The URL is neither, or Object Lock was asked of a folder.
    """
    url = absolute(url)
    if is_s3(url):
        return Bucket(url, storage, object_lock)
    if object_lock:
        raise ConfigurationError(
            f"archive.object_lock is {object_lock!r}, but {url} is a folder; name a bucket that "
            "was created with Object Lock in archive.url, or leave archive.object_lock out"
        )
    return Folder(url)


@contextmanager
def _told(url: str, path: str) -> Iterator[None]:
    """Turn what a store says into an `ArchiveError`; what is not there stays what it is."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(f"{url}/{path}") from error
    except (OSError, BaseError) as error:
        text = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ArchiveError(
            f"{url}/{path}: the archive cannot be read or written: {text}"
        ) from error


def _inside(path: str) -> str:
    """The path, which must not lead out: manifests of others name paths."""
    if path.startswith("/") or ".." in path.split("/") or "\\" in path or "\0" in path:
        raise ArchiveError(f"{path!r} is no path inside an archive")
    return path


@dataclass(frozen=True, slots=True)
class Folder:
    """A place on a file system."""

    url: str

    def put_new(self, path: str, data: bytes | Path, *, retain_until: date | None = None) -> bool:
        """Write beside, flush to the disk, link under the name; folders have no Object Lock."""
        target, incoming = self._path(path), Path(self.url, INCOMING)
        with _told(self.url, path):
            if target.exists():
                return False
            incoming.mkdir(parents=True, exist_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = incoming / uuid4().hex
            try:
                _write(partial, data)
                os.link(partial, target)  # unlike a rename it never replaces
            except FileExistsError:
                return False
            finally:
                partial.unlink(missing_ok=True)
            _sync_folders(target.parent, Path(self.url))
            return True

    def get(self, path: str) -> bytes:
        """The file's bytes."""
        with _told(self.url, path):
            return self._path(path).read_bytes()

    def open(self, path: str) -> IO[bytes]:
        """The file, opened."""
        with _told(self.url, path):
            return self._path(path).open("rb")

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """The files below a folder, hidden ones too."""
        root = Path(self.url)
        for folder, folders, files in os.walk(root / _inside(prefix)):
            if Path(folder) == root and INCOMING in folders:
                folders.remove(INCOMING)
            for name in files:
                file = Path(folder, name)
                yield file.relative_to(root).as_posix(), file.lstat().st_size

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        return self._path(path).is_file()

    def delete(self, path: str) -> None:
        """Unlink the file."""
        target = self._path(path)
        with _told(self.url, path):
            target.unlink(missing_ok=True)
            if target.parent.is_dir():
                _sync_folders(target.parent, target.parent)

    def _path(self, path: str) -> Path:
        return Path(self.url, _inside(path))


def _write(path: Path, data: bytes | Path) -> None:
    with path.open("xb") as file:
        if isinstance(data, Path):
            with data.open("rb") as source:
                shutil.copyfileobj(source, file, COPY_BYTES)
        else:
            file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folders(first: Path, last: Path) -> None:
    """Make names durable, of a file and of the folders above it that may be new."""
    while True:
        descriptor = os.open(first, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if first in (last, first.parent):
            return
        first = first.parent


@dataclass(frozen=True)
class Bucket:
    """A place in an object store; to write, an identity needs s3:PutObject and nothing else."""

    url: str
    storage: Storage
    object_lock: str | None = None

    @cached_property
    def _store(self) -> LocalStore | S3Store:
        return self.storage.store(self.url)

    @cached_property
    def _uploads(self) -> Uploads:
        from pipelines.archive.uploads import Uploads

        return Uploads(self.url, self.storage.s3, self.object_lock)

    def put_new(self, path: str, data: bytes | Path, *, retain_until: date | None = None) -> bool:
        """Put the object unless one exists, with the digest that the store shall hold it to."""
        return self._uploads.put_new(_inside(path), data, retain_until)

    def get(self, path: str) -> bytes:
        """The object's bytes."""
        with _told(self.url, path):
            return bytes(self._store.get(_inside(path)).bytes())

    def open(self, path: str) -> IO[bytes]:
        """A reader that asks for ranges."""
        with _told(self.url, path):
            size = self._store.head(_inside(path))["size"]
        return io.BufferedReader(_Ranges(self, path, size), READ_AHEAD_BYTES)

    def get_range(self, path: str, start: int, length: int) -> bytes:
        """Some bytes of an object."""
        with _told(self.url, path):
            return bytes(self._store.get_range(_inside(path), start=start, length=length))

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """The objects below a prefix."""
        with _told(self.url, prefix):
            for page in self._store.list(_inside(prefix).rstrip("/") or None):
                for meta in page:
                    yield meta["path"], meta["size"]

    def exists(self, path: str) -> bool:
        """Whether the newest version is an object."""
        try:
            with _told(self.url, path):
                self._store.head(_inside(path))
        except FileNotFoundError:
            return False
        return True

    def delete(self, path: str) -> None:
        """Delete every version of the object."""
        self._uploads.delete(_inside(path))


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
