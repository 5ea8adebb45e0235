"""Files: objects in a folder, written durably and as a whole."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from pipelines.sinks.objects import Item, ObjectFamilySettings, ObjectSink
from pipelines.sinks.settings import Clock
from pipelines.sinks.sink import (
    Cause,
    ConfigurationSinkError,
    PayloadSinkError,
    SinkError,
    TransientSinkError,
)

if TYPE_CHECKING:
    from pipelines.lake.storage import Storage

ERRORS: dict[int, tuple[type[SinkError], Cause]] = {
    errno.ENOSPC: (TransientSinkError, "disk_full"),
    errno.EDQUOT: (TransientSinkError, "disk_full"),
    errno.ETIMEDOUT: (TransientSinkError, "timeout"),
    errno.EACCES: (ConfigurationSinkError, "access_denied"),
    errno.EPERM: (ConfigurationSinkError, "access_denied"),
    errno.EROFS: (ConfigurationSinkError, "access_denied"),
    errno.ENOENT: (ConfigurationSinkError, "not_found"),
    errno.ENOTDIR: (ConfigurationSinkError, "not_found"),
    errno.ENAMETOOLONG: (PayloadSinkError, "payload"),
    errno.EFBIG: (PayloadSinkError, "too_large"),
}
"""What a failure means; any other may pass."""
PARTIAL = ".trailhouse-{}.partial"
"""A file that is being written; the leading dot makes shippers that follow the folder skip it."""


class FileSettings(ObjectFamilySettings):
    """A folder."""

    kind: Literal["file"]
    path: Path
    """The folder; it must exist, so that nothing is written below a mount that is gone."""

    def open(self, storage: Storage, clock: Clock) -> ObjectSink:
        """Open the sink."""
        return ObjectSink(self, FileWriter(self.path.expanduser().absolute()))


class FileWriter:
    """Writes files beside their place and renames them, so that each is there whole or not."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._swept: set[Path] = set()

    def put(self, item: Item) -> str:
        """Write a file; when it returns, the disk has it and its name."""
        target = self._root / item.key
        try:
            self._make_folders(target.parent)
            self._sweep(target.parent)
            _write(target, item.body)
        except OSError as error:
            raise self._failure(error) from error
        return str(target)

    def probe(self, key: str) -> None:
        """Write an empty file and remove it."""
        target = self._root / key
        try:
            self._make_folders(target.parent)
            _write(target, b"")
            target.unlink()
        except OSError as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Nothing is open."""

    def _make_folders(self, folder: Path) -> None:
        """Make the folders between the root and a file, and make their names durable."""
        if folder == self._root:
            self._root.stat()
        elif not folder.is_dir():
            self._make_folders(folder.parent)
            folder.mkdir(exist_ok=True)
            _sync(folder.parent)

    def _sweep(self, folder: Path) -> None:
        """Remove what writers that were killed left half-written, once a folder."""
        if folder not in self._swept:
            self._swept.add(folder)
            for partial in folder.glob(PARTIAL.format("*")):
                _remove_abandoned(partial)

    def _failure(self, error: OSError) -> SinkError:
        kind, cause = ERRORS.get(error.errno or 0, (TransientSinkError, "server_error"))
        why = error.strerror or type(error).__name__
        told = f"folder {self._root}: {why}"
        if cause == "not_found":
            told += "; it must be there before anything is written: make it, or mount it again"
        return kind(told, cause=cause, response=why)


def _write(target: Path, body: bytes) -> None:
    """Write durably; readers see the file as a whole, under its own name only."""
    partial = target.with_name(PARTIAL.format(f"{os.getpid()}-{threading.get_ident()}"))
    try:
        with _open(partial) as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
            partial.replace(target)  # while it is locked, or it could be taken for abandoned
    finally:
        partial.unlink(missing_ok=True)
    _sync(target.parent)


def _open(partial: Path) -> IO[bytes]:
    """Open a file and lock it, so that nobody takes it for one whose writer was killed."""
    while True:
        file = partial.open("wb")
        with suppress(OSError):  # a file system without locks; nobody removes anything there
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # it was removed before it was locked


def _remove_abandoned(partial: Path) -> None:
    """Remove a half-written file that no process writes to: its lock ended with its writer."""
    with suppress(OSError), partial.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # its writer may have finished since, and have begun another of the same name
        if os.path.samestat(os.fstat(file.fileno()), partial.stat()):
            partial.unlink()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
