"""Publish: readers see one whole build, whatever a build, a load or a vacuum does meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from lakes import NOW, Place, activity, encode, folder_place, job, run_load

from pipelines.lake.maintain import vacuum
from pipelines.lake.tables import Lake
from pipelines.models import (
    MODELS,
    build_model,
    build_stale,
    hold_edition,
    publish_when_whole,
    stale_days,
)
from pipelines.models.query import open_catalogue
from pipelines.questions.freshness import check_models

DAILY, MONTHLY = "recipe_usage_daily", "recipe_usage_monthly"
FIRST = date(2026, 2, 3)


def load(place: Place, lake: Lake, name: str, *, now: datetime = NOW) -> None:
    """A load of one job and one activity event."""
    moment = f"{FIRST}T10:00:00Z"
    events = (job(started_at=moment, completed_at=moment, lines=None), activity())
    place.put(f"{name}.ndjson", b"\n".join(map(encode, events)))
    run_load(lake, [place.landing], now=now)


def shown(lake: Lake) -> tuple[int, int]:
    """The jobs that a reader counts by the day and by the month."""
    with closing(open_catalogue(lake)) as connection:
        (row,) = connection.execute(
            f"select (select sum(job_count) from {DAILY}), (select sum(job_count) from {MONTHLY})"
        ).fetchall()
    return row[0] or 0, row[1] or 0


def build_until(lake: Lake, mart: str) -> Iterator[tuple[Any, ...]]:
    """A build that has committed a mart, and waits."""
    build = build_stale(lake)
    for name, *_ in build:
        if name == mart:
            return build
    raise AssertionError(mart)


def test_a_reader_in_the_middle_of_a_build_sees_the_one_before(place: Place) -> None:
    lake = place.lake()
    load(place, lake, "one")
    first = build_until(lake, DAILY)
    in_the_first = shown(lake)
    list(first)
    load(place, lake, "two")

    second = build_until(lake, DAILY)
    in_the_second = shown(lake)
    with closing(open_catalogue(lake)) as early:
        list(second)
        still = early.execute(f"select sum(job_count) from {DAILY}").fetchall()

    assert in_the_first == (0, 0)
    assert in_the_second == (1, 1)
    assert still == [(1,)]
    assert shown(lake) == (2, 2)


@pytest.fixture
def here(tmp_path: Any) -> Place:
    return folder_place(tmp_path)


def test_what_is_loaded_during_a_build_is_in_no_mart_of_it(here: Place) -> None:
    lake = here.lake()
    load(here, lake, "one")
    build = build_until(lake, DAILY)

    load(here, lake, "two")
    list(build)

    assert shown(lake) == (1, 1)
    assert check_models(lake, ["usage"]).stale
    list(build_stale(lake))
    assert shown(lake) == (2, 2)
    assert not check_models(lake, ["usage"]).stale


def test_a_build_that_is_cut_off_hides_nothing_and_shows_nothing(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = here.lake()
    load(here, lake, "one")
    list(build_stale(lake))
    load(here, lake, "two")
    build_until(lake, DAILY)

    list(vacuum(lake, retention=timedelta(0)))
    after_a_vacuum = shown(lake)
    monkeypatch.setattr(
        "pipelines.models.catalogue.definitions_digest", lambda _: "of a later version"
    )
    with_other_macros = shown(lake)
    says = check_models(lake, ["usage"]).warning

    assert after_a_vacuum == with_other_macros == (1, 1)
    assert says is not None
    assert "`trailhouse build` brings them up to date" in says
    list(build_stale(lake))
    assert shown(lake) == (2, 2)


def test_marts_that_are_built_alone_are_shown_with_the_last_or_after_an_hour(here: Place) -> None:
    lake, clock = here.lake(), datetime(2026, 3, 1, 12, tzinfo=UTC)
    load(here, lake, "one", now=clock)
    hold_edition(lake)
    told = []
    for model in [model for model in MODELS.values() if model.is_stored]:
        build_model(lake, model.name, stale_days(lake, model.name))
        told.append(publish_when_whole(lake, clock=lambda: clock))
    whole = shown(lake)
    load(here, lake, "two", now=clock)
    build_model(lake, DAILY, [FIRST])

    soon = publish_when_whole(lake, clock=lambda: clock + timedelta(minutes=59))
    kept = shown(lake)
    late = publish_when_whole(lake, clock=lambda: clock + timedelta(minutes=61))

    assert not any(told[:-1])
    assert told[-1]
    assert whole == kept == (1, 1)
    assert (soon, late) == (False, True)
    assert shown(lake) == (2, 1)


def test_a_mart_that_a_failing_check_holds_back_is_not_waited_for(here: Place) -> None:
    lake = here.lake()
    load(here, lake, "one")
    list(build_stale(lake))
    load(here, lake, "two")
    build_model(lake, DAILY, [FIRST])

    waited = publish_when_whole(lake, clock=lambda: NOW, is_held_back={MONTHLY}.__contains__)
    alone = publish_when_whole(lake, clock=lambda: NOW, is_held_back=lambda name: name != DAILY)

    assert (waited, alone) == (False, True)
    assert shown(lake) == (2, 1)
