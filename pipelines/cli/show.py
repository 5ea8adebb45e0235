"""Show: the command that prints the effective settings."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.context import print_json, print_table


def config(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print the effective settings, secrets masked; variables win over trailhouse.toml.

    Example: TRAILHOUSE_LAKE_URL=s3://audit/lake trailhouse config
    """
    from pipelines.settings import load_settings

    shown = load_settings().shown()
    if as_json:
        print_json(shown)
    else:
        print_table("Settings", ("setting", "value"), [(k, str(v)) for k, v in shown.items()])
