"""Usage: the command that says what drives the use of the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.answers import (
    AsCsv,
    AsJson,
    Column,
    Environment,
    Form,
    From,
    To,
    Top,
    as_day,
    asking,
    print_answer,
)
from pipelines.cli.volume import print_high_volume
from pipelines.errors import TrailhouseError
from pipelines.questions import words as w
from pipelines.questions.answer import Span
from pipelines.questions.usage import Period, UsageBy

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SPAN_DAYS = 30
TOP = 20


def usage(
    by: Annotated[UsageBy, typer.Option(help="What to sum by.")] = UsageBy.RECIPE,
    per: Annotated[
        Period | None, typer.Option(help="Sum per day, week, month or billing cycle.")
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(help="Counting rule of tasks: task_2019, task_2021, business_action."),
    ] = None,
    high_volume: Annotated[
        bool,
        typer.Option(
            "--high-volume",
            help="Show how near recipes are to the high-volume threshold, and when they cross it.",
        ),
    ] = False,
    first: From = None,
    last: To = None,
    environment: Environment = None,
    top: Top = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show what runs most: jobs, tasks, run time and waste; the last 30 days, test jobs aside.

    Tasks are counted by a named rule, that of the settings without --rule. The stream has no task
    number: where it leaves several possible, the least and the most are shown.

    Example: trailhouse usage --by project --per week --environment prod
    """
    from pipelines.questions.usage import statement_of
    from pipelines.questions.usage import usage as ask_usage

    form = Form(as_json, as_csv)
    if high_volume and (by is not UsageBy.RECIPE or per or first or last):
        raise TrailhouseError(
            "--high-volume is of recipes in the billing cycle of the newest day; "
            "leave --by, --per, --from and --to away"
        )
    statement = "high_volume" if high_volume else statement_of(by)
    with asking(statement, "environments", "counting_rules") as desk:
        rules = _rules(desk.connection)
        chosen = rule or desk.settings.counting_rule
        if chosen not in rules:
            raise TrailhouseError(f"--rule {chosen!r} is not known; there are: {', '.join(rules)}")
        if high_volume:
            only, most = desk.environment(environment), form.top(top, TOP)
            print_high_volume(desk, form, rule=chosen, environment=only, top=most)
            return
        span = Span.until(desk.freshness.newest, as_day(first), as_day(last), days=SPAN_DAYS)
        answer = ask_usage(
            desk.connection,
            span,
            by=by,
            rule=chosen,
            per=per,
            environment=desk.environment(environment),
            top=form.top(top, TOP),
        )
    print_answer(
        answer,
        form,
        f"Usage by {by}{f' per {per}' if per else ''}, {span} (UTC days)",
        [*_period(per), *_subject(by), *_figures(by, chosen, per)],
        empty=f"No jobs from {span}; the newest day of the lake is {desk.freshness.newest}.",
        unit=_PLURALS.get(by, f"{by}s"),
        caption=_caption(by, chosen, rules[chosen]),
    )


_PLURALS = {UsageBy.PROCESS: "processes"}


def _rules(connection: DuckDBPyConnection) -> dict[str, str]:
    from pipelines.questions.answer import ask

    return {str(rule): str(title) for rule, title in ask(connection, "counting_rules").rows}


def _caption(by: UsageBy, rule: str, title: str) -> str:
    told = f"Tasks by {rule}: {title}. Wasted: run time of failed jobs and reruns."
    told += " Median and p95 of run times are within 5 percent."
    if by is UsageBy.CONNECTOR:
        return (
            f"{told} Of connectors they are of the time of a step. Known: share of jobs that sent "
            "their steps; the others are `unknown`."
        )
    if by is UsageBy.PROCESS:
        return f"{told} A process is a recipe with all that it calls."
    return told


def _period(per: Period | None) -> Sequence[Column]:
    return [Column(f"{per} of", lambda r: w.day(r["period_start_date"]))] if per else []


def _subject(by: UsageBy) -> Sequence[Column]:
    columns = [Column(str(by), lambda r: r["name"], fold=True)]
    if by in (UsageBy.RECIPE, UsageBy.PROCESS, UsageBy.OWNER):
        columns.append(Column("id", lambda r: r["id"]))
    if by not in (UsageBy.OWNER, UsageBy.ENVIRONMENT):
        columns.append(Column("env", lambda r: r["environment"]))
    if by is not UsageBy.RECIPE:
        columns.append(Column("recipes", lambda r: w.count(r["recipe_count"]), right=True))
    return columns


def _figures(by: UsageBy, rule: str, per: Period | None) -> Sequence[Column]:
    of_steps = by is UsageBy.CONNECTOR
    share, width = ("step_share", 140) if of_steps else ("job_share", 100)
    return [
        Column("jobs", lambda r: w.count(r["job_count"]), right=True),
        *([Column("steps", lambda r: w.count(r["step_count"]), right=True)] if of_steps else []),
        *([] if per else [_share("share", share, width)]),  # it is of the whole span
        _share("failed", "failed_share"),
        _share("reruns", "repeat_share", 120),
        _share("tests", "test_share", 120),
        _tasks(f"tasks\n{rule}", "tasks"),
        _time("run time", "total_seconds"),
        _share("wasted", "wasted_share"),
        _tasks("wasted\ntasks", "wasted_tasks", 140),
        _time("median", "approximate_median_seconds", 120),
        _time("p95", "approximate_p95_seconds", 100),
        *([_share("in app", "execute_share", 140)] if of_steps else []),
        *([_share("known", "stepped_share")] if of_steps else []),
    ]


def _share(title: str, name: str, width: int = 0) -> Column:
    return Column(title, lambda r: w.share(r[name]), right=True, width=width)


def _time(title: str, name: str, width: int = 0) -> Column:
    return Column(title, lambda r: w.duration(r[name]), right=True, width=width)


def _tasks(title: str, name: str, width: int = 0) -> Column:
    least, most = f"{name}_least_count", f"{name}_most_count"
    return Column(title, lambda r: w.bounds(r[least], r[most]), right=True, width=width)
