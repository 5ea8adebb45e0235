"""Archive pull: the commands that hand over evidence, and that rebuild a lake from the archive."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.archive.layout import Format
from pipelines.cli.archive_access import By, who
from pipelines.cli.context import now, open_lake, print_json, print_table, unique
from pipelines.cli.progress import advancing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipelines.archive.pull import Pulled
    from pipelines.archive.restore import Restored, Target
    from pipelines.lake.tables import Lake

DATABASES = (".duckdb", ".db")
"""Endings of a DuckDB file's name; any other target is a lake."""
SHOWN = 5
"""Loads that a restore names."""

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def pull(
    first: Annotated[
        datetime,
        typer.Option("--from", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="First UTC day."),
    ],
    last: Annotated[
        datetime,
        typer.Option(
            "--to", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Last UTC day, included."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The pack to write: a zip file; replaced if there.")],
    person: Annotated[
        list[str] | None,
        typer.Option(help="Who acted or was acted on: e-mail address or id; repeat for others."),
    ] = None,
    recipe: Annotated[
        list[str] | None, typer.Option(help="Id of the recipe; repeat for others.")
    ] = None,
    event_type: Annotated[
        list[str] | None,
        typer.Option(help="As recipe_stopped; for jobs the status; repeat for others."),
    ] = None,
    environment: Annotated[
        list[str] | None,
        typer.Option("--environment", "-e", help="As prod, empty for none; repeat for others."),
    ] = None,
    table: Annotated[
        list[str] | None,
        typer.Option("--table", "-t", help="Only this lake table; repeat for others."),
    ] = None,
    as_format: Annotated[
        Format, typer.Option("--format", help="How the rows are written.")
    ] = Format.PARQUET,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Pull sealed rows into an evidence pack: a zip file that an auditor checks without us.

    It has the rows, a proof of each, the signed manifests and keys, who pulled it and when, and
    verify.py, which needs Python alone. Ways to narrow are all fulfilled at once; of one that is
    repeated, any. The pull is recorded in the archive's log.

    Example: trailhouse archive pull --from 2026-02-01 --to 2026-02-28 --format csv --out pack.zip
    """
    from pipelines.archive.keys import open_signer
    from pipelines.archive.pull import pull as pull_pack
    from pipelines.archive.selection import Selection

    if not out.absolute().parent.is_dir():
        raise typer.BadParameter(f"{out.parent} is not a folder", param_hint="--out")
    selection = Selection(
        first.date(),
        last.date(),
        tuple(person or ()),
        tuple(recipe or ()),
        tuple(event_type or ()),
        tuple(environment or ()),
        tuple(table or ()),
    )
    lake = open_lake()
    signer = open_signer(lake.storage.settings)
    with advancing() as advance:
        pulled = pull_pack(
            lake,
            selection,
            out,
            as_format=as_format,
            clock=now,
            signer=signer,
            by=who(by),
            progress=advance,
        )
    if as_json:
        print_json(pulled.as_dict())
    else:
        _print_pulled(pulled, selection.last.isoformat())


def _print_pulled(pulled: Pulled, last: str) -> None:
    reads = pulled.reads
    rows: list[tuple[str, object]] = [(f"rows of {name}", n) for name, n in pulled.tables.items()]
    rows += [
        ("rows", pulled.rows),
        ("manifests", pulled.manifests),
        ("files read", f"{reads.files:,} of {reads.files_of:,}"),
        ("row groups searched", f"{reads.row_groups:,} of {reads.row_groups_of:,}"),
        ("bytes read", f"{reads.bytes:,} of {reads.bytes_of:,}"),
        ("recorded as entry", pulled.index),
    ]
    print_table(f"{pulled.out}, {pulled.bytes:,} bytes", ("what", "result"), rows)
    _print_skewed(pulled.skewed)
    if (through := pulled.sealed_through.isoformat()) < last:
        typer.echo(f"Sealed is through {through}; the days after it are not in the pack.")


def _print_skewed(paths: Sequence[str]) -> None:
    if paths:
        typer.echo(
            f"Clocks contradict each other at {', '.join(paths)}: signed, and in their place, but "
            "recorded before the entry before. `trailhouse archive verify` says more."
        )


def restore(
    target: Annotated[
        str,
        typer.Option(
            "--to", metavar="URL|FILE", help="An empty lake's URL or folder, or a new .duckdb file."
        ),
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--archive", metavar="URL", help="Restore from this archive or copy of one instead."
        ),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID|FILE",
            help="Trust this key: its id, or its public key as PEM; else those of the settings.",
        ),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Rebuild a lake, or a DuckDB file, from the archive alone; each file is checked on the way.

    A restored lake goes on loading where the archive ends. Cut off, run it again: it goes on.

    Example: trailhouse archive restore --to restored.duckdb
    """
    from pipelines.archive.restore import restore as restore_rows
    from pipelines.archive.trust import key_id_of

    keys = [key_id_of(one) for one in key or ()]
    lake = open_lake()
    settings = lake.storage.settings
    with advancing() as advance:
        restored = restore_rows(
            _archive(lake, source),
            _target(lake, target),
            trusted=keys or settings.archive.trusted_keys or _own_key(lake),
            work_dir=settings.work_dir,
            progress=advance,
        )
    entry = _record(lake, restored, by) if source is None else None
    if as_json:
        print_json(restored.as_dict() | {"entry": entry})
        return
    rows: list[tuple[str, object]] = list(restored.tables.items())
    print_table(f"Restored into {restored.target}", ("table", "rows"), rows)
    _print_skewed(restored.skewed)
    for name, count in restored.left_out.items():
        typer.echo(f"{count:,} rows of {name} were loaded, but are not in the archive.")
    if unknown := restored.unknown_loads:
        typer.echo(
            f"{len(unknown)} loads brought rows that are restored, but their own rows of `loads` "
            f"are not sealed yet, so they are not restored: {', '.join(unknown[:SHOWN])}"
            + (" …" if len(unknown) > SHOWN else "")
        )


def _archive(lake: Lake, source: str | None) -> Any:
    from pipelines.archive.place import open_archive_place, open_place

    return open_place(source, lake.storage) if source else open_archive_place(lake)


def _target(lake: Lake, target: str) -> Callable[[int], Target]:
    from pipelines.archive.targets import IntoFile, IntoLake
    from pipelines.lake.storage import Storage
    from pipelines.lake.tables import Lake

    if target.endswith(DATABASES) and "://" not in target:
        return lambda newest: IntoFile(Path(target), lake.storage)
    settings = lake.storage.settings.model_copy(update={"lake_url": target})
    return lambda newest: IntoLake(Lake(Storage(settings)), newest, unique)


def _own_key(lake: Lake) -> list[str]:
    """The key that signs for us: without any other it is the one that we trust."""
    from pipelines.archive.keys import open_signer

    return [open_signer(lake.storage.settings).public.key_id]


def _record(lake: Lake, restored: Restored, by: str | None) -> int | None:
    """Record the restore where somebody here can sign; the number of the entry."""
    from pipelines.archive.keys import open_signer
    from pipelines.archive.restore import record

    if lake.storage.settings.archive.signing_key is None:
        return None
    signer = open_signer(lake.storage.settings)
    return record(lake, restored, clock=now, signer=signer, by=who(by)).index
