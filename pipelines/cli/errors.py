"""Errors: the command that says what fails most."""

from __future__ import annotations

from collections.abc import Sequence
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
from pipelines.cli.meant import meant
from pipelines.questions import words as w
from pipelines.questions.answer import Span
from pipelines.questions.errors import ErrorsBy

SPAN_DAYS = 30
TOP = 20
NEAR_RANK = 2
"""Changes of the recipe, connection or connector within a day; error_causes has the ranks."""


def errors(
    by: Annotated[ErrorsBy, typer.Option(help="What to count by.")] = ErrorsBy.RECIPE,
    recipe: Annotated[
        str | None, typer.Option(help="Only this recipe: its name, a part of it, or its id.")
    ] = None,
    first: From = None,
    last: To = None,
    environment: Environment = None,
    top: Top = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show what fails most: failed jobs and their rate; the last 30 days, test jobs aside.

    A fingerprint is a message without what varies in it. Its trend is as of the lake's newest day;
    the change below it is the nearest before it began that could explain it, and no proof.

    Example: trailhouse errors --by fingerprint --environment prod
    """
    from pipelines.questions.errors import errors as ask_errors
    from pipelines.questions.errors import statement_of

    form = Form(as_json, as_csv)
    with asking(statement_of(by), "environments", "resources") as desk:
        span = Span.until(desk.freshness.newest, as_day(first), as_day(last), days=SPAN_DAYS)
        where = desk.environment(environment)
        found = meant(desk, recipe, ("recipe",), where) if recipe else None
        answer = ask_errors(
            desk.connection,
            span,
            by=by,
            recipe_id=found.resource_id if found else None,
            environment=where,
            top=form.top(top, TOP),
        )
    of = f" of {found.name} ({found.resource_id})" if found else ""
    print_answer(
        answer,
        form,
        f"Failed jobs by {by}{of}, {span} (UTC days)",
        _COLUMNS[by],
        empty=f"No failed jobs{of} from {span}; the newest day of the lake is "
        f"{desk.freshness.newest}.",
        unit=f"{by}s" if by is not ErrorsBy.TYPE else "types of error",
        caption=_CAPTIONS.get(by),
    )


def _families(row: Row) -> str:
    return f"{w.count(row['failed_family_count'])} of {w.count(row['family_count'])}"


def _error(row: Row) -> str:
    """The error with its connector and operation; below it the change that came before."""
    known = [p for p in (row["error_adapter"], row["error_operation"]) if p != "unknown"]
    error = f"{'.'.join(known) or 'unknown'}: {w.clip(row['error_text'] or row['error_type'])}"
    if row["cause_event_type"] is None or row["cause_rank"] > NEAR_RANK:
        return error
    what = row["cause_event_type"].replace("_", " ")
    who = row["cause_actor_name"] or "Workato"
    before = w.duration(row["cause_seconds_before"])
    return f"{error}\n← {before} after {what}: {row['cause_resource_name']}, by {who}"


_FAILED = Column("failed", lambda r: w.count(r["failed_count"]), right=True)
_ENVIRONMENT = Column("env", lambda r: r["environment"])
_RECIPES = Column("recipes", lambda r: w.count(r["recipe_count"]), right=True)
_LAST = Column("last (UTC)", lambda r: w.day(r["last_failed_at"]), wide=True)
_SHARE = Column("share", lambda r: w.share(r["failed_share"]), right=True)
_EXAMPLE = Column("for example", lambda r: w.clip(r["example_message"]), fold=True)
_COLUMNS: dict[ErrorsBy, Sequence[Column]] = {
    ErrorsBy.RECIPE: [
        Column("recipe", lambda r: r["recipe_name"], fold=True),
        Column("id", lambda r: r["recipe_id"]),
        _ENVIRONMENT,
        _FAILED,
        Column("rate", lambda r: w.share(r["error_rate"]), right=True),
        Column("families", _families, right=True),
        Column("most frequent error", lambda r: w.clip(r["error_text"]), fold=True),
        _LAST,
    ],
    ErrorsBy.FINGERPRINT: [
        Column("error, and the change before it began", _error, fold=True),
        _ENVIRONMENT,
        _FAILED,
        _RECIPES,
        Column("trend", lambda r: r["trend"] or "–"),
        Column("first seen", lambda r: w.day(r["first_seen_at"])),
        Column("last seen", lambda r: w.day(r["last_seen_at"])),
    ],
    ErrorsBy.TYPE: [
        Column("type", lambda r: r["name"], fold=True),
        _ENVIRONMENT,
        _FAILED,
        _SHARE,
        _RECIPES,
        _LAST,
        _EXAMPLE,
    ],
    ErrorsBy.CONNECTOR: [
        Column("connector", lambda r: r["name"]),
        _ENVIRONMENT,
        _FAILED,
        _SHARE,
        _RECIPES,
        _LAST,
        _EXAMPLE,
    ],
    ErrorsBy.STEP: [
        Column("recipe", lambda r: r["recipe_name"] or r["recipe_id"], fold=True),
        Column("id", lambda r: r["recipe_id"]),
        Column("line", lambda r: w.count(r["line_number"]), right=True),
        Column("step", lambda r: r["name"].replace(".", " "), fold=True),
        _ENVIRONMENT,
        _FAILED,
        _LAST,
        _EXAMPLE,
    ],
}
_CAPTIONS = {
    ErrorsBy.RECIPE: "Families: jobs with their reruns; the last run decides whether one failed.",
}
