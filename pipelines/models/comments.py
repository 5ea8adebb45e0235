"""Comments: what every column of every model means, from `sql/columns.csv`."""

from __future__ import annotations

import csv
from functools import cache

from pipelines.lake.queries import SQL

EVERYWHERE = "*"
"""Stands for the model of a column that means the same in all of them."""


@cache
def _comments() -> dict[tuple[str, str], str]:
    with (SQL / "columns.csv").open(newline="") as file:
        return {(row["model"], row["column"]): row["comment"] for row in csv.DictReader(file)}


def comment_of(model: str, column: str) -> str | None:
    """The meaning of a column: the model's own words for it, else those for every model."""
    found = _comments()
    return found.get((model, column)) or found.get((EVERYWHERE, column))
