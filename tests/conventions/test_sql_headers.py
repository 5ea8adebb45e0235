"""SQL headers: a file says of itself what its statement does, and the layers keep their order."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from pipelines.lake.queries import SQL, read_sql
from pipelines.lake.schemas import TABLES
from pipelines.models.build import upstream
from pipelines.models.header import LAYERS, MODELS, Model, parse_header

SCOPES = ("partition", "global")
MAY_READ = {
    "staging": ("lake",),
    "intermediate": ("staging", "intermediate", "marts"),
    "marts": ("staging", "intermediate", "marts"),
    "exports": ("staging", "marts"),
    "quality": ("lake",),
    "catalogue": ("lake", "staging", "marts"),
    "conform": ("batch",),
}
"""Layers that a layer may read; nothing reads exports."""
EXPRESSIONS = ("conform/utc_instant",)
"""Files that hold an expression, not a statement: they read their parameter."""


def files() -> list[Path]:
    return sorted(SQL.rglob("*.sql"))


def name_of(path: Path) -> str:
    return path.relative_to(SQL).with_suffix("").as_posix()


def header(path: Path) -> Model:
    return parse_header(path.stem, path.parent.name, path.read_text())


def tables_of(path: Path) -> set[str]:
    """The tables that DuckDB sees in a statement, CTEs left out."""
    with duckdb.connect() as connection:
        body = read_sql("conform/utc_instant")
        connection.execute(f"create macro utc_instant(moment) as ({body}\n)")
        return connection.get_table_names(re.sub(r"\$\w+", "null", path.read_text()))


every_file = pytest.mark.parametrize("path", files(), ids=name_of)
every_statement = pytest.mark.parametrize(
    "path", [path for path in files() if name_of(path) not in EXPRESSIONS], ids=name_of
)


def layer_of(table: str) -> str:
    if table in TABLES:
        return "lake"
    return MODELS[table].layer if table in MODELS else table


def test_there_are_models_in_every_layer() -> None:
    assert {model.layer for model in MODELS.values()} == set(LAYERS)
    assert {path.parent.name for path in files()} <= MAY_READ.keys()


@every_statement
def test_a_header_reads_what_the_query_reads(path: Path) -> None:
    seen = tables_of(path)

    assert set(header(path).reads) == seen
    assert len(header(path).reads) == len(seen)


@every_statement
def test_a_layer_reads_only_the_layers_below_it(path: Path) -> None:
    for table in tables_of(path):
        assert layer_of(table) in MAY_READ[path.parent.name], table


@every_file
def test_a_header_has_a_sentence_a_grain_and_a_known_scope(path: Path) -> None:
    found = header(path)

    assert found.scope in SCOPES
    assert all(found.grain)
    assert found.description[0].isupper()
    assert found.description.endswith(".")


@every_statement
def test_a_file_holds_one_statement_that_reads(path: Path) -> None:
    statements = duckdb.extract_statements(path.read_text())

    assert [statement.type.name for statement in statements] == ["SELECT"]


@every_file
def test_a_file_is_named_once(path: Path) -> None:
    assert [other.stem for other in files() if other.parent == path.parent].count(path.stem) == 1
    assert path.stem not in TABLES or path.parent.name == "conform"


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_a_model_has_the_columns_of_its_grain_and_the_partition_last(model: Model) -> None:
    with duckdb.connect() as connection:
        for table in TABLES.values():
            connection.register(table.name, table.schema.empty_table())
        for view in upstream(model):
            connection.execute(f"create temp view {view.name} as {view.sql}")
        bounds = (
            {"from_date": "2026-01-01", "to_date": "2026-01-31"} if "$from" in model.sql else {}
        )
        columns = [column[0] for column in connection.execute(model.sql, bounds).description or ()]

    assert set(model.grain) <= set(columns)
    assert "event_date" in columns
    assert len(set(columns)) == len(columns)


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_no_model_reads_itself(model: Model) -> None:
    assert model.name not in {read.name for read in upstream(model)}


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("select 1 as a", id="none"),
        pytest.param("-- A sentence.\nselect 1 as a", id="sentence-only"),
        pytest.param("-- A sentence.\n-- grain:  a\n-- reads:  jobs\nselect 1", id="no-scope"),
        pytest.param("\n-- A.\n-- grain: a\n-- reads: b\n-- scope: global\n", id="too-late"),
    ],
)
def test_a_file_without_a_whole_header_is_refused(sql: str) -> None:
    with pytest.raises(ValueError, match=r"sql/marts/odd\.sql: the header needs"):
        parse_header("odd", "marts", sql)
