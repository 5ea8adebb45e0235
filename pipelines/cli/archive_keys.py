"""Keys: commands that make, list and rotate the keys that sign the archive's log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.archive_access import By, open_archive_log, read_archive_log, who
from pipelines.cli.context import now, open_lake, print_json, print_table
from pipelines.errors import ConfigurationError

app = typer.Typer(help="Keys that sign the archive; each change of key is itself in its log.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def keygen(
    path: Annotated[Path, typer.Argument(help="File for the private key; it must not exist.")],
    public: Annotated[
        Path | None, typer.Option(help="File for the public key; else PATH with .pub.pem.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make an Ed25519 key that signs the archive: a private file, a public file, and its id.

    Auditors get the public key and the id, by a way that the archive's writers cannot change. The
    private key is readable by you alone; `openssl genpkey -algorithm ed25519` makes the same.

    Example: trailhouse archive keygen seal.pem
    """
    from pipelines.archive.keys import make_key

    shown = public or path.with_suffix(".pub.pem")
    if shown.exists():
        raise ConfigurationError(f"{shown} exists already; name another file with --public")
    key = make_key(path)
    shown.write_text(key.pem)
    if as_json:
        print_json({"key_id": key.key_id, "private_key": str(path), "public_key": str(shown)})
        return
    typer.echo(f"Key:         {key.key_id}")
    typer.echo(f"Private key: {path}, readable by you alone; keep a copy where nobody seals")
    typer.echo(f"Public key:  {shown}, for auditors, as is the key's id")
    typer.echo(f'Sign with it: archive.signing_key = "file:{path}" in trailhouse.toml')


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the keys that ever signed, when each came and went.

    Example: trailhouse archive key list
    """
    from pipelines.archive.listing import signing_keys

    keys = signing_keys(read_archive_log())
    if as_json:
        print_json([key.as_dict() for key in keys])
        return
    print_table(
        f"Keys: {len(keys)}",
        ("key", "from entry", "since (UTC)", "retired by entry"),
        [
            (key.key_id, key.added_by, key.added_at[:19].replace("T", " "), key.retired_by)
            for key in keys
        ],
    )


@app.command()
def rotate(
    new: Annotated[
        str, typer.Option("--to", help="The new key: file:PATH, env:NAME or command:PROGRAM.")
    ],
    new_public_key: Annotated[
        Path | None, typer.Option(help="Its public key; needed with command:PROGRAM.")
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Retire the key of the settings for a new one: an entry that both of them sign.

    From the next entry on only the new key counts: put it into `archive.signing_key`.

    Example: trailhouse archive key rotate --to file:seal-2027.pem
    """
    from pipelines.archive.keys import open_signer
    from pipelines.archive.rotation import rotate as rotate_key

    lake = open_lake()
    settings = lake.storage.settings
    changed = {"signing_key": new, "signing_public_key": new_public_key}
    renewed = settings.model_copy(update={"archive": settings.archive.model_copy(update=changed)})
    entry = rotate_key(
        open_archive_log(), open_signer(settings), open_signer(renewed), clock=now, by=who(by)
    )
    facts = {"entry": entry.index, "key_id": entry.body["key_id"], "retires": entry.body["retires"]}
    if as_json:
        print_json(facts)
    else:
        print_table("Key rotated", ("what", "value"), list(facts.items()))
        named = new if not new.startswith("command:") else "command:…, as given to --to"
        typer.echo(f'Now set archive.signing_key = "{named}"; the old key signs nothing any more.')
