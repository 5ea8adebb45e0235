"""Find: list the landing objects of a source, on S3 or in a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from pipelines.errors import SourceError
from pipelines.lake.storage import Storage, absolute, is_s3

SUFFIXES = tuple(
    f"{suffix}{packed}" for suffix in (".json", ".ndjson", ".jsonl") for packed in ("", ".gz")
)


@dataclass(frozen=True, slots=True)
class Source:
    """A place that landing objects come from; `url` is absolute."""

    name: str
    url: str
    copy_to_landing: bool = False


@dataclass(frozen=True, slots=True)
class LandingObject:
    """One version of one object: the unit that is loaded once.

    `origin` is where a landing copy comes from; `pinned` says that reading must meet `etag`;
    `content_path` is a local file with the content, where it is not read from `uri`.
    """

    source: str
    uri: str
    etag: str
    bytes: int
    modified_at: datetime
    origin: str | None = None
    pinned: bool = True
    content_path: str | None = None


def find(source: Source, storage: Storage) -> Iterator[list[LandingObject]]:
    """List the loadable objects of a source, in pages.

    Loadable means a name ending in `.json`, `.ndjson` or `.jsonl`, each also with `.gz`; a URL
    that names one object is loadable whatever its suffix. A missing prefix holds no objects;
    a missing folder is an error.

    Raises:
        SourceError: The source cannot be listed; the message says what to do.
    """
    if not is_s3(source.url) and not Path(source.url).exists():
        raise SourceError(
            f"source {source.name!r}: {source.url} does not exist; correct the path or create it"
        )
    if is_object(source.url):
        yield _one(source, storage)
        return
    try:
        for page in storage.store(source.url).list(chunk_size=5_000, return_arrow=True):
            if objects := list(_loadable(source, pa.record_batch(page))):
                yield objects
    except Exception as error:  # obstore raises its own error per cause and none in common
        raise explain(error, source.url, "list") from error


def is_object(url: str) -> bool:
    """Whether `url` names one object rather than a prefix or folder."""
    return url.endswith(SUFFIXES) if is_s3(url) else Path(url).is_file()


def join(root: str, path: str) -> str:
    """The URI of the object `path` under `root`."""
    return f"{root.rstrip('/')}/{path}"


def _one(source: Source, storage: Storage) -> list[LandingObject]:
    root, _, name = source.url.rpartition("/")
    try:
        meta = storage.store(root or "/").head(name)
    except FileNotFoundError:
        raise SourceError(f"source {source.name!r}: there is no object {source.url}") from None
    except Exception as error:
        raise explain(error, source.url, "read") from error
    etag, modified = meta["e_tag"] or "", meta["last_modified"]
    return [LandingObject(source.name, source.url, etag, meta["size"], modified)]


def _loadable(source: Source, page: pa.RecordBatch) -> Iterator[LandingObject]:
    columns = (page.column(name).to_pylist() for name in ("path", "e_tag", "size"))
    modified = page.column("last_modified").cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    for path, etag, size, micros in zip(*columns, modified.to_pylist(), strict=True):
        if path.endswith(SUFFIXES):
            at = datetime.fromtimestamp(micros / 1e6, UTC)
            yield LandingObject(source.name, join(source.url, path), etag or "", size, at)


def explain(error: BaseException, url: str, act: str) -> SourceError:
    """A clear error for a failed listing or read of `url`."""
    text = str(error)
    if isinstance(error, PermissionError) or "PermissionDenied" in type(error).__name__:
        hint = "the identity lacks the right (s3:ListBucket to list, s3:GetObject to read)"
    elif "Unauthenticated" in type(error).__name__ or "InvalidAccessKeyId" in text:
        hint = "the credentials are wrong or expired"
    elif isinstance(error, FileNotFoundError) or "NoSuchBucket" in text:
        hint = "the bucket or object does not exist"
    else:
        hint = "the store did not answer as expected"
    first = text.strip().splitlines()[0][:300] if text.strip() else type(error).__name__
    return SourceError(
        f"cannot {act} {url}: {hint}. Nothing of this load was committed; mend the cause and run "
        f"the load again. The store said: {first}"
    )


def sources_of(
    settings_sources: Sequence[tuple[str, str, bool]], lake_url: str, paths: Sequence[str]
) -> list[Source]:
    """The sources of a load: the given paths, else the configured ones, else `landing/`."""
    if paths:
        return [Source("path", absolute(path)) for path in paths]
    if settings_sources:
        return [Source(name, absolute(url), copy) for name, url, copy in settings_sources]
    landing = join(absolute(lake_url), "landing")
    if not is_s3(landing):
        Path(landing).mkdir(parents=True, exist_ok=True)
    return [Source("landing", landing)]
