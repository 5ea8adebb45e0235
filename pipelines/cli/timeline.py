"""Timeline: the command that tells what happened to something, or what somebody did."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
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

TOP = 50


class Kind(StrEnum):
    """What a name is the name of."""

    RECIPE = "recipe"
    CONNECTION = "connection"
    PERSON = "person"


def timeline(
    name: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE|PERSON|CONNECTION",
            help="Name, a part of it, id or e-mail address; case, accents and slips do not matter.",
        ),
    ],
    kind: Annotated[Kind | None, typer.Option(help="What the name is of.")] = None,
    all_jobs: Annotated[
        bool,
        typer.Option(
            "--all-jobs",
            help="Every job of a recipe, not only failures and the first success after them; of a "
            "connection or person every failure, not only the first and last of a run.",
        ),
    ] = False,
    first: From = None,
    last: To = None,
    environment: Environment = None,
    top: Top = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Tell what happened, in order of time: changes and jobs interleaved; all days of the lake.

    Of a recipe its changes and failures; of a connection also the jobs that failed on its
    connector; of a person what they did, what was done to them, and what failed within 24 hours in
    recipes that they changed. --top counts from the newest.

    Example: trailhouse timeline "Employee onboarding" --from 2026-02-10 --to 2026-02-16
    """
    from pipelines.questions.timeline import KINDS
    from pipelines.questions.timeline import timeline as ask_timeline

    form = Form(as_json, as_csv)
    kinds = (str(kind),) if kind else KINDS
    with asking("resources", "environments", *(f"timeline_{k}" for k in kinds)) as desk:
        span = Span.all_between(as_day(first), as_day(last))
        where = desk.environment(environment)
        found = meant(desk, name, kinds, where)
        answer = ask_timeline(
            desk.connection,
            found,
            span,
            all_jobs=all_jobs,
            environment=where,
            top=form.top(top, TOP),
        )
    print_answer(
        answer,
        form,
        f"{title_of(found)}, {span}",
        _COLUMNS[found.kind],
        empty=f"Nothing of {title_of(found)}, {span}.",
        unit="events, the newest",
    )


def _what(row: Row) -> str:
    what = str(row["event_type"]).replace("_", " ")
    if row["event_kind"] != "job":
        return what
    return f"{'test ' if row['is_test'] else ''}job {what}"


def _detail(row: Row) -> str:
    """The detail as sent; of a failed job its id too, which Workato's job history is asked by."""
    job = row["job_id"] if row["outcome"] == "failed" else None
    return "\n".join(filter(None, (w.clip(row["detail"]), _run(row), job)))


def _run(row: Row) -> str | None:
    """Which of a run of failures it is, where there are more than one."""
    count = row.get("failed_count") or 0
    return f"failure {row['failure_number']} of {count}" if count > 1 else None


def _connection_what(row: Row) -> str:
    return f"{_what(row)}: {row['resource_name']}" if row["event_kind"] == "job" else _what(row)


def _connection_detail(row: Row) -> str:
    doubt = "maybe of another connection" if row["matched_by"] == "connector" else None
    return "\n".join(filter(None, (_detail(row), doubt)))


def _person_on(row: Row) -> str:
    """What was acted on; nothing of a sign-in, which names the person or the workspace."""
    return "" if str(row["resource_type"]).lower() == "user" else row["resource_name"] or ""


def _person_detail(row: Row) -> str:
    if row["event_kind"] == "job":
        return _detail(row)
    by = None if row["is_actor"] else f"by {row['actor_name']}"
    return ", ".join(filter(None, (row["detail"], by)))


_TIME = Column("time (UTC)", lambda r: w.moment(r["occurred_at"]))
_BY = Column("by", lambda r: r["actor_name"] or "", fold=True)
_FROM = Column("from", lambda r: r["ip_address"] or "", wide=True)
_DETAIL = Column("detail", _detail, fold=True)
_COLUMNS: dict[str, Sequence[Column]] = {
    "recipe": [_TIME, Column("what", _what, fold=True), _BY, _FROM, _DETAIL],
    "connection": [
        _TIME,
        Column("what", _connection_what, fold=True),
        _BY,
        _FROM,
        Column("detail", _connection_detail, fold=True),
    ],
    "person": [
        _TIME,
        Column("what", _what, fold=True),
        Column("on", _person_on, fold=True),
        Column("env", lambda r: r["environment"] or ""),
        _FROM,
        Column("detail", _person_detail, fold=True),
    ],
}
