"""Append: rows that something outside the lake has become rows of a table, a file a day, once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from pipelines.lake.schemas import TABLES
from pipelines.lake.tables import DataFile, Lake, add_action, describe_file
from pipelines.lake.write import put_file
from pipelines.sources.find import join

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

TRIES = 20
"""Commits tried when others keep committing first."""


def append_rows(
    lake: Lake,
    name: str,
    table: DeltaTable,
    rows: Sequence[Mapping[str, Any]],
    newest: Mapping[str, int],
    unique: Callable[[], str],
) -> bool:
    """Add rows to a table in one commit, a data file for each UTC day, sorted as the table is.

    Args:
        lake: The lake.
        name: The table's name.
        table: The table, at the version that told which rows it lacks.
        rows: Values by column, `event_date` among them; other keys are left out.
        newest: How far the rows go, by application: of two commits that name the same one at the
            same time, the second is refused.
        unique: A text that no other call returns, for file names.

    Returns:
        Whether the rows were added; not, where somebody else committed first. Then look again.
    """
    from deltalake import CommitProperties, Transaction
    from deltalake.exceptions import CommitFailedError

    version = table.version()
    days: dict[date, list[Mapping[str, Any]]] = {}
    for row in rows:
        days.setdefault(row["event_date"], []).append(row)
    files = [_write(lake, name, day, held, unique()) for day, held in sorted(days.items())]
    try:
        table.create_write_transaction(
            [add_action(file) for file in files],
            mode="append",
            schema=TABLES[name].schema,
            partition_by=["event_date"],
            commit_properties=CommitProperties(
                app_transactions=[Transaction(what, number) for what, number in newest.items()]
            ),
        )
    except CommitFailedError:
        table.update_incremental()
        if table.version() == version:
            raise
        return False
    return True


def _write(
    lake: Lake, name: str, day: date, rows: Sequence[Mapping[str, Any]], unique: str
) -> DataFile:
    import pyarrow.parquet as pq

    described = TABLES[name].schema
    described = described.remove(described.get_field_index("event_date"))
    names = described.names  # which Arrow makes anew each time
    values = [{column: row[column] for column in names} for row in rows]
    values.sort(key=lambda row: [row[column] for column in TABLES[name].sort])
    path = f"event_date={day.isoformat()}/{unique}.parquet"
    with tempfile.TemporaryDirectory(dir=lake.storage.settings.work_dir) as folder:
        local = Path(folder) / f"{name}.parquet"
        pq.write_table(_table(values, described), local, compression="zstd")
        file = describe_file(name, path, day, local)
        put_file(lake, local, join(lake.table_url(name), path))
    return file


def _table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as Arrow has them, by way of JSON: `from_pylist` imports pandas, for half a second."""
    import pyarrow as pa
    from pyarrow.json import ParseOptions, ReadOptions, read_json

    text = b"\n".join(map(orjson.dumps, rows))
    read = pa.schema([field.with_type(_told(field.type)) for field in schema])
    whole = ReadOptions(use_threads=False, block_size=len(text) + 1)  # rows may be of any length
    table = read_json(BytesIO(text), whole, ParseOptions(explicit_schema=read))
    # a cast imports all that Arrow can compute, for a tenth of a second
    if table.schema.equals(schema):
        return pa.Table.from_arrays(table.columns, schema=schema)
    return table.cast(schema)


def _told(kind: pa.DataType) -> pa.DataType:
    """As what Arrow reads a type from JSON: it takes no dates there."""
    import pyarrow as pa

    if pa.types.is_list(kind):
        return pa.list_(_told(kind.value_type))
    return pa.string() if pa.types.is_date(kind) else kind
