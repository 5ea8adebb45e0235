"""Answer: one statement of `sql/questions`, asked with parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from pipelines.errors import TrailhouseError
from pipelines.lake.queries import read_sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TOTAL = "total_count"
"""Last column of a statement that can leave rows out: how many there are in all."""


@dataclass(frozen=True, slots=True)
class Span:
    """UTC days from `first` to `last`, both included.

    Raises:
        TrailhouseError: The last day is before the first.
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise TrailhouseError(
                f"--from {self.first} is after --to {self.last}; give the earlier day first"
            )

    @classmethod
    def until(cls, newest: date, first: date | None, last: date | None, *, days: int) -> Span:
        """The days asked for; what is not said ends on the lake's newest day, or lasts `days`."""
        if last is None:
            last = max(newest, first or newest)
        if first is None:
            first = last - timedelta(days=days - 1)
        return cls(first, last)

    @classmethod
    def all_between(cls, first: date | None, last: date | None) -> Span:
        """The days asked for; what is not said has no end."""
        return cls(first or date.min, last or date.max)

    def __str__(self) -> str:
        """As people say it."""
        if (self.first, self.last) == (date.min, date.max):
            return "all days"
        if self.first == date.min:
            return f"to {self.last}"
        if self.last == date.max:
            return f"from {self.first}"
        return f"{self.first} to {self.last}"


@dataclass(frozen=True, slots=True)
class Answer:
    """Columns and rows.

    Attributes:
        columns: Names, in order.
        rows: Values of each row; times are UTC without a zone.
        total: Rows (or, of usage per period, its subjects) that there are in all.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: int

    def dicts(self) -> Iterator[dict[str, Any]]:
        """The rows by column name."""
        return (dict(zip(self.columns, row, strict=True)) for row in self.rows)

    def without(self, column: str, value: object) -> Answer:
        """The answer without the rows that have the value in the column."""
        at = self.columns.index(column)
        kept = tuple(row for row in self.rows if row[at] != value)
        return Answer(self.columns, kept, self.total - len(self.rows) + len(kept))


def ask(connection: DuckDBPyConnection, statement: str, **parameters: Any) -> Answer:
    """Run a statement of `sql/questions` with the parameters that it names.

    Args:
        connection: On the catalogue, as `open_catalogue` returns it.
        statement: File name without its ending.
        parameters: Values by name; those that the statement does not name are left out.
    """
    sql = read_sql(f"questions/{statement}")
    named = set(re.findall(r"\$([a-z_]+)", sql))
    found = connection.execute(sql, {k: v for k, v in parameters.items() if k in named})
    columns = tuple(column[0] for column in found.description)
    rows = found.fetchall()
    if columns[-1] != TOTAL:
        return Answer(columns, tuple(rows), len(rows))
    return Answer(columns[:-1], tuple(row[:-1] for row in rows), rows[0][-1] if rows else 0)
