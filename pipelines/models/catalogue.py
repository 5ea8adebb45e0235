"""Catalogue: one small DuckDB file with a view a table and model; it holds no rows."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.lake.duck import create_secret, load_extension, text_literal
from pipelines.lake.queries import SQL
from pipelines.lake.schemas import TABLES
from pipelines.lake.tables import Lake
from pipelines.models.header import MODELS
from pipelines.sources.find import join

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FILE = "catalog.duckdb"
MACROS = {"who_stopped": "recipe"}
"""Table macros by name, with their parameters; each is a file of `sql/catalogue`."""


def catalogue_url(lake: Lake) -> str:
    """Where the catalogue lies."""
    return join(lake.url, FILE)


def write_catalogue(lake: Lake) -> str:
    """Write `catalog.duckdb` anew and put it in place at once, so that readers see old or new.

    Every lake table has a view, empty or not; a model has one once it was built. Tables and
    columns carry their comments.

    Returns:
        The URL of the catalogue.
    """
    import duckdb

    for name in TABLES:
        lake.open(name)
    url = catalogue_url(lake)
    with tempfile.TemporaryDirectory(dir=lake.storage.settings.work_dir) as folder:
        local = Path(folder) / FILE
        connection = duckdb.connect(str(local), config={"autoinstall_known_extensions": False})
        try:
            load_extension(connection, "delta")
            if lake.is_s3:
                load_extension(connection, "httpfs")
                create_secret(connection, lake.storage.s3)
            _define(connection, lake)
        finally:
            connection.close()
        if lake.is_s3:
            import obstore

            with local.open("rb") as file:
                obstore.put(lake.storage.store(lake.url), FILE, file)
        else:
            partial = Path(f"{url}.partial")
            shutil.move(local, partial)
            partial.replace(url)
    return url


def _define(connection: DuckDBPyConnection, lake: Lake) -> None:
    for table in TABLES.values():
        _view(connection, table.name, _scan(lake, table.name), table.description)
        for name, _, comment in table.columns:
            connection.execute(f"comment on column {table.name}.{name} is {text_literal(comment)}")
    for model in MODELS.values():
        if model.layer == "staging":
            _view(connection, model.name, model.sql, model.description)
        elif lake.find(model.name) is not None:
            _view(connection, model.name, _scan(lake, model.name), model.description)
    for name, parameters in MACROS.items():
        body = (SQL / "catalogue" / f"{name}.sql").read_text()
        connection.execute(f"create macro {name}({parameters}) as table {body}")


def _scan(lake: Lake, name: str) -> str:
    return f"select * from delta_scan({text_literal(lake.table_url(name))})"


def _view(connection: DuckDBPyConnection, name: str, query: str, comment: str) -> None:
    connection.execute(f"create view {name} as {query}")
    connection.execute(f"comment on view {name} is {text_literal(comment)}")
