"""Holds: commands for legal holds, which beat expiry until somebody releases them."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.answers import From, To
from pipelines.cli.archive_access import (
    By,
    Owner,
    Reason,
    days_between,
    open_archive_log,
    read_archive_log,
    who,
)
from pipelines.cli.context import now, open_lake, print_json, print_table

app = typer.Typer(help="Legal holds: sealed days that must not be deleted, whatever has expired.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    reason: Reason,
    owner: Owner,
    table: Annotated[
        list[str] | None, typer.Option("--table", "-t", help="Only this table; may be repeated.")
    ] = None,
    environment: Annotated[
        list[str] | None,
        typer.Option("--environment", "-e", help="As prod, empty for none; may be repeated."),
    ] = None,
    first: From = None,
    last: To = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Hold sealed days, and those that are sealed later; without limits, the whole archive.

    Example: trailhouse archive hold add --reason "Case 2026-14" --owner Legal --table activity
    """
    from pipelines.archive.holds import add as add_hold
    from pipelines.archive.keys import open_signer

    begin, end = days_between(first, last)
    log = open_archive_log()
    hold = add_hold(
        log,
        reason=reason,
        owner=owner,
        tables=table,
        environments=environment,
        from_date=begin,
        to_date=end,
        clock=now,
        signer=open_signer(open_lake().storage.settings),
        by=who(by),
    )
    covered = [e.body for e in log.entries() if e.kind == "seal" and hold.covers(e.body)]
    if as_json:
        print_json(hold.as_dict() | {"seals": len(covered)})
        return
    # who misspells an environment sees at once that nothing is held
    streams = sorted({f"{seal['table']} {seal['environment'] or ''}".strip() for seal in covered})
    typer.echo(
        f"Hold {hold.hold_id} stands; what it covers cannot be deleted. So far it covers "
        f"{len(covered):,} seals{': ' if streams else ''}{', '.join(streams)}."
    )


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the holds that stand, oldest first.

    Example: trailhouse archive hold list
    """
    from pipelines.archive.holds import active

    holds = active(read_archive_log())
    if as_json:
        print_json([hold.as_dict() for hold in holds])
        return
    print_table(
        f"Standing holds: {len(holds)}",
        ("hold", "reason", "owner", "tables", "envs", "from", "to", "since"),
        [
            (
                *(hold.hold_id, hold.reason, hold.owner, _all_or(hold.tables)),
                *(_all_or(hold.environments), hold.from_date, hold.to_date),
                hold.recorded_at[:10],
            )
            for hold in holds
        ],
    )


@app.command()
def release(
    hold_id: Annotated[str, typer.Argument(help="Id, or an unambiguous start of it.")],
    reason: Reason,
    owner: Owner,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Release a hold: what it covered can be deleted once it is due. The hold stays in the log.

    Example: trailhouse archive hold release 5f3a91c04e11 --reason "Case closed" --owner Legal
    """
    from pipelines.archive.holds import release as release_hold
    from pipelines.archive.keys import open_signer

    hold = release_hold(
        open_archive_log(),
        hold_id,
        reason=reason,
        owner=owner,
        clock=now,
        signer=open_signer(open_lake().storage.settings),
        by=who(by),
    )
    if as_json:
        print_json(hold.as_dict())
    else:
        typer.echo(f"Hold {hold.hold_id} is released: {reason}")


def _all_or(names: tuple[str | None, ...] | None) -> str:
    return "all" if names is None else ", ".join(name or "(none)" for name in names)
