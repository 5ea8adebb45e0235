"""Place: a folder or a bucket's prefix that objects are added to, durably, and never overwritten.

Nothing here knows what the objects are; `log` and `seal` do.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from pipelines.archive.bucket import Bucket
from pipelines.archive.folder import Folder
from pipelines.archive.paths import FOR_EVER
from pipelines.errors import ConfigurationError
from pipelines.lake.storage import Storage, absolute, is_s3
from pipelines.sources.find import join

if TYPE_CHECKING:
    from pipelines.lake.tables import Lake

__all__ = ["FOR_EVER", "Bucket", "Folder", "Place", "open_archive_place", "open_place"]
LOG = "log/"
"""What of an archive is kept for ever, whatever becomes of the days."""


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
            retain_until: The store is asked to refuse deletion before this UTC day, or with
                `FOR_EVER` until somebody lifts its legal hold; only where the place has an Object
                Lock mode.

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
    return open_place(url, lake.storage, object_lock=settings.object_lock, held=LOG)


def open_place(
    url: str, storage: Storage, *, object_lock: str | None = None, held: str | None = None
) -> Place:
    """The place at a URL.

    Args:
        url: Folder or `s3://bucket/prefix`.
        storage: Gives the access to S3.
        object_lock: `governance` or `compliance`: with what mode the store keeps what has a
            `retain_until`.
        held: Folder whose objects get the store's legal hold as well, where there is a mode.

    Raises:
        ConfigurationError: The URL is neither, or Object Lock was asked of a folder.
    """
    url = absolute(url)
    if is_s3(url):
        return Bucket(url, storage, object_lock, held)
    if object_lock:
        raise ConfigurationError(
            f"archive.object_lock is {object_lock!r}, but {url} is a folder; name a bucket that "
            "was created with Object Lock in archive.url, or leave archive.object_lock out"
        )
    return Folder(url)
