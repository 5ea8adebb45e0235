"""Main: the `trailhouse` command; errors that a person can mend end with code 2, no traceback."""

from __future__ import annotations

import sys

import typer

from pipelines.cli import (
    archive,
    blind,
    check,
    dead,
    deliver,
    doctor,
    errors,
    lake,
    load,
    models,
    outbox,
    query,
    rejected,
    replay,
    report,
    sample,
    show,
    sinks,
    stopped,
    template,
    timeline,
    usage,
)
from pipelines.errors import TrailhouseError

app = typer.Typer(
    name="trailhouse",
    help="Keep, model, forward and prove the activity of a Workato workspace.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(sample.sample)
app.command()(load.load)
app.command()(load.run)
app.command()(models.build)
app.command()(check.check)
app.command()(query.query)
app.command()(usage.usage)
app.command()(errors.errors)
app.command()(timeline.timeline)
app.command("who-stopped")(stopped.who_stopped)
app.command()(blind.blind)
app.command()(report.report)
app.command("config")(show.config)
app.add_typer(rejected.app, name="rejected")
app.add_typer(lake.app, name="lake")
app.add_typer(archive.app, name="archive")
app.add_typer(template.app, name="template")
app.command()(deliver.deliver)
app.command()(replay.replay)
app.command()(doctor.doctor)
app.add_typer(sinks.app, name="sinks")
app.add_typer(outbox.app, name="outbox")
app.add_typer(dead.app, name="dead")


def main() -> None:
    """Run the command line; the exit code is 0, 1 for a failed check, 2 for a problem to mend."""
    try:
        app()
    except TrailhouseError as error:
        print(f"trailhouse: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(0)
    except _store_errors() as error:
        print(f"trailhouse: {_explanation(error)}", file=sys.stderr)
        sys.exit(2)


def _store_errors() -> tuple[type[Exception], ...]:
    """What stores and engines raise when they cannot go on; imported once one of them did."""
    from deltalake.exceptions import DeltaError
    from duckdb import Error
    from obstore.exceptions import BaseError

    return OSError, DeltaError, BaseError, Error


def _explanation(error: Exception) -> str:
    from pipelines.lake.tables import explained
    from pipelines.settings import load_settings

    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    try:
        with explained(load_settings().lake_url):
            raise error
    except TrailhouseError as told:
        return str(told)


if __name__ == "__main__":
    main()
