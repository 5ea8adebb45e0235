"""Paths: what folders and buckets have in common: paths that stay inside, errors that say where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from pipelines.errors import ArchiveError

FOR_EVER = date.max
"""As the end of a retention: there is none."""


@contextmanager
def told(url: str, path: str, *, adding: bool = False) -> Iterator[None]:
    """Turn what a store says into an `ArchiveError`.

    Where something is read, what is not there stays a `FileNotFoundError`.
    """
    from obstore.exceptions import BaseError

    try:
        yield
    except (OSError, BaseError) as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError) and not adding:
            raise FileNotFoundError(f"{url}/{path}") from error
        text = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ArchiveError(
            f"{url}/{path}: the archive cannot be read or written: {text}"
        ) from error


def inside(path: str) -> str:
    """The path, which must not lead out: manifests of others name paths."""
    if path.startswith("/") or ".." in path.split("/") or "\\" in path or "\0" in path:
        raise ArchiveError(f"{path!r} is no path inside an archive")
    return path
