"""Layout: where a seal's objects lie under the archive, its first day, and the formats of packs."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from hashlib import sha256
from urllib.parse import quote

FIRST_DAY = date(2013, 1, 1)
"""Workato's first year. Rows of earlier days come from wrong clocks: they are sealed, but the
empty days between them and this one are not."""
NO_ENVIRONMENT = "__HIVE_DEFAULT_PARTITION__"
"""What Hive, Spark and DuckDB call the folder of rows whose partition column is null or empty."""
LONGEST_NAME = 200
"""Characters of an environment in a folder's name; file systems allow 255 bytes."""
SHOWN_HEX = 12
"""Characters of digests in names: enough to tell objects apart, few enough to read."""


class Format(StrEnum):
    """How the rows of an evidence pack are written."""

    PARQUET = "parquet"
    CSV = "csv"
    JSONL = "jsonl"


def seal_folder(table: str, environment: str | None, day: date) -> str:
    """The folder of a day of a table and environment, quoted as Hive does.

    An environment too long for a folder's name stands there as its SHA-256.
    """
    name = quote(environment or NO_ENVIRONMENT, safe="")
    if len(name) > LONGEST_NAME:
        name = f"sha256-{sha256((environment or '').encode()).hexdigest()}"
    return f"{table}/environment={name}/event_date={day.isoformat()}"


def file_name(supplement: int, root: bytes, digest: str, number: int | None = None) -> str:
    """The name of a sealed file, from its contents; `number` where the seal has several.

    Writing the same rows again after a crash meets the same object, other bytes never do.
    """
    part = "" if number is None else f"-{number:04d}"
    return f"{supplement}-{root.hex()[:SHOWN_HEX]}{part}-{digest[:SHOWN_HEX]}.parquet"


def tiles_name(supplement: int, root: bytes) -> str:
    """The name of the tree over a seal's events."""
    return f"{supplement}-{root.hex()[:SHOWN_HEX]}.tiles.zip"
