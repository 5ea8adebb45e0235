"""Doctor: the command that holds the ledger against the lake and the cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.context import now, print_json, print_table, stderr
from pipelines.cli.sending import AsJson, posting

if TYPE_CHECKING:
    from pipelines.exports.doctor import Finding


def doctor(
    apply: Annotated[
        bool, typer.Option("--apply", help="Do the planned repairs; without it, only plan.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check the ledger of deliveries against the lake and the cache, and plan repairs.

    Repairs lose nothing: loads are entered, interrupted runs put in order, missing files rendered
    again, files that belong to nothing removed. Exit code 1 if anything differs (still).

    Example: trailhouse doctor --apply
    """
    from pipelines.exports.doctor import examine, repair

    with posting() as post, stderr().status("Examining"):
        sinks = post.sinks()
        planned = examine(post.lake, post.ledger, sinks, now=now())
        left = repair(post.lake, post.ledger, sinks, now=now()) if apply and planned else planned
    if as_json:
        told = {"found": planned, "left": left} if apply else {"found": planned}
        print_json({key: [asdict(one) for one in some] for key, some in told.items()})
    else:
        _print(planned, left, applied=apply)
    if left:
        raise typer.Exit(1)


def _print(planned: Sequence[Finding], left: Sequence[Finding], *, applied: bool) -> None:
    if not planned:
        typer.echo("Ledger, lake and cache agree.")
        return
    print_table(
        f"{len(planned):,} found",
        ("sink", "what", "repair"),
        [(one.sink, one.what, one.repair or "none: a person must look") for one in planned],
    )
    if not applied:
        typer.echo("`trailhouse doctor --apply` does these repairs.")
    elif left:
        typer.echo(f"{len(planned) - len(left):,} repaired, {len(left):,} left.")
        print_table("Left", ("sink", "what"), [(one.sink, one.what) for one in left])
    else:
        typer.echo(f"All {len(planned):,} repaired.")
