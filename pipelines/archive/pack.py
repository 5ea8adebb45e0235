"""Pack: an evidence pack while it is written: a zip file that appears whole or not at all."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class PackFile:
    """A file of a pack, as the entry of the pull lists it."""

    path: str
    bytes: int
    sha256: str

    def as_dict(self) -> dict[str, Any]:
        """The file as JSON-ready values."""
        return {name: getattr(self, name) for name in self.__slots__}


class _Digested(io.RawIOBase):
    """A stream that counts and digests what is written to it."""

    def __init__(self, inner: Any) -> None:
        self._inner, self._digest, self._size = inner, hashlib.sha256(), 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        view = memoryview(content).cast("B")
        self._inner.write(view)
        self._digest.update(view)
        self._size += len(view)
        return len(view)

    def tell(self) -> int:
        return self._size

    def described(self, path: str) -> PackFile:
        """The file that was written."""
        return PackFile(path, self._size, self._digest.hexdigest())


class PackWriter:
    """Writes the files of a pack one after the other, and notes the digest of each."""

    def __init__(self, archive: zipfile.ZipFile, made_at: datetime) -> None:
        """Write into an open zip file; every file in it bears one time."""
        self._zip, self._made_at = archive, made_at
        self.files: list[PackFile] = []

    @contextmanager
    def member(self, path: str, *, is_compressed: bool = False) -> Iterator[BinaryIO]:
        """A new file of the pack, to be written from its beginning.

        Args:
            path: Its path inside the pack.
            is_compressed: It gains nothing from being deflated.
        """
        described = zipfile.ZipInfo(path, self._made_at.timetuple()[:6])
        described.compress_type = zipfile.ZIP_STORED if is_compressed else zipfile.ZIP_DEFLATED
        described.external_attr = 0o644 << 16
        with self._zip.open(described, "w", force_zip64=True) as inner:
            stream = _Digested(inner)
            yield cast(BinaryIO, stream)
        self.files.append(stream.described(path))

    def add(self, path: str, content: bytes) -> None:
        """Add a small file."""
        with self.member(path) as stream:
            stream.write(content)


@contextmanager
def write_pack(out: Path, made_at: datetime) -> Iterator[PackWriter]:
    """Write a pack; the file `out` appears when everything is written, durable, or not at all.

    Only its owner can read it: it holds what people did.
    """
    partial = out.with_name(f".{out.name}.partial")
    partial.unlink(missing_ok=True)  # of a pull that was killed
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                yield PackWriter(archive, made_at)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(out)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()
