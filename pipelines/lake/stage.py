"""Stage: judged batches become typed rows in local Parquet files, before anything is committed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

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
            if kind == "job":
                parsed = read_sql("conform/parsed_jobs")
                self.connection.execute(f"create or replace temp table parsed_jobs as {parsed}")
            self._write(KINDS[kind], accepted_only=True)
            if kind == "job":
                self._write("job_steps", accepted_only=False)
            self.connection.unregister("batch")
        if judged.rejected:
            self._reject(judged)

    def _arrow(self, batch: Batch) -> pa.Table:
        rows = len(batch.raw)
        first, self.next_row = self.next_row, self.next_row + rows
        raw = pa.array(batch.raw, pa.binary())
        event = raw if batch.event == batch.raw else pa.array(batch.event, pa.binary())
        return pa.table(
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

    def _write(self, table: str, *, accepted_only: bool) -> None:
        query = read_sql(f"conform/{table}")
        self.connection.execute(f"create or replace temp table conformed as {query}")
        if accepted_only:
            self._reject_problems()
        names = [n for n in TABLES[table].names if n not in LATER]
        listed = ", ".join(f"c.{name}" for name in names)
        accepted = "where problem is null" if accepted_only else ""
        self._copy(
            table,
            f"select c.row_id, b.object_index, b.source_offset, {listed} "
            f"from conformed as c inner join batch as b on c.row_id = b.row_id {accepted}",
        )

    def _reject_problems(self) -> None:
        self.connection.execute(
            """
            update conformed
            set problem = 'bad_time: ' || occurred_at || ' lies in the future'
            where problem is null and occurred_at > cast($latest as timestamptz)
            """,
            {"latest": self.loaded_at + FUTURE},
        )
        self._copy(
            "rejected",
            """
            select
                c.row_id, b.object_index, b.source_offset,
                split_part(c.problem, ': ', 1) as reason,
                substr(c.problem, strpos(c.problem, ': ') + 2) as detail,
                encode(c.raw) as bytes,
                cast($loaded_at as date) as event_date
            from conformed as c inner join batch as b on c.row_id = b.row_id
            where c.problem is not null
            """,
            loaded_at=self.loaded_at,
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
            loaded_at=self.loaded_at,
        )
        self.connection.unregister("refused")

    def _copy(self, table: str, query: str, **parameters: datetime) -> None:
        staged = self.files.setdefault(table, {})
        path = self.folder / f"{table}-{len(staged):06d}.parquet"
        connection = self.connection
        connection.execute(f"create or replace temp table staged as {query}", parameters or None)
        days = connection.execute(
            "select event_date, count(*) from staged group by event_date"
        ).fetchall()
        if not days:
            return
        connection.execute(
            f"copy (select * from staged order by event_date, row_id) to '{path}' "
            "(format parquet, compression lz4_raw, row_group_size 10240)"
        )
        staged[path] = dict(days)
