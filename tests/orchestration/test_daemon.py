"""The whole way under the real daemon: objects land, and the marts answer."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import obstore
import pytest

from pipelines.instance import open_instance, prepare_home
from pipelines.lake.duck import connect
from pipelines.lake.storage import Storage
from pipelines.lake.tables import Lake
from pipelines.models import stale_days
from pipelines.reporting import last_reported
from pipelines.settings import load_settings
from tests.orchestration.daemons import DEADLINE_SECONDS, daemon

MARTS = ("recipe_errors_daily", "recipe_usage_daily")


def rows(lake: Lake, query: str, mart: str) -> list[tuple[Any, ...]]:
    table = lake.find(mart)
    if table is None:
        return []
    connection = connect(lake.storage, s3=lake.is_s3)
    try:
        return connection.execute(query, {"files": table.file_uris()}).fetchall()
    finally:
        connection.close()


def deliver(folder: Path, lake: Lake) -> None:
    """Put all objects of a folder into landing, as Workato would."""
    if not lake.is_s3:
        shutil.copytree(folder, Path(lake.url) / "landing", dirs_exist_ok=True)
        return
    store = lake.storage.store(f"{lake.url}/landing")
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        obstore.put(store, path.relative_to(folder).as_posix(), path.read_bytes())


@pytest.fixture(params=["folder", "s3"])
def placed_lake(
    request: pytest.FixtureRequest, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> Lake:
    """The lake that the settings name: once in a folder, once in a bucket."""
    if request.param == "folder":
        return lake
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", f"s3://{request.getfixturevalue('bucket')}/lake")
    return Lake(Storage(load_settings()))


@pytest.mark.daemon
def test_what_lands_is_loaded_judged_and_modelled_by_the_daemon_alone(
    placed_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.samples import write_sample

    lake = placed_lake
    monkeypatch.setenv("TRAILHOUSE_SENSOR_INTERVAL_SECONDS", "1")
    home, log = prepare_home(load_settings()), tmp_path / "daemon.log"
    sample = tmp_path / "sample"
    write_sample(sample, days=3, jobs=500, seed=7, end=date(2026, 2, 28), ndjson=True)
    with open_instance(load_settings()) as instance, daemon(home, log) as running:
        deliver(sample / "landing", lake)
        running.wait(
            lambda: all(lake.find(mart) and not stale_days(lake, mart) for mart in MARTS),
            instance,
            DEADLINE_SECONDS,
        )
        reported = last_reported(instance)
        loads = instance.get_runs(dg.RunsFilter(job_name="load"))

    truth = json.loads((sample / "truth.json").read_text())
    jobs = rows(
        lake,
        "select sum(job_count + test_job_count) from read_parquet($files)",
        "recipe_usage_daily",
    )
    assert jobs == [(truth["counts"]["unique"]["jobs"],)]
    assert reported >= 1
    assert all(run.status == dg.DagsterRunStatus.SUCCESS for run in loads)
