"""Trims: entries of the log which say that the lake no longer keeps old sealed days.

They explain why the lake lacks days that the archive has; nothing is removed by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING

from pipelines.archive.appending import append
from pipelines.archive.limits import ANY
from pipelines.errors import TrailhouseError
from pipelines.lake.schemas import LOADED_TABLES

if TYPE_CHECKING:
    from pipelines.archive.keys import Signer
    from pipelines.archive.log import Entry, Log

KIND = "trim"


def trimmed_through(entries: Iterable[Entry]) -> dict[str, date]:
    """The last day of each table that the lake may lack; tables that may lack none are left out."""
    through: dict[str, date] = {}
    for entry in entries:
        if entry.kind == KIND:
            named, last = entry.body["table"], date.fromisoformat(entry.body["to_date"])
            for table in LOADED_TABLES if named == ANY else [named]:
                through[table] = max(through.get(table, last), last)
    return through


def trim(
    log: Log,
    *,
    to_date: date,
    reason: str,
    owner: str,
    table: str = ANY,
    clock: Callable[[], datetime],
    signer: Signer,
    by: str,
) -> Entry:
    """Record that the lake no longer keeps sealed days, so that they are not missed.

    Args:
        log: The archive's log.
        to_date: Last UTC day that the lake may lack.
        reason: Why; it is kept in the log.
        owner: Who answers for it.
        table: Lake table, or `*` for any.
        clock: The time now, UTC.
        signer: Signs the entry.
        by: Who does it.

    Raises:
        TrailhouseError: Reason or owner is empty, or the table is unknown.
    """
    if not reason.strip() or not owner.strip():
        raise TrailhouseError("a trim needs a reason and an owner; give both")
    if table != ANY and table not in LOADED_TABLES:
        raise TrailhouseError(f"{table} is no sealed table; allowed: {', '.join(LOADED_TABLES)}")
    facts = {"table": table, "to_date": to_date.isoformat(), "reason": reason, "owner": owner}
    return append(log, KIND, facts, clock=clock, signer=signer, by=by)
