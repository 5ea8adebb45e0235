"""Retention: commands that list the sealed days whose time is over, and delete them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.answers import Environment, To, as_day
from pipelines.cli.archive_access import (
    By,
    Owner,
    Reason,
    TableName,
    open_archive_log,
    read_archive_log,
    who,
)
from pipelines.cli.context import now, open_lake, print_json, print_table
from pipelines.errors import TrailhouseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.archive.retention import Due

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def due(
    table: TableName = None,
    environment: Environment = None,
    last: To = None,
    as_json: AsJson = False,
) -> None:
    """List the sealed days whose retention has passed, those that a legal hold keeps included.

    How long days are kept is set by table and environment, in [[archive.retention]]. Nothing is
    deleted but by `archive delete`.

    Example: trailhouse archive due --table api_requests
    """
    found = _due(table, environment, last)
    if as_json:
        print_json([one.as_dict() for one in found])
    else:
        _print(found)


def limit(
    years: Annotated[int, typer.Option(min=1, max=1000, help="Calendar years after the day.")],
    reason: Reason,
    owner: Owner,
    table: TableName = "*",
    environment: Annotated[
        str,
        typer.Option("--environment", "-e", help="As prod, empty for none."),
    ] = "*",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Give days that were sealed to be kept for ever an end, so many years after the day.

    Days are sealed so where no [[archive.retention]] fits; a rule that is set later does not count
    for them without this. It is an entry of the log. Of several the longest counts.

    Example: trailhouse archive limit --years 10 --table jobs --reason "Policy 7" --owner Legal
    """
    from pipelines.archive.keys import open_signer
    from pipelines.archive.limits import limit as limit_seals

    entry = limit_seals(
        open_archive_log(),
        years=years,
        reason=reason,
        owner=owner,
        table=table or "*",
        environment=environment,
        clock=now,
        signer=open_signer(open_lake().storage.settings),
        by=who(by),
    )
    if as_json:
        print_json(dict(entry.body))
    else:
        typer.echo(
            f"Entry {entry.index} of the log gives days that were sealed without an end "
            f"{years} years."
        )


def trim(
    last: Annotated[
        datetime,
        typer.Option(
            "--to", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Last UTC day it may lack."
        ),
    ],
    reason: Reason,
    owner: Owner,
    table: TableName = "*",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Record that the lake no longer keeps sealed days, so that no check misses them there.

    Nothing is removed by it, neither from the lake nor from the archive. It is an entry of the log.

    Example: trailhouse archive trim --to 2024-12-31 --reason "Two years are enough" --owner Data
    """
    from pipelines.archive.keys import open_signer
    from pipelines.archive.trims import trim as trim_days

    entry = trim_days(
        open_archive_log(),
        to_date=last.date(),
        reason=reason,
        owner=owner,
        table=table or "*",
        clock=now,
        signer=open_signer(open_lake().storage.settings),
        by=who(by),
    )
    if as_json:
        print_json(dict(entry.body))
    else:
        typer.echo(f"Entry {entry.index} of the log says that the lake may lack them.")


def delete(
    reason: Reason,
    table: TableName = None,
    environment: Environment = None,
    last: To = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Delete the files of sealed days that are due and not held; their manifests stay for ever.

    The deletion stands in the log before the first file goes. Cut off, run it again. What it takes
    is what `archive due` lists with the same options, but for what is held.

    Example: trailhouse archive delete --reason "Expired, approved by Legal" --table api_requests
    """
    from pipelines.archive.keys import open_signer
    from pipelines.archive.retention import delete as delete_seals

    lake = open_lake()
    wanted = [one for one in _due(table, environment, last) if not one.holds]
    if wanted and not yes:
        _confirm(wanted)
    done = delete_seals(
        lake,
        [one.index for one in wanted],
        reason=reason,
        clock=now,
        signer=open_signer(lake.storage.settings),
        by=who(by),
    )
    if as_json:
        print_json({"entry": done.index, "seals": done.seals, "paths": done.paths})
    elif done.index is None:
        typer.echo("Nothing is due that is not held.")
    else:
        typer.echo(
            f"Deleted {len(done.paths)} files of {len(done.seals)} seals; "
            f"entry {done.index} of the log says so."
        )


def _confirm(wanted: Sequence[Due]) -> None:
    rows, bytes_ = sum(one.rows for one in wanted), sum(one.bytes for one in wanted)
    last = max(one.event_date for one in wanted)
    question = (
        f"Delete for ever the files of {len(wanted)} seals up to {last}: "
        f"{rows:,} rows, {bytes_:,} bytes?"
    )
    typer.echo(f"{question} [y/N] ", err=True, nl=False)
    # where nobody is there to answer, the answer is empty
    agreed = typer.get_text_stream("stdin").readline().strip().lower() in {"y", "yes"}
    if not agreed:
        raise TrailhouseError("nothing was deleted; answer y, or give --yes")


def _due(table: str | None, environment: str | None, last: datetime | None) -> list[Due]:
    from pipelines.archive.layout import is_meant
    from pipelines.archive.retention import due as due_seals

    settings = open_lake().storage.settings
    found = due_seals(read_archive_log(), now().date(), settings)
    end = as_day(last)
    return [
        one
        for one in found
        if table in (None, one.table)
        and (environment is None or is_meant(environment, one.environment))
        and (end is None or one.event_date <= end)
    ]


def _print(found: Sequence[Due]) -> None:
    held = sum(1 for one in found if one.holds)
    print_table(
        f"Due: {len(found):,} seals, {held:,} of them held",
        ("entry", "table", "env", "day", "part", "rows", "bytes", "due since", "held by"),
        [
            (
                *(one.index, one.table, one.environment, one.event_date, one.supplement),
                *(one.rows, one.bytes, one.retain_until, ", ".join(one.holds)),
            )
            for one in found
        ],
    )
