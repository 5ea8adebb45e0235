"""Write: staged rows become sorted data files, a UTC day at a time, each event once."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.lake.duck import list_literal, text_literal
from pipelines.lake.queries import read_sql
from pipelines.lake.schemas import EVENT_TABLES, TABLES
from pipelines.lake.tables import DataFile, Lake, describe_file, partition_files
from pipelines.sources.find import join

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from duckdb import DuckDBPyConnection

    from pipelines.lake.stage import Stage, Staged

FILE_BYTES = 256 * 2**20
"""Size at which a data file is full."""
SORT_SHARE = 1 / 4
"""Part of the memory of a thread that the rows of one sort may take, as they are staged. The sort
holds them twice, and a file that is written one group of them more."""
ROW_GROUP_ROWS = 16_384
"""Small enough that a question about one recipe skips most of a day."""
ORDER = (*EVENT_TABLES, "rejected")
"""Tables in the order of writing: a job's steps after it, since they come only with it."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the staged rows of one table and UTC day.

    `met` rows were staged, `kept` of them are new to the lake and stand in `files`.
    """

    table: str
    day: date
    met: int
    kept: int
    files: list[DataFile]
    event_types: dict[str, int]


@dataclass(frozen=True)
class Writer:
    """Writes the staged rows of a load; days go side by side, as many as there are threads.

    `connection` has the table `objects`: the landing objects that count, with their facts.
    """

    lake: Lake
    connection: DuckDBPyConnection
    stage: Stage
    load_id: str
    unique: Callable[[], str]

    @property
    def days(self) -> list[date]:
        """The UTC days of the staged rows, in order."""
        files = self.stage.files.values()
        return sorted({day for held in files for staged in held.values() for day in staged.days})

    @property
    def threads(self) -> int:
        """Threads of a query: one where the days keep all busy, because sharing makes them spin."""
        rows: Counter[date] = Counter()
        for held in self.stage.files.values():
            for staged in held.values():
                rows.update(staged.days)
        threads = self.lake.storage.settings.threads
        return 1 if max(rows.values(), default=0) * threads <= rows.total() else threads

    def write(self) -> Iterator[list[Written]]:
        """Write every day; yields, in order of the days, what became of each table's rows."""
        tables = {name: self.lake.open(name) for name in ORDER if self._staged(name)}
        self.connection.execute(f"set threads = {self.threads}")
        # every join here finds wide rows by narrow ones, which are the ones to be held
        self.connection.execute("set disabled_optimizers = 'build_side_probe_side'")
        with ThreadPoolExecutor(self.lake.storage.settings.threads) as pool:
            yield from pool.map(lambda day: self._write_day(tables, day), self.days)

    def _write_day(self, tables: Mapping[str, DeltaTable], day: date) -> list[Written]:
        written: list[Written] = []
        with closing(self.connection.cursor()) as cursor:
            for name, table in tables.items():
                held = self._staged(name)
                staged = {path: held[path] for path in held if day in held[path].days}
                if not staged:
                    continue
                if name == "job_steps":  # they come with their job, or not at all
                    if any(part.table == "jobs" and part.kept for part in written):
                        written.append(self._write_rows(cursor, name, day, staged, "kept_jobs"))
                    continue
                met, kept = self._choose(
                    cursor, name, _rows(list(staged), day), partition_files(table, [day])
                )
                if kept:
                    only = f"kept_{name}" if kept < met else ""
                    part = self._write_rows(cursor, name, day, staged, only)
                    written.append(replace(part, met=met))
                else:
                    written.append(Written(name, day, met, 0, [], {}))
        return written

    def _staged(self, name: str) -> Mapping[Path, Staged]:
        """The staged files that a table's rows come from."""
        return self.stage.files.get("jobs" if name == "job_steps" else name, {})

    def _choose(
        self, cursor: DuckDBPyConnection, name: str, rows: str, existing: list[str]
    ) -> tuple[int, int]:
        """Note in `kept_<table>` which rows to keep: the first of each event the lake lacks.

        Returns:
            How many rows there are, and how many of them to keep.
        """
        rows = f"{rows} semi join objects using (object_index)"
        if name == "rejected":
            count = _one(cursor, f"select count(*) {rows}")
            return count, count
        cursor.execute(
            f"create or replace temp table met_{name} as "
            "select event_id, min(row_id) as row_id, count(*) as records "
            f"{rows} group by event_id"
        )
        lacking = (
            f"anti join read_parquet({list_literal(existing)}) using (event_id)" if existing else ""
        )
        cursor.execute(
            f"create or replace temp table kept_{name} as select row_id from met_{name} {lacking}"
        )
        met = _one(cursor, f"select sum(records) from met_{name}")
        return met, _one(cursor, f"select count(*) from kept_{name}")

    def _write_rows(
        self,
        cursor: DuckDBPyConnection,
        name: str,
        day: date,
        staged: Mapping[Path, Staged],
        only: str,
    ) -> Written:
        """Write the day's rows, all or those in the table `only`.

        A day that does not fit into memory becomes several files, each sorted.
        """
        files: list[DataFile] = []
        types: Counter[str] = Counter()
        settings = self.lake.storage.settings
        most = settings.memory_limit_mb * 2**20 * SORT_SHARE / settings.threads
        for paths in _sortable(staged, day, most):
            rows = _rows(paths, day) + (f" semi join {only} using (row_id)" if only else "")
            if name == "job_steps":
                steps = read_sql("conform/job_steps")
                rows = f"from (with jobs as (select * {rows}) select * from ({steps}))"
            files += self._write_files(cursor, name, day, rows)
            if name == "activity":
                types.update(_types(cursor, rows))
        kept = sum(file.rows for file in files)
        return Written(name, day, kept, kept, files, dict(types))

    def _write_files(
        self, cursor: DuckDBPyConnection, name: str, day: date, rows: str
    ) -> list[DataFile]:
        # what is the same in every row is added after the sort, which would carry it along
        later = {
            "loaded_at": f"timestamptz '{self.stage.loaded_at.isoformat()}'",
            "load_id": text_literal(self.load_id),
            **TABLES[name].derived,
        }
        looked_up = {
            "received_at": "o.received_at",
            "source": "o.source",
            "source_uri": "o.source_uri",
            "source_etag": "o.source_etag",
            "rejected_id": "sha256(concat_ws(chr(10), o.source_uri, o.source_etag, "
            "s.source_offset, sha256(s.bytes)))",
        }
        columns = [column for column in TABLES[name].names if column != "event_date"]
        inner = ", ".join(
            f"{looked_up.get(column, f's.{column}')} as {column}"
            for column in columns
            if column not in later
        )
        outer = ", ".join(f"{later.get(column, column)} as {column}" for column in columns)
        query = (
            f"select {outer} from (select {inner} from (select * {rows}) as s "
            "inner join objects as o using (object_index) "
            f"order by {', '.join(TABLES[name].sort)})"
        )
        return write_files(self.lake, cursor, name, day, query, self.unique())


def _rows(paths: list[Path], day: date) -> str:
    """The sound rows of a day in some staged files, as a `from` clause that can be continued."""
    files = list_literal([str(path) for path in paths])
    return (
        f"from (from read_parquet({files}) "
        f"where event_date = date '{day.isoformat()}' and problem is null)"
    )


def _sortable(staged: Mapping[Path, Staged], day: date, most: float) -> Iterator[list[Path]]:
    """Cut the staged files of a day into lists whose rows take at most `most` bytes."""
    chosen: list[Path] = []
    size = 0.0
    for path, held in staged.items():
        more = held.days[day] * held.row_bytes
        if chosen and size + more > most:
            yield chosen
            chosen, size = [], 0.0
        chosen.append(path)
        size += more
    yield chosen


def _types(cursor: DuckDBPyConnection, rows: str) -> dict[str, int]:
    return dict(
        cursor.execute(
            f"select event_type, count(*) {rows} semi join objects using (object_index) "
            "group by event_type"
        ).fetchall()
    )


def _one(cursor: DuckDBPyConnection, query: str) -> int:
    return int(cursor.execute(query).fetchall()[0][0] or 0)


def write_files(
    lake: Lake,
    connection: DuckDBPyConnection,
    table: str,
    day: date,
    query: str,
    unique: str,
) -> list[DataFile]:
    """Write a query's rows as data files of one partition, durable but not committed.

    Args:
        lake: The lake.
        connection: Has whatever the query reads.
        table: Lake table that the files are for.
        day: UTC day of all rows.
        query: The rows, sorted, without the partition column.
        unique: Part of the files' names that no other file has.
    """
    with tempfile.TemporaryDirectory(
        prefix="trailhouse-files-", dir=lake.storage.settings.work_dir
    ) as folder:
        connection.execute(
            f"copy ({query}) to {text_literal(folder)} (format parquet, compression zstd, "
            # on job records level 1 makes files no larger than the default, level 3, and costs less
            f"compression_level 1, row_group_size {ROW_GROUP_ROWS}, file_size_bytes {FILE_BYTES}, "
            "overwrite_or_ignore true)"
        )
        files = []
        for number, local in enumerate(sorted(Path(folder).glob("*.parquet"))):
            path = f"event_date={day.isoformat()}/{unique}-{number:03d}.parquet"
            described = describe_file(table, path, day, local)
            if not described.rows:
                continue  # DuckDB writes a file for no rows, too
            files.append(described)
            put_file(lake, local, join(lake.table_url(table), path))
        return files


def put_file(lake: Lake, local: Path, url: str) -> None:
    """Move a local file to where the lake keeps it; durable when this returns."""
    if lake.is_s3:
        import obstore

        root, _, name = url.rpartition("/")
        with local.open("rb") as file:
            obstore.put(lake.storage.store(root), name, file)
        return
    target = Path(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(local, target)
    for path in (target, target.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def tally(written: Sequence[Written]) -> dict[str, dict[str, int]]:
    """Rows that each table got, per UTC day; days without new rows are left out."""
    partitions: dict[str, dict[str, int]] = {}
    for part in written:
        if part.kept:
            partitions.setdefault(part.table, {})[part.day.isoformat()] = part.kept
    return partitions
