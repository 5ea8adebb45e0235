"""Check: the command that runs the checks of data quality."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.errors import LakeError

if TYPE_CHECKING:
    from pipelines.lake.tables import Lake
    from pipelines.quality import CheckResult

DATE = ["%Y-%m-%d"]


def check(
    table: Annotated[
        list[str] | None,
        typer.Option(help="Lake table or mart to check; may be repeated. Without it, all."),
    ] = None,
    from_day: Annotated[
        datetime | None,
        typer.Option("--from", formats=DATE, help="First UTC day; without it, --to."),
    ] = None,
    to_day: Annotated[
        datetime | None,
        typer.Option("--to", formats=DATE, help="Last UTC day; without it, today."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of a table.")
    ] = False,
    docs: Annotated[
        Path | None,
        typer.Option(help="Folder for the verdicts of all tables as pages (Data Docs)."),
    ] = None,
) -> None:
    """Check the days of the newest load, or the days asked for; exit 1 if a blocking check fails.

    Days are those of the events; for `loads` and `rejected`, those of loading; for `deliveries`,
    those of the attempts; for `checks`, those of judging. A warning never changes the exit code.

    Example: trailhouse check --table jobs --from 2026-02-01 --to 2026-02-28
    """
    from pipelines.lake.storage import Storage
    from pipelines.lake.tables import Lake
    from pipelines.quality import CHECKS, days_of_marts, run_checks, write_data_docs
    from pipelines.settings import load_settings

    known = list(dict.fromkeys(one.table for one in CHECKS))
    if unknown := sorted(set(table or ()) - set(known)):
        raise typer.BadParameter(
            f"{unknown[0]} has no checks; known: {', '.join(known)}.", param_hint="--table"
        )
    lake = Lake(Storage(load_settings()))
    if from_day or to_day:
        days = dict.fromkeys(known, _between(from_day, to_day))
    else:
        days = days_of_newest_load(lake)
        days |= days_of_marts(days)
    results = [
        result
        for name in known
        if name in (table or known) and days.get(name)
        for result in run_checks(lake, name, days[name], clock=_now)
    ]
    page = None
    if docs is not None:
        every = sorted({day for chosen in days.values() for day in chosen})
        page = write_data_docs(lake, every, docs, _now)
    _print(results, page, as_json=as_json)
    if any(not one.passed and one.blocking for one in results):
        raise typer.Exit(1)


def _now() -> datetime:
    return datetime.now(UTC)


def _between(first: datetime | None, last: datetime | None) -> list[date]:
    end = last.date() if last else _now().date()
    begin = first.date() if first else end
    if begin > end:
        raise typer.BadParameter(f"{begin} is after {end}.", param_hint="--from")
    return [begin + timedelta(days=count) for count in range((end - begin).days + 1)]


def days_of_newest_load(lake: Lake) -> dict[str, list[date]]:
    """The UTC days of each table that the newest load touched, and the day of the load itself.

    Of `deliveries` and `checks`, which no load touches, it is the newest day.

    Raises:
        LakeError: Nothing was loaded yet.
    """
    from pipelines.lake.history import loads_after, newest_load

    number = newest_load(lake)
    loads = loads_after(lake, number - 1) if number else []
    if not loads:
        raise LakeError(f"{lake.url} has no loads yet; run trailhouse load first")
    days = {name: sorted(rows) for name, rows in loads[-1].partitions.items()}
    for name in ("loads", "deliveries", "checks"):
        days |= _newest_day(lake, name)
    return days


def _newest_day(lake: Lake, name: str) -> dict[str, list[date]]:
    table = lake.find(name)
    days = [date.fromisoformat(one["event_date"]) for one in table.partitions()] if table else []
    return {name: [max(days)]} if days else {}


def _print(results: Iterable[CheckResult], page: Path | None, *, as_json: bool) -> None:
    results = list(results)
    failed = sum(not one.passed and one.blocking for one in results)
    warned = sum(not one.passed and not one.blocking for one in results)
    if as_json:
        import orjson

        facts: dict[str, Any] = {
            "passed": len(results) - failed - warned,
            "failed": failed,
            "warnings": warned,
            "docs": str(page) if page else None,
            "checks": [one.as_dict() for one in results],
        }
        typer.echo(orjson.dumps(facts).decode())
        return
    from rich.console import Console

    console = Console()
    console.print(_table(results))
    for one in results:
        if not one.passed:
            _explain(console, one)
    console.print(f"{len(results) - failed - warned} passed, {failed} failed, {warned} warnings")
    if page:
        console.print(f"Pages: {page}", soft_wrap=True)


def _table(results: Iterable[CheckResult]) -> Any:
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    for name in ("Check", "Verdict"):
        shown.add_column(name, no_wrap=True)
    for name in ("Days", "Rows", "Worst"):
        shown.add_column(name, justify="right")
    for one in results:
        facts = one.metadata
        observed = facts.get("observed")
        shown.add_row(
            one.name,
            _verdict(one),
            f"{facts['days']:,}",
            f"{facts['rows']:,}",
            f"{observed['max']:,.4g}" if observed else "-",
        )
    return shown


def _verdict(one: CheckResult) -> str:
    if one.passed:
        return "[green]passed[/]"
    return "[bold red]failed[/]" if one.blocking else "[yellow]warning[/]"


def _explain(console: Any, one: CheckResult) -> None:
    from rich.markup import escape

    facts = one.metadata
    description = escape(facts["description"])
    console.print(f"\n{_verdict(one)} [bold]{one.name}[/]: {description}", soft_wrap=True)
    if newest := facts.get("newest_event_at"):
        console.print(f"  newest: {newest}", highlight=False)
        return
    days = ", ".join(f"{day}: {value:,.4g}" for day, value in facts["failing_days"].items())
    console.print(f"  by day: {days or facts.get('error')}", markup=False, soft_wrap=True)
    for example in facts["examples"]:
        text = ", ".join(f"{name}={value}" for name, value in example.items())
        console.print(f"  {text}", markup=False, soft_wrap=True, highlight=False)
