"""Find: list the landing objects of a source, on S3 or in a folder."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from errno import ELOOP, ENOENT
from stat import S_ISDIR

import pyarrow as pa

from pipelines.errors import SourceError
from pipelines.lake.arrow import number_column, text_column
from pipelines.lake.storage import Storage, absolute, is_s3

SUFFIXES = tuple(
    f"{suffix}{packed}" for suffix in (".json", ".ndjson", ".jsonl") for packed in ("", ".gz")
)

PAGE = ("path", "e_tag", "size", "last_modified")
PAGE_OBJECTS = 5_000
PASSED_OVER = frozenset({ENOENT, ELOOP})
"""What is wrong with a file that is gone since it was seen, and with a link to itself."""


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


@dataclass(frozen=True, slots=True)
class Listing:
    """The objects of a source: the URI of each is `root` and its `path`.

    Pages have the columns `path`, `e_tag`, `size` (bytes) and `last_modified` (UTC), as obstore
    lists them. Loadable is what ends in `.json`, `.ndjson` or `.jsonl`, each also with `.gz`, and
    others may be listed too; with `any_name` the source named the object, whatever its suffix.
    """

    source: str
    root: str
    pages: Iterator[pa.RecordBatch]
    any_name: bool = False


def find(source: Source, storage: Storage) -> Listing:
    """List the objects of a source, in pages; links of a folder are followed.

    A missing prefix holds no objects; a missing folder is an error.

    Raises:
        SourceError: The source cannot be listed, here or while pages are read; the message says
            what to do.
    """
    if not is_s3(source.url):
        return _folder(source)
    if source.url.endswith(SUFFIXES):
        return Listing(source.name, "", _one(source, storage), any_name=True)
    return Listing(source.name, join(source.url, ""), _objects(source, storage))


def join(root: str, path: str) -> str:
    """The URI of the object `path` under `root`."""
    return f"{root.rstrip('/')}/{path}"


def listed(objects: Sequence[LandingObject]) -> Listing:
    """A listing of objects that were found before, without their sizes and times."""
    nothing = array("q", bytes(8 * len(objects)))
    found = _page([o.uri for o in objects], [o.etag for o in objects], nothing, nothing)
    return Listing("", "", iter([found]), any_name=True)


def _page(
    uris: Sequence[str], etags: Sequence[str], sizes: array[int], micros: array[int]
) -> pa.RecordBatch:
    """A page of a listing; `micros` are microseconds since 1970, UTC."""
    columns = [
        text_column([uri.encode() for uri in uris], pa.string()),
        text_column([etag.encode() for etag in etags], pa.string()),
        number_column(sizes, pa.int64()),
        number_column(micros, pa.timestamp("us", tz="UTC")),
    ]
    return pa.RecordBatch.from_arrays(columns, PAGE)


def _one(source: Source, storage: Storage) -> Iterator[pa.RecordBatch]:
    root, _, name = source.url.rpartition("/")
    try:
        meta = storage.store(root).head(name)
    except FileNotFoundError:
        raise SourceError(f"source {source.name!r}: there is no object {source.url}") from None
    except Exception as error:
        raise explain(error, source.url, "read") from error
    modified = round(meta["last_modified"].timestamp() * 1e6)
    yield _page(
        [source.url], [meta["e_tag"] or ""], array("q", [meta["size"]]), array("q", [modified])
    )


def _objects(source: Source, storage: Storage) -> Iterator[pa.RecordBatch]:
    try:
        for found in storage.store(source.url).list(chunk_size=PAGE_OBJECTS, return_arrow=True):
            yield pa.record_batch(found).select(PAGE)
    except Exception as error:  # obstore raises its own error per cause and none in common
        raise explain(error, source.url, "list") from error


def _folder(source: Source) -> Listing:
    """The files of a folder, or one file.

    obstore would take twice as long, and does not know every name that a file may have.
    """
    try:
        fact = os.stat(source.url)
    except FileNotFoundError:
        raise SourceError(
            f"source {source.name!r}: {source.url} does not exist; correct the path or create it"
        ) from None
    except OSError as error:
        raise explain(error, source.url, "list") from error
    if S_ISDIR(fact.st_mode):
        return Listing(source.name, "", _files(source, _walk(source.url)))
    return Listing(source.name, "", _files(source, iter([(source.url, fact)])), any_name=True)


def _files(source: Source, files: Iterator[tuple[str, os.stat_result]]) -> Iterator[pa.RecordBatch]:
    uris, etags, sizes, micros = list[str](), list[str](), array("q"), array("q")
    try:
        for path, fact in files:
            at = fact.st_mtime_ns // 1000
            uris.append(path)
            # as obstore makes it
            etags.append(f'"{fact.st_ino:x}-{max(at, 0):x}-{fact.st_size:x}"')
            sizes.append(fact.st_size)
            micros.append(at)
            if len(uris) == PAGE_OBJECTS:
                yield _page(uris, etags, sizes, micros)
                uris, etags, sizes, micros = [], [], array("q"), array("q")
        yield _page(uris, etags, sizes, micros)
    except OSError as error:
        raise explain(error, error.filename or source.url, "list") from error
    except UnicodeEncodeError as error:
        raise SourceError(
            f"source {source.name!r}: the name of {error.object!a} is not UTF-8; rename the file"
        ) from error


def _walk(root: str) -> Iterator[tuple[str, os.stat_result]]:
    folders: list[tuple[str, tuple[str, ...]]] = [(root, (os.path.realpath(root),))]
    while folders:
        folder, way = folders.pop()
        with suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                try:
                    if entry.is_dir():
                        linked = entry.is_symlink()
                        real = os.path.realpath(entry.path) if linked else f"{way[-1]}/{entry.name}"
                        if real not in way:  # or a link leads back, and looking would never end
                            folders.append((entry.path, (*way, real)))
                        continue
                    if not (entry.name.endswith(SUFFIXES) and entry.is_file()):
                        continue
                    fact = entry.stat()
                except OSError as error:
                    if error.errno not in PASSED_OVER:
                        raise
                    continue
                yield entry.path, fact


def explain(error: BaseException, url: str, act: str) -> SourceError:
    """A clear error for a failed listing or read of `url`."""
    text = str(error)
    if isinstance(error, PermissionError) and not is_s3(url):
        hint = "the user that runs this may not read it"
    elif isinstance(error, PermissionError) or "PermissionDenied" in type(error).__name__:
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
        os.makedirs(landing, exist_ok=True)
    return [Source("landing", landing)]
