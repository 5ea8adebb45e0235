"""Catalogue: one small DuckDB file with a view a table and model, and macros; it holds no rows."""

from __future__ import annotations

import os
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.lake.duck import create_secret, load_extension, text_literal
from pipelines.lake.queries import SQL
from pipelines.lake.schemas import TABLES
from pipelines.lake.tables import Lake
from pipelines.models.build import open_mart
from pipelines.models.comments import comment_of
from pipelines.models.header import MODELS
from pipelines.models.macros import read_macros, self_contained
from pipelines.models.relations import columns_of, mart_query
from pipelines.models.sources import MODEL_SETTINGS, REFERENCES, reference_query
from pipelines.sources.find import join

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FILE = "catalog.duckdb"
DIGEST_FILE = "catalog.digest"
"""Beside the catalogue, written after it: says of which definitions it was made."""


def catalogue_url(lake: Lake) -> str:
    """Where the catalogue lies."""
    return join(lake.url, FILE)


def write_catalogue(lake: Lake) -> str:
    """Write `catalog.duckdb` anew and put it in place at once, so that readers see old or new.

    Every lake table and every model has a view, empty or not; every file of `sql/catalogue` is a
    table macro. Tables, columns and macros carry their comments.

    Returns:
        The URL of the catalogue.
    """
    import duckdb

    for name in TABLES:
        lake.open(name)
    with tempfile.TemporaryDirectory(dir=lake.storage.settings.work_dir) as folder:
        local = Path(folder) / FILE
        connection = duckdb.connect(str(local), config={"autoinstall_known_extensions": False})
        try:
            load_extension(connection, "delta")
            if lake.is_s3:
                load_extension(connection, "httpfs")
                create_secret(connection, lake.storage.s3)
            connection.execute("begin")  # else every comment is flushed to the disk by itself
            _define(connection, lake)
            connection.execute("commit")
        finally:
            connection.close()
        _put(lake, FILE, local.read_bytes())
    _put(lake, DIGEST_FILE, _digest(lake).encode())
    return catalogue_url(lake)


def refresh_catalogue(lake: Lake) -> str:
    """Write the catalogue where it is missing or not what this version would write.

    Returns:
        The URL of the catalogue.
    """
    if _get(lake, DIGEST_FILE) != _digest(lake).encode():
        return write_catalogue(lake)
    return catalogue_url(lake)


def has_catalogue(lake: Lake) -> bool:
    """Whether there is a catalogue, of this version or another."""
    return _get(lake, FILE) is not None


def _digest(lake: Lake) -> str:
    """A digest of all that the catalogue is made of."""
    files = sorted(path for kind in ("*/*.sql", "*.csv", "*/*.csv") for path in SQL.glob(kind))
    settings = reference_query(MODEL_SETTINGS, lake.storage.settings)
    found = sha256(lake.url.encode())
    for text in (settings, *(path.read_text() for path in files), repr(TABLES)):
        found.update(b"\0" + text.encode())
    return found.hexdigest()


def _put(lake: Lake, name: str, content: bytes) -> None:
    if lake.is_s3:
        import obstore

        obstore.put(lake.storage.store(lake.url), name, content)
        return
    partial = Path(join(lake.url, f"{name}.{os.getpid()}.partial"))
    partial.write_bytes(content)
    partial.replace(join(lake.url, name))


def _get(lake: Lake, name: str) -> bytes | None:
    try:
        if lake.is_s3:
            import obstore

            return bytes(obstore.get(lake.storage.store(lake.url), name).bytes())
        return Path(join(lake.url, name)).read_bytes()
    except FileNotFoundError:
        return None


def _define(connection: DuckDBPyConnection, lake: Lake) -> None:
    queries = _queries(lake)
    for name, query in queries.items():
        connection.execute(f"create view {name} as {query}")
        connection.execute(f"comment on view {name} is {text_literal(_description_of(name))}")
    _comment_columns(connection)
    for macro in read_macros():
        connection.execute(f"create macro {macro.call} as table {self_contained(macro, queries)}")
        comment = text_literal(macro.description)
        connection.execute(f"comment on macro table {macro.name} is {comment}")


def _queries(lake: Lake) -> dict[str, str]:
    """The query of every view, by name, each after those that it reads."""
    queries = {name: _scan(lake, name) for name in TABLES}
    for name in (*REFERENCES, MODEL_SETTINGS):
        queries[name] = reference_query(name, lake.storage.settings)
    for model in MODELS.values():
        queries[model.name] = model.sql
        if model.is_stored:
            open_mart(lake, model)
            queries[model.name] = mart_query(columns_of(lake, model), _scan(lake, model.name))
    return queries


def _description_of(name: str) -> str:
    if name in TABLES:
        return TABLES[name].description
    if name in MODELS:
        return MODELS[name].description
    return f"Reference data that models read: {name}."


def _comment_columns(connection: DuckDBPyConnection) -> None:
    of_tables = {
        (t.name, column): comment for t in TABLES.values() for column, _, comment in t.columns
    }
    columns = connection.execute(
        "select table_name, column_name from duckdb_columns() where not internal"
    ).fetchall()
    for name, column in columns:
        if comment := of_tables.get((name, column)) or comment_of(name, column):
            connection.execute(f"comment on column {name}.{column} is {text_literal(comment)}")


def _scan(lake: Lake, name: str) -> str:
    return f"select * from delta_scan({text_literal(lake.table_url(name))})"
