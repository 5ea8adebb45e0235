"""Build: run a mart's statement over the days that changed, and replace exactly those days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from pipelines.errors import LakeError
from pipelines.lake.duck import connect
from pipelines.lake.tables import Lake
from pipelines.models.header import MODELS, Model
from pipelines.models.relations import (
    bind,
    create_relations,
    days_around,
    find_sources,
    relations_of,
    statement,
)
from pipelines.models.sources import digest
from pipelines.models.staleness import Changes, Stamps, lake_days, read_changes, stale_days
from pipelines.models.store import (
    is_stored_otherwise,
    kept_rows,
    open_mart,
    replace_rows,
    stored_columns,
    without_comments,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = [
    "build_days",
    "build_model",
    "lake_days",
    "open_database",
    "stale_days",
]

DAYS_AT_ONCE = 31
"""Days of one statement; bounds memory over a long rebuild."""
BATCH_ROWS = 50_000


def build_model(lake: Lake, name: str, days: Sequence[date]) -> int:
    """Build a mart for the given UTC days; they are replaced together, in one commit.

    Args:
        lake: The lake.
        name: A model of the layer marts.
        days: Days to build, in any order; other days are not touched. A mart by month is built for
            their months, one with a global scope whole if any day is given; whole as well is one
            whose columns are not what they were.

    Returns:
        The rows written. Building again writes the same rows.
    """
    with closing(open_database(lake)) as database:
        table = open_mart(lake, MODELS[name])
        return build_days(lake, table, MODELS[name], days, read_changes(lake), database)


def open_database(lake: Lake) -> DuckDBPyConnection:
    """The engine of one build or of many, one after the other."""
    return connect(lake.storage, s3=lake.is_s3)


def build_days(
    lake: Lake,
    built: DeltaTable,
    model: Model,
    days: Sequence[date],
    changes: Changes,
    database: DuckDBPyConnection,
) -> int:
    """Build from the tables that `changes` holds, or as they are now; what is newer stays stale.

    The relations of a build are gone when it ends: they belong to a connection of its own. The
    mart's table is at the new version then.
    """
    schema = stored_columns(lake, model)
    whole = model.is_global or is_stored_otherwise(built, model, schema)
    wanted = set(changes.needed(model)) if whole and not model.is_global else set(days)
    wanted = {model.partition_of(day) for day in wanted}
    if model.window != (0, 0):  # a day to come is built when it has come
        wanted = {day for day in wanted if day <= changes.as_of}
    if not wanted:
        return 0
    stale = [day for day in changes.stale(model, built) if day not in wanted]
    sources = find_sources(lake, model, changes.tables)
    lagging = _lagging(model, sources, changes, wanted)
    at_once = 1 if model.is_monthly else DAYS_AT_ONCE
    parts = [
        _Part(some, relations_of(lake, model, sources, some))
        for at in range(0, len(wanted), at_once)
        for some in [sorted(wanted)[at : at + at_once]]
    ]
    counted = _Counter()
    connection = database.cursor()
    try:
        # comments are the table's own: delta-rs refuses rows that come with other ones
        written = schema if whole else without_comments(schema)
        rows = counted.through(_rows(connection, model, parts, changes.as_of, written))
        if kept := None if whole else kept_rows(built, model, sorted(wanted)):
            rows = chain(_read(connection, kept, {}, written), rows)
        stamps = Stamps(model, digest(model, lake.storage.settings), built)
        replace_rows(
            built,
            model,
            None if whole else sorted(wanted),
            pa.RecordBatchReader.from_batches(written, rows),
            stamps.transactions(
                () if model.is_global else sorted(wanted - lagging),
                changes.number,
                None if stale or lagging else changes.as_of,
            ),
        )
    except DeltaError as error:
        raise LakeError(f"{model.name} was not built: {counted.error or error}") from error
    finally:
        connection.close()
    return counted.rows


class _Counter:
    """Counts the rows that pass, and keeps the error that ends them: delta-rs only quotes it."""

    rows = 0
    error: Exception | None = None

    def through(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        try:
            for batch in batches:
                self.rows += batch.num_rows
                yield batch
        except Exception as error:
            self.error = error
            raise


def _lagging(
    model: Model,
    sources: Mapping[str, DeltaTable | None],
    changes: Changes,
    days: set[date],
) -> set[date]:
    """The days whose upstream marts are stale themselves: built now, they stay stale."""
    late = {
        day
        for name, table in sources.items()
        if name in MODELS
        for day in changes.stale(MODELS[name], table)
    }
    if model.is_global:
        return days if late else set()
    return {day for day in days if late.intersection(days_around(model, [day]))} if late else set()


@dataclass(frozen=True, slots=True)
class _Part:
    """Some days of a build, and what they are built from."""

    days: Sequence[date]
    relations: Mapping[str, str]


def _rows(
    connection: DuckDBPyConnection,
    model: Model,
    parts: Sequence[_Part],
    as_of: date,
    schema: pa.Schema,
) -> Iterator[pa.RecordBatch]:
    """The rows of the parts, one after the other, in the columns of the table.

    Runs inside the writer, where delta-rs cannot be asked for anything.
    """
    for part in parts:
        create_relations(connection, part.relations)
        query = statement(model, part.days)
        if model.has_monthly_files:
            month = "cast(date_trunc('month', event_date) as date)"
            query = f"select *, {month} as month_date from ({query})"
        yield from _read(connection, query, bind(model, part.days, as_of), schema)


def _read(
    connection: DuckDBPyConnection, query: str, values: Mapping[str, date], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    found = connection.execute(query, values)
    for batch in found.to_arrow_reader(BATCH_ROWS):
        yield from pa.Table.from_batches([batch]).cast(schema).to_batches()
