"""Relations: what models read, as queries over an explicit list of files of one table version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.lake.duck import empty_database, list_literal
from pipelines.lake.schemas import TABLES
from pipelines.lake.tables import Lake, data_files, partition_files
from pipelines.models.header import MODELS, Model
from pipelines.models.sources import (
    digest,
    parameters,
    reference_query,
    references,
    stored_sources,
    views,
)

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from duckdb import DuckDBPyConnection

ANY_DAY = date(2013, 1, 1)
"""Stands in for parameters where only the columns of a statement are asked for."""


def table_query(table: str, files: Sequence[str]) -> str:
    """A query for the given files of a lake table; columns that they lack are null."""
    empty = _empty({name: kind for name, kind, _ in TABLES[table].columns})
    return f"({empty}) union all by name {read_files(files)}"


def mart_query(columns: pa.Schema, rows: str) -> str:
    """A query for rows of a mart in the columns of its statement: times in UTC without a zone.

    Columns that the rows lack, because another version of the model built them, are null.
    """
    listed = ", ".join(f"{_in_utc(f)} as {f.name}" for f in columns)
    kinds = {f.name: _instant(f.type) for f in columns}
    return f"select {listed} from (({_empty(kinds)}) union all by name {rows})"


def empty_query(lake: Lake, name: str) -> str:
    """A query without rows in the columns of a lake table or mart."""
    return _source_query(lake, name, None)


def _in_utc(field: pa.Field) -> str:
    """The column in its type; a cast of an instant would take the zone of whoever reads it."""
    if _is_time(field.type):
        # as `at time zone 'UTC'`, which asks a calendar and takes twenty times as long
        return f"make_timestamp(epoch_us({field.name}))"
    return f"cast({field.name} as {sql_type(field.type)})"


def _instant(kind: pa.DataType) -> pa.DataType:
    """Times lie in tables as instants."""
    return pa.timestamp("us", tz="UTC") if _is_time(kind) else kind


def _empty(columns: Mapping[str, pa.DataType]) -> str:
    listed = ", ".join(f"cast(null as {sql_type(kind)}) as {n}" for n, kind in columns.items())
    return f"select {listed} limit 0"


def read_files(
    files: Sequence[str], *, column: str | None = "event_date", alike: bool = False
) -> str:
    """A query for Parquet files; for none, one without rows.

    Args:
        files: Files of one table.
        column: The column that the table is stored by.
        alike: Whether all files have the same columns; else each is opened once more to look.
    """
    if not files:
        return f"select null as {column or 'event_date'} limit 0"
    hive = f"hive_partitioning = {'true' if column else 'false'}"
    hive += f", hive_types = {{'{column}': date}}" if column else ""
    union = "" if alike else "union_by_name = true, "
    return f"select * from read_parquet({list_literal(list(files))}, {union}{hive})"


def rows_of_mart(
    lake: Lake, model: Model, table: DeltaTable | None, days: Sequence[date] | None = None
) -> str:
    """A query for rows of a mart, in the columns of its statement.

    Args:
        lake: The lake.
        model: The mart.
        table: Its table, at the version to read; without one there are no rows.
        days: UTC days whose rows, or whose months' rows, are wanted; of a global mart all rows, for
            any day. Without them all.
    """
    columns = columns_of(lake, model)
    if table is None or (days is not None and not days):
        return mart_query(columns, read_files([]))
    stored_by = next(iter(table.metadata().partition_columns), None)
    if days is None or stored_by is None or stored_by != model.file_column:
        files = data_files(table)  # another version of the model stored it
    else:
        files = partition_files(table, model.files_of(days), stored_by)
    # a mart is rewritten whole for other columns, so files of one version are alike
    query = mart_query(columns, read_files(files, column=stored_by, alike=True))
    if days is None:
        return query
    return _held_to(model, query, sorted({model.partition_of(day) for day in days}))


def _held_to(model: Model, query: str, partitions: Sequence[date]) -> str:
    """The query, held to partitions of the mart; of a global one as it is."""
    if model.is_global:
        return query
    where = f"{model.partition_column} in ({date_list(partitions)})"
    return f"select * from (\n{query}\n) where {where}"


def date_list(days: Iterable[date]) -> str:
    """Days as literals, with commas between them; without any the null, which nothing equals."""
    return ", ".join(f"date '{day.isoformat()}'" for day in days) or "null"


def sql_type(kind: pa.DataType) -> str:
    """DuckDB's name of a column's type."""
    names = {"string": "varchar", "int64": "bigint", "double": "double", "bool": "boolean"}
    names |= {"date32[day]": "date", "binary": "blob", "int32": "integer"}
    if _is_time(kind):
        return "timestamptz" if kind.tz else "timestamp"
    if pa.types.is_list(kind):
        return f"{sql_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        parts = [f'"{part.name}" {sql_type(part.type)}' for part in kind]
        return f"struct({', '.join(parts)})"
    return names.get(str(kind), "varchar")


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind))


def find_sources(
    lake: Lake, model: Model, held: Mapping[str, DeltaTable | None]
) -> dict[str, DeltaTable | None]:
    """Every table that a mart is built from, each at one version: those held, others as now."""
    return {name: held[name] if name in held else lake.find(name) for name in stored_sources(model)}


def relations_of(
    lake: Lake, model: Model, sources: Mapping[str, DeltaTable | None], days: Sequence[date]
) -> dict[str, str]:
    """What a mart reads, by name: its query, with what it needs for the days, in order."""
    wanted = days_around(model, days)
    return {
        **{
            name: _source_query(lake, name, at, None if model.is_global else wanted)
            for name, at in sources.items()
        },
        **{name: reference_query(name, lake.storage.settings) for name in references(model)},
        **{view.name: view.sql for view in views(model)},
    }


def create_relations(connection: DuckDBPyConnection, relations: Mapping[str, str]) -> None:
    """Create the relations as views of the connection, in the place of those of other days."""
    for name, query in relations.items():
        connection.execute(f"create or replace temp view {name} as {query}")


def _source_query(
    lake: Lake, name: str, table: DeltaTable | None, days: Sequence[date] | None = None
) -> str:
    """A query for what is stored, of some days; without them, or where it has none, of all."""
    source = MODELS.get(name)
    if source is not None:
        return rows_of_mart(lake, source, table, days)
    if table is None:
        return table_query(name, [])
    files = data_files(table) if days is None else partition_files(table, days)
    return table_query(name, files)


def days_around(model: Model, days: Sequence[date]) -> list[date]:
    """The days of the partitions, and those before and after that the model's window takes in."""
    before, after = model.window
    held = {day for partition in days for day in model.days_of(partition)}
    return sorted({day + timedelta(days=n) for day in held for n in range(-before, after + 1)})


def days_after(model: Model, changed: Iterable[date]) -> list[date]:
    """The partitions of a mart whose window takes in one of the days that changed."""
    before, after = model.window
    reached = {day + timedelta(days=n) for day in changed for n in range(-after, before + 1)}
    return sorted({model.partition_of(day) for day in reached})


def bind(model: Model, days: Sequence[date], as_of: date) -> dict[str, date]:
    """The values of the parameters that a statement names, and no others."""
    values = {"from_date": days[0], "to_date": model.days_of(days[-1])[-1], "as_of": as_of}
    return {name: values[name] for name in parameters(model)}


def statement(model: Model, days: Sequence[date]) -> str:
    """The model's statement, held to the days; a global one as it is."""
    return _held_to(model, model.sql, days)


def columns_of(lake: Lake, model: Model) -> pa.Schema:
    """The columns that a mart's statement yields, asked of DuckDB over empty relations.

    The same statements have the same columns in every lake.
    """
    known = (model, digest(model, lake.storage.settings))
    if known not in _COLUMNS:
        _COLUMNS[known] = _columns_of(lake, model)
    return _COLUMNS[known]


_COLUMNS: dict[tuple[Model, str], pa.Schema] = {}


def _columns_of(lake: Lake, model: Model) -> pa.Schema:
    with closing(empty_database().cursor()) as connection:
        empty = dict.fromkeys(stored_sources(model))
        create_relations(connection, relations_of(lake, model, empty, []))
        query = f"select * from (\n{model.sql}\n) limit 0"
        found = connection.execute(query, bind(model, [ANY_DAY], ANY_DAY))
        return found.to_arrow_reader().schema  # a table would import pandas, for a second
