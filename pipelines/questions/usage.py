"""Usage: jobs, tasks, time and waste, per recipe, folder, project, connector, owner, process."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from pipelines.questions.answer import Answer, Span, ask

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class UsageBy(StrEnum):
    """What usage is summed by."""

    RECIPE = "recipe"
    FOLDER = "folder"
    PROJECT = "project"
    CONNECTOR = "connector"
    OWNER = "owner"
    PROCESS = "process"
    ENVIRONMENT = "environment"


class Period(StrEnum):
    """What days are summed to; a cycle is the billing cycle of the settings."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    CYCLE = "cycle"


_STATEMENTS = {UsageBy.PROCESS: "usage_by_process", UsageBy.CONNECTOR: "usage_by_connector"}


def statement_of(by: UsageBy) -> str:
    """The file of `sql/questions` that answers."""
    return _STATEMENTS.get(by, "usage")


def usage(
    connection: DuckDBPyConnection,
    span: Span,
    *,
    by: UsageBy,
    rule: str,
    per: Period | None = None,
    environment: str | None = None,
    top: int = 0,
) -> Answer:
    """Usage in the span, the busiest first; of each period anew where there is one.

    Args:
        connection: On the catalogue.
        span: UTC days.
        by: What to sum by.
        rule: Counting rule of tasks, a row of `counting_rules`.
        per: What to sum the days to; without it the whole span is one row each.
        environment: Only jobs of this one.
        top: The busiest of the whole span, each with all its periods; 0 is all.

    Returns:
        A row per subject and period; `period_start_date` is the first day of the span where
        `per` is not given. The first and last period hold only days of the span.
    """
    period = "billing_cycle" if per is Period.CYCLE else per and str(per)
    pieces = _pieces(span, whole_months=per is None) if statement_of(by) == "usage" else {}
    return ask(
        connection,
        statement_of(by),
        **pieces,
        by=str(by),
        period=period,
        counting_rule=rule,
        from_date=span.first,
        to_date=span.last,
        environment=environment,
        top=top,
    )


def _pieces(span: Span, *, whole_months: bool) -> dict[str, date]:
    """What of a span is read by day, and which months between; without any, all of it by day."""
    none = {"from_month": date.max, "to_month": date.min, "tail_from_date": date.max}
    if not whole_months or span.first == date.min or span.last == date.max:
        return {"head_to_date": span.last, **none}
    # 4 days after the 28th it is the next month, whatever the length
    first = (span.first - timedelta(days=1)).replace(day=28) + timedelta(days=4)
    first, after = first.replace(day=1), (span.last + timedelta(days=1)).replace(day=1)
    if first >= after:
        return {"head_to_date": span.last, **none}
    return {
        "head_to_date": first - timedelta(days=1),
        "from_month": first,
        "to_month": after - timedelta(days=1),
        "tail_from_date": after,
    }
