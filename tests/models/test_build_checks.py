"""Checks of marts: sound ones pass, each fault is found, and what is stale is not judged."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from deltalake import write_deltalake
from lakes import NOW, encode, job, lake_at, run_load

from pipelines.lake.tables import Lake
from pipelines.models import MODELS, build_stale, lake_days
from pipelines.quality import CHECKS, MART_CHECKS, CheckResult, days_of_marts, run_checks
from pipelines.samples import write_sample

DAY = date(2026, 2, 26)
STORED = [name for name, model in MODELS.items() if model.is_stored]
TOTALS = [check.name for check in MART_CHECKS if check.relation]
MAY_BE_EMPTY = {"unseen_callers", "activity_twins_daily"}
OF_LOADING = {"loads_daily", "rejected_daily"}
"""Marts whose day is that of the load, not of the event."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a lake that holds the sample with its marts; tests copy it."""
    root = tmp_path_factory.mktemp("checks")
    write_sample(root, days=8, jobs=900, seed=7, end=date(2026, 2, 28), ndjson=True)
    lake = lake_at(root / "lake")
    run_load(lake, [root / "landing"])
    for _ in build_stale(lake):
        pass
    return root / "lake"


@pytest.fixture
def lake(sound: Path, tmp_path: Path) -> Lake:
    shutil.copytree(sound, tmp_path / "lake")
    return lake_at(tmp_path / "lake")


def failed(lake: Lake, table: str) -> list[CheckResult]:
    results = run_checks(lake, table, lake_days(lake, table), clock=lambda: NOW)
    return [result for result in results if not result.passed]


@pytest.mark.parametrize("name", STORED)
def test_sound_marts_pass_and_were_looked_at(sound: Path, name: str) -> None:
    lake = lake_at(sound)

    results = run_checks(lake, name, lake_days(lake, name), clock=lambda: NOW)

    assert [result.name for result in results if not result.passed] == []
    if name not in MAY_BE_EMPTY:
        assert all(result.metadata["rows"] > 0 for result in results)


@pytest.mark.parametrize("name", [name for name in STORED if name not in MAY_BE_EMPTY])
def test_a_row_that_stands_twice_is_found(lake: Lake, name: str) -> None:
    table = lake.find(name)
    assert table is not None
    write_deltalake(table, table.to_pyarrow_table().slice(0, 1), mode="append")

    found = {result.name: result for result in failed(lake, name)}

    twice = found[f"{name}_has_no_row_twice"]
    assert twice.blocking
    assert len(twice.metadata["examples"]) == 2
    assert set(twice.metadata["examples"][0]) == set(MODELS[name].grain)


@pytest.mark.parametrize("name", TOTALS)
def test_a_day_that_is_lost_is_found(lake: Lake, name: str) -> None:
    check = next(check for check in CHECKS if check.name == name)
    table = lake.find(check.table)
    assert table is not None
    day = NOW.date() if check.table in OF_LOADING else DAY
    table.delete(f"event_date = '{day}'")

    (found,) = failed(lake, check.table)

    assert found.name == name
    assert list(found.metadata["failing_days"]) == [day.isoformat()]
    assert found.metadata["examples"]


def test_a_connector_without_its_recipe_is_an_orphan(lake: Lake) -> None:
    table = lake.find("recipe_usage_daily")
    assert table is not None
    table.delete(f"event_date = '{DAY}'")

    (found,) = failed(lake, "connector_usage_daily")

    assert found.name == "connector_usage_counts_every_step"
    assert found.metadata["examples"][0]["found_orphan_count"] > 0


def test_a_day_is_not_judged_while_it_is_stale(lake: Lake, tmp_path: Path) -> None:
    moment = f"{DAY}T10:00:00Z"
    folder = tmp_path / "late"
    folder.mkdir()
    (folder / "late.ndjson").write_bytes(encode(job(started_at=moment, completed_at=moment)))
    run_load(lake, [folder])
    other = DAY - timedelta(days=1)

    (stale, *_) = run_checks(lake, "recipe_usage_daily", [DAY], clock=lambda: NOW)
    (fresh, *_) = run_checks(lake, "recipe_usage_daily", [DAY, other], clock=lambda: NOW)

    assert stale.metadata["note"] == "no rows on these days"
    assert fresh.metadata["days"] == 1


def test_days_of_marts_are_those_that_their_tables_reach() -> None:
    found = days_of_marts({"jobs": [DAY]})

    assert found["recipe_usage_daily"] == found["recipe_owners"] == [DAY]
    assert found["unseen_callers"] == [DAY + timedelta(days=n) for n in range(-1, 8)]
    assert "sign_ins_daily" not in found


def test_names_of_checks_are_unique() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
