"""Children: what the measured processes run, one function each: `python -m bench.children NAME …`.

Each imports what it needs itself, so that a run pays for its own imports and no others.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from obstore.store import S3Store

HERE = Path(__file__).parent


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


def write_days(folder: str, days: str, jobs: str, last: str) -> None:
    """Write records, one NDJSON object a day."""
    from datetime import date

    from bench.records import write_days

    write_days(Path(folder), days=int(days), jobs=int(jobs), last=date.fromisoformat(last))


def write_single(folder: str, count: str) -> None:
    """Write records, one object each."""
    from bench.records import write_single

    write_single(Path(folder), count=int(count))


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


CHILDREN = (load_each, bare_duckdb, bare_client, write_days, write_single, put_objects)

if __name__ == "__main__":
    {child.__name__: child for child in CHILDREN}[sys.argv[1]](*sys.argv[2:])
