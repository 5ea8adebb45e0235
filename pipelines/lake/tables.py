"""Tables: the lake's Delta tables, opened, created, committed to, and brought up to date."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction

from pipelines.errors import LakeError
from pipelines.lake.schemas import TABLES, Table
from pipelines.lake.storage import Storage, absolute, is_s3
from pipelines.sources.find import join

if TYPE_CHECKING:
    from datetime import datetime

APPLICATION = "trailhouse"
"""Application id of our commits; its version is the number of the load that a table holds."""
HINTS = (
    (("No space left",), "the disk is full"),
    (
        ("Out of Memory",),
        "the memory that DuckDB may use does not suffice; raise memory_limit_mb "
        "(TRAILHOUSE_MEMORY_LIMIT_MB), or lower threads (TRAILHOUSE_THREADS)",
    ),
    (
        ("magic bytes", "TProtocolException", "Corrupt", "footer", "decompress"),
        "a file of the lake is not what was written there; bring back an older version of the "
        "object that is named, or a copy",
    ),
)
"""What to do, by words that stores and DuckDB say."""
DENIED = re.compile(r"AccessDenied|\b403\b|ermission|necessary privileges")
UNKNOWN_CREDENTIALS = re.compile(r"SignatureDoesNotMatch|InvalidAccessKeyId|\b401\b")
"""Status codes stand alone: names of files are full of digits."""
STATISTICS = ("event_id", "occurred_at", "workspace_id", "recipe_id", "resource_id", "load_number")
"""Columns whose bounds go into the Delta log, so that readers skip files."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file of a lake table, written but perhaps not committed yet."""

    table: str
    path: str
    event_date: date
    rows: int
    bytes: int
    modified_ms: int
    stats: str

    def as_dict(self) -> dict[str, Any]:
        """The file as a row of `loads.outputs`."""
        return {name: getattr(self, name) for name in self.__slots__}


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn what a store, Delta or DuckDB says when it cannot go on into a `LakeError`.

    Raises:
        LakeError: The lake at `url` could not be read or written; the message has the cause.
    """
    import duckdb
    from obstore.exceptions import BaseError

    try:
        yield
    except (OSError, DeltaError, BaseError, duckdb.Error) as error:
        text = str(error).strip() or type(error).__name__
        raise LakeError(
            f"{url}: {_hint(error, text)}. What was committed before is intact; mend the cause and "
            f"run it again. The store said: {text.splitlines()[0][:300]}"
        ) from error


def _hint(error: BaseException, text: str) -> str:
    if "NoSuchBucket" in text:
        return "the bucket of the lake does not exist"
    if isinstance(error, PermissionError) or DENIED.search(text):
        return (
            "access to the lake was denied; the identity needs s3:ListBucket, s3:GetObject and "
            "s3:PutObject there (for a folder: the right to read and write it)"
        )
    if UNKNOWN_CREDENTIALS.search(text):
        return "the credentials for the lake are wrong or expired"
    return next(
        (hint for words, hint in HINTS if any(word in text for word in words)),
        "the lake cannot be read or written",
    )


class Concurrent(Exception):
    """Another writer committed first; look again at what it brought, and try again."""


@dataclass(frozen=True)
class Lake:
    """The lake at one URL: `lake/` for tables, `models/` for models, `landing/` for objects."""

    storage: Storage

    @property
    def url(self) -> str:
        """The absolute lake URL."""
        return absolute(self.storage.settings.lake_url)

    @property
    def is_s3(self) -> bool:
        """Whether the lake is in an object store."""
        return is_s3(self.url)

    def table_url(self, table: str) -> str:
        """Where a lake table or model lies."""
        return join(self.url, f"lake/{table}" if table in TABLES else f"models/{table}")

    def find(self, table: str) -> DeltaTable | None:
        """The table as it is now, or None where it does not exist yet."""
        url = self.table_url(table)
        if not self.is_s3 and not (Path(url) / "_delta_log").is_dir():
            return None
        try:
            return DeltaTable(url, storage_options=self.storage.delta_options(url))
        except TableNotFoundError:
            return None

    def open(self, table: str) -> DeltaTable:
        """The table as it is now, created empty where it does not exist yet."""
        return self.find(table) or self._create(TABLES[table])

    def _create(self, table: Table) -> DeltaTable:
        url = self.table_url(table.name)
        return DeltaTable.create(
            url,
            table.schema,
            mode="ignore",
            partition_by=["event_date"],
            name=table.name,
            description=table.description,
            storage_options=self.storage.delta_options(url),
            # bounds are kept for the columns that questions filter by, not for the first 32
            configuration={"delta.dataSkippingStatsColumns": ",".join(_statistics(table))},
        )


def _statistics(table: Table) -> list[str]:
    return [name for name in STATISTICS if name in table.names]


def applied_load(table: DeltaTable) -> int:
    """Number of the newest load in the table, 0 for none."""
    return table.transaction_version(APPLICATION) or 0


def file_actions(table: DeltaTable) -> pa.Table:
    """The table's data files as its log has them: path, size, partition, bounds per column."""
    # not pa.table(…): it imports pandas, for a second
    return pa.RecordBatchReader.from_stream(table.get_add_actions(flatten=True)).read_all()


def rows_per_day(table: DeltaTable | None) -> dict[date, int]:
    """Rows per UTC day by the table's own log; no data file is read."""
    rows: dict[date, int] = {}
    if table is None:
        return rows
    for action in file_actions(table).select(["partition.event_date", "num_records"]).to_pylist():
        day, count = action["partition.event_date"], action["num_records"]
        rows[day] = rows.get(day, 0) + (count or 0)
    return rows


def partition_files(
    table: DeltaTable | None, days: Sequence[date], column: str = "event_date"
) -> list[str]:
    """URIs of the data files of the given UTC days, of the version that `table` is at."""
    if not days:
        return []
    return data_files(table, [(column, "in", [day.isoformat() for day in days])])


def data_files(
    table: DeltaTable | None, where: list[tuple[str, str, Any]] | None = None
) -> list[str]:
    """URIs of a table's data files, sorted, as DuckDB opens them, of the version it is at.

    Delta writes the folder of the table as a URL has it: a space is `%20`.
    """
    if table is None:
        return []
    return sorted(map(unquote, table.file_uris(file_pruning_predicate=where)))


def commit_files(table: DeltaTable, files: Sequence[DataFile], load_number: int) -> None:
    """Add data files in one commit that carries the load's number.

    Raises:
        Concurrent: Something was committed since `table` was opened; nothing was added.
    """
    schema, version = TABLES[files[0].table].schema, table.version()
    try:
        table.create_write_transaction(
            [add_action(file) for file in files],
            mode="append",
            schema=schema,
            partition_by=["event_date"],
            commit_properties=CommitProperties(
                app_transactions=[Transaction(APPLICATION, load_number)],
                custom_metadata={"load_number": str(load_number)},
            ),
        )
    except CommitFailedError as error:
        table.update_incremental()
        if table.version() == version:
            raise  # nobody else committed: the store refused it
        raise Concurrent(str(error)) from error


def add_action(file: DataFile, *, data_change: bool = True) -> AddAction:
    """The file as an action of Delta's log; `data_change` is false where rows only moved."""
    return AddAction(
        path=file.path,
        size=file.bytes,
        partition_values={"event_date": file.event_date.isoformat()},
        modification_time=file.modified_ms,
        data_change=data_change,
        stats=file.stats,
    )


def describe_file(table: str, path: str, event_date: date, local: Path) -> DataFile:
    """The facts of a Parquet file, from its own footer: rows, bytes, bounds per column."""
    footer, facts = pq.read_metadata(local), local.stat()
    bounds: dict[str, dict[str, Any]] = {"minValues": {}, "maxValues": {}, "nullCount": {}}
    indexes = {footer.schema.column(i).path: i for i in range(footer.num_columns)}
    for name in _statistics(TABLES[table]):
        groups = [
            footer.row_group(group).column(indexes[name]).statistics
            for group in range(footer.num_row_groups)
        ]
        if any(g is None or not g.has_null_count for g in groups):
            continue
        bounds["nullCount"][name] = sum(g.null_count for g in groups)
        valued = [g for g in groups if g.has_min_max]
        if valued and all(g.has_min_max or g.num_values == 0 for g in groups):
            bounds["minValues"][name] = _bound(min(g.min for g in valued), upper=False)
            bounds["maxValues"][name] = _bound(max(g.max for g in valued), upper=True)
    for side in ("minValues", "maxValues"):
        bounds[side] = {k: v for k, v in bounds[side].items() if v is not None}
    stats = json.dumps({"numRecords": footer.num_rows, **bounds}, separators=(",", ":"))
    return DataFile(
        table, path, event_date, footer.num_rows, facts.st_size, int(facts.st_mtime * 1000), stats
    )


def _bound(value: Any, *, upper: bool) -> Any:
    """A bound as the Delta protocol writes it; long texts give none rather than a wrong one."""
    if hasattr(value, "isoformat"):
        moment: datetime = value
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, str):
        return value if len(value) <= 64 else None
    return value


def evolve(table: DeltaTable, schema: pa.Schema) -> list[str]:
    """Add the columns that the schema has and the table lacks; old files read them as null.

    Returns:
        The names of the added columns; calling again adds none.
    """
    have = {field.name for field in table.schema().fields}
    missing = [field for field in schema if field.name not in have]
    if missing:
        from deltalake import Schema

        added = {f.name: f for f in Schema.from_arrow(pa.schema(missing)).fields}
        table.alter.add_columns([added[field.name] for field in missing])
    return [field.name for field in missing]
