"""Scan: the rows of sealed files that are asked for, reading only what can hold them.

A file's footer comes first: row groups whose bounds exclude the values asked for are not read. Of
the others only the columns that the conditions look at are read, and the rest of a row group only
where a row of it matches. A file that rows are taken from is held against its sealed digest first,
so that no column of them is another than was sealed.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.archive.contents import hashed
from pipelines.archive.selection import Condition, columns_of, matching, may_match
from pipelines.errors import TrailhouseError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.archive.manifest import SealedObject
    from pipelines.archive.place import Place


SMALL_BYTES = 2**16
"""Below this, a file is fetched at once: its footer alone is asked for with as many bytes."""
WHOLE_BYTES = 2**25
"""Below this, a file that rows are taken from is read once, whole; of a larger one the row groups
are read after it was hashed."""


@dataclass(slots=True)
class Reads:
    """What was read, and of how much; row groups are those of which more than bounds was read."""

    files: int = 0
    files_of: int = 0
    row_groups: int = 0
    row_groups_of: int = 0
    bytes: int = 0
    bytes_of: int = 0

    def add(self, other: Reads) -> None:
        """Count what another scan read."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Group:
    """A row group with matching rows: its number, its first row in the file, and which match."""

    number: int
    first_row: int
    positions: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Found:
    """Where in a file the matching rows are; a small file with its content."""

    file: SealedObject
    content: bytes | None
    footer: Any
    groups: Sequence[Group]
    reads: Reads


class _Counted(io.RawIOBase):
    """A file of which what is read is counted, and of which nothing around it is fetched."""

    def __init__(self, inner: IO[bytes]) -> None:
        self._inner, self.count = inner, 0
        # below its buffer: the ranges asked for are far apart, and reading ahead would be in vain
        self._ranges: IO[bytes] = getattr(inner, "raw", inner)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._ranges.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._ranges.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        content = self._ranges.read(size)
        self.count += len(content)
        return content

    def close(self) -> None:
        self._inner.close()
        super().close()


@contextmanager
def _opened(
    place: Place, file: SealedObject, content: bytes | None, footer: Any = None
) -> Iterator[tuple[_Counted, pq.ParquetFile]]:
    """A sealed file, opened; what cannot be read of it is not what was sealed.

    Raises:
        TrailhouseError: It is missing or damaged.
    """
    try:
        with (
            _Counted(io.BytesIO(content) if content else place.open(file.path)) as source,
            # the columns of a row group are fetched together where they are neighbours
            pq.ParquetFile(source, metadata=footer, pre_buffer=True) as parquet,
        ):
            yield source, parquet
    except (FileNotFoundError, pa.ArrowInvalid, pa.ArrowIOError) as error:
        raise _damaged(file, error) from error


def _damaged(file: SealedObject, error: Exception | str) -> TrailhouseError:
    return TrailhouseError(
        f"{file.path} of the archive is missing or damaged ({error}); "
        "`trailhouse archive verify` names everything that was changed"
    )


def find_rows(place: Place, file: SealedObject, conditions: Sequence[Condition]) -> Found:
    """Find the rows of a sealed file that fulfil the conditions.

    Args:
        place: The archive.
        file: One of its Parquet files.
        conditions: All must be fulfilled; without any, every row is found and only the footer read.
    """
    try:
        content = place.get(file.path) if file.bytes <= SMALL_BYTES else None
    except FileNotFoundError as error:
        raise _damaged(file, error) from error
    with _opened(place, file, content) as (source, parquet):
        groups = list(_groups(parquet, conditions))
        read = len(content) if content else source.count
        searched = sum(group is not None for group in groups)
        return Found(
            file,
            content,
            parquet.metadata,
            [group for group in groups if group is not None and len(group.positions)],
            Reads(1, 0, searched, len(groups), read, file.bytes),
        )


def _groups(parquet: pq.ParquetFile, conditions: Sequence[Condition]) -> Iterator[Group | None]:
    """The row groups with their matching rows, which may be none; None where none can match."""
    footer, columns, first_row = parquet.metadata, columns_of(conditions), 0
    for number in range(footer.num_row_groups):
        told = footer.row_group(number)
        if not conditions:
            yield Group(number, first_row, np.arange(told.num_rows))
        elif may_match(conditions, _bounds(told, columns)):
            rows = parquet.read_row_group(number, columns, use_threads=False)
            positions = pc.indices_nonzero(matching(conditions, rows)).to_numpy()
            yield Group(number, first_row, positions.astype(np.int64))
        else:
            yield None
        first_row += told.num_rows


def _bounds(group: Any, columns: Sequence[str]) -> dict[str, tuple[str, str] | None]:
    bounds: dict[str, tuple[str, str] | None] = {}
    for at in range(group.num_columns):
        column = group.column(at)
        if column.path_in_schema not in columns or not column.is_stats_set:
            continue
        told = column.statistics
        if told.has_min_max:
            bounds[column.path_in_schema] = (told.min, told.max)
        elif told.has_null_count and told.null_count == group.num_rows:
            bounds[column.path_in_schema] = None
    return bounds


def _as_sealed(place: Place, found: Found) -> bytes | None:
    """Hold a whole file against its sealed digest; its content, unless that is too large."""
    file, content = found.file, found.content
    try:
        if content is None and file.bytes <= WHOLE_BYTES:
            content = place.get(file.path)
        if content is None:
            digest = hashed(place, file.path, file.bytes, lambda _: None).digest
        else:
            digest = sha256(content).hexdigest()
    except FileNotFoundError as error:
        raise _damaged(file, error) from error
    if found.content is None:
        found.reads.bytes += file.bytes
    if digest != file.sha256:
        raise _damaged(file, f"its SHA-256 is {digest}, sealed was {file.sha256}")
    return content


def read_rows(place: Place, found: Found) -> Iterator[tuple[NDArray[np.int64], pa.Table]]:
    """Read the rows that were found, a row group at a time.

    Yields:
        The rows' positions in the file, and the rows, every column, in the order of the file.
    """
    if not found.groups:
        return
    content = _as_sealed(place, found)
    with _opened(place, found.file, content, found.footer) as (source, parquet):
        for group in found.groups:
            before = source.count
            rows = parquet.read_row_group(group.number, use_threads=False)
            if content is None:
                found.reads.bytes += source.count - before
            if len(group.positions) < rows.num_rows:
                rows = rows.take(group.positions)
            yield group.first_row + group.positions, rows
