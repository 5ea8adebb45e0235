"""Landing: objects as they would lie in the bucket, one event an object or one day an object."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from pipelines.samples.clock import stamp
from pipelines.samples.delivery import FOLDERS, Kind

_LEVEL = 5  # of gzip: half the time of the default for a tenth more bytes


class Landing(Protocol):
    """Where a sample is written; counts what it wrote."""

    object_count: int
    byte_count: int

    def put(
        self,
        kind: Kind,
        account_id: int,
        second: int,
        texts: Sequence[str],
        key: Callable[[int], str],
    ) -> None:
        """Write records delivered on the UTC day of `second`.

        Args:
            kind: What they are.
            account_id: The account they belong to.
            second: UTC epoch second of their delivery.
            texts: The records, one JSON text each.
            key: Names the object of a record, given its place in `texts`.
        """

    def put_object(self, key: str, body: bytes) -> None:
        """Write one object as it is, compressed if the others are and it is not empty."""


def _compress(body: bytes) -> bytes:
    return gzip.compress(body, _LEVEL, mtime=0) if body else body


class FileLanding:
    """One object for each event, under the documented names."""

    def __init__(self, root: Path, *, gzipped: bool) -> None:
        self._root = root
        self._gzipped = gzipped
        self.object_count = 0
        self.byte_count = 0

    def put(
        self,
        kind: Kind,
        account_id: int,
        second: int,
        texts: Sequence[str],
        key: Callable[[int], str],
    ) -> None:
        """Write each record into an object of its own."""
        for place, text in enumerate(texts):
            self.put_object(key(place), text.encode())

    def put_object(self, key: str, body: bytes) -> None:
        """Write one object; refuses to write over another."""
        path = self._root / (key + ".gz" * self._gzipped)
        path.parent.mkdir(parents=True, exist_ok=True)
        written = _compress(body) if self._gzipped else body
        with path.open("xb") as file:
            file.write(written)
        self.object_count += 1
        self.byte_count += len(written)


class DailyLanding:
    """One NDJSON object for each account, kind and UTC day of delivery.

    With gzip, what is put at once becomes one gzip member; readers see one stream.
    """

    def __init__(self, root: Path, *, gzipped: bool) -> None:
        self._root = root
        self._gzipped = gzipped
        self._known: set[str] = set()
        self.object_count = 0
        self.byte_count = 0

    def put(
        self,
        kind: Kind,
        account_id: int,
        second: int,
        texts: Sequence[str],
        key: Callable[[int], str],
    ) -> None:
        """Append the records, one a line, to the object of the day."""
        if texts:
            name = f"{account_id}/{FOLDERS[kind]}/{stamp(second)[:8]}.ndjson"
            self._write(name, "\n".join([*texts, ""]).encode())

    def put_object(self, key: str, body: bytes) -> None:
        """Write one object with a single line."""
        self._write(key.removesuffix(".json") + ".ndjson", body)

    def _write(self, key: str, body: bytes) -> None:
        path = self._root / (key + ".gz" * self._gzipped)
        if key not in self._known:
            self._known.add(key)
            self.object_count += 1
            path.parent.mkdir(parents=True, exist_ok=True)
        written = _compress(body) if self._gzipped else body
        with path.open("ab") as file:
            file.write(written)
        self.byte_count += len(written)
