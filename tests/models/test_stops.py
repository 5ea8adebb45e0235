"""Stops: who or what stopped a recipe, for how long, and how it did before and after."""

from __future__ import annotations

from typing import Any

import pytest
from world import JONAS, MIRA, RECIPE, TEAM, Row, World, act, as_api, at, holds, run, start, stop

OTHER = {"type": "Flow", "id": 77, "name": "Order status"}


def stops(*events: Row) -> list[Row]:
    """The stops in order of time."""
    return World(*events).rows("recipe_stops", order="stopped_at, event_id")


def test_a_stop_by_a_person_tells_who_from_where_and_why() -> None:
    (row,) = stops(stop("2026-02-03 09:15:27", ip="198.51.100.7"))

    holds(
        row,
        stopped_by="person",
        actor_id="70455",
        actor_name="Mira Okafor",
        actor_email="mira@larkfield.example",
        ip_address="198.51.100.7",
        stop_reason="user",
        stopped_at=at("2026-02-03 09:15:27"),
    )


@pytest.mark.parametrize(
    ("reason", "user", "stopped_by"),
    [
        pytest.param("user", MIRA, "person", id="person"),
        pytest.param("user", None, "person", id="person-unnamed"),
        pytest.param(None, MIRA, "person", id="no-reason-but-a-person"),
        pytest.param(None, None, "workato", id="nothing-told"),
        pytest.param("trigger_errors_limit", None, "workato", id="trigger-errors"),
        pytest.param("trigger_errors_limit", MIRA, "workato", id="trigger-errors-of-an-owner"),
        pytest.param("a_reason_of_tomorrow", None, "workato", id="unknown-reason"),
    ],
)
def test_the_reason_tells_a_person_from_workato(
    reason: str | None, user: Row | None, stopped_by: str
) -> None:
    (row,) = stops(stop("2026-02-03 09:00", reason, user))

    named = "Workato" if stopped_by == "workato" else (user or {}).get("name")
    holds(row, stopped_by=stopped_by, stop_reason=reason, actor_name=named)


def test_down_time_runs_over_days() -> None:
    (row,) = stops(stop("2026-02-03 22:00"), start("2026-02-06 01:30"))

    holds(
        row,
        downtime_seconds=(2 * 24 + 3.5) * 3600,
        is_open=False,
        restarted_at=at("2026-02-06 01:30"),
        restarted_by_name="Jonas Lindqvist",
    )


def test_a_restart_before_midnight_ends_the_day_s_down_time() -> None:
    (row,) = stops(stop("2026-02-03 23:59:10"), start("2026-02-03 23:59:59"))

    holds(row, downtime_seconds=49.0, is_open=False)


def test_a_stop_and_a_start_in_one_second_are_a_restart() -> None:
    (row,) = stops(start("2026-02-03 09:00"), stop("2026-02-03 09:00"))

    holds(row, downtime_seconds=0.0, is_open=False)


def test_a_recipe_that_is_down_still_has_no_length_yet() -> None:
    (row,) = stops(start("2026-02-02 08:00"), stop("2026-02-03 09:00"))

    holds(row, downtime_seconds=None, is_open=True, restarted_at=None, restarted_by_name=None)


def test_each_of_two_stops_ends_with_its_own_start() -> None:
    first, second = stops(
        stop("2026-02-03 09:00"),
        start("2026-02-03 10:00"),
        stop("2026-02-03 11:00"),
        start("2026-02-03 11:30"),
    )

    holds(first, downtime_seconds=3600.0, restarted_at=at("2026-02-03 10:00"))
    holds(second, downtime_seconds=1800.0, restarted_at=at("2026-02-03 11:30"))


def test_the_time_of_a_recipe_that_is_stopped_twice_counts_once() -> None:
    first, second = stops(
        stop("2026-02-03 09:00"), stop("2026-02-03 10:00", user=JONAS), start("2026-02-03 11:00")
    )

    holds(first, downtime_seconds=7200.0, is_already_down=False)
    holds(second, downtime_seconds=0.0, is_already_down=True, actor_name="Jonas Lindqvist")


def test_a_start_for_one_run_brings_nothing_back() -> None:
    (row,) = stops(
        stop("2026-02-03 09:00"),
        start("2026-02-03 09:30", run_once=True),
        start("2026-02-03 11:00"),
    )

    holds(row, downtime_seconds=7200.0, restarted_at=at("2026-02-03 11:00"))


def test_a_deletion_ends_the_down_time_without_a_length() -> None:
    (row,) = stops(stop("2026-02-03 09:00"), act("recipe_deleted", "2026-02-03 10:00"))

    holds(row, is_open=False, downtime_seconds=None, deleted_at=at("2026-02-03 10:00"))
    holds(row, restarted_at=None)


@pytest.mark.parametrize(
    "ran_at",
    [
        pytest.param("2026-02-03 12:00", id="the-same-day"),
        pytest.param("2026-02-04 02:00", id="the-next-day"),
        pytest.param("2026-02-20 02:00", id="later-in-the-month"),
        pytest.param("2026-03-05 02:00", id="in-a-later-month"),
    ],
)
def test_jobs_after_a_stop_show_that_a_start_was_lost(ran_at: str) -> None:
    later = at("2026-03-06 09:00")
    (row,) = stops(stop("2026-02-03 09:00"), run(ran_at), run(f"{later}"))

    length = (at(ran_at) - at("2026-02-03 09:00")).total_seconds()
    holds(row, is_open=False, seen_running_at=at(ran_at), downtime_seconds=length)
    holds(row, restarted_at=None, restarted_by_name=None)


@pytest.mark.parametrize(
    "after",
    [
        pytest.param([run("2026-02-03 09:04")], id="a-job-that-waited"),
        pytest.param([run("2026-02-04 09:00", is_test=True)], id="a-test"),
        pytest.param([run("2026-02-04 09:00", is_repeat=True)], id="a-rerun"),
        pytest.param(
            [start("2026-02-04 09:00", run_once=True), run("2026-02-04 09:01")], id="a-single-run"
        ),
    ],
)
def test_what_a_stopped_recipe_may_run_does_not_bring_it_back(after: list[Row]) -> None:
    (row,) = stops(stop("2026-02-03 09:00"), *after)

    holds(row, is_open=True, seen_running_at=None, downtime_seconds=None)


def test_a_stop_after_a_start_that_was_lost_is_a_stop_of_its_own() -> None:
    first, second = stops(
        stop("2026-02-03 09:00"),
        run("2026-02-04 09:00"),
        stop("2026-02-05 09:00"),
        start("2026-02-05 10:00"),
    )

    holds(first, downtime_seconds=24 * 3600.0, is_open=False, restarted_at=None)
    holds(second, is_already_down=False, downtime_seconds=3600.0, seen_running_at=None)


def test_a_start_that_was_received_counts_whatever_ran_before_it() -> None:
    (row,) = stops(stop("2026-02-03 09:00"), run("2026-02-03 10:00"), start("2026-02-03 11:00"))

    holds(row, downtime_seconds=7200.0, restarted_at=at("2026-02-03 11:00"), seen_running_at=None)


def test_another_recipe_s_start_brings_nothing_back() -> None:
    (row,) = stops(stop("2026-02-03 09:00"), start("2026-02-03 10:00", resource=OTHER))

    holds(row, is_open=True)


def test_the_same_recipe_id_in_another_workspace_is_another_recipe() -> None:
    (row,) = stops(stop("2026-02-03 09:00"), start("2026-02-03 10:00", team=TEAM | {"id": 70999}))

    holds(row, is_open=True)


def test_a_stop_that_api_and_stream_both_tell_is_one() -> None:
    streamed = stop("2026-02-03 09:00")

    (row,) = stops(streamed, as_api(streamed, 918), start("2026-02-03 09:10"))

    holds(row, event_id="activity:918", stopped_at=at("2026-02-03 09:00:00.412"))


def test_two_streamed_stops_within_a_second_stay_two() -> None:
    assert len(stops(stop("2026-02-03 09:00"), stop("2026-02-03 09:00"))) == 2


def test_the_rates_are_of_24_hours_before_the_stop_and_after_the_return() -> None:
    (row,) = stops(
        run("2026-02-02 08:59", "too long ago"),
        run("2026-02-02 09:30", "within"),
        run("2026-02-03 08:00"),
        run("2026-02-03 08:10"),
        run("2026-02-03 08:20"),
        run("2026-02-03 08:30", "only a test", is_test=True),
        stop("2026-02-03 09:00"),
        start("2026-02-04 20:00"),
        run("2026-02-04 21:00"),
        run("2026-02-05 19:00", "within"),
        run("2026-02-05 20:30", "too late"),
    )

    holds(
        row,
        job_count_before=4,
        failed_count_before=1,
        failure_rate_before=0.25,
        job_count_after=2,
        failed_count_after=1,
        failure_rate_after=0.5,
    )


def test_a_rate_of_no_jobs_is_unknown() -> None:
    (row,) = stops(stop("2026-02-03 09:00"), start("2026-02-03 10:00"))

    holds(row, job_count_before=0, failure_rate_before=None, failure_rate_after=None)


@pytest.mark.parametrize("failed_at", ["2026-02-03 08:00", "2026-02-02 01:00", "2026-01-20 08:00"])
def test_the_last_error_before_a_stop_may_be_of_that_day_or_of_weeks_ago(failed_at: str) -> None:
    (row,) = stops(
        run("2026-01-10 08:00", "long gone"),
        run(failed_at, "password expired", seconds=60),
        run("2026-02-03 08:30"),
        stop("2026-02-03 09:00"),
        run("2026-02-03 09:30", "after the stop"),
    )

    holds(
        row,
        last_error_message="password expired",
        last_error_adapter="postgresql",
        last_error_type="Connection error",
        last_started_at=at("2026-02-03 08:30"),
    )
    assert (row["last_failed_at"] - at(failed_at)).total_seconds() == 60


@pytest.mark.parametrize(
    ("day", "message"), [("2026-01-06", "28 days before"), ("2026-01-05", None)]
)
def test_what_a_stop_tells_of_the_past_ends_28_days_before_it(
    day: str, message: str | None
) -> None:
    (row,) = stops(run(f"{day} 08:00", "28 days before"), stop("2026-02-03 09:00"))

    started = at(f"{day} 08:00") if message else None
    holds(row, last_error_message=message, last_started_at=started)


def test_a_stop_tells_how_long_the_recipe_was_silent_before_against_its_rhythm() -> None:
    runs = [run(f"2026-02-0{day} {hour:02d}:00") for day in (1, 2) for hour in range(24)]

    (row,) = stops(*runs, stop("2026-02-03 09:00", "trigger_errors_limit", None))

    holds(row, silent_seconds=10.0 * 3600, usual_gap_seconds=3600.0, stopped_by="workato")


def test_who_stopped_finds_a_recipe_by_id_by_part_of_a_name_and_by_an_old_name() -> None:
    renamed = RECIPE | {"name": "Orders to GL"}
    changes: dict[str, Any] = {"name": {"old_value": "Orders to ledger"}}
    world = World(
        stop("2026-02-03 09:00"),
        start("2026-02-03 10:00"),
        act("recipe_renamed", "2026-02-04 09:00", resource=renamed, resource_changes=changes),
        stop("2026-02-05 09:00", resource=renamed),
        stop("2026-02-06 09:00", resource=OTHER),
    )

    newest, oldest = world.call("who_stopped('orders to LEDGER')")

    holds(newest, recipe_name="Orders to GL", stopped_at=at("2026-02-05 09:00"), is_open=True)
    holds(oldest, recipe_name="Orders to ledger", downtime_seconds=3600.0)
    assert world.call("who_stopped('5501203')") == [newest, oldest]
    assert world.call("who_stopped('to gl')") == [newest, oldest]
    assert world.call("who_stopped('nothing of the kind')") == []


def test_who_stopped_says_what_recipe_stops_says() -> None:
    world = World(
        stop("2026-02-03 09:00"), start("2026-02-03 10:00"), stop("2026-02-04 09:00", "x", None)
    )

    told = world.call("who_stopped('orders')")

    known = {row["event_id"]: row for row in world.rows("recipe_stops")}
    assert len(told) == len(known) == 2
    for row in told:
        assert row.items() <= known[row["event_id"]].items()


def test_who_stopped_it_tells_the_last_three_errors_before() -> None:
    world = World(
        run("2026-01-01 08:00", "older than 28 days"),
        run("2026-02-01 08:00", "fourth"),
        run("2026-02-02 08:00", "third"),
        run("2026-02-03 07:00", "second"),
        run("2026-02-03 08:00", "last"),
        run("2026-02-03 08:30", "a test", is_test=True),
        stop("2026-02-03 09:00"),
        start("2026-02-03 09:30"),
        run("2026-02-03 10:00", "too late"),
        stop("2026-01-30 09:00"),
        start("2026-01-30 10:00"),
    )

    newest, before = world.question("who_stopped", recipe_id="5501203")

    holds(newest, last_error_message="last", second_last_error_message="second")
    holds(newest, third_last_error_message="third", third_last_failed_at=at("2026-02-02 08:00:02"))
    holds(newest, failed_count_after=1, job_count_after=1)
    holds(before, last_error_message=None, second_last_error_message=None)
