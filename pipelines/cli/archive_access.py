"""Access: what the commands of the archive share: the log, who acts, and their options."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.answers import as_day
from pipelines.cli.context import open_lake

if TYPE_CHECKING:
    from pipelines.archive.log import Entry, Log

TableName = Annotated[
    str | None, typer.Option("--table", "-t", help="Only this lake table, such as activity.")
]
By = Annotated[
    str | None, typer.Option("--by", help="Who does it, for the log; else the system's user.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept in the log for ever.")]
Owner = Annotated[str, typer.Option("--owner", help="Who answers for it: a person or a team.")]


def who(by: str | None) -> str:
    """Whom the log names: the person given, else the user that runs the command."""
    from getpass import getuser

    return by or getuser()


def open_archive_log() -> Log:
    """The log of the archive of the settings' lake."""
    from pipelines.archive.log import open_log

    return open_log(open_lake())


def read_archive_log() -> list[Entry]:
    """The entries of that log, held against the archive's own where it may be read."""
    from pipelines.archive.current import current_entries

    return current_entries(open_archive_log())


def days_between(first: datetime | None, last: datetime | None) -> tuple[date | None, date | None]:
    """The days of `--from` and `--to`.

    Raises:
        typer.BadParameter: The first is after the last.
    """
    begin, end = as_day(first), as_day(last)
    if begin and end and begin > end:
        raise typer.BadParameter(f"{begin} is after {end}.", param_hint="--from")
    return begin, end
