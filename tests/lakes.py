"""Lakes: what tests do with a lake in a folder or on S3, in one way."""

from __future__ import annotations

import gzip
import itertools
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
from s3_server import S3Server

from pipelines.lake.load import Report, load
from pipelines.lake.schemas import LOADED_TABLES, TABLES
from pipelines.lake.storage import Storage
from pipelines.lake.tables import Lake
from pipelines.settings import load_settings
from pipelines.sources.find import Source, sources_of

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
"""The clock of the tests, after everything in the sample."""
OF_THE_RUN = {"loaded_at", "committed_at", "received_at", "seconds", "outputs"}
"""Columns that differ between two runs over the same objects."""


@dataclass(frozen=True)
class Place:
    """Somewhere that objects can be put and lakes can be made."""

    url: str
    put: Callable[[str, bytes], None]

    @property
    def landing(self) -> str:
        """Where `put` puts."""
        return f"{self.url}/landing"

    def lake(self, name: str = "lake-1", **settings: Any) -> Lake:
        """A lake at this place."""
        return lake_at(f"{self.url}/{name}", **settings)


def folder_place(folder: Path) -> Place:
    """A place in a folder."""

    def put(name: str, content: bytes) -> None:
        path = folder / "landing" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return Place(str(folder), put)


def s3_place(server: S3Server, bucket: str) -> Place:
    """A place in a bucket."""
    client = server.client()

    def put(name: str, content: bytes) -> None:
        client.put_object(Bucket=bucket, Key=f"test/landing/{name}", Body=content)

    return Place(f"s3://{bucket}/test", put)


def lake_at(url: str | Path, **settings: Any) -> Lake:
    """The lake at a URL, with small limits."""
    return Lake(Storage(load_settings(lake_url=str(url), threads=2, **settings)))


def copy_of(lake: Lake, to: Path) -> Lake:
    """A lake in a folder, elsewhere; its catalogue names the old place, and is made anew there."""
    shutil.copytree(lake.url, to, ignore=shutil.ignore_patterns("catalog.*"))
    return lake_at(to)


def run_load(
    lake: Lake, paths: Sequence[str | Path] | None = None, *, now: datetime = NOW, **more: Any
) -> Report:
    """Load, and hold the report to its equation and to the rows of the lake."""
    sources: list[Source] = more.pop("sources", None) or sources_of(
        [], lake.url, [str(path) for path in paths or ()]
    )
    report = load(lake, sources, clock=lambda: now, unique=lambda: uuid4().hex, **more)
    check(lake, report)
    return report


def check(lake: Lake, report: Report) -> None:
    """Hold what a load reports against what is in the lake."""
    assert report.received == report.accepted + report.duplicate + report.rejected
    assert min(report.accepted, report.duplicate, report.rejected) >= 0
    assert sum(report.accepted_by_kind.values()) == report.accepted
    assert sum(report.rejected_by_reason.values()) == report.rejected
    if report.load_id is None:
        assert report.received == report.objects == 0
        return
    mine = [row for row in rows(lake, "loads") if row["load_number"] == report.load_number]
    assert [row["load_id"] for row in mine] == [report.load_id]
    added = {
        name: count_of(lake, name, report.load_id) for name in LOADED_TABLES if name != "loads"
    }
    assert added["rejected"] == report.rejected
    events = sum(added[n] for n in ("activity", "jobs", "api_requests", "log_messages"))
    assert events == report.accepted
    for name, days in report.partitions.items():
        assert sum(days.values()) == added[name], name


def table(lake: Lake, name: str) -> pa.Table:
    """A whole table of the lake, with the columns of its schema."""
    found = lake.find(name)
    if found is None:
        return TABLES[name].schema.empty_table()
    return found.to_pyarrow_table().select(list(TABLES[name].names))


def rows(lake: Lake, name: str) -> list[dict[str, Any]]:
    """The rows of a table as Python values."""
    return list(table(lake, name).to_pylist())


def count_of(lake: Lake, name: str, load_id: str) -> int:
    """How many rows of a table one load brought."""
    return table(lake, name).column("load_id").to_pylist().count(load_id)


def counts(lake: Lake) -> dict[str, int]:
    """Rows per table that loads write."""
    return {name: table(lake, name).num_rows for name in LOADED_TABLES}


def contents(lake: Lake, *, without: Sequence[str] = ()) -> dict[str, list[str]]:
    """Every row of every table as sorted text, but for what differs from run to run."""
    left_out = OF_THE_RUN | set(without)
    return {
        name: sorted(
            json.dumps({k: v for k, v in row.items() if k not in left_out}, default=repr)
            for row in rows(lake, name)
        )
        for name in TABLES
    }


_numbers = itertools.count(1)


def activity(**fields: Any) -> dict[str, Any]:
    """A user-activity event as the stream sends it, with its own recipe; fields may be replaced."""
    event: dict[str, Any] = {
        "event": "recipe_stopped",
        "timestamp": "2026-02-03 09:15:27 UTC",
        "team": {"id": 70121, "name": "Larkfield Ops", "email": "ops@larkfield.example"},
        "user": {"id": 70455, "name": "Mira Okafor", "email": "mira@larkfield.example"},
        "resource": {"type": "Flow", "id": next(_numbers), "name": "Orders to ledger"},
        "details": {"stop_reason": "user", "force": False, "error": False},
    }
    return event | fields


def job(**fields: Any) -> dict[str, Any]:
    """A job record as the stream sends it, with its own id; fields may be replaced."""
    event: dict[str, Any] = {
        "id": f"j-BQ7h{next(_numbers):06d}-w2LmXa",
        "recipe_id": 5501203,
        "flow_id": 5501203,
        "status": "succeeded",
        "started_at": "2026-02-03T01:20:05-08:00",
        "completed_at": "2026-02-03T01:20:07-08:00",
        "action_count": 1,
        "error_type": None,
        "error": None,
        "account_id": 70121,
        "environment_type": "prod",
        "lines": [
            {"recipe_line_number": 0, "adapter_name": "clock", "adapter_operation": "timer"},
            {"recipe_line_number": 1, "adapter_name": "netsuite", "adapter_operation": "add"},
        ],
    }
    return event | fields


def encode(value: Any) -> bytes:
    """A value as compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def packed(content: bytes) -> bytes:
    """The content as gzip."""
    return gzip.compress(content, mtime=0)
