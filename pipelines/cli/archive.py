"""Archive: commands that seal closed days, prove what is sealed, and hand over evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import (
    archive_anchor,
    archive_holds,
    archive_keys,
    archive_log,
    archive_pull,
    archive_retention,
    archive_verify,
)
from pipelines.cli.answers import To, as_day
from pipelines.cli.archive_access import By, who
from pipelines.cli.context import now, open_lake, print_json, print_table
from pipelines.cli.progress import advancing
from pipelines.errors import TrailhouseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.archive.keys import Signer
    from pipelines.archive.seal import Sealed
    from pipelines.lake.tables import Lake

app = typer.Typer(
    help="Seal closed days, prove that nothing was changed since, and hand over evidence.",
    no_args_is_help=True,
)


@app.command()
def seal(
    through: To = None,
    by: By = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """Seal every closed UTC day that is not sealed yet, and late rows of days that are.

    A day is closed `closed_after_days` after its end. A day without rows is sealed as well. Run
    again, it seals nothing twice; cut off, it goes on where it was. Then the witnesses of the
    settings are told of the newest entry, as by `archive anchor`.

    Example: trailhouse archive seal --to 2026-02-28
    """
    from pipelines.archive.keys import open_signer
    from pipelines.archive.seal import seal as seal_days

    lake = open_lake()
    signer = open_signer(lake.storage.settings)
    done: list[Sealed] = []
    failed: list[str] = []
    try:
        with advancing() as advance:
            days = seal_days(
                lake,
                clock=now,
                signer=signer,
                by=who(by),
                through=as_day(through),
                progress=advance,
            )
            done.extend(days)
    except TrailhouseError as error:
        if not done:
            raise
        failed.append(str(error))  # some days were refused, the others are sealed
    _print_sealed(done, as_json=as_json)
    try:
        _tell_witnesses(lake, signer, who(by), as_json=as_json)
    except TrailhouseError as error:
        failed.append(str(error))
    if failed:
        raise TrailhouseError("\n".join(failed))


def _tell_witnesses(lake: Lake, signer: Signer, by: str, *, as_json: bool) -> None:
    """As the schedule does: what is sealed can be cut off unseen until a witness knows of it."""
    from pipelines.archive.anchor import anchor, witnesses
    from pipelines.archive.log import open_log

    if not witnesses(lake) or not open_log(lake).entries():
        return
    for told in anchor(lake, clock=now, signer=signer, by=by):
        if not as_json:
            typer.echo(f"{told.where} knows of entry {told.entry}.")


def _print_sealed(done: Sequence[Sealed], *, as_json: bool) -> None:
    if as_json:
        print_json([one.as_dict() for one in done])
        return
    if not done:
        typer.echo("Nothing to seal: every closed day is sealed.")
        return
    by_stream: dict[tuple[str, str | None], list[Sealed]] = {}
    for one in done:
        by_stream.setdefault((one.table, one.environment), []).append(one)
    print_table(
        f"{len(done):,} seals, entries {done[0].index} to {done[-1].index}",
        ("table", "env", "from", "to", "seals", "empty", "late", "rows"),
        [
            (
                *(table, environment, min(s.event_date for s in seals)),
                *(max(s.event_date for s in seals), len(seals)),
                sum(1 for s in seals if not s.rows),
                sum(1 for s in seals if s.supplement),
                sum(s.rows for s in seals),
            )
            for (table, environment), seals in sorted(
                by_stream.items(), key=lambda item: (item[0][0], item[0][1] or "")
            )
        ],
    )


app.command("list")(archive_log.list_)
app.command()(archive_log.show)
app.command()(archive_verify.verify)
app.command()(archive_pull.pull)
app.command()(archive_pull.restore)
app.command()(archive_anchor.anchor)
app.command()(archive_retention.due)
app.command()(archive_retention.limit)
app.command()(archive_retention.trim)
app.command()(archive_retention.delete)
app.command()(archive_keys.keygen)
app.add_typer(archive_holds.app, name="hold")
app.add_typer(archive_keys.app, name="key")
