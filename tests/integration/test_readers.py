"""Readers: whoever has DuckDB and the right to read gets every answer from the catalogue alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from lakes import lake_at, run_load
from s3_server import S3Server

from pipelines.lake.duck import extension_path
from pipelines.lake.schemas import TABLES
from pipelines.lake.tables import Lake
from pipelines.models import MODELS, build_stale, write_catalogue
from pipelines.models.catalogue import catalogue_url
from pipelines.models.freshness import VIEW
from pipelines.models.macros import read_macros
from pipelines.models.query import open_catalogue
from pipelines.samples import write_sample

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
DATA = ".trailhouse/data"
IN_A_FOLDER = f"{DATA}/catalog.duckdb"
"""Where the pages say that the catalogue of a folder is."""
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
    lines = block("README.md", "sql", "attach").replace(IN_A_FOLDER, catalogue_url(lake))

    with closing(own_duckdb(home)) as connection:
        found = rows(connection, lines)

    assert [row[0] for row in found] == ["Employee onboarding"]


def in_cli(home: Path, lines: str) -> list[dict[str, Any]]:
    """The rows that the duckdb command line prints for some lines of SQL."""
    done = run([str(BIN / "duckdb"), "-json", "-c", lines], home)
    return list(json.loads(re.split(r"^(?=\[)", done, flags=re.M)[-1]))  # of the last statement


def in_python(home: Path, lines: str) -> list[Any]:
    """What a Python that has nothing from this project finds: rows, values and kinds of frames."""
    shows = """
print(json.dumps([
    [type(each).__module__.split(".")[0], len(each), int(each["job_count"].sum())]
    if "job_count" in each.columns
    else [type(each).__module__.split(".")[0], len(each), str(each["stopped_at"][0])]
    for each in (globals().get(name) for name in ("stops", "usage")) if each is not None
]))
"""
    printed = run([sys.executable, "-c", f"import json\n{lines}{shows}"], home)
    return list(json.loads(printed.splitlines()[-1]))  # a slow query shows its progress before


def run(command: list[str], home: Path) -> str:
    done = subprocess.run(
        command,
        env=os.environ | {"HOME": str(home), "TZ": "America/New_York"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def stopped(lake: Lake) -> tuple[str, int]:
    """When the onboarding recipe was stopped, and the jobs that every recipe ran."""
    with closing(open_catalogue(lake)) as connection:
        ((moment,),) = rows(connection, "select stopped_at from who_stopped('onboarding')")
        ((count,),) = rows(connection, "select sum(job_count) from recipe_usage_daily")
    return str(moment), int(count)


def test_the_lines_of_the_readme_answer_on_the_command_line_in_any_zone(
    lake: Lake, home: Path, stopped: tuple[str, int]
) -> None:
    lines = block("README.md", "sql", "attach").replace(IN_A_FOLDER, catalogue_url(lake))

    (row,) = in_cli(home, lines)

    assert row["stopped_at"] == stopped[0]


def test_the_lines_of_the_docs_make_frames_of_pandas_and_of_polars(
    lake: Lake, home: Path, stopped: tuple[str, int]
) -> None:
    through_duckdb = block("docs/lake.md", "python", "attach").replace(DATA, lake.url)
    polars_alone = block("docs/lake.md", "python", "scan_delta").replace(DATA, lake.url)

    (stops, usage), (alone,) = in_python(home, through_duckdb), in_python(home, polars_alone)

    assert stops == ["pandas", 1, stopped[0]]
    assert usage[0] == alone[0] == "polars"
    assert usage[2] == alone[2] == stopped[1]


def test_the_lines_of_the_docs_answer_on_s3(
    lake: Lake, home: Path, stopped: tuple[str, int], s3: S3Server, bucket: str
) -> None:
    s3.upload(Path(lake.url), bucket, "trailhouse")
    there = lake_at(f"s3://{bucket}/trailhouse")
    write_catalogue(there)
    # the chain of credentials is an extension of its own, which is not pinned here
    secret = (
        f"create secret (type s3, key_id '{s3.admin.key_id}', secret '{s3.admin.secret}', "
        f"endpoint '{s3.endpoint_url.removeprefix('http://')}', use_ssl false, url_style 'path')"
    )
    chain = "create secret (type s3, provider credential_chain)"
    lines = block("docs/lake.md", "sql", chain).replace(chain, secret)
    lines = lines.replace(" install aws;", "").replace(" load aws;", "")
    python = block("docs/lake.md", "python", "attach").replace(DATA, there.url)
    python = python.replace("load delta", f"load delta; load httpfs; {secret}")

    (row,) = in_cli(home, lines.replace("my-bucket", bucket))
    stops, usage = in_python(home, python)

    assert row["stopped_at"] == stopped[0]
    assert stops == ["pandas", 1, stopped[0]]
    assert usage[0] == "polars"
    assert usage[2] == stopped[1]


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


@pytest.mark.parametrize("name", [*TABLES, *MODELS, VIEW])
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
