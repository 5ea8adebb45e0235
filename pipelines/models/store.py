"""Store: the Delta table of a mart, and how some of its days are replaced in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pyarrow as pa
from deltalake import (
    CommitProperties,
    DeltaTable,
    Transaction,
    WriterProperties,
    write_deltalake,
)

from pipelines.lake.tables import Lake, partition_files
from pipelines.lake.write import ROW_GROUP_ROWS
from pipelines.models.comments import comment_of
from pipelines.models.header import Model
from pipelines.models.relations import columns_of, date_list, read_files


def open_mart(lake: Lake, model: Model) -> DeltaTable:
    """The mart's table as it is now, created empty where it was not built yet."""
    return lake.find(model.name) or _create(lake, model)


def stored_columns(lake: Lake, model: Model) -> pa.Schema:
    """The columns as Delta keeps them: times as instants, each with its comment.

    The column that the table is stored by is the last one, where the statement does not have it.
    """
    schema = columns_of(lake, model)
    if model.file_column and model.file_column not in schema.names:
        schema = schema.append(pa.field(model.file_column, pa.date32()))
    fields = []
    for field in schema:
        kind = pa.timestamp("us", tz="UTC") if pa.types.is_timestamp(field.type) else field.type
        comment = comment_of(model.name, field.name)
        fields.append(
            pa.field(field.name, kind, metadata={"comment": comment} if comment else None)
        )
    return pa.schema(fields)


def without_comments(schema: pa.Schema) -> pa.Schema:
    """The same columns, with nothing said of them."""
    return pa.schema([field.remove_metadata() for field in schema])


def is_stored_otherwise(built: DeltaTable, model: Model, schema: pa.Schema) -> bool:
    """Whether another version of the model stored it: with other columns, or by another one."""
    if built.metadata().partition_columns != _stored_by(model):
        return True
    return _columns(pa.schema(built.schema().to_arrow())) != _columns(schema)


def kept_rows(built: DeltaTable, model: Model, days: Sequence[date]) -> str | None:
    """A query for the rows of other days in the files that are replaced with the days.

    None where there are none.
    """
    if not model.has_monthly_files:
        return None
    files = partition_files(built, model.files_of(days), "month_date")
    if not files:
        return None
    rows = read_files(files, column="month_date", alike=True)
    return f"{rows} where event_date not in ({date_list(days)})"


def replace_rows(
    built: DeltaTable,
    model: Model,
    days: Sequence[date] | None,
    rows: pa.RecordBatchReader,
    transactions: Sequence[Transaction],
) -> None:
    """Replace the files that have the days with rows, in one commit.

    Without days the whole table is replaced, and its columns with it.
    """
    predicate = None
    if days is not None:
        listed = ", ".join(f"'{day.isoformat()}'" for day in model.files_of(days))
        predicate = f"{model.file_column} in ({listed})"
    write_deltalake(
        built,
        rows,
        mode="overwrite",
        schema_mode="overwrite" if days is None else None,
        partition_by=_stored_by(model) or None if days is None else None,
        predicate=predicate,
        writer_properties=WriterProperties(max_row_group_size=ROW_GROUP_ROWS),
        commit_properties=CommitProperties(app_transactions=list(transactions)),
    )


def _create(lake: Lake, model: Model) -> DeltaTable:
    url = lake.table_url(model.name)
    return DeltaTable.create(
        url,
        stored_columns(lake, model),
        mode="ignore",
        partition_by=_stored_by(model) or None,
        name=model.name,
        description=model.description,
        storage_options=lake.storage.delta_options(url),
    )


def _stored_by(model: Model) -> list[str]:
    return [model.file_column] if model.file_column else []


def _columns(schema: pa.Schema) -> list[tuple[str, str]]:
    return [(field.name, str(field.type)) for field in schema]
