"""Stopped: the command that says who or what stopped a recipe."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.answers import (
    AsCsv,
    AsJson,
    Column,
    Environment,
    Form,
    From,
    Row,
    To,
    Top,
    as_day,
    asking,
    print_answer,
)
from pipelines.cli.meant import meant, title_of
from pipelines.questions import words as w
from pipelines.questions.answer import Span

TOP = 20
_EARLIER = ("second", "third")


def who_stopped(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE",
            help="Name, a part of it, or id; case, accents and slips do not matter.",
        ),
    ],
    first: From = None,
    last: To = None,
    environment: Environment = None,
    top: Top = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Say who or what stopped a recipe, when, why, from which address, and until when it was down.

    Newest first, all days of the lake, with the last errors before the stop and how many jobs
    failed in the 24 hours after the start. With --json also those of the 24 hours before the stop.

    Example: trailhouse who-stopped "Employee onboarding"
    """
    from pipelines.questions.stops import stops

    form = Form(as_json, as_csv)
    with asking("who_stopped", "resources", "environments") as desk:
        span = Span.all_between(as_day(first), as_day(last))
        found = meant(desk, recipe, ("recipe",), desk.environment(environment))
        answer = stops(desk.connection, found.resource_id, span, top=form.top(top, TOP))
    print_answer(
        answer,
        form,
        f"Stops of {title_of(found)}, {span}",
        _COLUMNS,
        empty=f"Nobody stopped {title_of(found)}, {span}, as far as the lake knows.",
        unit="stops",
    )


def _who(row: Row) -> str:
    who = row["actor_name"] or row["actor_email"] or row["actor_id"] or "unknown"
    return f"{who}\nfrom {row['ip_address']}" if row["ip_address"] else who


def _reason(row: Row) -> str:
    reason = (row["stop_reason"] or "").replace("_", " ")
    if row["is_forced"]:
        reason = f"{reason}, by force"
    if row["is_already_down"]:
        reason = f"{reason}; it was down already"
    if row["stopped_by"] == "workato" and row["silent_seconds"] is not None:
        reason += f", after {w.duration(row['silent_seconds'])} without a job"
        if row["usual_gap_seconds"] is not None:
            reason += f" (usually one in {w.duration(row['usual_gap_seconds'])})"
    return reason


def _back(row: Row) -> str:
    if row["deleted_at"] is not None:
        return f"deleted\n{w.moment(row['deleted_at'])}"
    if row["seen_running_at"] is not None:
        return f"runs by\n{w.moment(row['seen_running_at'])}\nstart never seen"
    if row["restarted_at"] is None:
        return "still down"
    back = f"{w.moment(row['restarted_at'])}\nby {row['restarted_by_name'] or 'Workato'}"
    if row["downtime_seconds"]:
        back += f"\nafter {w.duration(row['downtime_seconds'])}"
    if row["job_count_after"]:
        failed, jobs = w.count(row["failed_count_after"]), w.count(row["job_count_after"])
        back += f"\nthen {failed} of {jobs} failed"
    return back


def _errors(row: Row) -> str:
    """The last three; of those with one text the text once."""
    last = row["last_error_message"] or row["last_error_type"]
    found = [(last, row["last_failed_at"])]
    found += [(row[f"{n}_last_error_message"], row[f"{n}_last_failed_at"]) for n in _EARLIER]
    times: dict[str, list[str]] = {}
    for message, failed_at in found:
        if failed_at is not None:
            text = w.clip(message or "an error without a text", 80)
            times.setdefault(text, []).append(w.minute(failed_at))
    return "\n".join("\n".join((text, *moments)) for text, moments in times.items())


_COLUMNS = [
    Column("stopped (UTC)", lambda r: w.moment(r["stopped_at"])),
    Column("by", _who),
    Column("why", _reason, fold=True),
    Column("back (UTC)", _back),
    Column("last errors before", _errors, fold=True, wide=True),
]
