"""Freshness: what the catalogue says of how new tables and marts are, and of what lags."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lakes import NOW, Place, activity, encode, folder_place, job, run_load

from pipelines.lake.schemas import TABLES
from pipelines.lake.tables import Lake
from pipelines.models import MODELS, build_model, build_stale, publish, stale_days
from pipelines.models.query import open_catalogue

FIRST, SECOND = date(2026, 2, 3), date(2026, 2, 4)
FAILED = {"status": "failed", "error": "Not found"}
STORED = {name for name, model in MODELS.items() if model.is_stored}


@pytest.fixture
def here(tmp_path: Path) -> Place:
    return folder_place(tmp_path)


def load(place: Place, lake: Lake, name: str, *events: dict[str, Any]) -> None:
    place.put(f"{name}.ndjson", b"\n".join(map(encode, events)))
    run_load(lake, [place.landing])


def job_of(day: date) -> dict[str, Any]:
    moment = f"{day}T10:00:00Z"
    return job(started_at=moment, completed_at=moment, lines=None)


def told(lake: Lake) -> dict[str, dict[str, Any]]:
    """What an analyst reads, by table; freshness is asked in SQL alone."""
    with closing(open_catalogue(lake)) as connection:
        found = connection.execute("from freshness").to_arrow_table().to_pylist()
    return {row.pop("table_name"): row for row in found}


def stale(lake: Lake) -> set[str]:
    return {n for n, row in told(lake).items() if row["is_stale"] and row["table_kind"] == "mart"}


def test_every_table_and_mart_says_how_new_it_is(place: Place) -> None:
    lake = place.lake()
    load(place, lake, "one", job_of(FIRST), job_of(SECOND) | FAILED, activity())
    before = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=1)

    list(build_stale(lake))
    found = told(lake)

    assert found.keys() == TABLES.keys() | STORED
    assert {name for name, row in found.items() if row["table_kind"] == "lake"} == TABLES.keys()
    assert found["jobs"]["newest_event_date"] == SECOND
    assert found["jobs"]["refreshed_at"] == NOW.replace(tzinfo=None)
    assert found["activity"]["newest_event_date"] == FIRST
    assert found["loads"]["newest_event_date"] == NOW.date()
    assert found["log_messages"]["refreshed_at"] is None
    daily, monthly = found["recipe_usage_daily"], found["recipe_usage_monthly"]
    assert (daily["newest_event_date"], daily["load_number"]) == (SECOND, 1)
    assert monthly["newest_event_date"] == FIRST.replace(day=1)
    assert found["error_fingerprints_daily"]["newest_event_date"] == SECOND  # in a file by month
    assert found["recipe_stops"]["newest_event_date"] == SECOND  # the day that it was built for
    assert before <= daily["refreshed_at"] <= datetime.now(UTC).replace(tzinfo=None)
    assert stale(lake) == set()


def test_a_mart_is_stale_from_the_load_that_it_lacks_until_readers_see_it(here: Place) -> None:
    lake = here.lake()
    load(here, lake, "one", job_of(FIRST), activity())
    before_the_first_build = stale(lake)
    list(build_stale(lake))

    load(here, lake, "two", activity())
    after_a_load = stale(lake)
    by_the_log = {name for name in STORED if stale_days(lake, name)}
    build_model(lake, "loads_daily", [NOW.date()])
    built_but_not_shown = stale(lake)
    publish(lake)
    shown = stale(lake)
    list(build_stale(lake))

    assert before_the_first_build == STORED - {"rejected_daily"}  # nothing was rejected
    assert {"sign_ins_daily", "recipe_stops", "loads_daily"} <= after_a_load == by_the_log
    assert "recipe_errors_daily" not in after_a_load  # it reads jobs alone
    assert built_but_not_shown == after_a_load
    assert after_a_load - shown == {"loads_daily"}
    assert stale(lake) == set()


def test_a_new_day_of_the_lake_makes_the_marts_stale_whose_window_ends_on_it(here: Place) -> None:
    lake = here.lake()
    load(here, lake, "one", job_of(FIRST), activity())
    list(build_stale(lake))

    load(here, lake, "two", activity(timestamp=f"{SECOND + timedelta(days=1)} 09:00:00 UTC"))

    assert stale(lake) == {name for name in STORED if stale_days(lake, name)}


def test_a_lake_table_is_stale_once_its_newest_day_is_too_long_ago(here: Place) -> None:
    lake = here.lake()
    now = datetime.now(UTC)
    here.put("jobs.ndjson", encode(job_of(now.date() - timedelta(days=1))))
    here.put("activity.ndjson", encode(activity()))

    run_load(lake, [here.landing], now=now)
    found = told(lake)

    assert found["jobs"]["is_stale"] is False
    assert found["activity"]["is_stale"] is True
    assert found["log_messages"]["is_stale"] is None  # nothing came yet
    assert found["loads"]["is_stale"] is None
