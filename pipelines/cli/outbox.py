"""Outbox: commands for batches that wait for their sink."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.context import print_json, print_table
from pipelines.cli.sending import AsJson, Limit, OfSink, counted, known_names, posting, remark
from pipelines.questions import words as w

if TYPE_CHECKING:
    from pipelines.exports.queue import Attempted, Listed

app = typer.Typer(help="Batches that wait for their sink, in the persistent cache.")


@app.command("list")
def list_(sink: OfSink = None, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List what waits, in the order in which it will be sent.

    Example: trailhouse outbox list siem
    """
    from pipelines.exports.queue import count_batches, list_waiting

    with posting() as post:
        names = known_names(post, sink)
        rows = list_waiting(post.ledger, names, limit=None if as_json else limit)
        total = count_batches(post.ledger, names)
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    if not rows:
        typer.echo("Nothing waits.")
        return
    print_table(
        f"{counted(total, 'batch waits', 'batches wait')} (times are UTC)",
        ("sink", "batch", "load", "events", "bytes", "oldest event", "waits since", "attempts"),
        [
            (
                row.sink,
                row.batch_id[:12],
                row.load_number,
                row.event_count,
                row.bytes,
                row.oldest_at,
                row.first_failed_at,
                row.attempt_count,
            )
            for row in rows
        ],
    )
    if len(rows) < total:
        remark(f"{len(rows):,} of {total:,} batches; --limit shows more, --json all.")


@app.command()
def show(
    batch: Annotated[str, typer.Argument(help="Id, or an unambiguous start of it.")],
    messages: Annotated[
        bool, typer.Option("--messages", help="Print the messages alone, as they will be sent.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a batch: what it holds, every attempt to deliver it, and its messages.

    Example: trailhouse outbox show 3f2a91c04e11 --messages
    """
    from pipelines.exports.queue import find_batch, list_attempts, messages_of

    with posting() as post:
        found = find_batch(post.ledger, batch)
        attempts = list_attempts(post.ledger, batch_id=found.batch_id)
        texts = messages_of(post.lake, found)
    if as_json:
        listed = [asdict(attempt) for attempt in attempts]
        print_json(asdict(found) | {"attempts": listed, "messages": texts})
    elif messages:
        for text in texts:
            typer.echo(text)
    else:
        _print(found, attempts)


def _print(batch: Listed, attempts: list[Attempted]) -> None:
    facts = [(name.replace("_", " "), value) for name, value in asdict(batch).items()]
    # as text: a column of numbers and times would be aligned as neither
    told = [(name, w.moment(v) if hasattr(v, "year") else v) for name, v in facts]
    print_table(
        "Batch (times are UTC)", ("fact", "value"), [(n, v) for n, v in told if v is not None]
    )
    print_table(
        "Attempts, the newest first",
        ("number", "at", "events", "outcome", "cause", "response", "seconds"),
        [
            (
                one.attempt_number,
                one.attempted_at,
                one.event_count,
                one.outcome or "on its way",
                one.cause,
                w.clip(one.response),
                one.seconds,
            )
            for one in attempts
        ],
    )
    if batch.state == "waiting":
        remark(f"`trailhouse outbox show {batch.batch_id[:12]} --messages` prints its messages.")
