"""Maintain: compact closed days, remove files that no version needs, add columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable
from deltalake.transaction import RemoveAction

from pipelines.errors import LakeError
from pipelines.lake.duck import connect, list_literal
from pipelines.lake.load import write_files
from pipelines.lake.schemas import TABLES, Table
from pipelines.lake.tables import Lake, add_action, evolve
from pipelines.models.build import table_query
from pipelines.models.header import MODELS

SMALL_BYTES = 128 * 2**20
"""Files below this size are worth merging; what is written is at most twice as large."""
RETENTION = timedelta(days=7)
"""Versions younger than this stay readable after a vacuum."""


def compact(
    lake: Lake,
    *,
    clock: Callable[[], datetime],
    unique: Callable[[], str],
    all_days: bool = False,
) -> Iterator[dict[str, Any]]:
    """Merge the small files of closed UTC days, sorted as the table is; rows stay the same.

    A day is closed `closed_after_days` after it. Readers and loads go on meanwhile: a load that
    adds to the day keeps its file beside the merged one.

    Args:
        lake: The lake.
        clock: The time now, UTC.
        unique: A text that no other call returns, for file names.
        all_days: Compact open days too.

    Yields:
        `table`, `event_date`, `files_before`, `files_after` and `rows` per compacted day.

    Raises:
        LakeError: A rewritten day has other rows than before; it was left as it is.
    """
    closed = clock().date() - timedelta(days=lake.storage.settings.closed_after_days)
    for table in TABLES.values():
        delta = lake.find(table.name)
        if delta is None:
            continue
        for day, actions in _small_files(delta).items():
            if len(actions) > 1 and (all_days or day < closed):
                yield _merge(lake, table, day, actions, clock, unique())


def _small_files(delta: DeltaTable) -> dict[date, list[dict[str, Any]]]:
    days: dict[date, list[dict[str, Any]]] = {}
    for action in pa.table(delta.get_add_actions(flatten=True)).to_pylist():
        if action["size_bytes"] < SMALL_BYTES:
            days.setdefault(action["partition.event_date"], []).append(action)
    return dict(sorted(days.items()))


def _merge(
    lake: Lake,
    table: Table,
    day: date,
    actions: list[dict[str, Any]],
    clock: Callable[[], datetime],
    unique: str,
) -> dict[str, Any]:
    names = [name for name in table.names if name != "event_date"]
    connection = connect(lake.storage, s3=lake.is_s3)
    try:
        files = [f"{lake.table_url(table.name)}/{action['path']}" for action in actions]
        query = (
            f"select {', '.join(names)} from ({table_query(table.name, files)}) "
            f"order by {', '.join(table.sort)}"
        )
        written = write_files(lake, connection, table.name, day, query, unique)
    finally:
        connection.close()
    before, after = sum(a["num_records"] for a in actions), sum(f.rows for f in written)
    if before != after:
        raise LakeError(
            f"{table.name} of {day}: {before} rows before compaction, {after} after; nothing was "
            f"replaced. Files: {list_literal(files)}"
        )
    removed = [
        RemoveAction(
            path=action["path"],
            data_change=False,
            deletion_timestamp=int(clock().timestamp() * 1000),
            size=action["size_bytes"],
            partition_values={"event_date": day.isoformat()},
        )
        for action in actions
    ]
    lake.open(table.name).create_write_transaction(
        [*removed, *(add_action(file, data_change=False) for file in written)],
        mode="append",
        schema=table.schema,
        partition_by=["event_date"],
        commit_properties=CommitProperties(custom_metadata={"act": "compact"}),
    )
    return {
        "table": table.name,
        "event_date": day.isoformat(),
        "files_before": len(actions),
        "files_after": len(written),
        "rows": after,
    }


def vacuum(lake: Lake, *, retention: timedelta = RETENTION) -> Iterator[dict[str, Any]]:
    """Delete the files that no version within the retention needs, orphans of crashes included.

    After it a plain `read_parquet` of a table's folder returns the table's rows, once the
    retention has passed over every replaced file.

    Yields:
        `table` and `files` deleted, per table and model.
    """
    hours = int(retention.total_seconds() // 3600)
    for name in (*TABLES, *(m.name for m in MODELS.values() if m.layer == "marts")):
        if (delta := lake.find(name)) is not None:
            deleted = delta.vacuum(
                retention_hours=hours,
                dry_run=False,
                enforce_retention_duration=retention >= RETENTION,
                full=True,
            )
            delta.create_checkpoint()
            yield {"table": name, "files": len(deleted)}


def evolve_all(lake: Lake) -> Iterator[dict[str, Any]]:
    """Add the columns that this version of Trailhouse knows and the lake's tables lack.

    Yields:
        `table` and `added` columns, per table that exists. Loads do the same for their tables.
    """
    for table in TABLES.values():
        if (delta := lake.find(table.name)) is not None:
            yield {"table": table.name, "added": evolve(delta, table.schema)}
