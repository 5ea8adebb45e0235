"""Dead: commands for events that a sink refused, or that were given up."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from pipelines.cli.context import now, print_json, print_table
from pipelines.cli.sending import AsJson, Limit, OfSink, counted, known_names, posting, remark
from pipelines.questions import words as w

app = typer.Typer(help="Events that a sink refused or that were given up: kept, never deleted.")
Reason = Annotated[
    str | None, typer.Option(help="Only this reason, such as payload, too_large or given_up.")
]


@app.command("list")
def list_(
    sink: OfSink = None, reason: Reason = None, limit: Limit = 50, as_json: AsJson = False
) -> None:
    """List dead letters, the newest first, with what the service said.

    Example: trailhouse dead list siem --reason payload
    """
    from pipelines.exports.letters import count_letters, list_letters

    with posting() as post:
        names = known_names(post, sink)
        rows = list_letters(post.ledger, names, reason=reason, limit=None if as_json else limit)
        counts = count_letters(post.ledger, names)
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    total = sum(
        count for by in counts.values() for why, count in by.items() if reason in (None, why)
    )
    if not rows:
        typer.echo("No dead letters.")
        return
    print_table(
        f"{counted(total, 'dead letter', 'dead letters')} (times are UTC)",
        ("sink", "event", "reason", "the service said", "parked at"),
        [(r.sink, r.event_id, r.reason, w.clip(r.response, 80), r.parked_at) for r in rows],
    )
    if len(rows) < total:
        remark(f"{len(rows):,} of {total:,} dead letters; --limit shows more, --json all.")


@app.command()
def show(
    event: Annotated[str, typer.Argument(help="Id of the event.")],
    sink: Annotated[str | None, typer.Option("--sink", help="Only of this sink.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a dead letter: why it is dead, and the message as it was rendered.

    Example: trailhouse dead show job:j-BQ7hU0aa-k1ZbTe:failed
    """
    from pipelines.exports.letters import find_letters, message_of

    with posting() as post:
        letters = find_letters(post.ledger, known_names(post, sink), event)
        found = [(one, message_of(post.lake, post.ledger, one)) for one in letters]
    if as_json:
        print_json([asdict(one) | {"message": message} for one, message in found])
        return
    for one, message in found:
        typer.echo(
            f"{one.event_id} is dead for {one.sink} since {w.moment(one.parked_at)} UTC\n"
            f"reason:  {one.reason}\nservice: {one.response}\nbatch:   {one.batch_id}\n{message}"
        )


@app.command()
def redrive(
    sink: Annotated[str, typer.Argument(metavar="SINK")],
    events: Annotated[
        list[str] | None,
        typer.Argument(metavar="[EVENT]…", help="Ids of events; without any, all of the sink."),
    ] = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Put dead letters back into the queue; the next delivery sends them, as they were rendered.

    Where the template was to blame, correct it and use `trailhouse replay`, which renders anew.

    Example: trailhouse dead redrive siem --reason given_up
    """
    from pipelines.errors import TrailhouseError
    from pipelines.exports.letters import list_letters
    from pipelines.exports.redrive import redrive as redrive_letters

    with posting() as post:
        name = post.sink(sink).name
        dead = {one.event_id for one in list_letters(post.ledger, [name], reason=reason)}
        if unknown := sorted(set(events or ()) - dead):
            raise TrailhouseError(
                f"sink {name!r} has no dead letter of event {unknown[0]!r}; "
                f"`trailhouse dead list {name}` shows those that it has"
            )
        count = redrive_letters(post.lake, post.ledger, name, set(events or dead), now=now())
    if as_json:
        print_json({"sink": name, "redriven": count})
    else:
        typer.echo(
            f"{counted(count, 'event waits', 'events wait')} for {name} again; "
            f"`trailhouse deliver {name}` sends what waits."
            if count
            else f"{name} has no such dead letters."
        )
