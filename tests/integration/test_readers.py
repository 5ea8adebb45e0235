"""Readers: whoever has DuckDB and the right to read gets every answer from the catalogue alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from lakes import lake_at, run_load

from pipelines.lake.duck import extension_path
from pipelines.lake.schemas import TABLES
from pipelines.lake.tables import Lake
from pipelines.models import MODELS, build_stale, write_catalogue
from pipelines.models.catalogue import catalogue_url
from pipelines.models.macros import read_macros
from pipelines.models.query import open_catalogue
from pipelines.samples import write_sample

ROOT = Path(__file__).parents[2]
CALLS = (
    "who_stopped('onboarding')",
    "recipe_timeline('onboarding')",
    "recipe_timeline('onboarding', all_jobs := true)",
    "person_timeline('hannah')",
    "connection_timeline('a')",
    "connection_timeline('a', all_jobs := true)",
    "roles_on('2026-02-20')",
    "usage_between('2026-02-01', '2026-02-28')",
    "tasks_between('2026-02-01', '2026-02-28')",
)
"""Calls of every macro that have rows in the sample."""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with the sample, its marts built and its catalogue written."""
    root = tmp_path_factory.mktemp("readers")
    write_sample(root, days=30, jobs=1500, seed=7, end=date(2026, 2, 28), ndjson=True)
    lake = lake_at(root / "lake")
    run_load(lake, [root / "landing"])
    list(build_stale(lake))
    write_catalogue(lake)
    return lake


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of somebody who has installed DuckDB's extensions."""
    home = tmp_path_factory.mktemp("home")
    ((platform,),) = duckdb.connect().execute("pragma platform").fetchall()
    folder = home / ".duckdb" / "extensions" / f"v{duckdb.__version__}" / platform
    folder.mkdir(parents=True)
    for name in ("delta", "httpfs"):
        (folder / f"{name}.duckdb_extension").symlink_to(extension_path(name))
    return home


def own_duckdb(home: Path) -> duckdb.DuckDBPyConnection:
    """A connection that has nothing from this project."""
    return duckdb.connect(config={"extension_directory": str(home / ".duckdb" / "extensions")})


def block(page: str, language: str, words: str) -> str:
    """The block of a page that has the words in it."""
    text = (ROOT / page).read_text()
    found = re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)
    (only,) = [each for each in found if words in each]
    return str(only)


@pytest.fixture
def attached(lake: Lake, home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The catalogue under a name of the reader's own, and not in the search path."""
    with closing(own_duckdb(home)) as connection:
        connection.execute("load delta")
        connection.execute(f"attach '{catalogue_url(lake)}' as audit (read_only)")
        yield connection


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    return connection.execute(sql).fetchall()


def test_the_lines_of_the_readme_answer_in_a_duckdb_of_ones_own(lake: Lake, home: Path) -> None:
    lines = block("README.md", "sql", "attach").replace(
        ".trailhouse/data/catalog.duckdb", catalogue_url(lake)
    )

    with closing(own_duckdb(home)) as connection:
        found = rows(connection, lines)

    assert [row[0] for row in found] == ["Employee onboarding"]


@pytest.mark.parametrize("call", CALLS)
def test_a_macro_answers_the_same_wherever_the_catalogue_is_attached(
    lake: Lake, attached: duckdb.DuckDBPyConnection, call: str
) -> None:
    with closing(open_catalogue(lake)) as connection:
        expected = rows(connection, f"from {call}")

    assert expected
    assert rows(attached, f"from audit.{call}") == expected


def test_every_macro_is_called_here() -> None:
    assert {call.split("(")[0] for call in CALLS} == {macro.name for macro in read_macros()}


def everywhere(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[list[Any], list[Any]]:
    """The rows for a reader in UTC and for one in New York, each in one order."""
    found = []
    for zone in ("UTC", "America/New_York"):
        connection.execute(f"set timezone = '{zone}'")
        found.append(
            sorted([tuple(map(comparable, row)) for row in rows(connection, sql)], key=repr)
        )
    return found[0], found[1]


def comparable(value: Any) -> Any:
    """A value without what the zone and the order of summing do to it."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    return round(value, 6) if isinstance(value, float) else value


@pytest.mark.parametrize("name", [*TABLES, *MODELS])
def test_a_view_is_the_same_in_every_time_zone(
    attached: duckdb.DuckDBPyConnection, name: str
) -> None:
    here, there = everywhere(attached, f"from audit.{name}")

    assert there == here


@pytest.mark.parametrize("call", CALLS)
def test_a_macro_is_the_same_in_every_time_zone(
    attached: duckdb.DuckDBPyConnection, call: str
) -> None:
    here, there = everywhere(attached, f"from audit.{call}")

    assert there == here
