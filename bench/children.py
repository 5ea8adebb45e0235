"""Children: what the measured processes run, one function each: `python -m bench.children NAME …`.

Each imports what it needs itself, so that a run pays for its own imports and no others.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb import DuckDBPyConnection
    from obstore.store import S3Store

    from pipelines.lake.tables import Lake

HERE = Path(__file__).parent
ASKED = ("recipe_events_monthly", "recipe_stops")
"""What the questions about one recipe read, besides the names."""


def load_each(folder: str) -> None:
    """Load the objects of a folder one by one, in order of name: a load each."""
    from pipelines.cli.context import now, open_lake, unique
    from pipelines.lake.load import load
    from pipelines.sources.find import sources_of

    lake = open_lake()
    for path in sorted(Path(folder).iterdir()):
        load(lake, sources_of([], lake.url, [str(path)]), clock=now, unique=unique)


def bare_duckdb(target: str, folder: str) -> None:
    """The same columns of the same records by DuckDB alone: no checks, no order, no commit."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute("set enable_progress_bar = false")
    connection.execute(f"set temp_directory = '{target}.spill'")
    objects = [str(path) for path in sorted(Path(folder).iterdir())]
    parsed = (HERE / "bare_parsed.sql").read_text().replace("$objects", repr(objects))
    for table in ("jobs", "job_steps"):
        query = (HERE / f"bare_{table}.sql").read_text()
        # a scan for each table: no more CPU than a temporary table, and less memory
        copied = connection.execute(
            f"copy (with parsed as ({parsed}) from ({query})) to '{target}/{table}' "
            "(format parquet, compression zstd, partition_by (event_date))"
        ).fetchall()
        if table == "jobs":
            print(copied[0][0])


def bare_sorted_copy(lake: str, target: str) -> None:
    """The rows of jobs and steps, sorted as their tables are, by DuckDB alone: a file a table."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute("set enable_progress_bar = false")
    connection.execute(f"set temp_directory = '{target}/spill'")
    rows = 0
    for table, order in (
        ("jobs", "workspace_id, recipe_id, occurred_at, event_id"),
        ("job_steps", "workspace_id, recipe_id, occurred_at, job_event_id, step_index"),
    ):
        files = f"{lake}/lake/{table}/event_date=*/*.parquet"
        copied = connection.execute(
            f"copy (select * from read_parquet('{files}', hive_partitioning = true) "
            f"order by {order}) to '{target}/{table}.parquet' (format parquet, compression zstd)"
        ).fetchall()
        rows += copied[0][0]
    print(rows)


def _store(url: str) -> S3Store:
    from obstore.store import S3Store

    return S3Store.from_url(
        url,
        endpoint=os.environ["AWS_ENDPOINT_URL"],
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )


def bare_client(url: str) -> None:
    """List a prefix and get every object in 16 threads; the bytes are dropped."""
    from concurrent.futures import ThreadPoolExecutor

    store = _store(url)
    keys = [item["path"] for page in store.list(chunk_size=5_000) for item in page]
    with ThreadPoolExecutor(16) as pool:
        sizes = list(pool.map(lambda key: len(bytes(store.get(key).bytes())), keys))
    print(len(sizes))


def write_days(folder: str, days: str, jobs: str, last: str, events: str = "0") -> None:
    """Write records, one NDJSON object a day and kind."""
    from datetime import date

    from bench.records import write_days

    write_days(
        Path(folder),
        days=int(days),
        jobs=int(jobs),
        last=date.fromisoformat(last),
        events=int(events),
    )


def write_single(folder: str, count: str) -> None:
    """Write records, one object each."""
    from bench.records import write_single

    write_single(Path(folder), count=int(count))


def ask(recipe: str) -> None:
    """Time the questions and the scans: the best of five, in seconds, and what was read."""
    import json
    from functools import partial

    from pipelines.cli.context import open_lake
    from pipelines.models import MODELS
    from pipelines.models.query import open_catalogue
    from pipelines.questions import Span, UsageBy, usage

    lake = open_lake()
    connection = open_catalogue(lake)
    ((first, last),) = connection.execute(
        "select min(event_date), max(event_date) from jobs"
    ).fetchall()
    # the same figures by the mart's own statement, from jobs and steps
    daily = MODELS["recipe_usage_daily"].sql
    from_jobs = (
        "select recipe_id, sum(job_count), sum(succeeded_count), sum(failed_count), "
        "sum(action_count), sum(wasted_action_count), sum(connector_step_count), "
        f"sum(hidden_most_count), sum(total_seconds), max(p95_seconds) from ({daily}) group by all"
    )
    days = {"from_date": first, "to_date": last}
    queries = {
        "who_stopped": f"from who_stopped('{recipe}')",
        "timeline": f"from recipe_timeline('{recipe}')",
        "scan": "select max(hash(columns(*))) from activity",
    }
    told: dict[str, object] = {
        name: _best(5, partial(_fetch, connection, query)) for name, query in queries.items()
    }
    rule = lake.storage.settings.counting_rule
    told["usage_year"] = _best(
        5, lambda: usage(connection, Span(first, last), by=UsageBy.RECIPE, rule=rule)
    )
    told["jobs"] = _best(1, partial(_fetch, connection, from_jobs, days))
    told["read"] = {
        name: _read(lake, connection, queries[name], recipe) for name in ("who_stopped", "timeline")
    }
    print(json.dumps(told))


def _fetch(connection: DuckDBPyConnection, query: str, values: object = None) -> None:
    connection.execute(query, values).fetchall()


def _best(times: int, run: Callable[[], object]) -> float:
    """The shortest of some runs, in seconds."""
    from time import perf_counter

    found = []
    for _ in range(times):
        began = perf_counter()
        run()
        found.append(perf_counter() - began)
    return min(found)


def _read(lake: Lake, connection: DuckDBPyConnection, query: str, recipe: str) -> list[str]:
    """What a query reads: files, by DuckDB's own profile, and row groups, by their bounds."""
    import json

    profile = connection.execute(f"explain (analyze, format json) {query}").fetchall()[0][1]
    found: list[str] = []

    def look(node: dict[str, Any]) -> None:
        extra = node.get("extra_info") or {}
        if "Total Files Read" in extra:
            table = next(
                (name for name in ASKED if f"/{name}/" in str(extra.get("Filename(s)"))), None
            )
            if table:
                files = lake.open(table).file_uris()
                bounds = connection.execute(
                    "select count(*), count(*) filter (where $id between stats_min_value "
                    "and stats_max_value) from parquet_metadata($files) "
                    "where path_in_schema = 'recipe_id'",
                    {"files": files, "id": recipe},
                ).fetchall()
                every, can = bounds[0]
                found.append(
                    f"reads {extra['Total Files Read']} of {len(files)} files of {table}; of its "
                    f"{every} row groups {can} can hold the recipe, {every - can} are skipped"
                )
        for part in node.get("children") or ():
            look(part)

    look(json.loads(profile))
    return sorted(found)


def put_objects(url: str, folder: str) -> None:
    """Put every file below a folder under its own name."""
    from concurrent.futures import ThreadPoolExecutor

    store = _store(url)
    root = Path(folder)
    paths = [path for path in sorted(root.rglob("*")) if path.is_file()]

    def put(path: Path) -> None:
        store.put(path.relative_to(root).as_posix(), path.read_bytes())

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(put, paths))
    print(len(paths))


CHILDREN = (
    ask,
    load_each,
    bare_duckdb,
    bare_sorted_copy,
    bare_client,
    write_days,
    write_single,
    put_objects,
)

if __name__ == "__main__":
    {child.__name__: child for child in CHILDREN}[sys.argv[1]](*sys.argv[2:])
