"""Blind: the command that says what the data cannot show."""

from __future__ import annotations

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
    say,
)
from pipelines.questions import words as w
from pipelines.questions.answer import Span

SPAN_DAYS = 30
TOP = 30
LOADED_LATER = "loaded later"
"""Finding of a source most of whose events came late: they were loaded after the fact."""


def blind(
    first: From = None,
    last: To = None,
    environment: Environment = None,
    top: Top = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Say where a quiet table is no healthy one: silent recipes and sources, gaps, late events.

    Trigger errors make no job, so a recipe that cannot reach its trigger looks perfect. Silence is
    against the recipe's own rhythm and as of the lake's newest day; the rest is of the last 30
    days.

    Example: trailhouse blind --environment prod
    """
    from pipelines.questions.blindness import blindness

    form = Form(as_json, as_csv)
    with asking("blind", "environments") as desk:
        span = Span.until(desk.freshness.newest, as_day(first), as_day(last), days=SPAN_DAYS)
        answer = blindness(
            desk.connection,
            span,
            environment=desk.environment(environment),
            top=form.top(top, TOP),
        )
    later = [row for row in answer.dicts() if row["finding"] == LOADED_LATER]
    if form.is_table:  # a backfill is no blind spot
        answer = answer.without("finding", LOADED_LATER)
    print_answer(
        answer,
        form,
        f"Blind spots, {span}; silence as of {desk.freshness.newest} (UTC)",
        _COLUMNS,
        empty=f"No blind spots found, {span}; silence as of {desk.freshness.newest}.",
        unit="findings",
    )
    if form.is_table and later:
        count = w.count(sum(row["event_count"] for row in later))
        sources = ", ".join(sorted({row["id"] for row in later}))
        say(f"Loaded after the fact, so not counted as late: {count} events of source {sources}.")


def _what(row: Row) -> str:
    return row["name"] if row["name"] == row["id"] else f"{row['name']} ({row['id']})"


_COLUMNS = [
    Column("finding", lambda r: r["finding"], fold=True),
    Column("what", _what, fold=True),
    Column("env", lambda r: r["environment"]),
    Column("since (UTC)", lambda r: w.minute(r["since_at"])),
    Column("for", lambda r: w.duration(r["silent_seconds"]), right=True),
    Column("usual gap", lambda r: w.duration(r["usual_gap_seconds"]), right=True, wide=True),
    Column("detail", lambda r: r["detail"].replace("_", " "), fold=True),
]
