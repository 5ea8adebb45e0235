"""Folder: a place on a file system: flushed to the disk, linked under its name, never replaced."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
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
    """A place on a file system."""

    url: str

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
            _sync_folders(target.parent, Path(self.url))
            return True

    def get(self, path: str) -> bytes:
        """The file's bytes."""
        with told(self.url, path):
            return self._path(path).read_bytes()

    def open(self, path: str) -> IO[bytes]:
        """The file, opened."""
        with told(self.url, path):
            return self._path(path).open("rb")

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """The files below a folder, hidden ones too."""
        root = Path(self.url)
        for folder, folders, files in os.walk(root / inside(prefix)):
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
        with told(self.url, path):
            target.unlink(missing_ok=True)
            if target.parent.is_dir():
                _sync_folders(target.parent, target.parent)

    def _path(self, path: str) -> Path:
        return Path(self.url, inside(path))


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
