"""Limits: entries of the log that give an end to days which were sealed to be kept for ever.

What a manifest says of its day stands, whatever the settings say later. So a rule that came after
the seal counts only from when it was signed: a deletion without it is found by whoever verifies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING

from pipelines.archive.appending import append
from pipelines.archive.layout import after_years, is_meant
from pipelines.errors import TrailhouseError
from pipelines.lake.schemas import LOADED_TABLES

if TYPE_CHECKING:
    from pipelines.archive.keys import Signer
    from pipelines.archive.log import Entry, Log

KIND = "limit"
ANY = "*"
"""In a rule or limit: every table, or every environment."""


def limited_until(
    entries: Iterable[Entry], table: str, environment: str | None, day: date
) -> date | None:
    """Until when a day that was sealed for ever is kept by the limits of a log; null for ever.

    Raises:
        KeyError: A limit lacks a field.
        TypeError: A field of one has another type.
    """
    ends = [
        after_years(day, entry.body["years"])
        for entry in entries
        if entry.kind == KIND
        and entry.body["table"] in (ANY, table)
        and (entry.body["environment"] == ANY or is_meant(entry.body["environment"], environment))
    ]
    return max(ends, default=None)


def limit(
    log: Log,
    *,
    years: int,
    reason: str,
    owner: str,
    table: str = ANY,
    environment: str = ANY,
    clock: Callable[[], datetime],
    signer: Signer,
    by: str,
) -> Entry:
    """Give days that were sealed without an end one: so many years after the day.

    Days that were sealed with an end keep it. Of several limits the longest counts.

    Args:
        log: The archive's log.
        years: Calendar years after the day.
        reason: Why; it is kept in the log.
        owner: Who answers for it.
        table: Lake table, or `*` for any.
        environment: Environment, empty for none, or `*` for any.
        clock: The time now, UTC.
        signer: Signs the entry.
        by: Who does it.

    Raises:
        TrailhouseError: Reason or owner is empty, the years are none, or the table is unknown.
    """
    if not reason.strip() or not owner.strip():
        raise TrailhouseError("a limit needs a reason and an owner; give both")
    if years < 1:
        raise TrailhouseError(f"a limit of {years} years keeps nothing; give 1 or more")
    if table != ANY and table not in LOADED_TABLES:
        raise TrailhouseError(f"{table} is no sealed table; allowed: {', '.join(LOADED_TABLES)}")
    facts = {
        "years": years,
        "reason": reason,
        "owner": owner,
        "table": table,
        "environment": environment,
    }
    return append(log, KIND, facts, clock=clock, signer=signer, by=by)
