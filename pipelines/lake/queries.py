"""Queries: the SQL files under `sql/`, read once."""

from functools import cache
from pathlib import Path

SQL = Path(__file__).resolve().parents[2] / "sql"


@cache
def read_sql(name: str) -> str:
    """The statement of `sql/<name>.sql`, comments included."""
    return (SQL / f"{name}.sql").read_text()
