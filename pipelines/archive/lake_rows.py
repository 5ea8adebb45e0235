"""Lake rows: what the lake says of its rows before they are sealed: day, load, environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pipelines.lake.duck import list_literal, text_literal
from pipelines.lake.schemas import LOADED_TABLES, TABLES
from pipelines.lake.tables import Lake, applied_load, data_files, file_actions
from pipelines.sources.find import join

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from duckdb import DuckDBPyConnection

Loads = Mapping[str, int]
"""Rows per load id."""


@dataclass(frozen=True, slots=True)
class LakeTable:
    """A lake table at one version: its files and rows per day, and what loads say they wrote."""

    name: str
    files: Mapping[date, tuple[str, ...]]
    rows: Mapping[date, int]
    expected: Mapping[date, Loads]

    @property
    def has_environment(self) -> bool:
        """Whether its rows belong to environments."""
        return "environment" in TABLES[self.name].names

    def scan(self, days: Sequence[date]) -> str:
        """The rows of days as SQL, with every column of the schema."""
        files = list_literal([url for day in days for url in self.files.get(day, ())])
        # the empty table gives the columns that old files lack, with their types
        return (
            f"(from latest_{self.name} union all by name from read_parquet({files}, "
            "union_by_name = true, hive_partitioning = true, hive_types = {'event_date': date}))"
        )

    def sealed_as(self, day: date, environment: str | None, loads: Iterable[str]) -> str:
        """The rows of one seal as SQL: of a day, an environment and some loads."""
        listed = ", ".join(text_literal(load_id) for load_id in sorted(loads))
        rows = f"{self.scan([day])} where load_id in ({listed})"
        if not self.has_environment:
            return rows
        wanted = "null" if environment is None else text_literal(environment)
        return f"{rows} and environment is not distinct from {wanted}"


def open_tables(lake: Lake, connection: DuckDBPyConnection) -> dict[str, LakeTable]:
    """Every table as it is now, its columns known to the connection as `latest_<table>`."""
    # `loads` is opened last: it then names every load that another table has, and those
    # that a table lacks because they are being applied at this moment are told by their number
    opened = {name: lake.find(name) for name in LOADED_TABLES}
    expected = _expected(connection, opened)
    tables = {}
    for name in LOADED_TABLES:
        connection.register("told", TABLES[name].schema.empty_table())
        connection.execute(f"create or replace table latest_{name} as from told")  # for cursors
        connection.unregister("told")
        files, rows = _files(lake, name, opened[name])
        tables[name] = LakeTable(name, files, rows, expected.get(name, {}))
    return tables


def _files(
    lake: Lake, name: str, table: DeltaTable | None
) -> tuple[dict[date, tuple[str, ...]], dict[date, int]]:
    files: dict[date, tuple[str, ...]] = {}
    rows: dict[date, int] = {}
    if table is None:
        return files, rows
    root = lake.table_url(name)
    actions = file_actions(table).select(["path", "partition.event_date", "num_records"])
    for action in sorted(actions.to_pylist(), key=lambda a: str(a["path"])):
        day = action["partition.event_date"]
        files[day] = (*files.get(day, ()), join(root, action["path"]))
        rows[day] = rows.get(day, 0) + action["num_records"]
    return files, rows


def _expected(
    connection: DuckDBPyConnection, opened: Mapping[str, DeltaTable | None]
) -> dict[str, dict[date, dict[str, int]]]:
    """Rows per table, day and load, as the rows of `loads` name them, its own included."""
    told: dict[str, dict[date, dict[str, int]]] = {}
    files = data_files(opened["loads"])
    if not files:
        return told
    rows = connection.execute(
        f"""
        with loads as (
            select load_id, load_number, event_date, outputs
            from read_parquet({list_literal(files)}, hive_partitioning = true,
                hive_types = {{'event_date': date}})
        ),
        written as (select load_id, load_number, unnest(outputs) as file from loads)
        select file.table, file.event_date, load_id, load_number, sum(file.rows)::bigint
        from written
        group by all
        union all
        select 'loads', event_date, load_id, load_number, count(*) from loads group by all
        """
    ).fetchall()
    applied = {name: applied_load(table) for name, table in opened.items() if table is not None}
    for table, day, load_id, number, count in rows:
        if number <= applied.get(table, 0):
            told.setdefault(table, {}).setdefault(day, {})[load_id] = count
    return told


def rows_by_load(
    connection: DuckDBPyConnection, table: LakeTable, days: Sequence[date]
) -> dict[date, dict[str | None, dict[str, int]]]:
    """Rows per day, environment and load of the days given; days without rows are left out."""
    found: dict[date, dict[str | None, dict[str, int]]] = {}
    if not any(day in table.files for day in days):
        return found
    environment = "environment" if table.has_environment else "null::varchar"
    with closing(connection.cursor()) as cursor:
        rows = cursor.execute(
            f"select event_date, {environment}, load_id, count(*) from {table.scan(days)} "
            "group by all"
        ).fetchall()
    for day, environment_name, load_id, count in rows:
        found.setdefault(day, {}).setdefault(environment_name, {})[load_id] = count
    return found
