"""Attention: what a reader must not miss, as sentences, the most serious first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.report.facts import Facts, Row
from pipelines.report.trends import GROWING, NEW, RETURNED
from pipelines.report.wording import (
    clip,
    count,
    day,
    duration,
    isolated,
    moment,
    plural,
    words,
)

SERIOUS, WARNING, NOTE = "serious", "warning", "note"
LEVELS = (SERIOUS, WARNING, NOTE)
MOST = 8
"""Sentences that are read; the sections have the rest."""
LONG_STOP_SECONDS = 3600
"""A stop by a person that is worth a sentence; shorter ones belong to editing."""
NAME = 60


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence, and the section that has more of it."""

    level: str
    anchor: str
    title: str
    text: str


def notices(facts: Facts) -> list[Notice]:
    """The sentences, the most serious first; within a level in the order of the sections."""
    found = [
        *_sign_ins(facts),
        *_outages(facts),
        *_stops(facts),
        *_errors(facts),
        *_silence(facts),
        *_volume(facts),
        *_health(facts),
    ]
    return sorted(found, key=lambda notice: LEVELS.index(notice.level))[:MOST]


def name_of(row: Row, name: str = "recipe_name", other: str = "recipe_id") -> str:
    """A name that somebody gave, or the id where none is known; of bounded length."""
    return clip(row[name] or row[other] or "unknown", NAME)


def _named(row: Row, name: str = "recipe_name", other: str = "recipe_id") -> str:
    """The name within a sentence."""
    return isolated(name_of(row, name, other))


def _sign_ins(facts: Facts) -> Iterator[Notice]:
    year = facts.period.to_date.year
    for row in facts.rows["bursts"]:
        whose = (
            f"of {isolated(row['person_name'] or row['person_email'] or row['subject'], NAME)}"
            if row["person_count"] == 1
            else f"of {plural(row['person_count'], 'person', 'people')}"
        )
        origin = (
            f" from {isolated(row['ip_address'], NAME)}"
            if row["ip_address"]
            else f" from {plural(row['ip_address_count'], 'address', 'addresses')}"
        )
        text = f"{moment(row['first_failed_at'], year)} UTC{origin}."
        if row["is_followed_by_sign_in"]:
            text += f" Then {isolated(row['signed_in_name'] or 'somebody', NAME)} signed in."
        if row["is_followed_by_role_change"]:
            member = isolated(row["member_name"] or row["member_email"] or "a person", NAME)
            text += f" After that {member} was made {isolated(row['new_role'], NAME)}."
        level = SERIOUS if row["is_followed_by_sign_in"] else WARNING
        title = f"{count(row['failed_count'])} failed sign-ins {whose} in a row"
        yield Notice(level, "sign-ins", title, text)


def _outages(facts: Facts) -> Iterator[Notice]:
    for row in facts.rows["outages"]:
        if not row["failed_count"]:
            continue
        name = _named(row, "connection_name", "connection_id")
        lasted = (
            "still down"
            if row["is_open"]
            else f"down {duration(row['downtime_seconds'])}"
            if row["downtime_seconds"] is not None
            else "deleted"
        )
        who = isolated(row["actor_name"] or "Workato", NAME)
        yield Notice(
            SERIOUS if row["is_open"] else WARNING,
            "outages",
            f"Connection {name}: {lasted}",
            f"{plural(row['failed_count'], 'job')} of {plural(row['recipe_count'], 'recipe')} "
            f"failed for want of it; disconnected by {who}.",
        )


def _stops(facts: Facts) -> Iterator[Notice]:
    year = facts.period.to_date.year
    for row in facts.rows["stops"]:
        is_workato = row["stopped_by"] == "workato"
        if row["deleted_at"] is not None:
            continue
        if not (is_workato or (row["downtime_seconds"] or 0) >= LONG_STOP_SECONDS):
            continue
        whom = "Workato" if is_workato else isolated(row["actor_name"] or "a person", NAME)
        lasted = (
            "It is still down" if row["is_open"] else f"Down {duration(row['downtime_seconds'])}"
        )
        reason = isolated(words(row["stop_reason"]))
        restarted = f", started again by {isolated(row['restarted_by_name'] or 'Workato', NAME)}"
        if row["seen_running_at"] is not None:
            restarted = " at most: it runs again, but its start was never received"
        yield Notice(
            SERIOUS if is_workato and row["is_open"] else WARNING,
            "stops",
            f"{_named(row)} was stopped by {whom}",
            f"{moment(row['stopped_at'], year)} UTC, reason: {reason}. {lasted}"
            f"{'' if row['is_open'] else restarted}.",
        )


def _errors(facts: Facts) -> Iterator[Notice]:
    for row in facts.errors:
        cause = row["cause"]
        if row["trend"] not in (NEW, RETURNED) or not cause:
            continue
        # a connection that was lost is told of as an outage
        if cause["cause_rank"] == 1 and cause["cause_reach"] == "recipe":
            text = isolated(row["error_text"] or row["error_type"], 100)
            who = isolated(cause["actor_name"] or "Workato", NAME)
            yield Notice(
                WARNING,
                "errors",
                f"A change may have broken {_named(cause)}",
                f"“{text}” began {duration(cause['seconds_before'])} after a change by "
                f"{who} ({isolated(words(cause['cause_event_type']))}).",
            )
    growing = [row for row in facts.errors if row["trend"] == GROWING]
    if growing:
        text = isolated(growing[0]["error_text"] or growing[0]["error_type"], 100)
        yield Notice(
            WARNING,
            "errors",
            f"{plural(len(growing), 'error')} at least doubled",
            f"The most frequent: “{text}”, {count(growing[0]['failed_count'])} failed jobs "
            f"after {count(growing[0]['failed_count_before'])}.",
        )


def _silence(facts: Facts) -> Iterator[Notice]:
    if silent := facts.rows["silent_recipes"]:
        yield Notice(
            WARNING,
            "silence",
            f"{plural(len(silent), 'recipe')} gone silent",
            f"{_named(silent[0])} has not run for {duration(silent[0]['silent_seconds'])}; "
            f"usually it runs every {duration(silent[0]['usual_gap_seconds'])}.",
        )
    if sources := facts.rows["silent_sources"]:
        yield Notice(
            SERIOUS,
            "health",
            f"{plural(len(sources), 'source')} of data gone silent",
            f"{isolated(sources[0]['source'], NAME)}: no {words(sources[0]['event_kind'])} events "
            f"for {duration(sources[0]['silent_seconds'])}. This page may lack recent events.",
        )


def _volume(facts: Facts) -> Iterator[Notice]:
    crossing = [row for row in facts.rows["volume"] if row["earliest_crossing_date"]]
    for row in crossing[:1]:
        others = f", and {plural(len(crossing) - 1, 'other')}" if len(crossing) > 1 else ""
        verb = "has crossed" if row["is_crossed"] else "is about to cross"
        yield Notice(
            WARNING,
            "volume",
            f"{_named(row)}{others} {verb} the high-volume threshold",
            f"{count(row['threshold_count'])} tasks in the cycle that ends on "
            f"{day(row['cycle_end_date'])}, reached on {day(row['earliest_crossing_date'])} "
            "at the earliest.",
        )


def _health(facts: Facts) -> Iterator[Notice]:
    failing = [one for one in facts.checks or () if not one.passed and one.blocking]
    if failing:
        yield Notice(
            SERIOUS,
            "health",
            f"{plural(len(failing), 'data check')} failed",
            f"{words(failing[0].name)}. Numbers on this page may be wrong.",
        )
    if facts.stale:
        yield Notice(
            NOTE,
            "health",
            "Some models lag behind the lake",
            f"{plural(len(facts.stale), 'model')} waiting to be built; "
            "this page tells what was built last.",
        )
