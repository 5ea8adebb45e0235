"""Changes: how events are classed, told once, and put on the timelines of what they are about."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from world import JONAS, MIRA, RECIPE, Row, World, act, as_api, at, holds, run, start, stop

LEDGER = {"type": "SharedAccount", "id": 72, "name": "Ledger database", "provider": "postgresql"}
BILLS = {"type": "Flow", "id": 88, "name": "Pay bills"}


def one(event: Row) -> Row:
    """The staged row of an event."""
    (row,) = World(event).rows("stg_activity")
    return row


@pytest.mark.parametrize(
    ("event", "kind", "category", "change"),
    [
        ("recipe_stopped", "Flow", "recipe", "stopped"),
        ("recipe_updated", "flow", "recipe", "updated"),
        ("connection_disconnected", "SharedAccount", "connection", "disconnected"),
        ("team_invitation_created", "MemberInvitation", "team", "invited"),
        ("team_invitation_accept", "MemberInvitation", "team", "joined"),
        ("team_invitation_updated", "MemberInvitation", "team", "invitation_changed"),
        ("team_membership_updated", "ManagedUserGrant", "team", "role_changed"),
        ("team_membership_deleted", "ManagedUserGrant", "team", "removed"),
        ("package_exported", "Package", "package", "exported"),
        ("connector_shared_closed_source_changed", "Adapter", "connector", "other"),
        ("access_profile_api_key_refreshed", "ApiAccessProfile", "api_platform", "refreshed"),
        ("tag_created", "Tags::Models::Tag", "other", "created"),
        ("genie_skill_published", "Genie", "other", "other"),
        ("nothing", "Nothing", "other", "other"),
    ],
)
def test_events_are_classed_and_unknown_ones_survive(
    event: str, kind: str, category: str, change: str
) -> None:
    streamed = act(event, "2026-02-03 09:00", resource={"type": kind, "id": 5, "name": "x"})

    for row in (one(streamed), one(as_api(streamed, 918))):
        holds(row, event_type=event, resource_type=kind, resource_id="5")
        holds(row, event_category=category, change_kind=change, workspace_id="70121")


@pytest.mark.parametrize(
    ("event", "activity", "change", "flag"),
    [
        ("user_login", "sso_login", "signed_in", "is_sign_in"),
        ("user_login", "a_way_of_tomorrow", "signed_in", "is_sign_in"),
        ("user_login", None, "signed_in", "is_sign_in"),
        ("user_login", "switch_team", "workspace_switched", "is_workspace_switch"),
        ("user_login", "switch_workspace", "workspace_switched", "is_workspace_switch"),
        ("user_logout", "switch_workspace", "workspace_switched", "is_workspace_switch"),
        ("user_logout", "user_logout", "signed_out", "is_sign_out"),
        ("user_login_failed", "password_login", "sign_in_failed", "is_failed_sign_in"),
    ],
)
def test_a_sign_in_is_one_thing_only(
    event: str, activity: str | None, change: str, flag: str
) -> None:
    resource = {"type": "User", **MIRA}
    row = one(act(event, "2026-02-03 09:00", resource=resource, details={"activity": activity}))

    flags = {"is_sign_in", "is_failed_sign_in", "is_sign_out", "is_workspace_switch"}
    assert {name for name in flags if row[name]} == {flag}
    holds(row, change_kind=change)


def test_a_change_of_role_has_both_roles() -> None:
    grant = {"type": "ManagedUserGrant", "id": 9, "role": "Admin", "member": JONAS}
    changes = {"role": {"old_value": "Analyst"}}
    row = one(
        act("team_membership_updated", "2026-02-03 09:00", resource=grant, resource_changes=changes)
    )

    holds(row, role="Admin", old_role="Analyst", member_id="70456", member_name="Jonas Lindqvist")


@pytest.mark.parametrize("changes", ["not json", None, [], {"role": None}])
def test_a_change_without_an_old_role_has_none(changes: Any) -> None:
    row = one(act("team_membership_updated", "2026-02-03 09:00", resource_changes=changes))

    holds(row, old_role=None)


def test_a_connection_s_facts_and_a_copy_s_origin_are_kept() -> None:
    connection = one(
        act("connection_connected", "2026-02-03 09:00", resource=LEDGER | {"authorized": True})
    )
    copy = one(act("recipe_copied", "2026-02-03 09:00", resource=RECIPE | {"parent_id": 55}))

    holds(connection, connection_id="72", provider="postgresql", is_authorized=True, recipe_id=None)
    holds(copy, recipe_id="5501203", parent_id="55", connection_id=None)


def test_an_event_that_came_through_api_and_stream_is_once_in_all_that_counts() -> None:
    update = act("recipe_updated", "2026-02-03 09:00")
    world = World(update, as_api(update, 918), act("recipe_updated", "2026-02-03 09:00:01"))

    assert len(world.rows("stg_activity")) == 3
    assert [row["event_id"] for row in world.rows("int_activity_once", order="occurred_at")] == [
        "activity:918",
        "activity:d0002",
    ]
    (counted,) = world.rows("activity_by_person_hourly")
    holds(counted, event_count=2, change_count=2, recipe_change_count=2, hour_of_day=9)


def test_two_edits_within_a_second_stay_two_beside_one_that_the_api_told_too() -> None:
    edit = act("recipe_updated", "2026-02-03 09:00")

    world = World(edit, edit, as_api(edit, 918))

    assert len(world.rows("int_activity_once")) == 2


def test_an_event_that_came_through_api_and_stream_is_once_on_every_timeline() -> None:
    edit, off = act("recipe_updated", "2026-02-03 09:00"), LEDGER | {"authorized": False}
    broke = act("connection_disconnected", "2026-02-03 10:00", resource=off)
    world = World(edit, as_api(edit, 918), broke, as_api(broke, 919))
    mira = {"ids": ["70455"], "emails": ["mira@larkfield.example"]}

    told = {
        "recipe": world.call("recipe_timeline('orders')"),
        "connection": world.call("connection_timeline('ledger')"),
        "person": world.call("person_timeline('mira')"),
        "a person's command": world.question("timeline_person", **mira),
    }

    both = ["activity:918", "activity:919"]
    assert {name: [row["event_id"] for row in rows] for name, rows in told.items()} == {
        "recipe": both[:1],
        "connection": both[1:],
        "person": both,
        "a person's command": both,
    }
    (acts,) = world.rows("recipe_acts_monthly")
    holds(acts, activity_count=1)
    assert len(world.rows("int_error_changes")) == 2


def test_the_timeline_interleaves_people_and_jobs() -> None:
    world = World(
        run("2026-02-03 08:00", "no such customer"),
        act("recipe_updated", "2026-02-03 08:30"),
        run("2026-02-03 09:00"),
    )

    told = world.rows("int_timeline", order="occurred_at")

    assert [(row["event_kind"], row["change_kind"], row["detail"]) for row in told] == [
        ("job", "job", "no such customer"),
        ("activity", "updated", None),
        ("job", "job", None),
    ]


def recipe_world() -> World:
    """Two quiet days, a failure, a change that mends it over midnight, a quiet day, a stop."""
    return World(
        run("2026-02-01 09:00"),
        run("2026-02-02 09:00"),
        run("2026-02-03 09:00", "no such customer"),
        run("2026-02-03 10:00", "no such customer"),
        act("recipe_updated", "2026-02-03 11:00"),
        run("2026-02-05 09:00"),
        run("2026-02-05 10:00"),
        run("2026-02-06 09:00"),
        stop("2026-02-06 10:00"),
        run("2026-02-03 09:30", "other", recipe=BILLS),
        act("recipe_updated", "2026-02-03 11:00", resource=BILLS),
    )


def test_a_recipe_s_timeline_has_changes_failures_and_the_first_job_that_went_well_again() -> None:
    told = recipe_world().call("recipe_timeline('orders to')")

    assert [(f"{row['occurred_at']:%d %H}", row["event_type"], row["detail"]) for row in told] == [
        ("03 09", "failed", "no such customer"),
        ("03 10", "failed", "no such customer"),
        ("03 11", "recipe_updated", None),
        ("05 09", "succeeded", None),
        ("06 10", "recipe_stopped", "user"),
    ]


def test_a_recipe_s_timeline_has_every_job_on_request() -> None:
    told = recipe_world().call("recipe_timeline('5501203', all_jobs := true)")

    assert [row["event_kind"] for row in told].count("job") == 7
    assert {row["recipe_id"] for row in told} == {"5501203"}


def test_a_test_job_that_fails_is_no_turn_of_the_recipe() -> None:
    world = World(
        run("2026-02-03 09:00"),
        run("2026-02-03 10:00", "only a test", is_test=True),
        run("2026-02-03 11:00"),
        run("2026-02-03 12:00", "in earnest"),
    )

    told = world.call("recipe_timeline('orders')")

    assert [(row["detail"], row["is_test"]) for row in told] == [
        ("only a test", True),
        ("in earnest", False),
    ]


def test_a_person_s_timeline_has_what_they_did_and_what_was_done_to_them() -> None:
    invitation = JONAS | {"type": "MemberInvitation", "id": 3, "role": "Analyst"}
    grant = {"type": "ManagedUserGrant", "id": 9, "role": "Admin", "member": JONAS}
    world = World(
        act("team_invitation_created", "2026-02-01 09:00", MIRA, invitation),
        act("recipe_updated", "2026-02-02 09:00", JONAS),
        act("recipe_updated", "2026-02-02 10:00", MIRA),
        act("team_membership_updated", "2026-02-03 09:00", MIRA, grant),
    )

    told = world.call("person_timeline('lindqvist')")

    assert [(row["part"], row["event_type"]) for row in told] == [
        ("was done to", "team_invitation_created"),
        ("did", "recipe_updated"),
        ("was done to", "team_membership_updated"),
    ]
    assert world.call("person_timeline('JONAS@larkfield.example')") == told
    assert world.call("person_timeline('nobody')") == []


def test_a_person_s_timeline_has_what_failed_in_a_recipe_within_a_day_after_they_changed_it() -> (
    None
):
    world = World(
        run("2026-02-01 08:00", "before the change"),
        act("recipe_updated", "2026-02-01 20:00"),
        act("recipe_updated", "2026-02-01 20:30"),
        run("2026-02-01 21:00", "boom"),
        run("2026-02-01 22:00", "boom"),
        run("2026-02-01 22:30", "a test", is_test=True),
        run("2026-02-01 23:00", "boom"),
        run("2026-02-01 23:30", "of a recipe that she left alone", recipe=BILLS),
        stop("2026-02-01 23:40", "trigger_errors_limit", None, resource=BILLS),
        run("2026-02-02 08:00", "boom"),
        stop("2026-02-02 09:00", "trigger_errors_limit", None),
        act("recipe_renamed", "2026-02-02 20:40", resource=BILLS),
        run("2026-02-02 20:45", "more than a day after"),
        run("2026-02-02 20:50", "a name breaks nothing", recipe=BILLS),
        stop("2026-02-02 21:00", "trigger_errors_limit", None),
    )
    mira = {"ids": ["70455"], "emails": ["mira@larkfield.example"]}

    told = {
        "macro": world.call("person_timeline('mira')"),
        "command": world.question("timeline_person", **mira),
    }

    facts = ("event_type", "detail", "failure_number", "failed_count")
    for rows in told.values():
        followed = [row for row in rows if row["part"] == "followed"]
        assert [(f"{row['occurred_at']:%d %H}", *map(row.get, facts)) for row in followed] == [
            ("01 21", "failed", "boom", 1, 3),
            ("01 23", "failed", "boom", 3, 3),
            ("02 08", "failed", "boom", 1, 1),
            ("02 09", "recipe_stopped", "trigger_errors_limit", None, None),
        ]
        assert [row["event_type"] for row in rows if row["part"] == "did"] == [
            "recipe_updated",
            "recipe_updated",
            "recipe_renamed",
        ]
    every = world.call("person_timeline('mira', all_jobs := true)")
    assert len(every) == len(told["macro"]) + 1


def test_what_failed_on_the_first_day_asked_for_follows_a_change_of_the_day_before() -> None:
    world = World(
        act("recipe_updated", "2026-02-01 20:00"),
        run("2026-02-01 21:00", "boom"),
        run("2026-02-02 08:00", "boom"),
        run("2026-02-02 09:00", "boom"),
        stop("2026-02-02 10:00", "trigger_errors_limit", None),
    )
    mira = {"ids": ["70455"], "emails": ["mira@larkfield.example"]}

    def asked(first: int, last: int) -> list[str]:
        days = {"from_date": date(2026, 2, first), "to_date": date(2026, 2, last)}
        rows = world.question("timeline_person", **mira, **days)
        return [f"{row['occurred_at']:%d %H} {row['event_type']}" for row in rows]

    assert asked(2, 2) == ["02 08 failed", "02 09 failed", "02 10 recipe_stopped"]
    assert asked(1, 1) == ["01 20 recipe_updated", "01 21 failed"]
    assert asked(3, 3) == []


def outage_world(*more: Row) -> World:
    """A connection breaks over midnight; two recipes fail meanwhile, one of them before too."""
    off, on = LEDGER | {"authorized": False}, LEDGER | {"authorized": True}
    return World(
        run("2026-02-03 20:00", "a row is missing"),
        act("connection_disconnected", "2026-02-03 23:00", resource=off),
        run("2026-02-03 23:30", "no connection"),
        run("2026-02-03 23:40", "no connection", recipe=BILLS),
        run("2026-02-04 00:10", "no connection"),
        run("2026-02-04 00:20", "no connection"),
        act("connection_updated", "2026-02-04 00:50", JONAS, off),
        act("connection_connected", "2026-02-04 01:00", JONAS, on),
        run("2026-02-04 02:00", "a row is missing"),
        *more,
    )


def test_an_outage_tells_who_broke_the_connection_what_failed_and_who_restored_it() -> None:
    world = outage_world()

    (outage,) = world.rows("connection_outages")
    recipes = world.rows("connection_outage_recipes", order="recipe_id")

    holds(outage, actor_name="Mira Okafor", ended_by_name="Jonas Lindqvist", is_open=False)
    holds(outage, downtime_seconds=7200.0, failed_count=4, recipe_count=2)
    holds(outage, first_failed_at=at("2026-02-03 23:30"), last_failed_at=at("2026-02-04 00:20"))
    assert [(row["recipe_name"], row["failed_count"]) for row in recipes] == [
        ("Orders to ledger", 3),
        ("Pay bills", 1),
    ]
    assert {row["error_message"] for row in recipes} == {"no connection"}


def test_a_recipe_that_failed_in_an_outage_goes_by_its_newest_name() -> None:
    named = {"recipe": BILLS | {"name": "Bills"}}
    world = outage_world(run("2026-02-04 00:30", "no connection", **named))

    recipes = world.rows("connection_outage_recipes", order="recipe_id")

    assert [row["recipe_name"] for row in recipes] == ["Orders to ledger", "Bills"]


def test_a_connection_disconnected_twice_is_one_outage_and_one_not_restored_is_open() -> None:
    off = LEDGER | {"authorized": False}
    first, second = outage_world(
        act("connection_disconnected", "2026-02-05 09:00", resource=off),
        act("connection_disconnected", "2026-02-05 10:00", resource=off),
        run("2026-02-05 11:00", "no connection again"),
    ).rows("connection_outages", order="disconnected_at")

    holds(first, is_open=False)
    holds(second, is_open=True, downtime_seconds=None, ended_by_name=None, failed_count=1)
    holds(second, disconnected_at=at("2026-02-05 09:00"))


def test_a_connection_s_timeline_has_the_first_and_last_failure_of_each_recipe() -> None:
    world = outage_world()

    told = world.call("connection_timeline('ledger data')")

    facts = ("event_type", "matched_by", "failure_number", "failed_count")
    assert [(f"{row['occurred_at']:%d %H:%M}", *map(row.get, facts)) for row in told] == [
        ("03 20:00", "failed", "connector", 1, 1),
        ("03 23:00", "connection_disconnected", None, None, None),
        ("03 23:30", "failed", "outage", 1, 3),
        ("03 23:40", "failed", "outage", 1, 1),
        ("04 00:20", "failed", "outage", 3, 3),
        ("04 00:50", "connection_updated", None, None, None),
        ("04 01:00", "connection_connected", None, None, None),
        ("04 02:00", "failed", "connector", 1, 1),
    ]
    assert len(world.call("connection_timeline('72', all_jobs := true)")) == 9


def test_a_connection_s_timeline_has_failures_of_its_connector_without_an_outage() -> None:
    elsewhere = {"account_id": 70122}
    mail = run("2026-02-03 12:00", "no such mailbox")
    mail["lines"][1]["adapter_name"] = "gmail"
    world = World(
        run("2026-02-01 08:00", "before there was the connection"),
        act("connection_created", "2026-02-02 08:00", resource=LEDGER),
        run("2026-02-03 08:00", "a row is missing"),
        run("2026-02-03 09:00", "a row is missing"),
        run("2026-02-03 10:00", "a row is missing"),
        run("2026-02-03 11:00", "in another workspace", **elsewhere),
        mail,
        run("2026-02-04 08:00", "a row is missing"),
        act("connection_deleted", "2026-02-05 08:00", resource=LEDGER),
        run("2026-02-06 08:00", "of a connection that came after it"),
    )
    whole = {"resource_id": "72", "emails": []}

    told = world.call("connection_timeline('72')")
    asked = world.question("timeline_connection", **whole, from_date=date(2026, 2, 4))

    failed = [row for row in told if row["event_kind"] == "job"]
    facts = ("matched_by", "failure_number", "failed_count")
    assert [(f"{row['occurred_at']:%d %H}", *map(row.get, facts)) for row in failed] == [
        ("03 08", "connector", 1, 3),
        ("03 10", "connector", 3, 3),
        ("04 08", "connector", 1, 1),
    ]
    assert {row["detail"] for row in failed} == {"a row is missing"}
    assert [row["matched_by"] for row in asked] == ["connector", None]


def test_a_resource_is_known_on_its_days_under_each_of_its_names() -> None:
    renamed = RECIPE | {"name": "Orders to GL"}
    world = World(
        start("2026-02-03 09:00"),
        run("2026-02-03 10:00", "x"),
        stop("2026-02-04 09:00", resource=renamed),
    )

    days = world.rows("resource_days", "resource_kind = 'recipe'", "event_date")

    assert [(row["resource_name"], row["activity_count"], row["job_count"]) for row in days] == [
        ("Orders to ledger", 1, 1),
        ("Orders to GL", 1, 0),
    ]
