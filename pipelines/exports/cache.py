"""Cache: rendered batches that wait for their sink, or were refused, kept durably."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import LakeError
from pipelines.lake.tables import Lake, explained
from pipelines.sinks.texts import Texts
from pipelines.sources.find import join

if TYPE_CHECKING:
    from obstore.store import S3Store

Place = Literal["waiting", "dead"]
MESSAGE = "message"
FACT = "fact."
"""Before the names of columns that are facts of the events."""
ARE_LINES = b"are_lines"
"""Stands in the metadata of a file where no line break stands in its messages."""
PARALLEL = 16
Content = tuple[Sequence[str], Mapping[str, Sequence[Any]]]
"""Messages, and facts of their events by column."""


def family_of(path: str) -> tuple[str, str | None]:
    """The id of the batch that a path of the cache is of, and of the batch it was made of."""
    parent, _, batch_id = PurePosixPath(path).stem.rpartition("-")
    return batch_id, parent or None


@dataclass(frozen=True, slots=True)
class Cache:
    """Files of one sink under `exports/<sink>/` of the lake; what it stores is durable."""

    lake: Lake
    sink: str

    def path(self, place: Place, batch_id: str, parent_id: str | None = None) -> str:
        """Where a batch lies or would lie, relative to the lake.

        One that was made of another has that one's id in its name: the ledger knows the other
        before the file is there, so that a file is never of nobody.
        """
        name = f"{parent_id}-{batch_id}" if parent_id else batch_id
        return f"exports/{self.sink}/{place}/{name}.parquet"

    def store(self, contents: Mapping[str, Content]) -> None:
        """Store batches, by path; when it returns, all of them are durable.

        Raises:
            LakeError: They could not be stored; the disk may be full.
        """
        if not contents:
            return
        with self._explained(), ThreadPoolExecutor(PARALLEL) as pool:
            encoded = {path: _encode(*content) for path, content in contents.items()}
            write = self._put if self.lake.is_s3 else self._write
            list(pool.map(write, encoded, encoded.values()))
            if not self.lake.is_s3:
                self._sync_folders({self._local(path).parent for path in contents})

    def read(self, path: str) -> Content:
        """The messages and facts of a batch.

        Raises:
            LakeError: The file is not there or cannot be read.
        """
        with self._explained():
            content = io.BytesIO(self._read(path))
        try:
            # not pq.read_table: for a single file it takes twice as long, and imports pandas
            file = pq.ParquetFile(content, page_checksum_verification=True)
            table = file.read(use_threads=False)  # Arrow's threads would outnumber the sender's
            messages = table.column(MESSAGE)
        except (pa.ArrowException, OSError, KeyError) as error:
            raise LakeError(
                f"{join(self.lake.url, path)}: the file is damaged ({error}), and nothing of it is "
                "sent; `trailhouse doctor --apply` renders its events again"
            ) from error
        are_lines = ARE_LINES in (table.schema.metadata or {})
        facts = [name for name in table.column_names if name.startswith(FACT)]
        return Texts(messages, are_lines=are_lines), {
            name.removeprefix(FACT): table.column(name).to_pylist() for name in facts
        }

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files; those that are not there are none to remove.

        Raises:
            LakeError: They cannot be removed.
        """
        paths = list(paths)
        if paths and self.lake.is_s3:
            import obstore

            with self._explained():
                obstore.delete(self._store(), paths)
            return
        with self._explained():
            for path in paths:
                self._local(path).unlink(missing_ok=True)

    def remove_partial(self) -> None:
        """Remove what a process that was killed had begun to write; the caller holds the sink."""
        if not self.lake.is_s3:
            with self._explained():
                for path in self._local(f"exports/{self.sink}").glob("*/*.partial"):
                    path.unlink(missing_ok=True)

    def stored(self, place: Place) -> Iterator[str]:
        """The paths of all files of a place, in order."""
        folder = f"exports/{self.sink}/{place}"
        if self.lake.is_s3:
            import obstore

            with self._explained():
                pages = obstore.list(self._store(), f"{folder}/")
                found = [item["path"] for page in pages for item in page]
        else:
            found = [f"{folder}/{path.name}" for path in self._local(folder).glob("*.parquet")]
        yield from sorted(found)

    def _read(self, path: str) -> bytes:
        if self.lake.is_s3:
            import obstore

            return bytes(obstore.get(self._store(), path).bytes())
        return self._local(path).read_bytes()

    def _put(self, path: str, content: bytes) -> None:
        import obstore

        obstore.put(self._store(), path, content)

    def _write(self, path: str, content: bytes) -> None:
        """Write beside and rename, so that a file is there as a whole or not at all."""
        target = self._local(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(f".{os.getpid()}.partial")
        try:
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def _sync_folders(self, folders: set[Path]) -> None:
        """Make the names of files durable, and those of their folders, which may be new."""
        root = Path(self.lake.url)
        above = {parent for folder in folders for parent in folder.parents}
        for folder in sorted(folders | {p for p in above if p.is_relative_to(root)}):
            _sync(folder)

    def _local(self, path: str) -> Path:
        return Path(join(self.lake.url, path))

    def _store(self) -> S3Store:
        store: Any = self.lake.storage.store(self.lake.url)
        return store  # type: ignore[no-any-return]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            with explained(self.lake.url):
                yield
        except pa.ArrowException as error:
            raise LakeError(f"{self.lake.url}/exports/{self.sink}: {error}") from error


def _encode(messages: Sequence[str], events: Mapping[str, Sequence[Any]]) -> bytes:
    metadata = {}
    if isinstance(messages, Texts):
        columns = {MESSAGE: messages.column}
        metadata = {ARE_LINES: b"true"} if messages.are_lines else {}
    else:
        columns = {MESSAGE: pa.array(messages, pa.large_string())}
    columns |= {FACT + name: pa.array(values) for name, values in events.items()}
    table = pa.Table.from_pydict(columns, metadata=metadata)
    file = io.BytesIO()
    pq.write_table(
        table,
        file,
        compression="lz4",  # twice the size that zstd makes, unpacked in half the time
        use_dictionary=False,
        write_statistics=False,
        write_page_checksum=True,
    )
    return file.getvalue()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
