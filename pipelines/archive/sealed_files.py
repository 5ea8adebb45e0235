"""Sealed files: the rows of one seal as sorted Parquet, and the tree over their events."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.archive import merkle
from pipelines.archive.contents import hashed
from pipelines.archive.lake_rows import LakeTable
from pipelines.archive.layout import file_name, seal_folder, seal_mark, tiles_name
from pipelines.archive.leaves import leaf_column, leaf_hashes, row_order
from pipelines.archive.paths import FOR_EVER
from pipelines.archive.streams import Planned
from pipelines.archive.tiles import write_tree
from pipelines.errors import ArchiveError, LakeError
from pipelines.lake.duck import list_literal, text_literal
from pipelines.lake.schemas import TABLES
from pipelines.lake.write import ROW_GROUP_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from duckdb import DuckDBPyConnection

    from pipelines.archive.place import Place

FILE_ROWS = 2_000_000
"""Rows at which a sealed file is full."""
FILE_BYTES = 2**30
"""Bytes at which it is, about: S3 takes 5 GB in one request."""
TYPES = {"rejected": "reason", "loads": None}
"""The column whose values are counted, where it is not `event_type`."""


def time_column(table: str) -> str:
    """The column whose first and last time a manifest names."""
    return "loaded_at" if table in ("rejected", "loads") else "occurred_at"


@dataclass(frozen=True, slots=True)
class SealedFiles:
    """Writes the files of seals; several at once, each with a cursor of its own.

    Names come from contents and the key, so that writing again after a crash meets the same
    objects, and nobody else can put another one there before.
    """

    archive: Place
    connection: DuckDBPyConnection
    tables: Mapping[str, LakeTable]
    work_dir: Path | None
    sign: Callable[[bytes], bytes]
    file_rows: int = FILE_ROWS
    file_bytes: int = FILE_BYTES

    def write(self, planned: Planned, retain_until: date | None) -> dict[str, Any]:
        """Write the files of one seal, durable when this returns.

        Returns:
            The facts of the manifest, without those that the log adds.

        Raises:
            LakeError: The rows written are not those that were planned.
        """
        table, stream = TABLES[planned.stream.table], planned.stream
        facts: dict[str, Any] = {
            "table": stream.table,
            "environment": stream.environment,
            "event_date": planned.event_date.isoformat(),
            "supplement": planned.supplement,
            "rows": 0,
            "root": merkle.EMPTY.hex(),
            "leaf": leaf_column(stream.table),
            "order": list(row_order(stream.table)),
            "files": [],
            "tiles": None,
            "event_types": {},
            "loads": [
                {"load_id": key, "rows": planned.loads[key]} for key in sorted(planned.loads)
            ],
            "schema": [[name, str(kind)] for name, kind, _ in table.columns],
            "retain_until": retain_until.isoformat() if retain_until else None,
        }
        if planned.rows:
            with (
                tempfile.TemporaryDirectory(prefix="trailhouse-seal-", dir=self.work_dir) as folder,
                closing(self.connection.cursor()) as cursor,
            ):
                facts |= self._write(cursor, planned, Path(folder), retain_until)
        return facts

    def _write(
        self, cursor: DuckDBPyConnection, planned: Planned, folder: Path, retain_until: date | None
    ) -> dict[str, Any]:
        name = planned.stream.table
        written = list(self._copy(cursor, planned, folder))
        rows, types = _counted(cursor, name, written)
        if rows != planned.rows:
            raise LakeError(
                f"{name} of {planned.event_date}: {planned.rows} rows in the lake, {rows} in the "
                "file to be sealed; nothing was sealed. Run it again"
            )
        tiles = folder / "tiles.zip"
        _, root = write_tree(tiles, _leaves(cursor, name, written))
        place = seal_folder(*planned.stream, planned.event_date)
        mark = seal_mark(self.sign, place, planned.supplement, root)
        files = []
        for number, local in enumerate(written):
            described = _described(cursor, name, local)
            part = number if len(written) > 1 else None
            digest = described["sha256"]
            path = f"{place}/{file_name(planned.supplement, root, mark, digest, part)}"
            self._put(path, local, digest, retain_until)
            files.append({"path": path, **described})
        digest = _sha256(tiles)
        path = f"{place}/{tiles_name(planned.supplement, root, mark, digest)}"
        self._put(path, tiles, digest, retain_until)
        return {
            "rows": rows,
            "root": root.hex(),
            "files": files,
            "tiles": {"path": path, "bytes": tiles.stat().st_size, "sha256": digest},
            "event_types": types,
        }

    def _put(self, path: str, local: Path, digest: str, retain_until: date | None) -> None:
        """Add an object; one that is there already must be that of an attempt cut off before."""
        if self.archive.put_new(path, local, retain_until=retain_until or FOR_EVER):
            return
        size = local.stat().st_size
        try:
            found = hashed(self.archive, path, size, lambda _: None)
        except ArchiveError:
            return  # who may only write relies on the name, which nobody without the key can guess
        if (found.bytes, found.digest) != (size, digest):
            raise ArchiveError(
                f"{self.archive.url}/{path} is there already, with other bytes than are to be "
                "sealed; nothing was sealed of that day. Find out who put it there, remove it, and "
                "seal again"
            )

    def _copy(self, cursor: DuckDBPyConnection, planned: Planned, folder: Path) -> Iterator[Path]:
        """The rows, sorted as the table is, in files that are not too large."""
        table = TABLES[planned.stream.table]
        rows = self.tables[table.name].sealed_as(
            planned.event_date, planned.stream.environment, planned.loads
        )
        whole = folder / "whole.parquet"
        _copy(
            cursor,
            f"select {', '.join(table.names)} from {rows} "
            f"order by {', '.join(row_order(table.name))}",
            whole,
        )
        fitting = planned.rows * self.file_bytes // whole.stat().st_size
        file_rows = max(min(self.file_rows, fitting), 1)
        if planned.rows <= file_rows:
            yield whole
            return
        for first in range(0, planned.rows, file_rows):
            part = folder / f"{first:012d}.parquet"
            _copy(
                cursor,
                f"select {', '.join(table.names)} from read_parquet({text_literal(str(whole))}, "
                f"file_row_number = true) where file_row_number >= {first} "
                f"and file_row_number < {first + file_rows} order by file_row_number",
                part,
            )
            yield part


def _copy(cursor: DuckDBPyConnection, query: str, target: Path) -> None:
    cursor.execute(
        f"copy ({query}) to {text_literal(str(target))} (format parquet, compression zstd, "
        f"compression_level 1, row_group_size {ROW_GROUP_ROWS})"
    )


def _counted(
    cursor: DuckDBPyConnection, table: str, files: list[Path]
) -> tuple[int, dict[str, int]]:
    """Rows, and rows per event type (of `rejected` per reason); a null type is an empty text."""
    column = TYPES.get(table, "event_type")
    counted = "''" if column is None else f"coalesce({column}, '')"
    rows = cursor.execute(
        f"select {counted}, count(*) from read_parquet({list_literal([str(f) for f in files])}) "
        "group by all order by all"
    ).fetchall()
    return sum(count for _, count in rows), {} if column is None else dict(rows)


def _described(cursor: DuckDBPyConnection, table: str, file: Path) -> dict[str, Any]:
    at = time_column(table)
    rows, first, last = cursor.execute(
        f"select count(*), min({at}), max({at}) from read_parquet({text_literal(str(file))})"
    ).fetchall()[0]
    return {
        "bytes": file.stat().st_size,
        "rows": rows,
        "sha256": _sha256(file),
        "min_at": _moment(first),
        "max_at": _moment(last),
    }


def _leaves(cursor: DuckDBPyConnection, table: str, files: list[Path]) -> Iterator[bytes]:
    """The leaf hashes in the order of the rows, read back from what was written."""
    for file in files:
        yield from leaf_hashes(cursor, table, f"read_parquet({text_literal(str(file))})")


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()


def _moment(value: datetime | None) -> str | None:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if value else None
