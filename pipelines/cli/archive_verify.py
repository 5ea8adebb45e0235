"""Archive verify: the command that checks the archive, and says by name what is wrong with it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.answers import From, To
from pipelines.cli.archive_access import By, days_between, who
from pipelines.cli.context import now, open_lake, print_json, print_table, stderr
from pipelines.cli.progress import advancing
from pipelines.errors import ConfigurationError, TrailhouseError

if TYPE_CHECKING:
    from pipelines.archive.place import Place
    from pipelines.archive.verification import Verification
    from pipelines.lake.tables import Lake

LISTED = 20
"""Findings of one name that are shown; `--json` has them all."""


def verify(
    from_day: From = None,
    to_day: To = None,
    offline: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Check this copy of an archive; no settings are read."),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(metavar="ID|FILE", help="Trust this key: its id, or its public key as PEM."),
    ] = None,
    anchor: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N:DIGEST|N:FILE.tsr|URL",
            help="Kept elsewhere: an entry's number and its digest or stamp, or a place of copies.",
        ),
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Also compute all anew from rows.")] = False,
    by: By = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check signatures, chain, days and every byte of the archive; exit 1 if anything is wrong.

    It goes on after a finding and names each. The days asked for narrow what is read; the log is
    always checked whole. Where it can sign, it records itself in the log.

    Example: trailhouse archive verify --offline copy --key seal.pub.pem --deep
    """
    from pipelines.archive.log import open_mirror
    from pipelines.archive.trust import anchors_at, key_id_of, witnesses_of
    from pipelines.archive.verify import verify as verify_archive

    first, last = days_between(from_day, to_day)
    keys = {key_id_of(one) for one in key or ()}
    lake, archive = _opened(offline)
    storage = lake.storage if lake else None
    anchors = [one for where in anchor or () for one in anchors_at(where, storage)]
    with advancing() as progress:
        verification = verify_archive(
            archive,
            trusted=keys or _trusted(lake, archive),
            from_date=first,
            to_date=last,
            anchors=anchors,
            witnesses=witnesses_of(lake) if lake else [],
            mirror=open_mirror(lake) if lake else None,
            deep=deep,
            progress=progress,
        )
    recorded = _recorded(lake, verification, who(by)) if lake else None
    if as_json:
        print_json(verification.as_dict() | {"entry": recorded})
    else:
        _print(verification, recorded)
    if not verification.clean:
        raise typer.Exit(1)


def _opened(offline: Path | None) -> tuple[Lake | None, Place]:
    """The lake of the settings and its archive; or a copy, for which no settings are read."""
    from pipelines.archive.place import Folder, open_archive_place

    if offline is None:
        lake = open_lake()
        return lake, open_archive_place(lake)
    if not offline.is_dir():
        raise typer.BadParameter(f"{offline} is not a folder.", param_hint="--offline")
    return None, Folder(str(offline.absolute()))


def _trusted(lake: Lake | None, archive: Place) -> Collection[str]:
    from pipelines.archive.trust import trusted_keys

    if lake:
        return trusted_keys(lake)
    try:
        first = json.loads(archive.get("log/00000000.json").splitlines()[0])["key_id"]
        hint = f"; the copy itself says {first}, which proves nothing until somebody confirms it"
    except (OSError, ValueError, LookupError, TypeError):
        hint = ""
    raise ConfigurationError(
        "no key is trusted, so nothing can be proved; ask the archive's owner for its key id, by a "
        f"way other than this copy, and name it with --key{hint}"
    )


def _recorded(lake: Lake, verification: Verification, by: str) -> int | None:
    """The entry that records the verification; none where nobody may sign or write here."""
    from pipelines.archive.keys import open_signer
    from pipelines.archive.log import open_log
    from pipelines.archive.verify import record
    from pipelines.lake.tables import explained

    if not lake.storage.settings.archive.signing_key:
        stderr().print("Not recorded in the log: archive.signing_key is not set.")
        return None
    try:
        with explained(lake.url):
            signer = open_signer(lake.storage.settings)
            return record(open_log(lake), verification, clock=now, signer=signer, by=by).index
    except TrailhouseError as error:
        stderr().print(f"Not recorded in the log: {error}", markup=False)
        return None


def _print(verification: Verification, recorded: int | None) -> None:
    """Print the findings, at most twenty of each name, and what was checked."""
    from pipelines.archive.findings import tally

    shown: Counter[str] = Counter()
    rows = []
    for finding in verification.findings:
        shown[finding.name] += 1
        if shown[finding.name] <= LISTED:
            rows.append((finding.name, finding.where, finding.detail))
    if rows:
        print_table("", ("finding", "where", "what was found"), rows)
    for name, count in tally(verification.findings).items():
        if count > LISTED:
            typer.echo(f"{name}: {count:,} in all; --json has them")
    checked, head = verification.checked, verification.head
    typer.echo(
        f"Checked {checked.entries:,} entries, {checked.seals:,} seals, {checked.objects:,} "
        f"objects, {checked.bytes:,} bytes; sealed through {verification.sealed_through}."
    )
    if verification.behind:
        numbers = ", ".join(map(str, verification.behind))
        typer.echo(f"By a clock behind that of the entry before, as they say: entries {numbers}.")
    if left := verification.leftovers:
        typer.echo(
            f"{len(left):,} files lie where what is being written lies, and nobody reads them: "
            f"{', '.join(left[:LISTED])}"
        )
    for where, why in verification.not_compared.items():
        typer.echo(f"Not compared with {where}: {why}")
    typer.echo(_compared(verification.compared))
    if head:
        typer.echo(f"Newest entry {head.index}: {head.digest}")
    if recorded is not None:
        typer.echo(f"Recorded as entry {recorded}.")
    count = len(verification.findings)
    typer.echo("Clean." if verification.clean else f"NOT CLEAN: {count:,} found.")


def _compared(witnesses: Sequence[str]) -> str:
    if witnesses:
        return f"Compared with what is kept elsewhere: {', '.join(witnesses)}."
    return (
        "No witness was compared: newest entries that were cut off, here and in the lake, would "
        "not be seen."
    )
