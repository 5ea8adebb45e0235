"""Deliver: the command that sends what waits and what was loaded to the sinks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.context import now, print_json, print_table, stderr, unique
from pipelines.cli.sending import AsJson, Post, posting, remark
from pipelines.errors import ConfigurationError

if TYPE_CHECKING:
    from pipelines.exports.visit import Delivered
    from pipelines.sinks.settings import SinkSettings


def deliver(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[SINK]…", help="Without any, all that are on.")
    ] = None,
    at_once: Annotated[
        bool, typer.Option("--now", help="Try failing sinks now, not when they are due.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send what waits and is due, then what was loaded, to each sink: at least once, in order.

    What a sink cannot take waits in the persistent cache. Exit code 1 where a sink fails, where
    its template or filter is wrong, or where it refused events.

    Example: trailhouse deliver siem --now
    """
    with posting() as post:
        done = deliver_to(post, chosen(post, names or ()), at_once=at_once)
    if as_json:
        print_json([asdict(one) for one in done])
    else:
        print_delivered(done)
    if any(one.cause or one.problem or one.dead for one in done):
        raise typer.Exit(1)


def chosen(post: Post, names: Sequence[str]) -> list[SinkSettings]:
    """The sinks that are meant.

    Raises:
        ConfigurationError: One that is named is off, or there is none.
    """
    sinks = post.sinks(names)
    off = [sink.name for sink in sinks if not sink.enabled]
    if off and (names or len(off) == len(sinks)):
        raise ConfigurationError(
            f"sink {off[0]!r}: it is off; what waits for it stays. Set enabled = true to deliver"
        )
    return sinks


def deliver_to(
    post: Post, sinks: Sequence[SinkSettings], *, at_once: bool = False
) -> list[Delivered]:
    """Deliver, with progress on standard error; `at_once` tries sinks that are not due."""
    import random

    from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

    from pipelines.exports.deliver import deliver as deliver_all
    from pipelines.exports.states import make_due
    from pipelines.notify.channels import notifier

    if at_once:
        with post.ledger.write() as connection:
            make_due(connection, [sink.name for sink in sinks])
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,} events"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=stderr(), transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def advance(sink: str, events: int) -> None:
            if sink not in tasks:
                tasks[sink] = progress.add_task(f"Delivering to {sink}", total=None)
            progress.update(tasks[sink], advance=events)

        return list(
            deliver_all(
                post.lake,
                post.ledger,
                sinks,
                clock=now,
                random=random.random,
                unique=unique,
                notify=notifier(post.settings, now),
                progress=advance,
            )
        )


def print_delivered(done: Sequence[Delivered]) -> None:
    """Print what was done as a table, and what to look at next."""
    print_table(
        "Delivered",
        ("sink", "delivered", "waiting", "dead", "filtered", "seconds", "state"),
        [
            (d.sink, d.delivered, d.waiting, d.dead, d.filtered, d.seconds, state_of(d))
            for d in done
        ],
    )
    for one in done:
        if one.problem:
            remark(one.problem)
        elif one.cause:
            remark(f"`trailhouse sinks show {one.sink}` says what is wrong, and what to do.")
        if one.dead:
            remark(f"`trailhouse dead list {one.sink}` shows what is dead, and why.")


def state_of(done: Delivered) -> str:
    """How a sink is after a run, in a few words."""
    if done.problem:
        return "stopped"
    if not done.cause:
        return "well"
    cause = done.cause.replace("_", " ")
    return f"broken: {cause}" if done.breaker == "open" else f"failing: {cause}"
