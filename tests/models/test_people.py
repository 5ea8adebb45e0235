"""People: sign-ins and switches, bursts of failures, roles over time, and who is dormant."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from world import JONAS, MIRA, TEAM, Row, World, act, at, holds

SELF = {"type": "User", **MIRA}
LENA = {"id": 70457, "name": "Lena Fischer", "email": "lena@larkfield.example"}


def sign_in(moment: str, user: Row | None = MIRA, activity: str = "sso_login", **more: str) -> Row:
    """A sign-in, or a switch of workspace."""
    resource = {"type": "User", **(user or MIRA)}
    return act("user_login", moment, user, resource, details={"activity": activity}, **more)


def failed(moment: str, user: Row = MIRA, ip: str = "192.0.2.1") -> Row:
    """A sign-in that failed."""
    details = {"activity": "password_login"}
    return act("user_login_failed", moment, user, {"type": "User", **user}, ip=ip, details=details)


def sign_out(moment: str, activity: str = "user_logout") -> Row:
    """A sign-out, or the first half of a switch."""
    return act("user_logout", moment, MIRA, SELF, details={"activity": activity})


def burst(start: str, count: int, seconds: int = 60, **more: str) -> list[Row]:
    """Failures in a row."""
    return [failed(str(at(start) + timedelta(seconds=n * seconds)), **more) for n in range(count)]


def grant(event: str, moment: str, role: str, old: str | None = None, member: Row = LENA) -> Row:
    """A membership changes."""
    resource = {"type": "ManagedUserGrant", "id": 9, "role": role, "member": member}
    changes = {"resource_changes": {"role": {"old_value": old}}} if old else {}
    return act(event, moment, MIRA, resource, **changes)


def invite(event: str, moment: str, role: str, user: Row = MIRA, guest: Row = LENA) -> Row:
    """A guest is invited or accepts."""
    resource = guest | {"type": "MemberInvitation", "id": 31, "role": role}
    return act(event, moment, user, resource)


def test_a_switch_of_workspace_is_not_a_sign_in() -> None:
    world = World(
        sign_in("2026-02-03 09:00"),
        sign_out("2026-02-03 10:00", "switch_workspace"),
        sign_in("2026-02-03 10:00:01", activity="switch_workspace"),
        sign_out("2026-02-03 11:00", "switch_team"),
        sign_in("2026-02-03 11:00:01", activity="switch_team"),
        sign_in("2026-02-03 12:00", activity="password_login"),
        failed("2026-02-03 12:30"),
        sign_out("2026-02-03 17:00"),
    )

    (row,) = world.rows("sign_ins_daily")

    holds(row, person_id="70455", sign_in_count=2, sso_sign_in_count=1, failed_sign_in_count=1)
    holds(row, workspace_switch_count=2, sign_out_count=1, ip_address_count=2)
    holds(row, first_sign_in_at=at("2026-02-03 09:00"), last_sign_in_at=at("2026-02-03 12:00"))


def test_sign_ins_are_counted_on_their_own_utc_day_per_person() -> None:
    world = World(
        sign_in("2026-02-03 23:59:59"),
        sign_in("2026-02-04 00:00"),
        sign_in("2026-02-04 00:01", JONAS),
    )

    counted = world.rows("sign_ins_daily", order="event_date, person_id")

    assert [
        (str(row["event_date"]), row["person_id"], row["sign_in_count"]) for row in counted
    ] == [
        ("2026-02-03", "70455", 1),
        ("2026-02-04", "70455", 1),
        ("2026-02-04", "70456", 1),
    ]


def test_a_failure_that_names_nobody_is_counted_for_whom_it_tried() -> None:
    unnamed = failed("2026-02-03 09:00") | {"user": None}

    (row,) = World(unnamed).rows("sign_ins_daily")

    holds(row, person_id="70455", person_name="Mira Okafor", failed_sign_in_count=1)


@pytest.mark.parametrize(
    ("count", "seconds", "bursts"),
    [
        pytest.param(4, 60, 0, id="one-too-few"),
        pytest.param(5, 600, 1, id="at-the-threshold"),
        pytest.param(9, 601, 0, id="too-slow"),
    ],
)
def test_a_burst_is_five_failures_with_ten_minutes_at_most_between(
    count: int, seconds: int, bursts: int
) -> None:
    world = World(*burst("2026-02-03 09:00", count, seconds))

    assert len(world.rows("failed_sign_in_bursts")) == bursts


def test_a_burst_runs_over_midnight_and_a_pause_makes_two() -> None:
    world = World(
        *burst("2026-02-03 23:57", 6), *burst("2026-02-04 00:20", 5), failed("2026-02-05 09:00")
    )

    first, second = world.rows("failed_sign_in_bursts", order="first_failed_at")

    holds(first, failed_count=6, last_failed_at=at("2026-02-04 00:02"))
    holds(first, event_date=date(2026, 2, 3), ip_address="192.0.2.1", burst_of="person")
    holds(second, failed_count=5, is_followed_by_sign_in=False, is_followed_by_role_change=False)


def test_many_people_tried_from_one_address_are_a_burst_of_the_address() -> None:
    people = [MIRA, JONAS, LENA] * 2
    world = World(*(failed(f"2026-02-03 09:0{n}", who) for n, who in enumerate(people)))

    (row,) = world.rows("failed_sign_in_bursts")

    holds(row, burst_of="address", subject="192.0.2.1", person_count=3, failed_count=6)
    holds(row, person_name=None, ip_address="192.0.2.1")


def test_what_follows_a_burst_within_a_day_is_told_with_it() -> None:
    world = World(
        *burst("2026-02-03 03:00", 6),
        sign_in("2026-02-03 02:00"),
        sign_in("2026-02-03 03:06", ip="192.0.2.1"),
        sign_in("2026-02-03 09:00"),
        grant("team_membership_updated", "2026-02-02 09:00", "Operator", "Analyst"),
        grant("team_membership_updated", "2026-02-03 04:00", "Admin", "Operator"),
        grant("team_membership_updated", "2026-02-03 05:00", "Analyst", "Admin"),
    )

    (row,) = world.rows("failed_sign_in_bursts")

    holds(row, signed_in_at=at("2026-02-03 03:06"), signed_in_ip_address="192.0.2.1")
    holds(row, role_changed_at=at("2026-02-03 04:00"), old_role="Operator", new_role="Admin")
    holds(row, member_name="Lena Fischer", role_changed_by_name="Mira Okafor")


def test_what_follows_a_burst_after_more_than_a_day_is_not_told_with_it() -> None:
    world = World(
        *burst("2026-02-03 03:00", 6),
        sign_in("2026-02-04 03:05:01"),
        grant("team_membership_updated", "2026-02-04 03:05:01", "Admin", "Operator"),
    )

    (row,) = world.rows("failed_sign_in_bursts")

    holds(row, signed_in_at=None, role_changed_at=None, is_followed_by_role_change=False)


def roles(world: World, day: str) -> list[tuple[str, bool]]:
    """Lena's roles on a day, and whether each was hers when the day was over."""
    told = world.call(f"roles_on(date '{day}')")
    return [(row["role"], row["is_at_end_of_day"]) for row in told]


def test_a_role_is_held_from_the_change_until_the_next() -> None:
    world = World(
        invite("team_invitation_created", "2026-02-01 09:00", "Analyst"),
        invite("team_invitation_accept", "2026-02-02 09:00", "Analyst", LENA),
        grant("team_membership_updated", "2026-02-04 12:00", "Admin", "Analyst"),
        grant("team_membership_updated", "2026-02-04 15:00", "Operator", "Admin"),
        grant("team_membership_deleted", "2026-02-06 09:00", "Operator"),
    )

    assert roles(world, "2026-02-01") == []
    assert roles(world, "2026-02-02") == [("Analyst", True)]
    assert roles(world, "2026-02-03") == [("Analyst", True)]
    assert roles(world, "2026-02-04") == [("Analyst", False), ("Admin", False), ("Operator", True)]
    assert roles(world, "2026-02-05") == [("Operator", True)]
    assert roles(world, "2026-02-06") == [("Operator", False)]
    assert roles(world, "2026-02-07") == []
    assert {row["person_id"] for row in world.rows("memberships")} == {"70457"}


def test_what_was_before_the_first_change_is_known_from_it() -> None:
    world = World(
        grant("team_membership_updated", "2026-02-04 12:00", "Admin", "Analyst"),
        grant("team_membership_deleted", "2026-02-05 12:00", "Operator", member=JONAS),
    )

    first, second, third = world.rows("memberships", order="valid_to, valid_from")

    holds(first, role="Analyst", is_start_known=False, is_current=False, person_name="Lena Fischer")
    holds(second, role="Operator", is_start_known=False, person_name="Jonas Lindqvist")
    holds(third, role="Admin", is_start_known=True, is_current=True)
    assert third["valid_from"] == first["valid_to"] == at("2026-02-04 12:00")


def test_a_change_that_does_not_tell_the_old_role_leaves_it_unknown() -> None:
    world = World(grant("team_membership_updated", "2026-02-04 12:00", "Admin"))

    assert [row["role"] for row in world.rows("memberships", order="valid_from")] == [
        "unknown",
        "Admin",
    ]


def test_a_role_in_one_workspace_is_none_in_another() -> None:
    elsewhere = grant("team_membership_updated", "2026-02-04 12:00", "Admin", "Analyst")
    elsewhere |= {"team": TEAM | {"id": 70999}}
    world = World(
        elsewhere, grant("team_membership_updated", "2026-02-04 13:00", "Operator", "Analyst")
    )

    current = world.rows("memberships", "is_current", "workspace_id")

    assert [(r["workspace_id"], r["role"]) for r in current] == [
        ("70121", "Operator"),
        ("70999", "Admin"),
    ]


def test_people_are_dormant_after_thirty_days_unless_they_were_removed() -> None:
    world = World(
        act("recipe_updated", "2026-01-02 09:00", MIRA),
        act("recipe_updated", "2026-01-03 09:00", JONAS),
        act("recipe_updated", "2026-01-01 09:00", LENA),
        failed("2026-01-31 09:00", MIRA),
        grant("team_membership_deleted", "2026-01-02 10:00", "Analyst"),
        as_of=date(2026, 2, 1),
    )

    found = {row["person_name"]: row for row in world.rows("people")}

    holds(found["Mira Okafor"], days_since_activity=30, is_dormant=True, is_removed=False)
    holds(found["Jonas Lindqvist"], days_since_activity=29, is_dormant=False)
    holds(found["Lena Fischer"], days_since_activity=31, is_dormant=False, is_removed=True)


def test_whoever_was_invited_and_came_is_one_person_with_a_role() -> None:
    world = World(
        invite("team_invitation_created", "2026-02-01 09:00", "Analyst"),
        invite("team_invitation_accept", "2026-02-02 09:00", "Analyst", LENA),
        sign_in("2026-02-02 09:05", LENA),
    )

    lena = next(r for r in world.rows("people") if r["person_email"] == "lena@larkfield.example")

    holds(lena, person_id="70457", role="Analyst", sign_in_count=1, is_dormant=False)
    assert len(world.rows("people")) == 2


def test_whoever_was_invited_and_never_came_is_dormant() -> None:
    world = World(invite("team_invitation_created", "2026-02-01 09:00", "Analyst"))

    lena = next(r for r in world.rows("people") if r["person_name"] == "Lena Fischer")

    holds(lena, last_activity_at=None, activity_count=0, days_since_activity=None, is_dormant=True)


def test_activity_is_counted_by_the_hour_of_the_utc_day() -> None:
    world = World(
        sign_in("2026-02-03 09:00"),
        act("recipe_updated", "2026-02-03 09:59:59"),
        act("recipe_updated", "2026-02-03 10:00"),
        act("recipe_stopped", "2026-02-03 10:00", None),
        failed("2026-02-03 10:30"),
    )

    counted = world.rows("activity_by_person_hourly", order="hour_of_day")

    assert [(r["hour_of_day"], r["event_count"], r["change_count"]) for r in counted] == [
        (9, 2, 1),
        (10, 1, 1),
    ]


def test_a_person_goes_by_the_newest_name_and_id() -> None:
    world = World(
        sign_in("2026-02-03 09:00", MIRA),
        sign_in("2026-02-03 10:00", MIRA | {"name": "Abi Okafor"}),
        sign_in("2026-02-04 09:00", MIRA | {"id": 100455, "name": "Aline Okafor"}),
    )

    days = world.rows("sign_ins_daily", order="event_date")
    (person,) = world.rows("people")

    assert [row["person_name"] for row in days] == ["Abi Okafor", "Aline Okafor"]
    holds(person, person_id="100455", person_name="Aline Okafor", sign_in_count=3)


def test_a_person_goes_by_the_newest_name_and_address_of_the_hour() -> None:
    world = World(
        sign_in("2026-02-03 09:00", MIRA | {"name": "Zoe Okafor", "email": "zoe@old.example"}),
        act("recipe_updated", "2026-02-03 09:30", MIRA | {"email": "Mira@New.example"}),
        act("recipe_updated", "2026-02-03 09:40", {"id": MIRA["id"]}),
    )

    (hour,) = world.rows("activity_by_person_hourly")

    holds(hour, person_name="Mira Okafor", person_email="mira@new.example", event_count=3)
