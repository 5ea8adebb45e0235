"""Sample: the command that writes a sample workspace."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

LAST_DAY = datetime(2026, 2, 28)
"""The last day of a sample unless another is asked for; fixed, so that a seed tells all."""


def sample(
    out: Annotated[
        Path,
        typer.Option(help="Folder to write to; must be empty or not exist.", show_default=False),
    ],
    days: Annotated[int, typer.Option(help="UTC days in the window, 3 or more.")] = 30,
    jobs: Annotated[int, typer.Option(help="Jobs in the window, 500 or more.")] = 50_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    end: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="Last UTC day of the window.")
    ] = LAST_DAY,
    ndjson: Annotated[
        bool, typer.Option("--ndjson", help="One object a day and kind, for big samples.")
    ] = False,
    gzip: Annotated[bool, typer.Option("--gzip", help="Compress the objects.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of a summary.")
    ] = False,
) -> None:
    """Write a believable workspace, exactly as Workato streams one, with known answers.

    Events go below OUT/landing, one object each unless --ndjson is given. OUT/truth.json tells how
    many there are and answers questions about them: who stopped a recipe, which connection broke.

    Example: trailhouse sample --days 30 --jobs 50000 --seed 7 --out ./sample
    """
    if days < 3:
        raise typer.BadParameter("must be 3 or more.", param_hint="--days")
    if jobs < 500:
        raise typer.BadParameter("must be 500 or more.", param_hint="--jobs")
    if seed < 0:
        raise typer.BadParameter("must not be negative.", param_hint="--seed")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise typer.BadParameter(f"{out} exists and is not empty.", param_hint="--out")

    import orjson
    from rich.console import Console
    from rich.progress import Progress

    from pipelines.samples import write_sample

    begun = datetime.now(UTC)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Writing jobs", total=jobs)
        truth = write_sample(
            out,
            days=days,
            jobs=jobs,
            seed=seed,
            end=end.date(),
            ndjson=ndjson,
            gzip=gzip,
            progress=lambda count: progress.advance(task, count),
        )
    seconds = (datetime.now(UTC) - begun).total_seconds()
    counts = truth.counts
    events = counts["received"] - sum(counts["rejected"].values())
    if as_json:
        facts = {
            "out": str(out),
            "objects": counts["objects"],
            "events": events,
            "bytes": truth.byte_count,
            "seconds": round(seconds, 3),
        }
        typer.echo(orjson.dumps(facts).decode())
        return
    console = Console()
    console.print(
        f"[bold]{events:,}[/] events in [bold]{counts['objects']:,}[/] objects "
        f"({truth.byte_count / 1e6:,.1f} MB, {seconds:.1f} s)"
    )
    console.print(f"Window: {truth.window['from']} to {truth.window['to']} (UTC)")
    unique = ", ".join(f"{count:,} {kind}" for kind, count in counts["unique"].items())
    console.print(f"Unique: {unique}")
    console.print(f"Objects: {out / 'landing'}", soft_wrap=True)
    console.print(f"Answers: {out / 'truth.json'}", soft_wrap=True)
