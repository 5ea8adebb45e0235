"""Incidents: five stories that are told in full, with their answers, and a renaming.

Each is placed relative to the window, so that every window of three days or more has them all.
Nothing else touches their recipes, so that the answers are exact.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pipelines.samples.actions import (
    Action,
    connection_resource,
    grant_resource,
    person_named,
    recipe_resource,
    started,
    stopped,
    user_resource,
)
from pipelines.samples.clock import DAY, day_start, iso_z
from pipelines.samples.connectors import TOLD_FAILURES, ErrorShape, Json
from pipelines.samples.recipes import EDITED, LEDGER, LEGACY, ONBOARDING, RENAMED, SILENT
from pipelines.samples.repertoire import Repertoire
from pipelines.samples.runs import Planned
from pipelines.samples.story import HOUR, Frame, Story, ask, run_in_rhythm, tell
from pipelines.samples.templates import EMPTY, FIRST_FAILURE, TOO_LONG, failure_variant
from pipelines.samples.workspace import (
    DEV,
    LEDGER_CONNECTION,
    PROD,
    Person,
    Recipe,
    recipe_index,
)

_USUAL_FAILURES = 45  # one run in so many fails as any other might


def _usual(number: int) -> int:
    return FIRST_FAILURE if number % _USUAL_FAILURES == 0 else 0


def _who(person: Person) -> Json:
    return {
        "actor_id": person.person_id,
        "actor_name": person.name,
        "actor_email": person.email,
        "ip_address": person.ip_address,
    }


def _what(recipe: Recipe) -> Json:
    return {"recipe_id": recipe.recipe_id, "recipe_name": recipe.name}


def _onboarding(story: Story, frame: Frame, repertoire: Repertoire) -> None:
    """A person stops a recipe in production; another starts it hours later."""
    place = recipe_index(ONBOARDING)
    recipe = repertoire.recipes[place]
    who, back = person_named("Hannah Weiss"), person_named("Jonas Lindqvist")
    stop = frame.at(0.55, 13.6)
    start = stop + 3 * HOUR + 412
    run_in_rhythm(
        story, frame, place, stop, lambda at, n: None if stop <= at < start else _usual(n)
    )
    resource = recipe_resource(recipe)
    tell(
        story,
        frame,
        Action(stop, "recipe_stopped", PROD, who, resource, stopped("user")),
        Action(start, "recipe_started", PROD, back, resource, started()),
    )
    answer = {
        **_what(recipe),
        **_who(who),
        "stopped_at": iso_z(stop),
        "stop_reason": "user",
        "restarted_at": iso_z(start),
        "restarted_by": back.name,
    }
    ask(
        story,
        "who_stopped_onboarding",
        "Who stopped the production recipe Employee onboarding, when, from where, and when did "
        "it run again?",
        answer,
    )


def _silent(story: Story, frame: Frame, repertoire: Repertoire) -> None:
    """A trigger fails for hours without making a job; then Workato stops the recipe."""
    place = recipe_index(SILENT)
    recipe = repertoire.recipes[place]
    back = person_named("Declan Byrne")
    stop = frame.at(0.8, 15.2)
    silent, start = stop - 7 * HOUR, stop + 2 * HOUR + 95
    made = run_in_rhythm(
        story, frame, place, stop, lambda at, n: None if silent <= at < start else _usual(n)
    )
    resource = recipe_resource(recipe)
    details = stopped("trigger_errors_limit", error=True)
    tell(
        story,
        frame,
        Action(stop, "recipe_stopped", PROD, None, resource, details),
        Action(start, "recipe_started", PROD, back, resource, started()),
    )
    answer = {
        **_what(recipe),
        "stopped_at": iso_z(stop),
        "stop_reason": "trigger_errors_limit",
        "last_job_at": iso_z(max(at for at, _ in made if at < stop)),
        "usual_interval_seconds": frame.interval,
        "restarted_at": iso_z(start),
        "restarted_by": back.name,
    }
    ask(
        story,
        "stopped_by_workato",
        "Which recipe did Workato stop after trigger errors, and since when had it been silent?",
        answer,
    )


def _outage(story: Story, frame: Frame, repertoire: Repertoire) -> None:
    """A connection breaks; the recipes that use it fail until it is connected again."""
    who, back = person_named("Priya Raman"), person_named("Kwame Mensah")
    broken = frame.at(0.4, 8.1)
    whole = broken + 7 * HOUR + 803
    failed: list[int] = []
    for blueprint in LEDGER:
        place = recipe_index(blueprint)
        told = FIRST_FAILURE + int(repertoire.failure_count[place])
        made = run_in_rhythm(
            story,
            frame,
            place,
            broken,
            lambda at, n, told=told: told if broken <= at < whole else _usual(n),  # type: ignore[misc]
        )
        failed += [at for at, variant in made if variant == told]
    off = connection_resource(LEDGER_CONNECTION, authorized=False)
    on = connection_resource(LEDGER_CONNECTION, authorized=True)
    tell(
        story,
        frame,
        Action(broken, "connection_disconnected", PROD, who, off, {}),
        Action(whole - 40, "connection_updated", PROD, back, off, {}),
        Action(whole, "connection_connected", PROD, back, on, {}),
    )
    recipes = [repertoire.recipes[recipe_index(blueprint)] for blueprint in LEDGER]
    answer = {
        "connection_id": LEDGER_CONNECTION.connection_id,
        "connection_name": LEDGER_CONNECTION.name,
        "provider": LEDGER_CONNECTION.provider,
        **_who(who),
        "disconnected_at": iso_z(broken),
        "first_failed_at": iso_z(min(failed)),
        "last_failed_at": iso_z(max(failed)),
        "reconnected_at": iso_z(whole),
        "reconnected_by": back.name,
        "error_message": TOLD_FAILURES[LEDGER[0].name].message,
        "recipes": sorted((_what(recipe) for recipe in recipes), key=lambda r: int(r["recipe_id"])),
        "failed_count": len(failed),
    }
    ask(
        story,
        "broken_connection",
        "Which connection broke, through whom, which recipes failed, and when was it back?",
        answer,
    )


def _edit(story: Story, frame: Frame, repertoire: Repertoire) -> None:
    """An edit brings a new error; the next edit ends it."""
    place = recipe_index(EDITED)
    recipe = repertoire.recipes[place]
    who, back = person_named("Grace Adeyemi"), person_named("Ines Duarte")
    edited = frame.at(0.65, 7.3)
    mended = edited + 9 * HOUR + 188
    told = FIRST_FAILURE + int(repertoire.failure_count[place])

    def look(at: int, number: int) -> int:
        if edited <= at < mended:
            return 0 if number % 9 == 4 else told
        return _usual(number)

    made = run_in_rhythm(story, frame, place, edited, look)
    between = [variant for at, variant in made if edited <= at < mended]
    resource = recipe_resource(recipe)
    tell(
        story,
        frame,
        Action(edited, "recipe_updated", PROD, who, resource, {}),
        Action(mended, "recipe_updated", PROD, back, resource, {}),
    )
    answer = {
        **_what(recipe),
        **_who(who),
        "edited_at": iso_z(edited),
        "first_failed_at": iso_z(min(at for at, variant in made if variant == told)),
        "mended_at": iso_z(mended),
        "mended_by": back.name,
        "error_message": TOLD_FAILURES[EDITED.name].message,
        "job_count": len(between),
        "failed_count": between.count(told),
    }
    ask(
        story,
        "breaking_edit",
        "Which edit made a recipe fail, with which new error, and which edit ended it?",
        answer,
    )


def _burst(story: Story, frame: Frame) -> None:
    """Many failed logins of an admin from one address, a login, and a role change."""
    admin, member = person_named("Mira Okafor"), person_named("Lena Fischer")
    who = replace(admin, ip_address="192.0.2.146", user_agent="Mozilla/5.0 (X11; Linux x86_64)")
    first = frame.at(0.9, 3.2, weekday=False)
    tries = [first + 17 * number + number * number % 5 for number in range(14)]
    login, change = tries[-1] + 26, tries[-1] + 214
    resource, details = user_resource(admin), {"activity": "password_login"}
    grant = grant_resource(member, "Admin")
    tell(
        story,
        frame,
        *(Action(at, "user_login_failed", DEV, who, resource, details) for at in tries),
        Action(login, "user_login", DEV, who, resource, details),
        Action(change, "team_membership_updated", DEV, who, grant, {}, {"role": member.role}),
    )
    answer = {
        **_who(who),
        "failed_count": len(tries),
        "first_failed_at": iso_z(tries[0]),
        "last_failed_at": iso_z(tries[-1]),
        "signed_in_at": iso_z(login),
        "role_changed_at": iso_z(change),
        "member_name": member.name,
        "member_email": member.email,
        "old_role": member.role,
        "new_role": "Admin",
    }
    ask(
        story,
        "failed_login_burst",
        "Whose sign-ins failed in a burst, from where, and what was changed after one succeeded?",
        answer,
    )


def _legacy(story: Story, frame: Frame) -> None:
    """Two jobs of the old edition a day, one of which fails, once in the window."""
    place = recipe_index(LEGACY)
    for index in range(frame.days if frame.dense else 3):
        second = day_start(frame.first) + index * DAY + 5 * HOUR
        failed = int(index == 1)
        story.planned[index] += [Planned(place, second, 0), Planned(place, second + HOUR, failed)]


def _oddities(story: Story, frame: Frame, repertoire: Repertoire) -> None:
    """Each rare shape once, on the second day, however small the sample."""
    second = day_start(frame.first) + DAY + 6 * HOUR
    shapes: tuple[ErrorShape, ...] = ("null", "text", "json_text", "object", "parts")
    pairs = [(repertoire.filler, EMPTY), (int(repertoire.bulk.argmax()), TOO_LONG)]
    for shape in shapes:
        found = ((i, failure_variant(r, shape)) for i, r in enumerate(repertoire.recipes))
        pairs.append(next((i, place) for i, place in found if place is not None))
    story.planned[1] += [
        Planned(recipe, second + 611 * number, variant)
        for number, (recipe, variant) in enumerate(pairs)
    ]


def _rename(story: Story, frame: Frame, repertoire: Repertoire) -> None:
    old, _ = repertoire.renamed
    story.renamed_at = frame.at(0.5, 11.5)
    resource = recipe_resource(repertoire.recipes[old], RENAMED[1])
    changes: dict[str, Any] = {"name": RENAMED[0]}
    who = person_named("Sofia Marchetti")
    tell(
        story,
        frame,
        Action(story.renamed_at, "recipe_renamed", PROD, who, resource, {}, changes),
    )


def tell_all(frame: Frame, repertoire: Repertoire) -> Story:
    """Return the whole story of a sample; the same for the same frame."""
    story = Story()
    _onboarding(story, frame, repertoire)
    _silent(story, frame, repertoire)
    _outage(story, frame, repertoire)
    _edit(story, frame, repertoire)
    _burst(story, frame)
    _legacy(story, frame)
    _oddities(story, frame, repertoire)
    _rename(story, frame, repertoire)
    return story
