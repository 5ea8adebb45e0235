"""Stage: judged batches become typed rows in local Parquet files, before anything is committed."""

from __future__ import annotations

from array import array
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.lake.arrow import number_column, text_column
from pipelines.lake.duck import text_literal
from pipelines.lake.judge import Batch, Judged, Rejected
from pipelines.lake.queries import read_sql
from pipelines.lake.schemas import KINDS, TABLES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FUTURE = timedelta(days=1)
"""An event may be this far ahead of the load's clock; beyond it its time is not believed."""

LATER = ("received_at", "loaded_at", "source", "source_uri", "source_offset", "load_id")
"""Columns that the writing of the table adds: they are the same for a whole object or load."""
BESIDES = {"jobs": ("event",)}
"""What is staged besides a table's own columns: of a job that came wrapped the job itself, which
has the steps. They become rows when the job is written, in its order."""

ROW_GROUP_ROWS = 4096
"""So few that a group of records fits into memory that is used again."""
DAYS_UNSORTED = 2
"""A staged file may hold the rows of this many days as they come; more are sorted by day."""

_BATCH = pa.schema(
    [
        ("row_id", pa.int64()),
        ("object_index", pa.int32()),
        ("source_offset", pa.int64()),
        ("raw", pa.large_string()),
        ("event", pa.large_string()),
        ("digest", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Staged:
    """A staged file: its sound rows per UTC day, and how many bytes a row has, uncompressed."""

    days: dict[date, int]
    row_bytes: float


@dataclass(frozen=True, slots=True)
class Stage:
    """Staged rows of one load; files per table, and the days that each holds.

    Files of a table hold its columns but for those that are derived and those of the load and the
    object (`LATER`), and besides `row_id` (order of receipt within the load), `object_index`,
    `source_offset` and `problem` (why the row is not sound; such a row stands in `rejected` too).
    Steps have no files: those of a job are taken out of it when it is written.
    """

    connection: DuckDBPyConnection
    folder: Path
    loaded_at: datetime
    files: dict[str, dict[Path, Staged]] = field(default_factory=dict)
    """Table → staged file → what it holds."""

    def __post_init__(self) -> None:
        """Prepare the database: the macro that reads times."""
        body = read_sql("conform/utc_instant")
        self.connection.execute(f"create or replace macro utc_instant(moment) as ({body}\n)")

    def add(self, judged: Judged, first_row: int) -> None:
        """Conform and stage one batch, from any thread; its rows are numbered from `first_row`."""
        with closing(self.connection.cursor()) as cursor:
            writer = _BatchWriter(self, cursor, first_row)
            for kind, batch in judged.kinds.items():
                writer.add(kind, batch, first_row)
                first_row += len(batch.raw)
            if judged.rejected:
                writer.reject(judged.rejected, first_row)


class _BatchWriter:
    """Writes one batch with a cursor of its own; names its files after the batch's first row."""

    def __init__(self, stage: Stage, cursor: DuckDBPyConnection, batch: int) -> None:
        self.stage, self.cursor, self.batch = stage, cursor, batch
        self.numbers = count()

    def add(self, kind: str, batch: Batch, first_row: int) -> None:
        self.cursor.register("batch", _arrow(batch, first_row))
        self._conform(KINDS[kind])
        self.cursor.unregister("batch")

    def _conform(self, name: str) -> None:
        table = TABLES[name]
        left_out = {*LATER, *table.derived}
        columns = [column for column in table.names if column not in left_out]
        listed = ", ".join([*columns, *BESIDES.get(name, ())])
        path, problems = self._copy(
            name,
            f"""
            select
                row_id, object_index, source_offset, {listed},
                case
                    when problem is null and occurred_at > cast($latest as timestamptz)
                        then 'bad_time: ' || occurred_at || ' lies in the future'
                    else problem
                end as problem
            from ({read_sql(f"conform/{name}")})
            """,
            {"latest": self.stage.loaded_at + FUTURE},
        )
        if problems:
            self._copy(
                "rejected",
                """
                select
                    row_id, object_index, source_offset,
                    split_part(problem, ': ', 1) as reason,
                    substr(problem, strpos(problem, ': ') + 2) as detail,
                    encode(raw) as bytes,
                    cast($loaded_at as date) as event_date,
                    cast(null as varchar) as problem
                from read_parquet($path)
                where problem is not null
                """,
                {"path": str(path), "loaded_at": self.stage.loaded_at},
            )

    def reject(self, rejected: list[Rejected], first_row: int) -> None:
        table = pa.table(
            {
                "row_id": pa.array(range(first_row, first_row + len(rejected)), pa.int64()),
                "object_index": pa.array([r.object_index for r in rejected], pa.int32()),
                "source_offset": pa.array([r.source_offset for r in rejected], pa.int64()),
                "reason": pa.array([r.reason for r in rejected]),
                "detail": pa.array([r.detail for r in rejected]),
                "bytes": pa.array([r.bytes for r in rejected], pa.binary()),
            }
        )
        self.cursor.register("refused", table)
        self._copy(
            "rejected",
            "select *, cast($loaded_at as date) as event_date, cast(null as varchar) as problem "
            "from refused",
            {"loaded_at": self.stage.loaded_at},
        )
        self.cursor.unregister("refused")

    def _copy(self, table: str, query: str, parameters: dict[str, object]) -> tuple[Path, int]:
        """Write a query's rows as a staged file; returns it, and how many rows have a problem."""
        path = self.stage.folder / f"{table}-{self.batch:012d}-{next(self.numbers)}.parquet"
        target = text_literal(str(path))
        options = f"(format parquet, compression lz4_raw, row_group_size {ROW_GROUP_ROWS})"
        self.cursor.execute(f"copy ({query}) to {target} {options}", parameters)
        counted = self.cursor.execute(
            "select event_date, count(*) filter (where problem is null), count(problem) "
            f"from read_parquet({target}) group by event_date"
        ).fetchall()
        if len(counted) > DAYS_UNSORTED:
            # a day's rows lie together, or each day would read the whole file
            unsorted = path.rename(path.with_suffix(".unsorted"))
            self.cursor.execute(
                f"copy (from read_parquet({text_literal(str(unsorted))}) "
                f"order by event_date, row_id) to {target} {options}"
            )
            unsorted.unlink()
        days = {day: sound for day, sound, _ in counted if sound}
        self.stage.files.setdefault(table, {})[path] = Staged(days, _row_bytes(path))
        return path, sum(problems for *_, problems in counted)


def _row_bytes(path: Path) -> float:
    """Bytes of a row before compression, on average."""
    import pyarrow.parquet as pq

    footer = pq.read_metadata(path)
    groups = (footer.row_group(number) for number in range(footer.num_row_groups))
    return float(sum(group.total_byte_size for group in groups) / max(footer.num_rows, 1))


def _arrow(batch: Batch, first_row: int) -> pa.Table:
    rows = range(first_row, first_row + len(batch.raw))
    raw = text_column(batch.raw, pa.large_string())  # orjson or msgspec has proved it to be UTF-8
    return pa.table(
        [
            number_column(array("q", rows), pa.int64()),
            pa.array(batch.object_index, pa.int32()),
            number_column(array("q", batch.source_offset), pa.int64()),
            raw,
            raw if batch.event == batch.raw else text_column(batch.event, pa.large_string()),
            pa.array(batch.digest, pa.string()),
        ],
        schema=_BATCH,
    )
