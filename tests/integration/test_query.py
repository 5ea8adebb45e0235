"""Query: read-only SQL over the catalogue, in every format, for any reader."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from cli_process import refusal, trailhouse
from lakes import Place, activity, encode, folder_place, job, run_load

from pipelines.lake.duck import create_secret, load_extension
from pipelines.lake.schemas import TABLES
from pipelines.lake.tables import Lake
from pipelines.models import MODELS, build_stale, write_catalogue
from pipelines.models.catalogue import catalogue_url
from pipelines.models.query import QueryError, open_catalogue, refused, run_query

BIG = 2**100 + 1


def fill(place: Place) -> Lake:
    lake = place.lake()
    place.put("1.ndjson", encode(activity()) + b"\n" + encode(job()) + b"\n{broken")
    run_load(lake, [place.landing])
    list(build_stale(lake))
    return lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """One lake for the tests that only read it."""
    return fill(folder_place(tmp_path_factory.mktemp("query")))


@pytest.fixture
def connection(lake: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(open_catalogue(lake)) as opened:
        yield opened


@pytest.fixture
def of_lake(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line works on the lake."""
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", lake.url)


VALUES = f"""
select
    1 as a, 2 as a, {BIG}::hugeint as big, null as missing, 'naïve' as text,
    timestamptz '2026-02-03 09:15:27.5+00' as at, timestamp '2026-02-03 09:15:27' as plain,
    date '2026-02-03' as day, '\\x00\\xFF'::blob as bytes, 'nan'::double as nan,
    1.50::decimal(9, 2) as exact, [1, null] as list, {{'k': true}} as struct, 0.5 as half
"""


@pytest.mark.usefixtures("of_lake")
def test_json_has_a_form_for_every_type() -> None:
    done = trailhouse("query", VALUES, "--format", "json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        {
            "a": 1,
            "a_1": 2,
            "big": BIG,
            "missing": None,
            "text": "naïve",
            "at": "2026-02-03T09:15:27.500000+00:00",
            "plain": "2026-02-03T09:15:27",
            "day": "2026-02-03",
            "bytes": "AP8=",
            "nan": None,
            "exact": "1.50",
            "list": [1, None],
            "struct": {"k": True},
            "half": "0.5",
        }
    ]


@pytest.mark.usefixtures("of_lake")
def test_json_without_rows_is_an_empty_array() -> None:
    done = trailhouse("query", "select 1 as a where false", "--format", "json")

    assert json.loads(done.stdout) == []


@pytest.mark.usefixtures("of_lake")
def test_csv_can_be_read_again() -> None:
    text = "'a,\"b\"\n'"

    done = trailhouse("query", f"select *, {text} as odd from ({VALUES})", "--format", "csv")

    assert done.returncode == 0, done.stderr
    (row,) = csv.DictReader(io.StringIO(done.stdout.decode(), newline=""))
    assert row["odd"] == 'a,"b"\n'
    assert row["big"] == str(BIG)
    assert row["at"] == "2026-02-03T09:15:27.500000+00:00"
    assert row["missing"] == ""
    assert json.loads(row["list"]) == [1, None]
    assert b"\r" not in done.stdout


@pytest.mark.usefixtures("of_lake")
def test_parquet_keeps_types_and_needs_a_file(tmp_path: Path) -> None:
    out = tmp_path / "rows.parquet"

    done = trailhouse("query", "from activity", "--format", "parquet", "--out", str(out))
    without = trailhouse("query", "from activity", "--format", "parquet")

    assert done.returncode == 0, done.stderr
    assert done.stdout == b""
    written = pq.read_table(out)
    assert written.num_rows == 1
    assert written.column_names == list(TABLES["activity"].names)
    assert str(written.schema.field("occurred_at").type) == "timestamp[us, tz=UTC]"
    assert "--out" in refusal(without)


@pytest.mark.usefixtures("of_lake")
def test_a_table_shows_so_many_rows_and_says_so() -> None:
    done = trailhouse("query", "select i as number from range(500) t(i)", "--limit", "3")
    every = trailhouse("query", "select i as number from range(500) t(i)", "--limit", "0")

    assert "The first 3 rows" in done.stdout.decode()
    assert "499" in every.stdout.decode()
    assert "The first" not in every.stdout.decode()


@pytest.mark.usefixtures("of_lake")
def test_a_query_may_come_from_standard_input_and_go_to_a_file(tmp_path: Path) -> None:
    out = tmp_path / "rows.json"

    done = trailhouse(
        "query", "-", "--format", "json", "--out", str(out), stdin=b"select count(*) n from jobs"
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(out.read_text()) == [{"n": 1}]


WRITES = (
    "insert into activity select * from activity",
    "create table t as select 1",
    "create temp table t as select 1",
    "drop view activity",
    "attach 'other.duckdb' as other",
    "copy (select 1) to 'evil.csv'",
    "explain analyze copy (select 1) to 'evil.csv'",
    "explain /* ü */ ANALYZE copy (select 1) to 'evil.csv'",
    "explain analyse copy (select 1) to 'evil.csv'",
    "explain (analyze) copy (select 1) to 'evil.csv'",
    "export database 'evil'",
    "set threads = 1",
    "pragma threads = 1",
    "use memory",
    "install httpfs",
    "load httpfs",
    "call force_checkpoint()",
    "select 1; drop view activity",
    "begin",
    "",
    ";",
    "selec 1",
    "select * from no_such_table",
    "select 'a'::integer",
    "pivot activity on event_type using count(*)",
)


@pytest.mark.parametrize("sql", WRITES)
def test_only_one_reading_statement_is_run(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    with pytest.raises(QueryError), refused():
        run_query(connection, sql).fetchall()

    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize(
    "sql",
    [
        "with a as (select 1) from a",
        "values (1)",
        "describe activity",
        "show tables",
        "summarize jobs",
        "explain select * from activity",
        "explain analyze select * from activity;",
        "-- a comment\nselect 1; -- another",
        "pivot activity on event_type in ('recipe_stopped') using count(*)",
        "from who_stopped('orders')",
    ],
)
def test_what_reads_is_run(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    assert run_query(connection, sql).fetchall()


@pytest.mark.usefixtures("of_lake")
@pytest.mark.parametrize(
    "sql",
    [
        "insert into activity select * from activity",
        "explain analyze copy (select 1) to 'evil.csv'",
        "select 1; drop view activity",
        "install httpfs",
        "select error('late') from range(3)",
        "select case when i = 90000 then 'x' else '1' end::integer from range(100000) t(i)",
    ],
)
def test_the_command_refuses_without_a_traceback(sql: str) -> None:
    assert refusal(trailhouse("query", sql)).startswith("trailhouse: ")
    assert not list(Path.cwd().iterdir())


def test_a_name_in_a_query_is_never_a_variable_of_the_program(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    some_frame = pq  # noqa: F841

    with pytest.raises(QueryError, match="Catalog Error: Table with name some_frame"):
        run_query(connection, "select * from some_frame")


def test_a_query_may_join_a_file_of_ones_own(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    owners = tmp_path / "owners.csv"
    owners.write_text("workspace_id,owner\n70121,Ada\n")

    found = run_query(
        connection,
        "select owner from activity inner join "
        f"read_csv('{owners}', all_varchar = true) using (workspace_id)",
    )

    assert found.fetchall() == [("Ada",)]


def test_a_lake_without_a_catalogue_gets_one(place: Place) -> None:
    with closing(open_catalogue(place.lake())) as connection:
        found = run_query(connection, "select count(*) from activity").fetchall()

    assert found == [(0,)]


def test_every_table_and_column_says_what_it_is(place: Place) -> None:
    lake = fill(place)

    with closing(open_catalogue(lake)) as connection:
        views = dict(
            run_query(
                connection,
                "select view_name, comment from duckdb_views() "
                "where database_name = 'trailhouse' and not internal",
            ).fetchall()
        )
        columns = run_query(
            connection,
            "select table_name, column_name, comment from duckdb_columns() "
            "where database_name = 'trailhouse' and not internal",
        ).fetchall()

    described = {t.name: t.description for t in TABLES.values()}
    described |= {m.name: m.description for m in MODELS.values()}
    assert described.items() <= views.items()
    assert all(views.values())
    commented = {(table, column): comment for table, column, comment in columns}
    for table in TABLES.values():
        for name, _, comment in table.columns:
            assert commented[table.name, name] == comment


def plain_connection(lake: Lake) -> duckdb.DuckDBPyConnection:
    """A connection of somebody who has DuckDB, its extensions and the credentials; no more."""
    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    load_extension(connection, "delta")
    if lake.is_s3:
        load_extension(connection, "httpfs")
        create_secret(connection, lake.storage.s3)
    return connection


def test_any_duckdb_can_attach_the_catalogue_read_only(place: Place) -> None:
    lake = fill(place)

    with closing(plain_connection(lake)) as connection:
        connection.execute(f"attach '{catalogue_url(lake)}' as audit (read_only)")
        found = connection.execute(
            "select (select count(*) from audit.activity), (select count(*) from audit.stg_jobs), "
            "(select sum(job_count) from audit.recipe_usage_daily)"
        ).fetchall()
        with pytest.raises(duckdb.Error, match="read-only"):
            connection.execute("create table audit.t as select 1")

    assert found == [(1, 1, 1)]


def test_readers_go_on_while_the_catalogue_is_replaced(place: Place) -> None:
    lake = fill(place)

    def read(_: int) -> Any:
        with closing(open_catalogue(place.lake())) as connection:
            return run_query(connection, "select count(*) from stg_activity").fetchall()

    with closing(open_catalogue(lake)) as early, ThreadPoolExecutor(3) as pool:
        writing = pool.submit(lambda: [write_catalogue(lake) for _ in range(8)])
        found = list(pool.map(read, range(16)))
        writing.result()
        late = run_query(early, "select count(*) from stg_activity").fetchall()

    assert found == [[(1,)]] * 16
    assert late == [(1,)]
