"""Folder: a place on a file system: flushed to the disk, linked under its name, never replaced."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO
from uuid import uuid4

from pipelines.archive.paths import inside, told

INCOMING = ".incoming"
"""Where what is being written lies; a crash may leave something there, which nobody reads."""
COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Folder:
    """A place on a file system; what is no regular file is listed, and cannot be read."""

    url: str
    _durable: set[Path] = field(default_factory=set, compare=False, repr=False)
    """Folders whose own names this process made durable."""

    def put_new(self, path: str, data: bytes | Path, *, retain_until: date | None = None) -> bool:
        """Write beside, flush to the disk, link under the name; folders have no Object Lock."""
        target, incoming = self._path(path), Path(self.url, INCOMING)
        with told(self.url, path, adding=True):
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
            self._sync(target.parent)
            return True

    def get(self, path: str) -> bytes:
        """The file's bytes."""
        with told(self.url, path), _opened(self._path(path)) as file:
            return file.read()

    def open(self, path: str) -> IO[bytes]:
        """The file, opened."""
        with told(self.url, path):
            return _opened(self._path(path))

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """The files below a folder, hidden ones too."""
        start = os.path.join(self.url, inside(prefix)).rstrip("/")
        with told(self.url, prefix):
            for folder, folders, files in os.walk(start, onerror=_unless_absent):
                if folder == self.url and INCOMING in folders:
                    folders.remove(INCOMING)
                # what lies behind a link to a folder is not walked through: the link is listed
                links = (name for name in folders if os.path.islink(f"{folder}/{name}"))
                for name in (*files, *links):  # text, not paths: a log has tens of thousands
                    file = f"{folder}/{name}"
                    yield file[len(self.url) + 1 :], os.lstat(file).st_size

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        return self._path(path).is_file()

    def delete(self, path: str) -> None:
        """Unlink the file."""
        target = self._path(path)
        with told(self.url, path):
            target.unlink(missing_ok=True)
            if target.parent.is_dir():
                _sync(target.parent)

    def _sync(self, folder: Path) -> None:
        """Make a name in a folder durable, and those of the folders above, which may be new."""
        _sync(folder)
        outside = Path(self.url).parent
        while folder != outside and folder not in self._durable:
            _sync(folder.parent)
            self._durable.add(folder)
            folder = folder.parent

    def _path(self, path: str) -> Path:
        return Path(self.url, inside(path))


def _opened(path: Path) -> IO[bytes]:
    """A regular file, opened: a link leads to bytes that nobody put here, a pipe never ends.

    Raises:
        OSError: There is no file, or something else stands there.
    """
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise OSError("a link, pipe or folder stands there, not a file")
    # what takes its place in between is not followed, or waited for, either
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")


def _write(path: Path, data: bytes | Path) -> None:
    with path.open("xb") as file:
        if isinstance(data, Path):
            with data.open("rb") as source:
                shutil.copyfileobj(source, file, COPY_BYTES)
        else:
            file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unless_absent(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error
