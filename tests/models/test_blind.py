"""Blindness: recipes and sources that fell silent, jobs that others name, and what came late."""

from __future__ import annotations

from datetime import date

import pytest
from world import RECIPE, Row, World, act, at, holds, run, start, stop

CLOCK = {"type": "Flow", "id": 99, "name": "Runs all the time"}


def hourly(day: int, hours: range = range(24), recipe: Row = RECIPE) -> list[Row]:
    """A run every hour of a day of February 2026, which begins on a Sunday."""
    return [run(f"2026-02-{day:02d} {hour:02d}:00", recipe=recipe) for hour in hours]


def silence(*events: Row, as_of: str = "2026-02-04") -> Row:
    """What is known of the recipe's silence."""
    world = World(*events, as_of=date.fromisoformat(as_of))
    (row,) = world.rows("recipe_silence", "recipe_id = '5501203'")
    return row


def test_a_recipe_is_silent_against_its_own_rhythm() -> None:
    clock = hourly(3, recipe=CLOCK)

    row = silence(*hourly(1), *hourly(2), *hourly(3, range(20)), *clock, as_of="2026-02-03")

    holds(row, is_silent=True, usual_gap_seconds=3600.0, silent_seconds=4.0 * 3600)
    holds(row, last_started_at=at("2026-02-03 19:00"), until_at=at("2026-02-03 23:00"))


def test_a_recipe_in_its_rhythm_is_not_silent() -> None:
    clock = hourly(3, recipe=CLOCK)

    row = silence(*hourly(1), *hourly(2), *hourly(3, range(23)), *clock, as_of="2026-02-03")

    holds(row, is_silent=False, silent_seconds=3600.0)


def test_a_recipe_that_rests_at_weekends_is_not_silent_on_a_sunday() -> None:
    weeks = [day for day in range(2, 28) if day % 7 not in (0, 1)]  # Mondays to Fridays
    rows = [event for day in weeks for event in hourly(day, range(9, 17))]

    holds(silence(*rows, as_of="2026-03-01"), is_silent=False)
    holds(silence(*rows, as_of="2026-03-05"), is_silent=True)


def test_the_newest_day_counts_where_no_recipe_runs_at_all() -> None:
    row = silence(*hourly(1), *hourly(2), as_of="2026-02-05")

    holds(row, is_silent=True, until_at=at("2026-02-05 00:00"), silent_seconds=49.0 * 3600)


def test_a_recipe_that_was_stopped_is_not_blind() -> None:
    row = silence(*hourly(1), *hourly(2), stop("2026-02-03 00:30"))

    holds(row, is_silent=False, state="stopped", silent_seconds=None)


def test_a_recipe_that_ran_after_its_stop_can_fall_silent_and_is_reported() -> None:
    lost = [*hourly(1), stop("2026-02-01 23:30"), *hourly(2)]

    row = silence(*lost, as_of="2026-02-05")
    found = World(*lost, as_of=date(2026, 2, 5)).question("blind")

    holds(row, state="started", is_silent=True)
    assert [(r["finding"], r["since_at"], r["until_at"]) for r in found] == [
        ("silent recipe", at("2026-02-02 23:00"), at("2026-02-05 00:00")),
        ("runs although stopped", at("2026-02-01 23:30"), at("2026-02-02 00:00")),
    ]


def test_silence_begins_anew_with_a_start() -> None:
    down = [*hourly(1), *hourly(2), stop("2026-02-03 00:30")]

    soon = silence(*down, start("2026-02-03 23:30"))
    long = silence(*down, start("2026-02-03 01:30"))

    holds(soon, is_silent=False, silent_seconds=1800.0)
    holds(long, is_silent=True, silent_seconds=22.5 * 3600)


def test_an_active_recipe_that_never_ran_is_told() -> None:
    never = silence(start("2026-02-03 09:00"))
    ran = silence(start("2026-02-03 09:00"), run("2026-02-03 10:00"))
    tested = silence(start("2026-02-03 09:00"), run("2026-02-03 10:00", is_test=True))
    stopped = silence(start("2026-02-03 09:00"), stop("2026-02-03 10:00"))

    holds(never, is_never_run=True, recipe_name="Orders to ledger", is_silent=False)
    holds(ran, is_never_run=False)
    holds(tested, is_never_run=True)
    holds(stopped, is_never_run=False)


def test_the_roll_up_of_a_recipe_s_day_leaves_tests_apart_and_keeps_the_last_failure() -> None:
    world = World(
        run("2026-02-03 09:00", "first"),
        run("2026-02-03 10:00", "second"),
        run("2026-02-03 12:00"),
        run("2026-02-03 13:00", "only a test", is_test=True),
    )

    (row,) = world.rows("recipe_activity_daily")

    holds(row, job_count=3, succeeded_count=1, failed_count=2, test_job_count=1)
    holds(row, last_error_message="second", last_failed_at=at("2026-02-03 10:00:02"))
    holds(row, median_gap_seconds=5400.0, longest_gap_seconds=7200.0)
    holds(row, first_started_at=at("2026-02-03 09:00"), last_started_at=at("2026-02-03 12:00"))


def received(moment: str, arrival: str, source: str = "landing", **fields: str) -> Row:
    """A change with the time at which its object was written."""
    return act("recipe_updated", moment) | {"_received": arrival, "_source": source} | fields


@pytest.mark.parametrize(
    ("arrival", "lag", "is_late"),
    [
        ("2026-02-03 08:59:59", "before the event", False),
        ("2026-02-03 10:00:00", "within an hour", False),
        ("2026-02-03 10:00:01", "within a day", False),
        ("2026-02-04 09:00:01", "within 7 days", True),
        ("2026-02-10 09:00:00", "within 7 days", True),
        ("2026-02-10 09:00:01", "after 7 days", True),
    ],
)
def test_events_are_told_by_how_late_they_came(arrival: str, lag: str, is_late: bool) -> None:
    (row,) = World(received("2026-02-03 09:00", arrival)).rows("late_arrivals_daily")

    holds(row, lag=lag, is_late=is_late, event_count=1, event_date=date(2026, 2, 3))


def test_a_source_is_silent_against_its_own_rhythm() -> None:
    times = [f"2026-02-03 {hour:02d}:10" for hour in range(24)]
    world = World(
        *(received(moment, moment, "steady") for moment in times),
        *(received(moment, moment, "broken") for moment in times[:18]),
        *(received(moment, moment, "rare") for moment in times[::12]),
    )

    found = {row["source"]: row for row in world.rows("silent_sources")}

    holds(found["steady"], is_silent=False, silent_seconds=0.0, usual_gap_seconds=3600.0)
    holds(found["broken"], is_silent=True, silent_seconds=6.0 * 3600)
    holds(found["rare"], is_silent=False)


def test_a_job_that_others_name_and_nobody_saw_is_told() -> None:
    world = World(
        run("2026-02-03 09:00", id="j-parent", recipe=CLOCK),
        run("2026-02-03 09:01", calling_job_id="j-parent", root_job_handle="j-parent"),
        run("2026-02-03 10:01", calling_job_id="j-lost", calling_recipe_id=61),
        run("2026-02-03 10:02", calling_job_id="j-lost", calling_recipe_id=61),
        run("2026-02-03 11:01", root_job_handle="j-top", root_recipe_id=62),
        run("2026-02-03 12:01", master_job_id="j-first", is_repeat=True),
    )

    told = world.rows("unseen_callers", order="missing_job_id")

    assert [
        (row["missing_job_id"], row["link"], row["missing_recipe_id"], row["job_count"])
        for row in told
    ] == [
        ("j-first", "first run", "5501203", 1),
        ("j-lost", "caller", "61", 2),
        ("j-top", "root", "62", 1),
    ]


def test_a_job_that_names_itself_names_nobody() -> None:
    own = run("2026-02-03 09:00", id="j-own", master_job_id="j-own", root_job_handle="j-own")

    assert World(own).rows("unseen_callers") == []


@pytest.mark.parametrize(
    ("first", "unseen"),
    [
        pytest.param("2026-02-01 23:59", 1, id="longer-ago-than-the-window"),
        pytest.param("2026-02-02 00:01", 0, id="at-its-beginning"),
        pytest.param("2026-02-10 23:59", 0, id="at-its-end"),
        pytest.param("2026-02-11 00:01", 1, id="after-it"),
    ],
)
def test_the_named_job_is_looked_for_within_the_window(first: str, unseen: int) -> None:
    world = World(
        run(first, id="j-first", seconds=1),
        run("2026-02-09 12:00", master_job_id="j-first", is_repeat=True),
    )

    assert len(world.rows("unseen_callers")) == unseen
