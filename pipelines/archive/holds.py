"""Holds: legal holds, which keep sealed days from being deleted for as long as they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from pipelines.archive.appending import append
from pipelines.archive.layout import is_meant
from pipelines.errors import TrailhouseError
from pipelines.lake.schemas import LOADED_TABLES

if TYPE_CHECKING:
    from pipelines.archive.keys import Signer
    from pipelines.archive.log import Entry, Log

ID_LENGTH = 12
"""Characters of a hold's id, which people type."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: why, who answers for it, and what it covers; null covers all.

    `index` is the entry that added it, `recorded_at` its time as the log writes it.
    """

    hold_id: str
    reason: str
    owner: str
    tables: tuple[str, ...] | None
    environments: tuple[str | None, ...] | None
    from_date: date | None
    to_date: date | None
    index: int
    recorded_at: str

    def covers(self, seal: Mapping[str, Any]) -> bool:
        """Whether it keeps the sealed day from being deleted, by the body of its entry."""
        day = date.fromisoformat(seal["event_date"])
        return (
            (self.tables is None or seal["table"] in self.tables)
            and (
                self.environments is None
                or any(is_meant(name or "", seal["environment"]) for name in self.environments)
            )
            and (self.from_date is None or self.from_date <= day)
            and (self.to_date is None or day <= self.to_date)
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready facts, days as ISO dates."""
        facts = {name: getattr(self, name) for name in self.__slots__}
        return facts | {
            name: value.isoformat() for name, value in facts.items() if isinstance(value, date)
        }


def active(entries: Iterable[Entry]) -> list[Hold]:
    """The holds that no later entry released, oldest first."""
    holds: dict[str, Hold] = {}
    for entry in entries:
        if entry.kind == "hold":
            holds[entry.body["hold_id"]] = _hold(entry)
        elif entry.kind == "release":
            holds.pop(entry.body["hold_id"], None)
    return list(holds.values())


def _hold(entry: Entry) -> Hold:
    body = entry.body
    first, last = (
        date.fromisoformat(body[name]) if body[name] else None for name in ("from_date", "to_date")
    )
    tables, environments = (
        tuple(body[name]) if body[name] is not None else None for name in ("tables", "environments")
    )
    return Hold(
        body["hold_id"],
        body["reason"],
        body["owner"],
        tables,
        environments,
        first,
        last,
        entry.index,
        body["recorded_at"],
    )


def add(
    log: Log,
    *,
    reason: str,
    owner: str,
    tables: Sequence[str] | None = None,
    environments: Sequence[str | None] | None = None,
    from_date: date | None = None,
    to_date: date | None = None,
    clock: Callable[[], datetime],
    signer: Signer,
    by: str,
) -> Hold:
    """Put a legal hold on sealed days, those that are sealed later included.

    Args:
        log: The archive's log.
        reason: Why, such as the matter's name.
        owner: Who answers for the hold and may have it released.
        tables: Lake tables; null for all.
        environments: Environments, an empty one for days without; null for all.
        from_date: First UTC day; null for no bound.
        to_date: Last UTC day; null for no bound.
        clock: The time now, UTC.
        signer: Signs the entry.
        by: Who adds it.

    Raises:
        TrailhouseError: Reason or owner is empty, a table is unknown, or the days are reversed.
    """
    if not reason.strip() or not owner.strip():
        raise TrailhouseError("a legal hold needs a reason and an owner; give both")
    if unknown := sorted(set(tables or ()) - set(LOADED_TABLES)):
        raise TrailhouseError(
            f"{unknown[0]} is no sealed table; allowed: {', '.join(LOADED_TABLES)}"
        )
    if from_date and to_date and to_date < from_date:
        raise TrailhouseError(f"the hold would end on {to_date}, before it begins on {from_date}")
    facts = {
        "reason": reason,
        "owner": owner,
        "tables": sorted(tables) if tables else None,
        "environments": list(environments) if environments else None,
        "from_date": from_date.isoformat() if from_date else None,
        "to_date": to_date.isoformat() if to_date else None,
    }
    named = orjson.dumps([facts, clock().isoformat(), by], option=orjson.OPT_SORT_KEYS)
    facts["hold_id"] = sha256(named).hexdigest()[:ID_LENGTH]
    return _hold(append(log, "hold", facts, clock=clock, signer=signer, by=by))


def release(
    log: Log,
    hold_id: str,
    *,
    reason: str,
    owner: str,
    clock: Callable[[], datetime],
    signer: Signer,
    by: str,
) -> Hold:
    """Release a legal hold; what it covered may then be deleted once it is due.

    Returns:
        The hold that no longer stands.

    Raises:
        TrailhouseError: No standing hold, or more than one, has an id that starts so; or reason
            or owner is empty.
    """
    if not reason.strip() or not owner.strip():
        raise TrailhouseError("releasing a legal hold needs a reason and an owner; give both")
    standing = active(log.entries())
    found = [hold for hold in standing if hold_id and hold.hold_id.startswith(hold_id)]
    if len(found) != 1:
        listed = ", ".join(hold.hold_id for hold in standing) or "none"
        raise TrailhouseError(
            f"{hold_id!r} names {len(found)} of the holds that stand; they are: {listed}"
        )
    facts = {"hold_id": found[0].hold_id, "reason": reason, "owner": owner}
    append(log, "release", facts, clock=clock, signer=signer, by=by)
    return found[0]
