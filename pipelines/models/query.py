"""Query: read-only SQL over the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.errors import TrailhouseError
from pipelines.lake.duck import connect, text_literal
from pipelines.lake.tables import Lake
from pipelines.models.catalogue import catalogue_url, write_catalogue

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class QueryError(TrailhouseError):
    """A query cannot be run; the message has DuckDB's words."""


def open_catalogue(lake: Lake) -> DuckDBPyConnection:
    """A connection in which the catalogue's views and macros are at hand, read-only."""
    import obstore

    if lake.is_s3:
        try:
            obstore.head(lake.storage.store(lake.url), "catalog.duckdb")
        except FileNotFoundError:
            write_catalogue(lake)
    else:
        from pathlib import Path

        if not Path(catalogue_url(lake)).is_file():
            write_catalogue(lake)
    connection = connect(lake.storage, s3=lake.is_s3, delta=True)
    url = text_literal(catalogue_url(lake))
    connection.execute(f"attach {url} as trailhouse (read_only)")
    connection.execute("use trailhouse")
    return connection


def run_query(connection: DuckDBPyConnection, sql: str) -> DuckDBPyConnection:
    """Run one reading statement; the result is fetched from what is returned.

    Raises:
        QueryError: Not one statement, one that writes, or one that DuckDB refuses.
    """
    import duckdb

    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryError(f"{error}") from error
    if len(statements) != 1:
        raise QueryError(f"give one statement, found {len(statements)}")
    kind = statements[0].type.name
    if kind not in ("SELECT", "EXPLAIN"):
        raise QueryError(
            f"the catalogue is read-only: found a statement of kind {kind}; "
            "allowed: select, with, from, describe, show, summarize, explain"
        )
    try:
        return connection.execute(statements[0])
    except duckdb.Error as error:
        raise QueryError(f"{error}") from error
