"""Query: read-only SQL over the catalogue.

A query can change nothing: one statement that reads is run, and the catalogue is attached
read-only. It is no sandbox: whoever runs a query may read with it what he may read anyway, local
files included (`from read_csv('plan.csv')`, to join a file of one's own), so queries of strangers
must not be run with the rights of the lake.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipelines.errors import TrailhouseError
from pipelines.lake.duck import connect, text_literal
from pipelines.lake.tables import Lake, explained
from pipelines.models.catalogue import catalogue_url, has_catalogue, refresh_catalogue

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ALLOWED = "select, with, from, values, describe, show, summarize, explain"


class QueryError(TrailhouseError):
    """A query cannot be run; the message has DuckDB's words."""


def open_catalogue(lake: Lake) -> DuckDBPyConnection:
    """A connection in which the catalogue's views and macros are at hand, read-only.

    A lake without a catalogue, or with one of another version, gets one.

    Raises:
        LakeError: The catalogue cannot be read or written.
    """
    with explained(lake.url):
        url = text_literal(_catalogue(lake))
        connection = connect(lake.storage, s3=lake.is_s3, delta=True)
        try:
            connection.execute(f"attach {url} as trailhouse (read_only)")
            connection.execute("use trailhouse")
            # names in a query are tables, never variables of this program
            connection.execute("set python_enable_replacements = false")
        except BaseException:
            connection.close()
            raise
        return connection


def _catalogue(lake: Lake) -> str:
    """The catalogue's URL; one who may only read has to do with the catalogue that is there."""
    from deltalake.exceptions import DeltaError
    from obstore.exceptions import BaseError

    try:
        return refresh_catalogue(lake)
    except (OSError, BaseError, DeltaError):
        if not has_catalogue(lake):
            raise
        return catalogue_url(lake)


@contextmanager
def refused() -> Iterator[None]:
    """Turn what DuckDB says of a query into a `QueryError`, while it is run and fetched.

    Raises:
        QueryError: DuckDB refused the query.
    """
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise QueryError(f"{error}") from error


def run_query(connection: DuckDBPyConnection, sql: str) -> DuckDBPyConnection:
    """Run one reading statement; the result is fetched from what is returned, inside `refused`.

    Raises:
        QueryError: Not one statement, one that writes, or one that DuckDB refuses.
    """
    with refused():
        return connection.execute(_reading(sql))


def _reading(sql: str) -> str:
    """The statement, once it is sure that it only reads."""
    import duckdb

    statements = duckdb.extract_statements(sql)
    if len(statements) > 1 and not statements[0].query:
        raise QueryError("a pivot needs its values: pivot … on column in ('a', 'b') using …")
    if len(statements) != 1:
        raise QueryError(f"give one statement, found {len(statements)}")
    kind = statements[0].type.name
    if kind == "EXPLAIN":
        _check_explained(sql)
    elif kind != "SELECT":
        raise QueryError(
            f"the catalogue is read-only: found a statement of kind {kind}; allowed: {ALLOWED}"
        )
    return sql


def _check_explained(sql: str) -> None:
    """Refuse an explained statement that does not read: `explain analyze` runs it."""
    import duckdb

    content = sql.encode()  # the tokens' offsets are in bytes
    after = [content[at:].decode() for at, _ in duckdb.tokenize(sql)[1:3]]
    _reading(after[1] if after[0][:7].lower() == "analyze" else after[0])
