"""Maintain: compact closed days, remove files that no version needs, add columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import RemoveAction

from pipelines.errors import LakeError
from pipelines.lake.duck import connect, list_literal
from pipelines.lake.load import complete
from pipelines.lake.schemas import TABLES, Table
from pipelines.lake.tables import (
    APPLICATION,
    DataFile,
    Lake,
    add_action,
    evolve,
    explained,
    file_actions,
)
from pipelines.lake.write import write_files
from pipelines.models.edition import read_edition
from pipelines.models.header import MODELS
from pipelines.sources.find import join

SMALL_BYTES = 128 * 2**20
"""Files below this size are worth merging; what is written is at most twice as large."""
RETENTION = timedelta(days=7)
"""Versions younger than this stay readable after a vacuum."""
COMPACTION = f"{APPLICATION}:compact"
"""Application id of compactions: of two that overlap, Delta refuses the second commit. Without it
both would be accepted, since Delta does not mind a file that is removed twice, and rows double."""


@dataclass(frozen=True, slots=True)
class _Day:
    """The small files of one UTC day, of the version that `delta` is at."""

    lake: Lake
    table: Table
    delta: DeltaTable
    day: date
    actions: Sequence[dict[str, Any]]


def compact(
    lake: Lake,
    *,
    clock: Callable[[], datetime],
    unique: Callable[[], str],
    all_days: bool = False,
) -> Iterator[dict[str, Any]]:
    """Merge the small files of closed UTC days, sorted as the table is; rows stay the same.

    A day is closed `closed_after_days` after it. Readers and loads go on meanwhile: a load that
    adds to the day keeps its file beside the merged one. A day that another compaction merges at
    the same time is left to it. A load that was cut off is completed first.

    Args:
        lake: The lake.
        clock: The time now, UTC.
        unique: A text that no other call returns, for file names.
        all_days: Compact open days too.

    Yields:
        `table`, `event_date`, `files_before`, `files_after` and `rows` per compacted day.

    Raises:
        LakeError: A rewritten day has other rows than before; it was left as it is. Or the lake
            cannot be read or written.
    """
    complete(lake)
    closed = clock().date() - timedelta(days=lake.storage.settings.closed_after_days)
    with explained(lake.url):
        for table in TABLES.values():
            delta = lake.find(table.name)
            if delta is None:
                continue
            evolve(delta, table.schema)
            for day in sorted(_small_files(delta)):
                delta.update_incremental()  # a commit is held against the version it was read at
                actions = _small_files(delta).get(day, [])
                if len(actions) > 1 and (all_days or day < closed):
                    merged = _merge(_Day(lake, table, delta, day, actions), clock, unique())
                    if merged is not None:
                        yield merged


def _small_files(delta: DeltaTable) -> dict[date, list[dict[str, Any]]]:
    days: dict[date, list[dict[str, Any]]] = {}
    for action in file_actions(delta).to_pylist():
        if action["size_bytes"] < SMALL_BYTES:
            days.setdefault(action["partition.event_date"], []).append(action)
    return days


def _merge(small: _Day, clock: Callable[[], datetime], unique: str) -> dict[str, Any] | None:
    """Write the day's rows anew and replace its files; None where another compaction was first."""
    written = _rewrite(small, unique)
    before, after = sum(a["num_records"] for a in small.actions), sum(f.rows for f in written)
    if before != after:
        raise LakeError(
            f"{small.table.name} of {small.day}: {before} rows before compaction, {after} after; "
            f"nothing was replaced. Files: {', '.join(a['path'] for a in small.actions)}"
        )
    removed = [
        RemoveAction(
            path=action["path"],
            data_change=False,
            deletion_timestamp=int(clock().timestamp() * 1000),
            size=action["size_bytes"],
            partition_values={"event_date": small.day.isoformat()},
        )
        for action in small.actions
    ]
    try:
        small.delta.create_write_transaction(
            [*removed, *(add_action(file, data_change=False) for file in written)],
            mode="append",
            schema=small.table.schema,
            partition_by=["event_date"],
            commit_properties=CommitProperties(
                app_transactions=[Transaction(COMPACTION, small.delta.version())],
                custom_metadata={"act": "compact"},
            ),
        )
    except CommitFailedError:
        small.delta.update_incremental()
        still_there = {action["path"] for action in file_actions(small.delta).to_pylist()}
        if all(action["path"] in still_there for action in small.actions):
            raise
        return None  # what was written is no part of the table; a vacuum removes it
    return {
        "table": small.table.name,
        "event_date": small.day.isoformat(),
        "files_before": len(small.actions),
        "files_after": len(written),
        "rows": after,
    }


def _rewrite(small: _Day, unique: str) -> list[DataFile]:
    root = small.lake.table_url(small.table.name)
    files = list_literal([join(root, action["path"]) for action in small.actions])
    names = ", ".join(name for name in small.table.names if name != "event_date")
    with closing(connect(small.lake.storage, s3=small.lake.is_s3)) as connection:
        # the empty table gives the columns that old files lack, with their types
        connection.register("latest", small.table.schema.empty_table())
        query = (
            f"select {names} from (from latest union all by name "
            f"from read_parquet({files}, union_by_name = true, hive_partitioning = true, "
            "hive_types = {'event_date': date})) "
            f"order by {', '.join(small.table.sort)}"
        )
        return write_files(small.lake, connection, small.table.name, small.day, query, unique)


def vacuum(lake: Lake, *, retention: timedelta = RETENTION) -> Iterator[dict[str, Any]]:
    """Delete the files that no version within the retention needs, orphans of crashes included.

    After it a plain `read_parquet` of a table's folder returns the table's rows, once the
    retention has passed over every replaced file. The version of a model that readers are shown
    stays, however old it is. A load that was cut off is completed first, because its files look
    like orphans until then.

    Args:
        lake: The lake.
        retention: How long replaced and unknown files are kept. Below seven days no load may run
            meanwhile: its files are unknown until it commits.

    Yields:
        `table` and `files` deleted, per table and model.

    Raises:
        LakeError: The lake cannot be read or written.
    """
    complete(lake)
    hours = int(retention.total_seconds() // 3600)
    with explained(lake.url):
        edition = read_edition(lake)
        shown = edition.versions if edition else {}
        for name in (*TABLES, *(m.name for m in MODELS.values() if m.layer == "marts")):
            if (delta := lake.find(name)) is not None:
                deleted = delta.vacuum(
                    retention_hours=hours,
                    dry_run=False,
                    enforce_retention_duration=retention >= RETENTION,
                    full=True,
                    keep_versions=[shown[name]] if name in shown else None,
                )
                delta.create_checkpoint()
                yield {"table": name, "files": len(deleted)}


def evolve_all(lake: Lake) -> Iterator[dict[str, Any]]:
    """Add the columns that this version of Trailhouse knows and the lake's tables lack.

    Yields:
        `table` and `added` columns, per table that exists. Loads do the same for their tables.

    Raises:
        LakeError: The lake cannot be read or written.
    """
    with explained(lake.url):
        for table in TABLES.values():
            if (delta := lake.find(table.name)) is not None:
                yield {"table": table.name, "added": evolve(delta, table.schema)}
