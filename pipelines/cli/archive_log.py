"""Log: commands that show people what the archive holds: streams, sealed days, acts, one entry."""

from __future__ import annotations

import sys
from base64 import b64encode
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.answers import Environment, From, To
from pipelines.cli.archive_access import TableName, days_between, read_archive_log
from pipelines.cli.context import print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.archive.listing import Seal
    from pipelines.archive.log import Entry


def list_(
    table: TableName = None,
    environment: Environment = None,
    first: From = None,
    last: To = None,
    days: Annotated[bool, typer.Option("--days", help="One line a sealed day.")] = False,
    acts: Annotated[
        bool, typer.Option("--log", help="One line an act: seals, keys, holds, pulls, checks, …")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """List what is sealed, one line a table and environment; or every day, or every act.

    Nothing is checked here: that is `archive verify`.

    Example: trailhouse archive list --days --table activity --from 2026-02-01
    """
    from pipelines.archive.listing import seals, streams

    if days and acts:
        raise typer.BadParameter("give one of --days and --log", param_hint="--log")
    begin, end = days_between(first, last)
    entries = read_archive_log()
    if acts:
        _print_acts(entries, as_json=as_json)
        return
    found = seals(entries, table=table, environment=environment, first=begin, last=end)
    if as_json:
        print_json([one.as_dict() for one in (found if days else streams(found))])
    elif days:
        _print_days(found)
    else:
        _print_streams(found)


def _print_streams(found: Sequence[Seal]) -> None:
    from pipelines.archive.listing import streams

    listed = streams(found)
    print_table(
        f"Sealed: {len(found):,} seals of {len(listed)} tables and environments",
        ("table", "env", "from", "to", "days", "empty", "late", "rows", "bytes", "deleted"),
        [
            (
                *(one.table, one.environment, one.first_day, one.last_day, one.days),
                *(one.empty_days, one.supplements, one.rows, one.bytes, one.deleted),
            )
            for one in listed
        ],
    )


def _print_days(found: Sequence[Seal]) -> None:
    print_table(
        f"Seals: {len(found):,}",
        ("entry", "table", "env", "day", "part", "rows", "bytes", "root", "keep until", "state"),
        [
            (
                *(one.entry, one.table, one.environment, one.event_date, one.supplement),
                *(one.rows, one.bytes, one.root[:12], one.retain_until, _state(one)),
            )
            for one in found
        ],
    )


def _state(one: Seal) -> str:
    if one.is_deleted:
        return "deleted"
    return f"held: {', '.join(one.holds)}" if one.holds else ""


def _print_acts(entries: Sequence[Entry], *, as_json: bool) -> None:
    from pipelines.archive.listing import told

    if as_json:
        print_json([_facts(entry) for entry in entries])
        return
    print_table(
        f"Entries: {len(entries):,}",
        ("entry", "at (UTC)", "by", "act", "what"),
        [
            (e.index, e.body["recorded_at"][:19].replace("T", " "), e.body["by"], e.kind, told(e))
            for e in entries
        ],
    )


def show(
    number: Annotated[int, typer.Argument(min=0, help="Number of the entry, as list shows it.")],
    raw: Annotated[
        bool, typer.Option("--raw", help="Write its bytes as they are, for sha256sum and openssl.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show one entry of the log whole: of a sealed day, its manifest.

    Example: trailhouse archive show 12
    """
    entry = _entry(number)
    if raw:
        sys.stdout.buffer.write(entry.content)
    elif as_json:
        print_json(_facts(entry))
    else:
        rows = [(name, _plain(value)) for name, value in entry.body.items()]
        signed = [("signed by", one.key_id) for one in entry.signatures]
        print_table(
            f"Entry {number}", ("what", "value"), [*rows, ("digest", entry.digest), *signed]
        )


def _entry(number: int) -> Entry:
    entries = read_archive_log()
    if number >= len(entries):
        raise typer.BadParameter(
            f"the log has {len(entries)} entries, numbered from 0", param_hint="NUMBER"
        )
    return entries[number]


def _facts(entry: Entry) -> dict[str, Any]:
    """An entry as JSON: its body, and beside it the digest that the next entry names."""
    signatures = [
        {"key_id": one.key_id, "signature": b64encode(one.signature).decode()}
        for one in entry.signatures
    ]
    return {**entry.body, "digest": entry.digest, "signatures": signatures}


def _plain(value: Any) -> object:
    if isinstance(value, dict):
        return "\n".join(f"{key or '(none)'}: {_plain(item)}" for key, item in value.items())
    if isinstance(value, list):
        return "\n".join(_item(item) for item in value)
    return value


def _item(item: Any) -> str:
    if isinstance(item, dict):
        return ", ".join(f"{key} {value}" for key, value in item.items())
    return " ".join(map(str, item)) if isinstance(item, list) else str(item)
