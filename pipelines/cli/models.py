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
    """Build the models for the UTC days that loads changed, and write the catalogue.

    Example: trailhouse build --all
    """
    from pipelines.models import MODELS, build_model, stale_days, write_catalogue
    from pipelines.models.build import lake_days

    lake = open_lake()
    built = []
    for model in MODELS.values():
        if model.layer != "marts":
            continue
        days = lake_days(lake, model.name) if everything else stale_days(lake, model.name)
        with stderr().status(f"Building {model.name}: {len(days)} days"):
            rows = build_model(lake, model.name, days)
        built.append({"model": model.name, "days": len(days), "rows": rows})
    catalogue = write_catalogue(lake)
    if as_json:
        print_json(built)
    else:
        print_table("Models", ("model", "days", "rows"), [tuple(row.values()) for row in built])
        typer.echo(f"Catalogue: {catalogue}")
