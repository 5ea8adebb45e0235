"""Report: the command that writes one page about a period."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.answers import Environment, From, To, as_day
from pipelines.cli.context import now, open_lake, print_json, stderr

if TYPE_CHECKING:
    from pipelines.lake.tables import Lake
    from pipelines.quality import CheckResult
    from pipelines.report import Period


def report(
    first: From = None,
    last: To = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write; without it, a file named for the period.")
    ] = None,
    environment: Environment = None,
    checks: Annotated[
        bool, typer.Option("--checks", help="Run the data checks on the period and tell of them.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the facts as one JSON object; no page but --out.")
    ] = False,
) -> None:
    """Write a period's usage, errors, changes, incidents and health as one HTML page.

    The page holds all that it needs: it can be mailed, archived, opened offline and printed.
    Without --from and --to it tells of the seven days that end on the newest day of the lake.

    Example: trailhouse report --from 2026-02-01 --to 2026-02-28 --out february.html
    """
    from pipelines.report import file_name, gather, render

    lake = open_lake()
    period = _period(lake, as_day(first), as_day(last))
    with stderr().status("Reading the models"):
        verdicts = _judge(lake, period) if checks else None
        facts = gather(lake, period, made_at=now(), environment=environment, checks=verdicts)
    if out is not None or not as_json:
        path = out or Path(file_name(period, environment))
        path.write_bytes(render(facts))
        if not as_json:
            typer.echo(f"Report: {path}")
    if as_json:
        print_json(facts.as_dict())


def _period(lake: Lake, first: date | None, last: date | None) -> Period:
    from pipelines.report.facts import newest_day
    from pipelines.report.period import WEEK, Period

    end = last or newest_day(lake) or now().date()
    return Period(first or end - timedelta(days=WEEK - 1), end)


def _judge(lake: Lake, period: Period) -> list[CheckResult]:
    from pipelines.quality import CHECKS, run_checks

    tables = dict.fromkeys(check.table for check in CHECKS)
    return [
        verdict for table in tables for verdict in run_checks(lake, table, period.days, clock=now)
    ]
