"""A lake in a folder, named by the settings, and a Dagster instance in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pipelines.lake.storage import Storage
from pipelines.lake.tables import Lake
from pipelines.settings import load_settings


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    (tmp_path / "lake" / "landing").mkdir(parents=True)
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", str(tmp_path / "lake"))
    monkeypatch.setenv("TRAILHOUSE_DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setenv("TRAILHOUSE_CONFIG", str(tmp_path / "trailhouse.toml"))
    (tmp_path / "trailhouse.toml").write_text("")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return Lake(Storage(load_settings()))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture
def land(lake: Lake) -> Callable[..., None]:
    """Put one object with the given events into landing."""

    def put(name: str, *events: dict[str, Any]) -> None:
        content = "\n".join(json.dumps(event) for event in events)
        (Path(lake.url) / "landing" / f"{name}.ndjson").write_text(content)

    return put


@pytest.fixture
def run_load(lake: Lake, instance: dg.DagsterInstance) -> Callable[[], dg.ExecuteInProcessResult]:
    """Run the job `load` against the instance; a failing check does not raise."""

    def run() -> dg.ExecuteInProcessResult:
        from pipelines.definitions import defs

        return defs.resolve_job_def("load").execute_in_process(
            instance=instance, raise_on_error=False
        )

    return run
