"""Volume: recipes against the high-volume threshold, as `usage --high-volume` shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.cli.answers import Column, Desk, Form, print_answer
from pipelines.questions import words as w


def print_high_volume(
    desk: Desk, form: Form, *, rule: str, environment: str | None, top: int
) -> None:
    """Print how near each recipe is to the threshold in this billing cycle, the nearest first.

    Args:
        desk: Where to ask.
        form: Table, JSON or CSV.
        rule: Counting rule of tasks.
        environment: Only recipes of this one.
        top: Rows; 0 is all.
    """
    from pipelines.questions.answer import ask

    answer = ask(
        desk.connection, "high_volume", counting_rule=rule, environment=environment, top=top
    )
    first = next(answer.dicts(), None)
    title = "High volume"
    if first:
        cycle = f"{first['cycle_start_date']} to {first['cycle_end_date']}"
        title = f"High volume in the billing cycle {cycle}, as of {first['as_of_date']} (UTC)"
    print_answer(
        answer,
        form,
        title,
        _columns(rule),
        empty=f"No tasks in the billing cycle of {desk.freshness.newest}.",
        unit="recipes",
        caption=_caption(first) if first else None,
    )


def _caption(row: Mapping[str, Any]) -> str:
    return (
        f"Of limit: the forecast, at most, of the {row['threshold_count']:,} tasks in a cycle from "
        "which a recipe is high-volume. The forecast goes on at the pace of the cycle so far."
    )


def _columns(rule: str) -> Sequence[Column]:
    return [
        Column("recipe", lambda r: r["name"], fold=True),
        Column("id", lambda r: r["id"]),
        Column("env", lambda r: r["environment"]),
        Column(
            f"so far\n{rule}",
            lambda r: w.bounds(r["tasks_least_count"], r["tasks_most_count"]),
            right=True,
        ),
        Column(
            "forecast",
            lambda r: w.bounds(r["forecast_least_count"], r["forecast_most_count"]),
            right=True,
        ),
        Column("of limit", lambda r: w.share(r["threshold_share"]), right=True),
        Column("reached (UTC)", _reached),
        Column("tier", lambda r: w.count(r["forecast_tier"]), right=True, wide=True),
    ]


def _reached(row: Mapping[str, Any]) -> str:
    earliest, latest = row["earliest_crossing_date"], row["latest_crossing_date"]
    if earliest is None:
        return "not in this cycle"
    if latest is None:
        return f"{w.day(earliest)} or later"
    return w.day(earliest) if earliest == latest else f"{w.day(earliest)} to {w.day(latest)}"
