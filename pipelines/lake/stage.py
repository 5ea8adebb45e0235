"""Stage: judged batches become typed rows in local Parquet files, before anything is committed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.lake.duck import text_literal
from pipelines.lake.judge import Batch, Judged
from pipelines.lake.queries import read_sql
from pipelines.lake.schemas import KINDS, TABLES

if TYPE_CHECKING:
    import duckdb

FUTURE = timedelta(days=1)
"""An event may be this far ahead of the load's clock; beyond it its time is not believed."""

STAGED_ONLY = ("row_id", "object_index", "source_offset")
LATER = ("received_at", "loaded_at", "source", "source_uri", "source_offset", "load_id")
"""Columns that the writing of the table adds: they are the same for a whole object or load."""

CHUNK_ROWS = 2048

_BATCH = pa.schema(
    [
        ("row_id", pa.int64()),
        ("object_index", pa.int32()),
        ("source_offset", pa.int64()),
        ("raw", pa.string()),
        ("event", pa.string()),
        ("digest", pa.string()),
    ]
)


@dataclass(slots=True)
class Stage:
    """Staged rows of one load; files per table, and the days that each holds.

    Files of a table hold its columns but for those of the load and the object (`LATER`), and
    besides `row_id` (order of receipt within the load), `object_index` and `source_offset`.
    """

    connection: duckdb.DuckDBPyConnection
    folder: Path
    loaded_at: datetime
    next_row: int = 0
    files: dict[str, dict[Path, dict[date, int]]] = field(default_factory=dict)
    """Table → staged file → rows per UTC day."""

    def __post_init__(self) -> None:
        """Prepare the connection: the macro that reads times."""
        body = read_sql("conform/utc_instant")
        self.connection.execute(f"create or replace temp macro utc_instant(moment) as ({body}\n)")

    def add(self, judged: Judged) -> None:
        """Conform and stage one batch; rows with a problem go to `rejected`."""
        for kind, batch in judged.kinds.items():
            self.connection.register("batch", self._arrow(batch))
            self._write(KINDS[kind])
            if kind == "job":
                self._write("job_steps")
            self.connection.unregister("batch")
        if judged.rejected:
            self._reject(judged)

    def _arrow(self, batch: Batch) -> pa.Table:
        rows = len(batch.raw)
        first, self.next_row = self.next_row, self.next_row + rows
        raw = pa.array(batch.raw, pa.binary())
        event = raw if batch.event == batch.raw else pa.array(batch.event, pa.binary())
        table = pa.table(
            [
                pa.array(range(first, first + rows), pa.int64()),
                pa.array(batch.object_index, pa.int32()),
                pa.array(batch.source_offset, pa.int64()),
                raw.view(pa.string()),  # orjson has proved it to be UTF-8
                event.view(pa.string()),
                pa.array(batch.digest, pa.string()),
            ],
            schema=_BATCH,
        )
        # DuckDB reads a record batch with one thread: small ones keep all of them busy
        return pa.Table.from_batches(table.to_batches(max_chunksize=CHUNK_ROWS))

    def _write(self, table: str) -> None:
        names = [name for name in TABLES[table].names if name not in LATER]
        listed = ", ".join(f"c.{name}" for name in names)
        path = self._copy(
            table,
            f"""
            select
                c.row_id, b.object_index, b.source_offset, {listed},
                case
                    when c.problem is null and c.occurred_at > cast($latest as timestamptz)
                        then 'bad_time: ' || c.occurred_at || ' lies in the future'
                    else c.problem
                end as problem
            from ({read_sql(f"conform/{table}")}) as c
            inner join (select row_id, object_index, source_offset from batch) as b
                on c.row_id = b.row_id
            """,
            {"latest": self.loaded_at + FUTURE},
        )
        if path and table != "job_steps":
            self._reject_problems(path)

    def _reject_problems(self, path: Path) -> None:
        self._copy(
            "rejected",
            """
            select
                row_id, object_index, source_offset,
                split_part(problem, ': ', 1) as reason,
                substr(problem, strpos(problem, ': ') + 2) as detail,
                encode(raw) as bytes,
                cast($loaded_at as date) as event_date
            from read_parquet($path)
            where problem is not null
            """,
            {"path": str(path), "loaded_at": self.loaded_at},
        )

    def _reject(self, judged: Judged) -> None:
        rows = len(judged.rejected)
        first, self.next_row = self.next_row, self.next_row + rows
        bad = judged.rejected
        table = pa.table(
            {
                "row_id": pa.array(range(first, first + rows), pa.int64()),
                "object_index": pa.array([r.object_index for r in bad], pa.int32()),
                "source_offset": pa.array([r.source_offset for r in bad], pa.int64()),
                "reason": pa.array([r.reason for r in bad]),
                "detail": pa.array([r.detail for r in bad]),
                "bytes": pa.array([r.bytes for r in bad], pa.binary()),
            }
        )
        self.connection.register("refused", table)
        self._copy(
            "rejected",
            "select *, cast($loaded_at as date) as event_date from refused",
            {"loaded_at": self.loaded_at},
        )
        self.connection.unregister("refused")

    def _copy(self, table: str, query: str, parameters: dict[str, object]) -> Path | None:
        """Write a query's rows as a staged file; returns it, or None where there are none."""
        staged = self.files.setdefault(table, {})
        path = self.folder / f"{table}-{len(staged):06d}.parquet"
        self.connection.execute(
            f"copy (select * from ({query}) order by event_date, row_id) "
            f"to {text_literal(str(path))} "
            "(format parquet, compression lz4_raw, row_group_size 10240)",
            parameters,
        )
        sound = "" if table == "rejected" else "where problem is null"
        days = self.connection.execute(
            f"select event_date, count(*) from read_parquet({text_literal(str(path))}) {sound} "
            "group by event_date"
        ).fetchall()
        staged[path] = dict(days)
        total = sum(staged[path].values())
        if not total and table == "rejected":
            del staged[path]
            path.unlink()
            return None
        return path
