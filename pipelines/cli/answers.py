"""Answers: what the commands for analysts share: their options, and how answers are printed."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.context import open_lake, stderr

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from pipelines.questions.answer import Answer
    from pipelines.questions.freshness import Freshness
    from pipelines.settings import Settings

_DAYS = ["%Y-%m-%d"]
From = Annotated[
    datetime | None,
    typer.Option("--from", formats=_DAYS, metavar="YYYY-MM-DD", help="First UTC day."),
]
To = Annotated[
    datetime | None,
    typer.Option("--to", formats=_DAYS, metavar="YYYY-MM-DD", help="Last UTC day, included."),
]
Environment = Annotated[
    str | None,
    typer.Option("--environment", "-e", help="Only this environment: prod, test, dev, …"),
]
Top = Annotated[
    int | None,
    typer.Option(
        min=0, help="Rows; 0 is all. Without it a table is short, --json and --csv whole."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON array.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")]

Row = Mapping[str, Any]
WIDE = 100
"""Characters of a line from which a table has its wide columns."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its header, and what it shows of a row.

    Attributes:
        title: Header.
        show: Text of a row.
        right: Whether it is aligned to the right, as numbers are.
        fold: Whether its text may take several lines; what may not stays whole.
        wide: Whether it is left out where a line has less than 100 characters.
        width: Characters of a line from which it is shown, where 100 are not enough.
    """

    title: str
    show: Callable[[Row], str]
    right: bool = False
    fold: bool = False
    wide: bool = False
    width: int = 0

    def fits(self, width: int) -> bool:
        """Whether it is shown in lines of so many characters."""
        return width >= max(self.width, WIDE if self.wide else 0)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where questions are asked: the catalogue, how new it is, and the settings."""

    connection: DuckDBPyConnection
    freshness: Freshness
    settings: Settings

    def environment(self, wanted: str | None) -> str | None:
        """The environment that is meant, if any is."""
        from pipelines.questions.resources import find_environment

        return None if wanted is None else find_environment(self.connection, wanted)


@dataclass(frozen=True, slots=True)
class Form:
    """How an answer is printed: as a table, or whole as JSON or CSV."""

    as_json: bool
    as_csv: bool

    def __post_init__(self) -> None:
        if self.as_json and self.as_csv:
            raise typer.BadParameter("give one of --json and --csv", param_hint="--csv")

    @property
    def is_table(self) -> bool:
        """Whether it is printed for people."""
        return not (self.as_json or self.as_csv)

    def top(self, wanted: int | None, table: int) -> int:
        """The rows to ask for, where nobody said how many."""
        if wanted is not None:
            return wanted
        return table if self.is_table else 0


def as_day(moment: datetime | None) -> date | None:
    """The day of an option."""
    return None if moment is None else moment.date()


def say(message: str) -> None:
    """Print a remark to standard error, where it is in nobody's data."""
    typer.echo(message, err=True)


@contextmanager
def asking(*statements: str) -> Iterator[Desk]:
    """Open the catalogue for statements of `sql/questions`; say so where their models lag.

    Raises:
        TrailhouseError: There is no lake, or no model of it was built.
    """
    from pipelines.models.query import open_catalogue
    from pipelines.questions.freshness import check_models

    lake = open_lake()
    with stderr().status("Opening the catalogue"):
        freshness = check_models(lake, statements)
        connection = open_catalogue(lake)
    if freshness.warning:
        say(freshness.warning)
    try:
        yield Desk(connection, freshness, lake.storage.settings)
    finally:
        connection.close()


def print_answer(
    answer: Answer,
    form: Form,
    title: str,
    columns: Sequence[Column],
    *,
    empty: str,
    unit: str = "rows",
    caption: str | None = None,
) -> None:
    """Print an answer to standard output, and to standard error how much of it was left out.

    Args:
        answer: Columns and rows.
        form: Table, JSON or CSV; the latter two have every column, times as ISO 8601 with a Z.
        title: What a table shows, and of which days.
        columns: The columns of a table.
        empty: What to say where there are no rows.
        unit: What `answer.total` counts.
        caption: What stands under a table.
    """
    if form.as_json:
        _print_json(answer)
    elif form.as_csv:
        _print_csv(answer)
    elif answer.rows:
        _print_table(answer, title, columns, caption)
    if not answer.rows:
        say(empty)
    elif (shown := _shown(answer)) < answer.total:
        say(f"{shown:,} of {answer.total:,} {unit}; --top 0 prints all.")


def _shown(answer: Answer) -> int:
    """Rows, or the subjects of rows where each has one row a period."""
    if "period_start_date" not in answer.columns:
        return len(answer.rows)
    return len({(row["id"], row["environment"]) for row in answer.dicts()})


def _print_json(answer: Answer) -> None:
    import orjson

    how = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z
    typer.echo(orjson.dumps(list(answer.dicts()), option=how).decode())


def _print_csv(answer: Answer) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows([_plain(value) for value in row] for row in answer.rows)


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")
    return value


def _print_table(
    answer: Answer, title: str, columns: Sequence[Column], caption: str | None
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = Console(width=200)  # a file or a pipe has no edge to fold at
    shown = [column for column in columns if column.fits(console.width)]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for column in shown:
        table.add_column(
            column.title,
            justify="right" if column.right else "left",
            overflow="fold",
            no_wrap=not column.fold,
            min_width=12 if column.fold else None,
        )
    for row in answer.dicts():
        table.add_row(
            *(escape(column.show(row)) for column in shown),
            style="red" if row.get("outcome") == "failed" else None,
        )
    console.print(escape(title), style="bold", highlight=False)
    console.print(table)
    if caption:
        console.print(escape(caption), style="dim", highlight=False)
