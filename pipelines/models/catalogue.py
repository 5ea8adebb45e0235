"""Catalogue: one small DuckDB file with a view a table and model, and macros; it holds no rows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.lake.duck import connect, text_literal
from pipelines.lake.history import newest_load
from pipelines.lake.queries import SQL
from pipelines.lake.schemas import TABLES
from pipelines.lake.tables import Lake
from pipelines.models.comments import comment_of
from pipelines.models.edition import (
    NONE_HELD,
    Edition,
    Held,
    get_object,
    put_object,
    read_edition,
    write_edition,
)
from pipelines.models.freshness import DESCRIPTION, VIEW, freshness_query
from pipelines.models.header import MODELS
from pipelines.models.macros import read_macros, self_contained
from pipelines.models.relations import columns_of, empty_query, mart_query
from pipelines.models.sources import MODEL_SETTINGS, REFERENCES, is_stored, reference_query
from pipelines.models.store import open_mart
from pipelines.sources.find import join

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FILE = "catalog.duckdb"


def catalogue_url(lake: Lake) -> str:
    """Where the catalogue lies."""
    return join(lake.url, FILE)


def write_catalogue(lake: Lake, edition: Edition | None = None, held: Held = NONE_HELD) -> str:
    """Write `catalog.duckdb` anew and put it in place at once, so that readers see old or new.

    Every lake table and every model has a view, empty or not, and `freshness` tells how new they
    are; every file of `sql/catalogue` is a table macro. Tables, columns and macros carry their
    comments. Views of marts are of one version.

    Args:
        lake: The lake.
        edition: The versions; without it those that the marts have now.
        held: Marts that are open already.

    Returns:
        The URL of the catalogue.
    """
    edition = edition or current_edition(lake)
    for name in TABLES:
        lake.open(name)
    with tempfile.TemporaryDirectory(dir=lake.storage.settings.work_dir) as folder:
        local = Path(folder) / FILE
        with closing(
            connect(lake.storage, database=str(local), s3=lake.is_s3, delta=True)
        ) as connection:
            # there are two thousand statements: each takes three times as long to be planned well
            connection.execute("set threads = 1; pragma disable_optimizer")
            connection.execute("begin")  # else every comment is flushed to the disk by itself
            _define(connection, lake, edition, held)
            connection.execute("commit")
        put_object(lake, FILE, local.read_bytes())
    write_edition(lake, edition)
    return catalogue_url(lake)


def current_edition(lake: Lake, held: Held = NONE_HELD) -> Edition:
    """The marts as they are now, or as held; those that were not built yet are created empty."""
    number = newest_load(lake)
    marts = (model for model in MODELS.values() if model.is_stored)
    versions = {m.name: (held.get(m.name) or open_mart(lake, m)).version() for m in marts}
    return Edition(definitions_digest(lake), number, versions)


def hold_edition(lake: Lake) -> None:
    """Let readers go on with the marts as they are now, until a build is published.

    Where there is no catalogue yet, the versions are noted, and a reader that asks meanwhile makes
    it of them; making it here, to be replaced at the end, would double what a first build costs.
    """
    if read_edition(lake) is None:
        write_edition(lake, replace(current_edition(lake), definitions=""))
    else:
        refresh_catalogue(lake)


def refresh_catalogue(lake: Lake) -> str:
    """Write the catalogue where it is missing or not what this version would write.

    Readers see the marts as they saw them before, however far a build has come meanwhile.

    Returns:
        The URL of the catalogue.
    """
    edition = read_edition(lake)
    if edition is None:
        return write_catalogue(lake)
    if edition.definitions != definitions_digest(lake):
        now = current_edition(lake)
        kept = {name: edition.versions.get(name, at) for name, at in now.versions.items()}
        return write_catalogue(lake, Edition(now.definitions, edition.load_number, kept))
    return catalogue_url(lake)


def has_catalogue(lake: Lake) -> bool:
    """Whether there is a catalogue, of this version or another."""
    return get_object(lake, FILE) is not None


def definitions_digest(lake: Lake) -> str:
    """A digest of all that the catalogue is made of."""
    files = sorted(path for kind in ("*/*.sql", "*.csv", "*/*.csv") for path in SQL.glob(kind))
    settings = reference_query(MODEL_SETTINGS, lake.storage.settings)
    found = sha256(lake.url.encode())
    for text in (settings, *(path.read_text() for path in files), repr(TABLES)):
        found.update(b"\0" + text.encode())
    return found.hexdigest()


def _define(connection: DuckDBPyConnection, lake: Lake, edition: Edition, held: Held) -> None:
    queries = _queries(lake, edition.versions) | {VIEW: freshness_query(lake, edition, held)}
    # views are checked over relations without rows: over tables, each would read all their logs
    stand_ins = {name: empty_query(lake, name) for name in queries if is_stored(name)}
    for name, query in (queries | stand_ins).items():
        connection.execute(f"create view {name} as {query}")
    for name in stand_ins:
        connection.execute(f"create or replace view {name} as {queries[name]}")
    macros = read_macros()
    for macro in macros:
        connection.execute(f"create macro {macro.call} as table {self_contained(macro, queries)}")
    comments = [("view", name, _description_of(name)) for name in queries]
    comments += [("macro table", macro.name, macro.description) for macro in macros]
    comments += _comments_of_columns(connection)
    # in one go: a statement of its own costs twice as much
    connection.execute(
        ";\n".join(f"comment on {kind} {n} is {text_literal(text)}" for kind, n, text in comments)
    )


def _queries(lake: Lake, versions: Mapping[str, int]) -> dict[str, str]:
    """The query of every view, by name, each after those that it reads."""
    queries = {name: _scan(lake, name) for name in TABLES}
    for name in (*REFERENCES, MODEL_SETTINGS):
        queries[name] = reference_query(name, lake.storage.settings)
    for model in MODELS.values():
        queries[model.name] = model.sql
        if model.is_stored:
            rows = _scan(lake, model.name, versions[model.name])
            queries[model.name] = mart_query(columns_of(lake, model), rows)
    return queries


def _description_of(name: str) -> str:
    if name in TABLES:
        return TABLES[name].description
    if name in MODELS:
        return MODELS[name].description
    if name == VIEW:
        return DESCRIPTION
    return f"Reference data that models read: {name}."


def _comments_of_columns(connection: DuckDBPyConnection) -> Iterator[tuple[str, str, str]]:
    of_tables = {
        (t.name, column): comment for t in TABLES.values() for column, _, comment in t.columns
    }
    columns = connection.execute(
        "select table_name, column_name from duckdb_columns() where not internal"
    ).fetchall()
    for name, column in columns:
        if comment := of_tables.get((name, column)) or comment_of(name, column):
            yield "column", f"{name}.{column}", comment


def _scan(lake: Lake, name: str, version: int | None = None) -> str:
    at = "" if version is None else f", version => {version}"
    return f"select * from delta_scan({text_literal(lake.table_url(name))}{at})"
