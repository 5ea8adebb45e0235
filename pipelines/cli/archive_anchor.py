"""Anchor: the command that leaves the newest entry with witnesses out of the writer's reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.archive_access import By, who
from pipelines.cli.context import now, open_lake, print_json, print_table, stderr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.archive.anchor import Anchored


def anchor(
    by: By = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """Tell the witnesses of the settings what the newest entry of the log is.

    Other places (archive.anchor_urls), mailboxes (archive.anchor_email), a time-stamp authority
    (archive.timestamp_url). From then on nothing before it can be cut off or written anew unseen.

    Example: trailhouse archive anchor
    """
    from pipelines.archive.anchor import anchor as anchor_entry
    from pipelines.archive.keys import open_signer
    from pipelines.errors import TrailhouseError

    lake = open_lake()
    signer = open_signer(lake.storage.settings)
    told: list[Anchored] = []
    try:
        with stderr().status("Telling the witnesses"):
            told.extend(anchor_entry(lake, clock=now, signer=signer, by=who(by)))
    except TrailhouseError:
        if told:  # some could not be told, the others know
            _print(told, as_json=as_json)
        raise
    _print(told, as_json=as_json)


def _print(told: Sequence[Anchored], *, as_json: bool) -> None:
    if as_json:
        print_json([one.as_dict() for one in told])
    elif told:
        print_table(
            f"Entry {told[0].entry}, digest {told[0].digest}",
            ("witness", "recorded by entry"),
            [(one.where, one.index) for one in told],
        )
    else:
        typer.echo("Nothing to tell: every witness knows of the newest entry.")
