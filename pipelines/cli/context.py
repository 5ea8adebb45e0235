"""Context: what every command needs: the lake of the settings, the clock, and ways to print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from pipelines.lake.tables import Lake


def open_lake() -> Lake:
    """The lake that the settings name."""
    from pipelines.lake.storage import Storage
    from pipelines.lake.tables import Lake
    from pipelines.settings import load_settings

    return Lake(Storage(load_settings()))


def now() -> datetime:
    """The time now, UTC."""
    return datetime.now(UTC)


def unique() -> str:
    """A text that no other call returns."""
    return uuid4().hex


def print_json(value: Any) -> None:
    """Print one JSON value to standard output; times as ISO 8601."""
    import orjson

    typer.echo(orjson.dumps(value, default=str).decode())


def stderr() -> Console:
    """Where progress and messages go."""
    from rich.console import Console

    return Console(stderr=True)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table to standard output; numbers are right-aligned, with thousands separated."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    listed = [list(row) for row in rows]
    table = Table(title=title, title_justify="left", title_style="bold")
    for at, column in enumerate(columns):
        numeric = bool(listed) and all(
            isinstance(row[at], int | float | None) and not isinstance(row[at], bool)
            for row in listed
        )
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        table.add_row(*(escape(_text(value)) for value in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)  # a file or a pipe has no edge to fold at
    console.print(table)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(value)
