"""Sinks: commands that say how the sinks are, and try one."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.context import now, print_json, print_table, stderr, unique
from pipelines.cli.health import conditions, print_page
from pipelines.cli.sending import AsJson, posting
from pipelines.questions import words as w

if TYPE_CHECKING:
    from pipelines.exports.trial import Trial
    from pipelines.sinks.settings import SinkSettings

app = typer.Typer(invoke_without_command=True)
Name = Annotated[str, typer.Argument(metavar="SINK")]


@app.callback()
def sinks(context: typer.Context, as_json: AsJson = False) -> None:
    """List the sinks: how each is, what waits for it, the oldest of that, and the last error.

    Example: trailhouse sinks
    """
    if context.invoked_subcommand is not None:
        return
    with posting() as post:
        found = conditions(post)
    if as_json:
        print_json([one.as_dict() for one in found])
        return
    print_table(
        "Sinks (times are UTC)",
        ("sink", "kind", "state", "waiting", "loads", "oldest", "dead", "next try", "last error"),
        [
            (
                one.name,
                one.kind,
                one.state,
                one.health.waiting_events,
                one.loads,
                one.health.oldest_at,
                one.health.dead_events,
                one.health.next_attempt_at,
                w.clip(one.error, 80),
            )
            for one in found
        ],
    )


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show the health of one sink: state, backlog, books, attempts, and what to do.

    Example: trailhouse sinks show siem
    """
    with posting() as post:
        print_page(post, post.sink(name), as_json)


@app.command("test")
def try_one(name: Name, as_json: AsJson = False) -> None:
    """Send a marked test event, and explain what is wrong; exit code 1 if it does not arrive.

    The event says that it is a test. It is no delivery: what waits stays as it is.

    Example: trailhouse sinks test siem
    """
    from pipelines.exports.trial import try_sink

    with posting() as post:
        sink = post.sink(name)
        with stderr().status(f"Trying {name}"):
            trial = try_sink(sink, post.lake.storage, clock=now, unique=unique)
    if as_json:
        print_json(_facts(trial, sink))
    else:
        _print(trial, sink)
    if not trial.passed:
        raise typer.Exit(1)


def _facts(trial: Trial, sink: SinkSettings) -> dict[str, Any]:
    from pipelines.notify.steps import advise

    advice = asdict(advise(trial.cause, sink)) if trial.cause else None
    return asdict(trial) | {"passed": trial.passed, "advice": advice}


def _print(trial: Trial, sink: SinkSettings) -> None:
    from pipelines.notify.steps import advise, place_of

    typer.echo(f"{sink.name} ({sink.kind}, {place_of(sink)}), event {trial.event_id}")
    for step in trial.steps:
        typer.echo(f"  {'✗' if step.problem else '✓'} {step.what}")
        if step.problem:
            typer.echo(f"    {step.problem}")
        if step.response and step.response not in (step.problem or ""):
            typer.echo(f"    The service said: {w.clip(step.response, 300)}")
    if trial.cause:
        advice = advise(trial.cause, sink)
        typer.echo(f"\n{advice.headline.capitalize()}: {advice.meaning}")
        for number, one in enumerate(advice.steps, 1):
            typer.echo(f"  {number}. {one}")
    elif trial.passed:
        typer.echo(f"`trailhouse deliver {sink.name} --now` sends what waits.")
