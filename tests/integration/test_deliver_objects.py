"""Loads delivered as objects: the engine gives sinks of objects what their keys are made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from desk import Desk, Service
from lakes import activity, encode, folder_place, job, run_load

from pipelines.settings import load_settings
from pipelines.sinks.registry import open_sink


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A lake of two activities and a job."""
    place = folder_place(tmp_path)
    events = [activity(event="user_login"), activity(event="recipe_stopped"), job()]
    place.put("events.ndjson", b"\n".join(map(encode, events)))
    run_load(place.lake(), [place.landing])
    return Desk(place.lake(), f"sqlite:///{tmp_path}/ledger.sqlite", Service(tmp_path / "taken"))


def deliver(desk: Desk, folder: Path, form: str) -> None:
    """Deliver to a sink that stores objects in a folder."""
    table: dict[str, Any] = {"name": "out", "kind": "file", "path": str(folder), "format": form}
    desk.sinks = load_settings(sink=(table | {"start": "beginning"},)).sink
    desk.deliver(open_sink=open_sink)


def stored(folder: Path) -> list[Path]:
    """The events' files below a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")


@pytest.mark.parametrize("was_gone", [False, True], ids=["at once", "from the cache"])
def test_events_go_through_the_engine_to_where_workato_would_put_them(
    desk: Desk, tmp_path: Path, was_gone: bool
) -> None:
    folder = tmp_path / "out"
    if was_gone:
        deliver(desk, folder, "single")
        assert desk.balance().waiting == 3
        desk.later(days=1)
    folder.mkdir()

    deliver(desk, folder, "single")

    assert desk.balance().delivered == 3
    paths = stored(folder)
    assert len([path for path in paths if "/jobs/" in path.as_posix()]) == 1
    assert len([path for path in paths if "/user_activity/" in path.as_posix()]) == 2
    assert not any("unknown" in path.name for path in paths)
    assert all(json.loads(path.read_bytes()) for path in paths)


def test_a_table_holds_every_event(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()

    deliver(desk, folder, "parquet")

    tables = [pq.read_table(path, partitioning=None) for path in stored(folder)]
    assert sum(table.num_rows for table in tables) == 3
    kinds = {kind for table in tables for kind in table.column("event_kind").to_pylist()}
    assert kinds == {"activity", "job"}
    assert not any(table.column("occurred_at").null_count for table in tables)
