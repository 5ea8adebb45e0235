"""Retention and legal holds: what is due, what a hold keeps, and how a deletion is recorded."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lakes import Place, folder_place
from sealing import (
    DAY,
    NOW,
    entries_of,
    fill,
    lake_with_key,
    objects_of,
    seal_all,
    seals_of,
    signer_of,
)

from pipelines.archive import holds
from pipelines.archive.holds import Hold
from pipelines.archive.limits import limit
from pipelines.archive.log import open_log
from pipelines.archive.place import open_archive_place
from pipelines.archive.retention import Deleted, delete, due, retain_until
from pipelines.archive.seal import seal
from pipelines.errors import TrailhouseError
from pipelines.lake.tables import Lake
from pipelines.settings import load_settings

LATER = datetime(2029, 2, 3, tzinfo=UTC)
"""Three years after the day of the events."""
RULES = [
    {"table": "*", "environment": "*", "years": 10},
    {"table": "activity", "environment": "*", "years": 3},
]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return sealed_lake(folder_place(tmp_path), tmp_path)


def sealed_lake(place: Place, folder: Path) -> Lake:
    """A sealed lake that keeps activity for three years and everything else for ten."""
    lake = lake_with_key(place, folder, archive={"retention": RULES})
    fill(place, lake)
    seal_all(lake)
    return lake


def due_at(lake: Lake, now: datetime) -> list[tuple[str, date, tuple[str, ...]]]:
    found = due(entries_of(lake), now.date(), lake.storage.settings)
    return [(one.table, one.event_date, one.holds) for one in found]


def add_hold(lake: Lake, **more: Any) -> Hold:
    given = {"reason": "Case 2029-14", "owner": "Legal"} | more
    return holds.add(
        open_log(lake), **given, clock=lambda: LATER, signer=signer_of(lake), by="test"
    )


def release_hold(lake: Lake, hold_id: str, reason: str = "Case closed") -> Hold:
    return holds.release(
        open_log(lake),
        hold_id,
        reason=reason,
        owner="Legal",
        clock=lambda: LATER,
        signer=signer_of(lake),
        by="test",
    )


def delete_due(lake: Lake, *, now: datetime = LATER, only: list[int] | None = None) -> Deleted:
    found = due(entries_of(lake), now.date(), lake.storage.settings)
    return delete(
        lake,
        [one.index for one in found if not one.holds] if only is None else only,
        reason="Expired",
        clock=lambda: now,
        signer=signer_of(lake),
        by="test",
    )


@pytest.mark.parametrize(
    ("table", "environment", "years"),
    [
        pytest.param("jobs", "test", 1, id="table and environment"),
        pytest.param("jobs", "prod", 7, id="the table beats the environment"),
        pytest.param("activity", "prod", 5, id="environment"),
        pytest.param("activity", "dev", 10, id="everything"),
        pytest.param("activity", None, 10, id="no environment"),
    ],
)
def test_the_most_specific_rule_counts(table: str, environment: str | None, years: int) -> None:
    rules = [
        {"table": "*", "environment": "*", "years": 10},
        {"table": "*", "environment": "prod", "years": 5},
        {"table": "jobs", "environment": "*", "years": 7},
        {"table": "jobs", "environment": "test", "years": 1},
    ]
    settings = load_settings(archive={"retention": rules})

    assert retain_until(settings, table, environment, DAY) == date(2026 + years, 2, 3)


def test_without_a_rule_a_day_is_kept_for_ever() -> None:
    settings = load_settings(archive={"retention": [RULES[1]]})

    assert retain_until(settings, "jobs", "prod", DAY) is None


def test_a_leap_day_is_kept_to_the_first_of_march() -> None:
    settings = load_settings(archive={"retention": RULES})

    assert retain_until(settings, "activity", None, date(2024, 2, 29)) == date(2027, 3, 1)


def test_a_manifest_says_until_when_its_day_is_kept(lake: Lake) -> None:
    assert seals_of(lake, "activity")[0]["retain_until"] == "2029-02-03"
    assert seals_of(lake, "jobs")[0]["retain_until"] == "2036-02-03"


def test_a_day_is_due_once_its_years_are_over_and_not_before(lake: Lake) -> None:
    assert due_at(lake, datetime(2029, 2, 2, tzinfo=UTC)) == []
    assert due_at(lake, LATER) == [("activity", DAY, ())]


def test_an_empty_day_is_never_due_because_it_has_nothing_to_delete(lake: Lake) -> None:
    found = due(entries_of(lake), date(2100, 1, 1))

    with_rows = [one for one in entries_of(lake) if one.kind == "seal" and one.body["rows"]]
    assert [one.index for one in found] == [one.index for one in with_rows]
    assert len(with_rows) == 7


@pytest.mark.parametrize(
    ("years", "expected"),
    [pytest.param(4, [], id="longer"), pytest.param(2, [("activity", DAY, ())], id="shorter")],
)
def test_a_rule_that_changed_lengthens_what_was_sealed_and_never_shortens_it(
    lake: Lake, years: int, expected: list[Any]
) -> None:
    settings = load_settings(archive={"retention": [{"table": "activity", "years": years}]})

    found = due(entries_of(lake), LATER.date(), settings)

    assert [(one.table, one.event_date, one.holds) for one in found] == expected


def test_what_was_sealed_without_an_end_is_due_only_by_a_limit_of_the_log(tmp_path: Path) -> None:
    lake = lake_with_key(folder_place(tmp_path), tmp_path)
    fill(folder_place(tmp_path), lake)
    seal_all(lake)
    settings = load_settings(archive={"retention": [{"table": "*", "years": 1}]})
    signed: Any = {"signer": signer_of(lake), "by": "test", "clock": lambda: NOW}

    before = due(entries_of(lake), LATER.date(), settings)
    limit(open_log(lake), years=3, table="jobs", reason="Policy 7", owner="Legal", **signed)

    assert before == []
    assert [one.table for one in due(entries_of(lake), LATER.date(), settings)] == ["jobs"]
    assert due(entries_of(lake), LATER.date() - timedelta(days=1), settings) == []


def test_what_is_due_says_what_would_go(lake: Lake) -> None:
    (one,) = due(entries_of(lake), LATER.date())

    objects = objects_of(lake)
    assert sorted(one.paths) == sorted(path for path in objects if path.startswith("activity/"))
    assert one.bytes == sum(len(objects[path]) for path in one.paths)


def test_a_deletion_takes_the_files_and_leaves_the_manifest_and_says_so(
    place: Place, tmp_path: Path
) -> None:
    lake = sealed_lake(place, tmp_path)
    before = objects_of(lake)
    (one,) = due(entries_of(lake), LATER.date())

    done = delete_due(lake)

    recorded = entries_of(lake)[-1]
    assert objects_of(lake).keys() == before.keys() - set(one.paths)
    assert (recorded.index, recorded.kind) == (done.index, "delete")
    assert recorded.body["seals"] == [one.index]
    assert recorded.body["paths"] == list(one.paths)
    assert (recorded.body["reason"], recorded.body["by"]) == ("Expired", "test")
    assert seals_of(lake, "activity")[0]["rows"] == 1
    assert due_at(lake, LATER) == []


def test_a_day_that_is_not_due_is_not_deleted(lake: Lake) -> None:
    before = objects_of(lake)

    with pytest.raises(TrailhouseError, match="entry 2 is no seal that is due on 2029-02-03"):
        delete_due(lake, only=[1, 2])

    assert objects_of(lake) == before
    assert entries_of(lake)[-1].kind == "seal"


def test_a_deleted_day_is_not_sealed_again(lake: Lake) -> None:
    delete_due(lake)

    sealed = seal(lake, clock=lambda: LATER, signer=signer_of(lake), by="test", through=DAY)

    assert list(sealed) == []


def test_a_deletion_that_was_cut_off_is_finished_by_the_next(lake: Lake) -> None:
    (one,) = due(entries_of(lake), LATER.date())
    kept = objects_of(lake)
    delete_due(lake)
    place = open_archive_place(lake)
    place.put_new(one.paths[0], kept[one.paths[0]])  # as if it had been cut off before this one

    again = delete_due(lake)

    assert again == Deleted(None, (), ())
    assert one.paths[0] not in objects_of(lake)
    assert [entry.kind for entry in entries_of(lake)].count("delete") == 1


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param({}, id="everything"),
        pytest.param({"tables": ["activity", "jobs"]}, id="table"),
        pytest.param({"environments": [None]}, id="environment"),
        pytest.param({"from_date": DAY, "to_date": DAY}, id="day"),
    ],
)
def test_a_hold_beats_expiry(lake: Lake, limits: dict[str, Any]) -> None:
    before = objects_of(lake)

    hold = add_hold(lake, **limits)

    assert due_at(lake, LATER) == [("activity", DAY, (hold.hold_id,))]
    with pytest.raises(TrailhouseError, match=f"under the legal hold {hold.hold_id}"):
        delete_due(lake, only=[one.index for one in due(entries_of(lake), LATER.date())])
    assert objects_of(lake) == before


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param({"tables": ["jobs"]}, id="table"),
        pytest.param({"environments": ["prod"]}, id="environment"),
        pytest.param({"from_date": date(2026, 2, 4)}, id="after"),
        pytest.param({"to_date": date(2026, 2, 2)}, id="before"),
    ],
)
def test_a_hold_on_something_else_keeps_nothing(lake: Lake, limits: dict[str, Any]) -> None:
    add_hold(lake, **limits)

    assert due_at(lake, LATER) == [("activity", DAY, ())]


def test_a_released_hold_stands_no_more_and_stays_in_the_log(place: Place, tmp_path: Path) -> None:
    lake = sealed_lake(place, tmp_path)
    first, second = add_hold(lake), add_hold(lake, reason="Case 2029-15")

    released = release_hold(lake, first.hold_id[:8])

    assert released == first
    assert holds.active(entries_of(lake)) == [second]
    assert [entry.kind for entry in entries_of(lake)[-3:]] == ["hold", "hold", "release"]
    assert entries_of(lake)[-1].body["reason"] == "Case closed"


def test_a_hold_that_does_not_stand_cannot_be_released(lake: Lake) -> None:
    hold = add_hold(lake)
    release_hold(lake, hold.hold_id)

    with pytest.raises(TrailhouseError, match="names 0 of the holds that stand; they are: none"):
        release_hold(lake, hold.hold_id)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"reason": " "}, "needs a reason and an owner", id="no reason"),
        pytest.param({"owner": ""}, "needs a reason and an owner", id="no owner"),
        pytest.param({"tables": ["job"]}, "job is no sealed table; allowed: activity", id="table"),
        pytest.param(
            {"from_date": DAY, "to_date": date(2026, 1, 1)}, "before it begins", id="days"
        ),
    ],
)
def test_a_hold_that_says_too_little_is_refused(
    lake: Lake, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(TrailhouseError, match=message):
        add_hold(lake, **given)

    assert holds.active(entries_of(lake)) == []
