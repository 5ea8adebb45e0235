"""Template: commands that try a message template before a sink sends anything with it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.context import now, open_lake, print_json
from pipelines.cli.sending import sink_named

if TYPE_CHECKING:
    from pipelines.exports.lint import Problem
    from pipelines.exports.preview import Changed, Difference
    from pipelines.sinks.settings import SinkSettings

app = typer.Typer(help="Message templates: find what is wrong, see what they send.")


class Kind(StrEnum):
    """Kinds of events."""

    ACTIVITY = "activity"
    JOB = "job"
    API_REQUEST = "api_request"
    LOG_MESSAGE = "log_message"


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OfSink = Annotated[
    str | None,
    typer.Option("--sink", help="With the filter, detail and masks of this sink."),
]


@app.command()
def lint(
    templates: Annotated[
        list[str] | None,
        typer.Argument(help="Ready templates or files; without any, those of all sinks."),
    ] = None,
    kind: Annotated[list[Kind] | None, typer.Option(help="Only for events of this kind.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find unknown fields and invalid output, before any event is rendered.

    Ends with code 1 where there is something to mend.

    Example: trailhouse template lint siem.json --kind job
    """
    from pipelines.exports.lint import lint as lint_template

    kinds = [str(one) for one in kind or ()]
    asked = [(name, kinds) for name in templates or ()] or _templates_of_sinks()
    if not asked:
        raise typer.BadParameter("name a template; the settings have no sink whose could be meant")
    problems = [problem for name, of in asked for problem in lint_template(name, of)]
    _print_problems(problems, len(asked), as_json)
    if problems:
        raise typer.Exit(1)


def _print_problems(problems: Sequence[Problem], count: int, as_json: bool) -> None:
    if as_json:
        print_json([asdict(problem) for problem in problems])
        return
    for problem in problems:
        typer.echo(str(problem))
    if not problems:
        typer.echo("1 template is sound." if count == 1 else f"{count} templates are sound.")


def _templates_of_sinks() -> list[tuple[str, list[str]]]:
    """Each template that a sink uses, with the kinds of events that it uses it for.

    Raises:
        ConfigurationError: A sink's filter or masks are wrong, which no template can mend.
    """
    from pipelines.exports.select import check_condition
    from pipelines.exports.shape import load_shape
    from pipelines.lake.schemas import KINDS
    from pipelines.settings import load_settings

    found = []
    for sink in load_settings().sink:
        check_condition(sink)
        load_shape(detail=sink.detail, mask=sink.mask, kinds=sink.kinds)
        by_kind = {str(kind): name for kind, name in sink.template_by_kind.items()}
        rest = [kind for kind in sink.kinds or KINDS if kind not in by_kind]
        found += [(name, [kind]) for kind, name in by_kind.items()]
        found += [(sink.template, rest)] if rest else []
    return found


@app.command()
def preview(
    template: Annotated[
        str | None, typer.Argument(help="Ready template or file; without it, the sink's own.")
    ] = None,
    sink: OfSink = None,
    limit: Annotated[int, typer.Option(help="How many events.", min=1, max=10_000)] = 3,
    as_json: AsJson = False,
) -> None:
    """Render the newest events as they would be sent; nothing is sent.

    Example: trailhouse template preview ecs --limit 1
    """
    from pipelines.exports import preview as previews
    from pipelines.exports.render import load_renderer

    settings = _sink_named(sink)
    if template is None and settings is None:
        raise typer.BadParameter("name a template, or a sink with --sink")
    renderer = (
        load_renderer(settings)
        if template is None and settings is not None
        else previews.renderer_of(template or "", settings)
    )
    found = previews.preview(
        open_lake(), renderer, condition=previews.filter_of(settings), limit=limit, now=now()
    )
    if as_json:
        print_json([asdict(one) for one in found])
        return
    for one in found:
        typer.echo(one.message)
    if not found:
        typer.echo("No event of the lake would be sent.", err=True)


@app.command()
def diff(
    old: Annotated[str, typer.Argument(help="Ready template or file in use.")],
    new: Annotated[str, typer.Argument(help="What shall take its place.")],
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="UTC day of the events; without it, yesterday."),
    ] = None,
    sink: OfSink = None,
    examples: Annotated[int, typer.Option(help="Shown events of each kind.", min=0)] = 1,
    as_json: AsJson = False,
) -> None:
    """Show what another template would do to the events of a day; nothing is sent.

    Example: trailhouse template diff workato siem.json --day 2026-02-28
    """
    from pipelines.exports import preview as previews

    settings, lake, moment = _sink_named(sink), open_lake(), now()
    found = previews.differ(
        lake,
        previews.renderer_of(old, settings),
        previews.renderer_of(new, settings),
        day=previews.day_of(lake, day.date() if day else None, moment.date()),
        condition=previews.filter_of(settings),
        examples=examples,
        now=moment,
    )
    if as_json:
        print_json(asdict(found))
    else:
        _print_difference(found)


def _print_difference(found: Difference) -> None:
    typer.echo(f"{found.changed:,} of {found.events:,} events of {found.day} would change.")
    for change in found.examples:
        typer.echo(f"\n{change.event_kind} {change.event_id}")
        for line in _lines(change):
            typer.echo(line)


def _lines(change: Changed) -> Sequence[str]:
    old, new = _laid_out(change.old), _laid_out(change.new)
    return list(difflib.unified_diff(old, new, "old", "new", n=1, lineterm=""))


def _laid_out(message: str) -> list[str]:
    """A message over many lines where it is JSON, so that what changed can be seen."""
    import json

    try:
        value: Any = json.loads(message)
    except ValueError:
        return message.splitlines()
    return json.dumps(value, indent=2, ensure_ascii=False).splitlines()


def _sink_named(name: str | None) -> SinkSettings | None:
    from pipelines.settings import load_settings

    return None if name is None else sink_named(load_settings(), name)
