"""Build: the command that builds models by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.context import open_lake, print_json, print_table, stderr


def build(
    everything: Annotated[
        bool, typer.Option("--all", help="Every day of the lake, not only those that changed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """Build the models for the UTC days that loads changed, and show readers all at once.

    Example: trailhouse build --all
    """
    from pipelines.models import MODELS, build_stale
    from pipelines.models.catalogue import catalogue_url

    lake = open_lake()
    done = {model.name: (0, 0) for model in MODELS.values() if model.is_stored}
    with stderr().status("Building the models") as status:
        for name, days, rows in build_stale(lake, everything=everything):
            done[name] = (len(days), rows)
            status.update(f"Built {name}: {len(days)} days")
    built = [{"model": name, "days": days, "rows": rows} for name, (days, rows) in done.items()]
    if as_json:
        print_json(built)
    else:
        print_table("Models", ("model", "days", "rows"), [tuple(row.values()) for row in built])
        typer.echo(f"Catalogue: {catalogue_url(lake)}")
