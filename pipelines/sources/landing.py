"""Landing: keep a copy of an object as received, for sources that are not durable."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from pipelines.lake.storage import Storage, is_s3
from pipelines.sources.find import LandingObject, explain, join


def landing_copy(item: LandingObject, root: str) -> LandingObject:
    """The object's copy under `root`, which is what is loaded and remembered.

    The copy's name holds a digest of the original's URI and ETag: every version of an object is
    kept, and the same version has the same name.
    """
    digest = sha256(f"{item.uri}\0{item.etag}".encode()).hexdigest()[:16]
    name = item.uri.rpartition("/")[2]
    return replace(item, uri=join(root, f"{digest[:2]}/{digest}-{name}"), origin=item.uri)


def keep(copy: LandingObject, storage: Storage) -> LandingObject:
    """Copy the origin of a landing copy to its place; durable when this returns.

    Copying again changes nothing.

    Raises:
        SourceError: The origin cannot be read; nothing of the load was committed.
    """
    if copy.origin is None:
        return copy
    try:
        if is_s3(copy.origin) or is_s3(copy.uri):
            _copy_remote(copy.origin, copy.uri, storage)
        else:
            _copy_local(Path(copy.origin), Path(copy.uri))
    except Exception as error:
        raise explain(error, copy.origin, "copy to landing") from error
    return replace(copy, pinned=False)


def _copy_local(origin: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    with origin.open("rb") as read, partial.open("wb") as write:
        shutil.copyfileobj(read, write, 2**20)
        write.flush()
        os.fsync(write.fileno())
    partial.replace(target)


def _copy_remote(origin_uri: str, uri: str, storage: Storage) -> None:
    import obstore

    origin, _, name = origin_uri.rpartition("/")
    root, _, target = uri.rpartition("/")
    if not is_s3(root):
        Path(root).mkdir(parents=True, exist_ok=True)
    content = storage.store(origin).get(name)
    obstore.put(storage.store(root), target, content)
