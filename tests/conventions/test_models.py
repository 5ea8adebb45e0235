"""Models: what every SQL file says of itself is so, held on an empty lake and on the sample."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import duckdb
import pytest
import sqlglot
from lakes import lake_at, run_load
from sqlglot import exp

from pipelines.lake.duck import connect
from pipelines.lake.queries import SQL
from pipelines.lake.schemas import TABLES
from pipelines.lake.tables import Lake
from pipelines.models import MODELS, Model, build_stale, write_catalogue
from pipelines.models.freshness import VIEW
from pipelines.models.header import LAYERS, parse_facts
from pipelines.models.macros import read_macros, views_of
from pipelines.models.query import open_catalogue
from pipelines.models.relations import bind, create_relations, relations_of, statement
from pipelines.models.sources import (
    MODEL_SETTINGS,
    REFERENCES,
    parameters,
    stored_sources,
    without_comments,
)
from pipelines.quality.checks import RELATIONS
from pipelines.samples import write_sample
from pipelines.settings import load_settings

EVERY = [pytest.param(model, id=name) for name, model in MODELS.items()]
STORED = [pytest.param(model, id=name) for name, model in MODELS.items() if model.is_stored]
LAST = date(2026, 2, 28)
REFERENCE_NAMES = {*REFERENCES, MODEL_SETTINGS}
MAY_READ = {
    "staging": TABLES.keys(),
    "intermediate": MODELS.keys() | REFERENCE_NAMES,
    "marts": MODELS.keys() | REFERENCE_NAMES,
}
TYPES = {"VARCHAR", "BIGINT", "INTEGER", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP", "VARCHAR[]"}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with the sample, its marts built and its catalogue written."""
    root = tmp_path_factory.mktemp("models")
    write_sample(root, days=12, jobs=1500, seed=7, end=LAST, ndjson=True)
    lake = lake_at(root / "lake")
    run_load(lake, [root / "landing"])
    list(build_stale(lake))
    return lake


@pytest.fixture(scope="module")
def catalogue(sample: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = open_catalogue(sample)
    yield connection
    connection.close()


def names_read(sql: str) -> set[str]:
    bound = re.sub(r"\$\w+", "null", without_comments(sql))
    return {name.lower() for name in duckdb.connect().get_table_names(bound)}


def columns_of(connection: duckdb.DuckDBPyConnection, name: str) -> dict[str, str]:
    found = connection.execute(f"select column_name, column_type from (describe {name})")
    return dict(found.fetchall())


@pytest.mark.parametrize("model", EVERY)
def test_a_header_names_what_the_query_reads(model: Model) -> None:
    assert names_read(model.sql) == set(model.reads)


@pytest.mark.parametrize("folder", ["catalogue", "health", "quality"])
def test_a_header_of_a_macro_view_or_check_names_what_it_reads(folder: str) -> None:
    for path in sorted((SQL / folder).glob("*.sql")):
        _, facts = parse_facts(path.name, path.read_text())
        reads = {part.strip() for part in facts["reads"].split(",")}

        assert names_read(path.read_text()) == reads, path.name


def test_no_parameter_of_a_macro_is_named_like_something_in_what_it_reads() -> None:
    for macro in read_macros():
        parameters = set(re.findall(r"[(,]\s*(\w+)", macro.call))
        for name in views_of(macro) & MODELS.keys():
            words = {
                node.name
                for node in sqlglot.parse_one(MODELS[name].sql, read="duckdb").find_all(
                    exp.Identifier
                )
            }

            assert not parameters & words, (
                f"{macro.name}: the parameter would stand for it in {name}"
            )
        for name in views_of(macro) & TABLES.keys():
            assert not parameters & set(TABLES[name].names)


@pytest.mark.parametrize("model", EVERY)
def test_a_layer_reads_only_what_it_may(model: Model) -> None:
    assert set(model.reads) <= MAY_READ[model.layer]
    assert model.name.startswith({"staging": "stg_", "intermediate": "int_"}.get(model.layer, ""))
    assert (model.layer == "marts") == model.is_stored


@pytest.mark.parametrize("model", STORED)
def test_no_join_compares_every_row_with_every_other(model: Model, sample: Lake) -> None:
    # a condition on one side of an outer join does that; a day of a large workspace never ends
    with closing(connect(sample.storage)) as connection:
        sources = {name: sample.find(name) for name in stored_sources(model)}
        create_relations(connection, relations_of(sample, model, sources, [LAST]))
        plan = connection.execute(
            f"explain {statement(model, [LAST])}", bind(model, [LAST], LAST)
        ).fetchall()

    assert "BLOCKWISE_NL_JOIN" not in str(plan)


def test_marts_are_not_named_like_views() -> None:
    assert not [n for n, m in MODELS.items() if m.is_stored and n.startswith(("stg_", "int_"))]
    assert set(LAYERS) == {model.layer for model in MODELS.values()}


@pytest.mark.parametrize("model", EVERY)
def test_a_model_takes_the_parameters_of_its_scope(model: Model) -> None:
    asked = set(re.findall(r"\$(\w+)", without_comments(model.sql)))

    assert asked == parameters(model)
    if not model.is_stored:
        assert asked == set()  # a view has none
    elif model.is_global:
        assert asked <= {"as_of"}
    else:
        assert asked <= {"from_date", "to_date"}
        assert "from_date" in asked or names_read(model.sql) <= MODELS.keys()


@pytest.mark.parametrize("model", EVERY)
def test_a_day_depends_on_days_alone_and_on_no_more_than_its_window(model: Model) -> None:
    if model.is_global:
        return
    for name in model.reads:
        upstream = MODELS.get(name)
        if upstream is not None:
            assert not upstream.is_global, f"{name} changes with every load"
            assert model.is_monthly or not upstream.is_monthly, f"{name} changes with its month"
            if not upstream.is_stored:
                assert upstream.window <= model.window, f"the window of {name} is wider"


def test_every_column_has_a_comment_in_the_catalogue(catalogue: duckdb.DuckDBPyConnection) -> None:
    bare = catalogue.execute(
        "select table_name, column_name from duckdb_columns() "
        "where database_name = 'trailhouse' and not internal and comment is null"
    ).fetchall()

    assert bare == []


def test_every_view_and_macro_has_a_comment(catalogue: duckdb.DuckDBPyConnection) -> None:
    views = catalogue.execute(
        "select view_name, comment from duckdb_views() "
        "where database_name = 'trailhouse' and not internal"
    ).fetchall()
    macros = catalogue.execute(
        "select function_name, description, comment from duckdb_functions() "
        "where database_name = 'trailhouse' and not internal"
    ).fetchall()

    assert {name for name, _ in views} == (TABLES.keys() | MODELS.keys() | REFERENCE_NAMES | {VIEW})
    assert all(comment for _, comment in views)
    assert {name for name, *_ in macros} == {macro.name for macro in read_macros()}
    assert all(description or comment for _, description, comment in macros)


def test_comments_are_written_once_and_of_columns_that_exist(
    catalogue: duckdb.DuckDBPyConnection,
) -> None:
    with (SQL / "columns.csv").open(newline="") as file:
        rows = [(row["model"], row["column"]) for row in csv.DictReader(file)]
    models = {name: columns_of(catalogue, name) for name in (*MODELS, *REFERENCE_NAMES, VIEW)}
    known = {(name, column) for name, columns in models.items() for column in columns}
    known |= {("*", column) for _, column in known}

    assert sorted({row for row in rows if rows.count(row) > 1}) == []
    assert sorted(set(rows) - known) == []


@pytest.mark.parametrize("model", STORED)
def test_a_marts_table_has_the_comments_too(sample: Lake, model: Model) -> None:
    table = sample.find(model.name)
    assert table is not None

    described = {field.name: field.metadata.get("comment") for field in table.schema().fields}

    assert [name for name, comment in described.items() if not comment] == []


@pytest.mark.parametrize("model", STORED)
def test_a_mart_is_stored_by_day_or_month_unless_it_is_rebuilt_whole(
    sample: Lake, model: Model
) -> None:
    table = sample.find(model.name)
    assert table is not None

    stored_by = table.metadata().partition_columns

    by_month = model.is_monthly or model.has_monthly_files
    by_day = ["month_date"] if by_month else ["event_date"]
    assert stored_by == ([] if model.is_global else by_day)


@pytest.mark.parametrize("model", EVERY)
def test_columns_have_the_types_and_names_of_the_convention(
    catalogue: duckdb.DuckDBPyConnection, model: Model
) -> None:
    columns = columns_of(catalogue, model.name)

    assert set(columns.values()) <= TYPES
    assert set(model.grain) <= columns.keys()
    for name, kind in columns.items():
        assert (kind == "TIMESTAMP") == name.endswith(("_at", "valid_from", "valid_to")), name
        assert (kind == "DATE") == name.endswith("_date"), name
        assert (kind == "BOOLEAN") == name.startswith(("is_", "has_")), name
        if name.endswith("_count"):
            assert kind == "BIGINT", name
        if name.endswith("_seconds"):
            assert kind in ("DOUBLE", "BIGINT"), name


@pytest.mark.parametrize("model", EVERY)
def test_the_grain_is_unique_on_the_sample(
    catalogue: duckdb.DuckDBPyConnection, model: Model
) -> None:
    grain = ", ".join(model.grain)

    twice = catalogue.execute(
        f"select {grain}, count(*) from {model.name} group by all having count(*) > 1 limit 3"
    ).fetchall()

    assert twice == []


def test_the_sample_has_rows_for_every_model(catalogue: duckdb.DuckDBPyConnection) -> None:
    counts = {
        name: catalogue.execute(f"select count(*) from {name}").fetchall()[0][0] for name in MODELS
    }

    # in the sample no caller is missing, jobs name their root, activity is only streamed, and
    # nothing is run again on another day
    without = {"activity_twins_daily", "int_job_roots", "unseen_callers"}
    without.add("error_families_across_days")
    assert {name for name, count in counts.items() if not count} <= without


def test_the_catalogue_can_be_written_before_anything_was_loaded(tmp_path: Path) -> None:
    lake = lake_at(tmp_path / "lake")
    write_catalogue(lake)

    with open_catalogue(lake) as connection:
        rows = [connection.execute(f"select count(*) from {n}").fetchall() for n in MODELS]

    assert set(map(tuple, rows)) == {((0,),)}


def test_the_rules_name_the_counting_rules_that_settings_allow() -> None:
    with REFERENCES["counting_rules"].open(newline="") as file:
        rules = [row["counting_rule"] for row in csv.DictReader(file)]

    assert [load_settings(counting_rule=rule).counting_rule for rule in rules] == rules


def test_every_relation_of_a_check_is_used() -> None:
    from pipelines.quality import CHECKS

    assert RELATIONS.keys() == {check.reads for check in CHECKS} & RELATIONS.keys()
    assert RELATIONS.keys() <= {check.relation for check in CHECKS}


def test_a_relation_of_a_mart_has_the_scope_that_its_mart_is_judged_in() -> None:
    from pipelines.quality import MART_CHECKS

    for check in MART_CHECKS:
        if check.relation:
            _, facts = parse_facts(check.relation, RELATIONS[check.relation])
            model = MODELS[check.table]
            by_day = "month" if model.is_monthly else "partition"

            assert facts["scope"] == ("global" if model.is_global else by_day), check.relation
