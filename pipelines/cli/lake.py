"""Lake: commands that look after the lake's tables."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any

import typer

from pipelines.cli.context import now, open_lake, print_json, print_table, unique

app = typer.Typer(help="Look after the lake's tables; Dagster does it on schedules.")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON array.")]


@app.command()
def compact(
    all_days: Annotated[bool, typer.Option("--all", help="Open days too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Merge the small files of closed UTC days; rows stay the same.

    Example: trailhouse lake compact
    """
    from pipelines.lake.maintain import compact as compact_lake

    lake = open_lake()
    _report(compact_lake(lake, clock=now, unique=unique, all_days=all_days), as_json)


@app.command()
def vacuum(
    retention_hours: Annotated[
        int,
        typer.Option(min=0, help="Keep versions this young readable. Below 168: no load may run."),
    ] = 168,
    as_json: AsJson = False,
) -> None:
    """Delete files that no version within the retention needs, orphans of crashes included.

    Example: trailhouse lake vacuum
    """
    from pipelines.lake.maintain import vacuum as vacuum_lake

    _report(vacuum_lake(open_lake(), retention=timedelta(hours=retention_hours)), as_json)


@app.command()
def evolve(as_json: AsJson = False) -> None:
    """Add the columns that this version knows and the tables lack; old files stay as they are.

    Example: trailhouse lake evolve
    """
    from pipelines.lake.maintain import evolve_all

    _report(evolve_all(open_lake()), as_json)


def _report(facts: Iterable[dict[str, Any]], as_json: bool) -> None:
    rows = list(facts)
    if as_json:
        print_json(rows)
    elif not rows:
        typer.echo("Nothing to do.")
    else:
        print_table("", tuple(rows[0]), [tuple(_cell(v) for v in row.values()) for row in rows])


def _cell(value: object) -> object:
    return ", ".join(value) if isinstance(value, list) else value
