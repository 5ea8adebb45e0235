"""Load and run: the commands that bring landing objects into the lake, and all that follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.context import now, open_lake, print_json, print_table, stderr, unique
from pipelines.cli.progress import advancing

if TYPE_CHECKING:
    from pipelines.lake.load import Report
    from pipelines.lake.tables import Lake
    from pipelines.sources.find import Source

LISTED = 4
"""Longer lists are shown by their ends; `--json` has them whole."""

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def load(
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Folders, files or s3:// URLs; without any, the configured sources."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Load landing objects that no load has read yet into the lake, exactly once.

    Objects hold one event, one a line, or an array; names end in .json, .ndjson or .jsonl, each
    also .gz. A load that was cut off is completed first. Nothing new: nothing changes.

    Example: trailhouse load s3://audit/workato
    """
    lake = open_lake()
    report = load_with_progress(lake, configured_sources(lake, paths or []))
    if as_json:
        print_json(report.as_dict())
    else:
        print_report(report)


def run(as_json: AsJson = False) -> None:
    """Do the main job once: load what is new, check it, build the models that it touches.

    It runs as Dagster runs it, in this process, and leaves the same history. Exit code 1 if a
    blocking check fails; the models of that table are then left as they were.

    Example: trailhouse run
    """
    from pipelines.instance import run_main
    from pipelines.settings import load_settings

    result = run_main(load_settings())
    if as_json:
        print_json(result.as_dict())
    else:
        facts = result.as_dict()
        rows = [(key, _plain(value)) for key, value in facts.items()]
        print_table("Main job", ("what", "result"), rows)
    if not result.success:
        raise typer.Exit(1)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_plain(item)}" for key, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        if len(value) > LISTED:
            return f"{len(value)}, from {value[0]} to {value[-1]}"
        return ", ".join(str(item) for item in value) or "none"
    return value


def configured_sources(lake: Lake, paths: list[str]) -> list[Source]:
    """The sources of a load: the paths given, else those of the settings."""
    from pipelines.sources.find import sources_of

    settings = lake.storage.settings
    configured = [(s.name, s.url, s.copy_to_landing) for s in settings.source]
    return sources_of(configured, lake.url, paths)


def load_with_progress(lake: Lake, sources: list[Source]) -> Report:
    """Load, with a progress bar on standard error."""
    from pipelines.lake.load import load as load_lake

    with advancing() as advance:
        return load_lake(lake, sources, clock=now, unique=unique, progress=advance)


def print_report(report: Report) -> None:
    """Print a load's report as tables."""
    if report.recovered:
        stderr().print(f"Completed load {report.recovered[0]}, which had been cut off.")
    if report.load_id is None:
        typer.echo("Nothing new: every object of the sources is loaded.")
        return
    names = ("objects", "received", "accepted", "duplicate", "rejected", "bytes", "seconds")
    print_table(
        f"Load {report.load_number} ({report.load_id})",
        ("fact", "value"),
        [(name, getattr(report, name)) for name in names],
    )
    rows = [
        (title, name, count)
        for title, tally in (
            ("accepted", report.accepted_by_kind),
            ("rejected", report.rejected_by_reason),
            ("unknown event type", report.unknown_event_types),
            ("unknown field", report.unknown_fields),
        )
        for name, count in tally.items()
    ]
    if rows:
        print_table("Of which", ("what", "name", "count"), rows)
    if report.rejected:
        typer.echo("`trailhouse rejected list` shows what was rejected, and why.")
