"""Rejected: commands for input that could not be read."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from pipelines.cli.context import now, open_lake, print_json, print_table, unique
from pipelines.cli.load import print_report

app = typer.Typer(help="Input that could not be read: kept whole, and loadable after a fix.")

Reason = Annotated[str | None, typer.Option(help="Only this reason, such as not_json.")]
LoadId = Annotated[str | None, typer.Option("--load", help="Only this load's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(reason: Reason = None, load_id: LoadId = None, as_json: AsJson = False) -> None:
    """List rejected inputs that were not loaded since, newest first.

    Example: trailhouse rejected list --reason not_json
    """
    from pipelines.lake.rejected import list_rejected

    rows = list_rejected(open_lake(), reason=reason, load_id=load_id)
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    print_table(
        f"{len(rows)} rejected",
        ("id", "reason", "detail", "object", "offset", "bytes"),
        [
            (r.rejected_id[:12], r.reason, r.detail, r.source_uri, r.source_offset, r.size_bytes)
            for r in rows
        ],
    )


@app.command()
def show(
    rejected_id: Annotated[str, typer.Argument(help="Id, or an unambiguous start of it.")],
) -> None:
    """Write the bytes of a rejected input to standard output, exactly as they were received.

    Example: trailhouse rejected show 3f2a91c04e11 > input.json
    """
    from pipelines.lake.rejected import rejected_bytes

    _, content = rejected_bytes(open_lake(), rejected_id)
    sys.stdout.buffer.write(content)


@app.command()
def reload(reason: Reason = None, load_id: LoadId = None, as_json: AsJson = False) -> None:
    """Load rejected inputs again, after what refused them was mended.

    What is refused still stays listed. An object that its sender mends and writes again is loaded
    by the next load without this.

    Example: trailhouse rejected reload --reason not_an_event
    """
    from pipelines.lake.rejected import list_rejected, reload_rejected

    lake = open_lake()
    inputs = list_rejected(lake, reason=reason, load_id=load_id)
    report, refused = reload_rejected(lake, inputs, clock=now, unique=unique)
    if as_json:
        print_json({**report.as_dict(), "refused": [item.rejected_id for item in refused]})
        return
    print_report(report)
    typer.echo(f"{len(inputs) - len(refused)} loaded, {len(refused)} refused still.")
