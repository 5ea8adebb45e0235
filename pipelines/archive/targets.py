"""Targets: where a restore writes to: a lake that can go on loading, or one DuckDB file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.errors import LakeError, TrailhouseError
from pipelines.lake.duck import connect, list_literal, text_literal
from pipelines.lake.schemas import LOADED_TABLES, TABLES
from pipelines.lake.tables import DataFile, Lake, applied_load, commit_files, file_actions
from pipelines.lake.write import write_files

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from pipelines.archive.restore import Days
    from pipelines.lake.storage import Storage


class IntoLake:
    """Restores into an empty lake, which afterwards loads what the archive has not.

    Every table bears the number of the newest restored load, as it would have after that load: the
    next load neither completes it again nor meets its objects anew.
    """

    def __init__(self, lake: Lake, newest_load: int, unique: Callable[[], str]) -> None:
        """Restore into a lake whose newest load will be `newest_load`."""
        self._lake, self._newest, self._unique = lake, newest_load, unique
        self._connection = connect(lake.storage)

    @property
    def name(self) -> str:
        """The lake's URL."""
        return self._lake.url

    def is_done(self, table: str, rows: int) -> bool:
        """Whether the table was restored already; an empty one was not."""
        found = self._lake.find(table)
        if found is None or not found.file_uris():
            return False
        held = sum(file_actions(found).column("num_records").to_pylist())
        if (held, applied_load(found)) == (rows, self._newest):
            return True
        raise TrailhouseError(
            f"{self._lake.table_url(table)} holds {held:,} rows that are not those of the archive; "
            "restore into a lake that is empty"
        )

    def write(self, table: str, days: Days, rows: int, progress: Callable[[int], None]) -> None:
        """Write the data files of every day, and commit them at once."""
        files: list[DataFile] = []
        for day, sealed in days:
            query = (
                f"select * exclude (event_date) from {_rows(self._connection, table, sealed)} "
                f"order by {', '.join(TABLES[table].sort)}"
            )
            written = write_files(self._lake, self._connection, table, day, query, self._unique())
            progress(sum(file.rows for file in written))
            files += written
        _agree(table, sum(file.rows for file in files), rows)
        commit_files(self._lake.open(table), files, self._newest)

    def finish(self) -> None:
        """Nothing is left to do: the last commit was that of `loads`."""
        self._connection.close()


class IntoFile:
    """Restores into a new DuckDB file, a table each; it appears when everything is in it."""

    def __init__(self, path: Path, storage: Storage) -> None:
        """Restore into a file that is not there yet."""
        if path.exists():
            raise TrailhouseError(f"{path} exists; name a new file, or remove this one first")
        if not path.absolute().parent.is_dir():
            raise TrailhouseError(f"{path.absolute().parent} is not a folder; make it first")
        self._path, self._partial = path, path.with_name(f".{path.name}.partial")
        with suppress(FileNotFoundError):
            self._partial.unlink()
        self._connection = connect(storage)
        self._connection.execute(f"attach {text_literal(str(self._partial))} as restored")
        for table in (TABLES[name] for name in LOADED_TABLES):
            _know(self._connection, table.name)
            self._connection.execute(
                f"create table restored.{table.name} as from latest_{table.name}"
            )
            for name, _, comment in table.columns:
                self._connection.execute(
                    f'comment on column restored.{table.name}."{name}" is {text_literal(comment)}'
                )

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self._path)

    def is_done(self, table: str, rows: int) -> bool:
        """A file is begun anew each time."""
        return False

    def write(self, table: str, days: Days, rows: int, progress: Callable[[int], None]) -> None:
        """Insert the rows, a day after the other."""
        inserted = 0
        for _, sealed in days:
            count = self._connection.execute(
                f"insert into restored.{table} by name "
                f"from {_rows(self._connection, table, sealed)} "
                f"order by {', '.join(TABLES[table].sort)}"
            ).fetchall()[0][0]
            progress(count)
            inserted += count
        _agree(table, inserted, rows)

    def finish(self) -> None:
        """Close the file and give it its name."""
        self._connection.execute("detach restored")
        self._connection.close()
        with self._partial.open("rb") as file:
            os.fsync(file.fileno())
        self._partial.replace(self._path)


def _know(connection: DuckDBPyConnection, table: str) -> None:
    """Make `latest_<table>`, empty: it gives the columns that old files lack, with their types."""
    columns = TABLES[table].schema
    connection.register("told", pa.Table.from_batches([], schema=columns))
    connection.execute(f"create table if not exists latest_{table} as from told")
    connection.unregister("told")


def _rows(connection: DuckDBPyConnection, table: str, files: Sequence[Path]) -> str:
    _know(connection, table)
    listed = list_literal([str(path) for path in files])
    names = ", ".join(TABLES[table].names)
    return (
        f"(select {names} from (from latest_{table} union all by name from read_parquet({listed}, "
        "union_by_name = true, hive_partitioning = false)))"
    )


def _agree(table: str, found: int, expected: int) -> None:
    if found != expected:
        raise LakeError(
            f"{table}: {found:,} rows in the sealed files, {expected:,} in their manifests; the "
            "table was not restored"
        )
