"""Contents: whether the archive's objects are those that its manifests name, byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from obstore.exceptions import BaseError

from pipelines.archive.entry import entry_path
from pipelines.archive.findings import Finding
from pipelines.archive.manifest import Manifest, SealedObject
from pipelines.errors import ArchiveError

if TYPE_CHECKING:
    from pipelines.archive.place import Place

CHUNK = 2**20
"""Bytes read at a time: larger reads leave the processor's cache before they are hashed."""
THREADS = 8
"""Objects that are hashed side by side; hashing and reading leave Python's lock."""
UNREADABLE = (OSError, BaseError, ArchiveError)
"""What places and their readers raise."""


@dataclass(frozen=True, slots=True)
class Due:
    """An object that is to be there, the seal that says so, and whether its bytes are read."""

    sealed: SealedObject
    seal: Manifest
    in_full: bool = True


@dataclass(frozen=True, slots=True)
class Hashed:
    """What an object turned out to be; `prefix` is the digest of as many bytes as were sealed."""

    bytes: int
    digest: str
    prefix: str


@dataclass(frozen=True)
class Contents:
    """The objects of an archive (path to size), against what is sealed anywhere in it."""

    place: Place
    listed: Mapping[str, int]
    sealed: Sequence[SealedObject]

    @cached_property
    def sealed_as(self) -> Mapping[str, str]:
        """Digest to the path that was sealed with it."""
        return {one.sha256: one.path for one in self.sealed}

    def check(
        self, due: Collection[Due], progress: Callable[[int], None]
    ) -> Iterator[tuple[Due, Finding | None]]:
        """Hash every object that is due, side by side; all are judged, in the order given."""
        with ThreadPoolExecutor(THREADS) as pool:
            yield from zip(due, pool.map(lambda one: self._check(one, progress), due), strict=True)

    def _check(self, due: Due, progress: Callable[[int], None]) -> Finding | None:
        expected = due.sealed
        path = expected.path
        try:
            if path not in self.listed and not self.place.exists(path):
                return Finding("missing", path, f"sealed by {entry_path(due.seal.index)}")
            if not due.in_full and self.listed.get(path) == expected.bytes:
                return None
            found = hashed(self.place, path, expected.bytes, progress)
        except UNREADABLE as error:
            return Finding("unreadable", path, f"{type(error).__name__}: {error}"[:300])
        if (found.bytes, found.digest) == (expected.bytes, expected.sha256):
            return None
        return self._explained(expected, found)

    def _explained(self, expected: SealedObject, found: Hashed) -> Finding:
        path, more = expected.path, found.bytes - expected.bytes
        if other := self.sealed_as.get(found.digest):
            return Finding("reordered", path, f"holds the bytes that were sealed as {other}")
        if more > 0 and found.prefix == expected.sha256:
            return Finding("modified", path, f"{more} bytes were appended to those sealed")
        if more:
            return Finding("modified", path, f"{found.bytes} bytes, sealed were {expected.bytes}")
        return Finding("modified", path, f"SHA-256 {found.digest}, sealed was {expected.sha256}")

    def unexpected(self, paths: Iterable[str], missing: Collection[str]) -> Iterator[Finding]:
        """Findings for objects that no entry names; where they were moved from, if that is known.

        Args:
            paths: The objects.
            missing: Paths of sealed objects that are not there.
        """
        sizes = {one.bytes for one in self.sealed if one.path in missing}
        for path in sorted(paths):
            moved = self._sealed_before(path) if self.listed[path] in sizes else None
            known = f"; it holds the bytes that were sealed as {moved}" if moved in missing else ""
            yield Finding("added", path, f"no entry of the log names it{known}")

    def _sealed_before(self, path: str) -> str | None:
        """The path that an object's bytes were sealed as."""
        try:
            found = hashed(self.place, path, self.listed[path], lambda _: None)
        except UNREADABLE:
            return None
        return self.sealed_as.get(found.digest)


def hashed(place: Place, path: str, size: int, progress: Callable[[int], None]) -> Hashed:
    """Read an object once, from its beginning to its end.

    Args:
        place: Where it lies.
        path: Its path there.
        size: Bytes of the prefix that is hashed as well, for one to which bytes were appended.
        progress: Told the bytes read, as they are read.
    """
    digest, prefix, count = sha256(), "", 0
    buffer = memoryview(bytearray(CHUNK))
    with place.open(path) as opened:
        reader: Any = opened  # readers of files and of ranges alike have readinto
        while True:
            wanted = min(CHUNK, size - count) if count < size else CHUNK
            read = reader.readinto(buffer[:wanted])
            if not read:
                break
            digest.update(buffer[:read])
            count += read
            progress(read)
            if count == size:
                prefix = digest.hexdigest()
    return Hashed(count, digest.hexdigest(), prefix)
