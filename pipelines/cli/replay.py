"""Replay: the command that sends events of the past to a sink once more."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.context import now, print_json, print_table, stderr, unique
from pipelines.cli.deliver import chosen, deliver_to, print_delivered
from pipelines.cli.sending import AsJson, counted, posting
from pipelines.questions import words as w

if TYPE_CHECKING:
    from pipelines.exports.replay import Plan


def replay(
    sink: Annotated[str, typer.Argument(metavar="SINK")],
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="First UTC day or moment of the events."),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="TIME", help="Last UTC day, included; or the first moment left out."
        ),
    ] = None,
    template: Annotated[
        str | None, typer.Option(help="Another template than the sink's, for this replay.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")
    ] = False,
    cancel: Annotated[
        bool,
        typer.Option("--cancel", help="Give up what of earlier replays to the sink is not sent."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send events that happened in a range of time once more, rendered anew by the template of now.

    The sink's filter and masks hold. The events keep their ids, so receivers can drop repeats; they
    go behind what waits. Exit code 1 as for `trailhouse deliver`.

    Example: trailhouse replay siem --from 2026-02-13 --to 2026-02-13T18:00 --dry-run
    """
    from pipelines.exports.replay import plan_replay
    from pipelines.exports.replay import replay as enter_replay

    if cancel:
        _cancel(sink, as_json)
        return
    if start is None or end is None:
        raise typer.BadParameter("say which time, with --from and --to.", param_hint="--from")
    with posting() as post:
        chosen_sinks = chosen(post, [sink])
        with stderr().status("Looking at the events"):
            plan = plan_replay(post.lake, chosen_sinks[0], *_range(start, end), _found(template))
        if not as_json:
            print_plan(plan, dry_run)
        done = []
        if plan.selected and not dry_run:
            enter_replay(post.lake, post.ledger, plan, unique=unique, now=now())
            done = deliver_to(post, chosen_sinks)
    if as_json:
        told = asdict(plan) | {"selected": plan.selected}
        print_json(told | {"deliveries": [asdict(one) for one in done]})
    elif done:
        print_delivered(done)
    if any(one.cause or one.problem or one.dead for one in done):
        raise typer.Exit(1)


def _cancel(sink: str, as_json: bool) -> None:
    """Give up the replays of a sink, and say what that was."""
    from pipelines.exports.cancel import cancel_replays

    with posting() as post:
        done = cancel_replays(post.lake, post.ledger, post.sink(sink).name, now=now())
    if as_json:
        print_json(asdict(done))
        return
    replays = counted(done.replays, "replay", "replays")
    parked = counted(done.parked, "event", "events")
    typer.echo(f"{replays} to {done.sink} given up; {parked} that waited are dead letters now.")


def _found(template: str | None) -> str | None:
    """A template's file by its whole path: what fails now is sent later, from another folder."""
    from pipelines.exports.template import READY, find_template

    if template is None or template in READY:
        return template
    return str(find_template(template)[0].absolute())


def print_plan(plan: Plan, dry_run: bool) -> None:
    """Say what a replay sends."""
    verb = "Would send" if dry_run else "Sending"
    typer.echo(
        f"{verb} {plan.selected:,} of {plan.in_range:,} events from {w.moment(plan.start)} up to "
        f"{w.moment(plan.end)} UTC to {plan.sink}, "
        + (f"through the template {plan.template}." if plan.template else "as its settings say.")
    )
    if plan.selected:
        print_table("", ("kind", "events"), plan.selected_by_kind.items())


def _range(start: str, end: str) -> tuple[datetime, datetime]:
    first, _ = _moment(start, "--from")
    last, is_day = _moment(end, "--to")
    if is_day:
        last += timedelta(days=1)
    if last <= first:
        raise typer.BadParameter(f"{end} is not behind {start}.", param_hint="--to")
    return first, last


def _moment(text: str, option: str) -> tuple[datetime, bool]:
    """A moment, and whether a whole day was meant."""
    try:
        if len(text) == len("2026-02-13"):
            return datetime.combine(date.fromisoformat(text), time(), UTC), True
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no time; write 2026-02-13 or 2026-02-13T18:00 (UTC).", param_hint=option
        ) from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC), False
