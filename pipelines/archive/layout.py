"""Layout: where a seal's objects lie under the archive, its first day, and the formats of packs."""

from __future__ import annotations

from collections.abc import Callable
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
"""Characters of a root in names: enough to recognise it, few enough to read."""
MARK_HEX = 16
"""Characters of what tells the objects of a seal apart in names, and cannot be guessed."""
MARKED = "trailhouse: objects of the seal "
"""Begins what a mark is the signature of: unlike an entry of the log, which is JSON."""


class Format(StrEnum):
    """How the rows of an evidence pack are written."""

    PARQUET = "parquet"
    CSV = "csv"
    JSONL = "jsonl"


def is_meant(asked: str, environment: str | None) -> bool:
    """Whether rows of an environment are asked for; the empty name asks for those without one."""
    return asked == (environment or "")


def seal_folder(table: str, environment: str | None, day: date) -> str:
    """The folder of a day of a table and environment, quoted as Hive does.

    An environment too long for a folder's name stands there as its SHA-256.
    """
    name = quote(environment or NO_ENVIRONMENT, safe="")
    if len(name) > LONGEST_NAME:
        name = f"sha256-{sha256((environment or '').encode()).hexdigest()}"
    return f"{table}/environment={name}/event_date={day.isoformat()}"


def seal_mark(sign: Callable[[bytes], bytes], folder: str, supplement: int, root: bytes) -> bytes:
    """What the names of a seal's objects are made with, and only the key's holder can tell.

    Who may put objects but has no key can so not take the place of one that is about to be sealed.
    The same key gives the same mark again: an Ed25519 signature leaves nothing to chance.

    Args:
        sign: Signs with the key of the log.
        folder: Where the objects lie.
        supplement: Number of the seal for its day.
        root: Of the tree over its events.
    """
    return sha256(sign(f"{MARKED}{folder}/{supplement}-{root.hex()}".encode())).digest()


def file_name(supplement: int, root: bytes, mark: bytes, digest: str, part: int | None) -> str:
    """The name of a sealed file, from its contents and the mark; `part` where there are several.

    Writing the same rows again after a crash meets the same object, other bytes never do.
    """
    number = "" if part is None else f"-{part:04d}"
    return f"{supplement}-{root.hex()[:SHOWN_HEX]}{number}-{_marked(mark, digest)}.parquet"


def tiles_name(supplement: int, root: bytes, mark: bytes, digest: str) -> str:
    """The name of the tree over a seal's events."""
    return f"{supplement}-{root.hex()[:SHOWN_HEX]}-{_marked(mark, digest)}.tiles.zip"


def _marked(mark: bytes, digest: str) -> str:
    return sha256(mark + bytes.fromhex(digest)).hexdigest()[:MARK_HEX]


def after_years(day: date, years: int) -> date:
    """The day so many calendar years later; of a 29 February, where there is none, 1 March."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
