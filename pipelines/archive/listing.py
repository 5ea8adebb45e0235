"""Listing: what the log holds, told for people: streams, sealed days, and every act in a line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.archive.holds import Hold, active
from pipelines.archive.layout import is_meant

if TYPE_CHECKING:
    from pipelines.archive.log import Entry

SHOWN_HEX = 12
"""Characters of a digest that a line shows; `archive show` has them all."""


@dataclass(frozen=True, slots=True)
class Seal:
    """One seal: a UTC day of a table and environment, or a numbered supplement to it.

    Attributes:
        bytes: Of its Parquet files and its tiles.
        holds: Ids of the legal holds that keep it from being deleted.
    """

    entry: int
    table: str
    environment: str | None
    event_date: date
    supplement: int
    rows: int
    bytes: int
    root: str
    retain_until: date | None
    holds: tuple[str, ...]
    is_deleted: bool

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready facts, days as ISO dates."""
        facts = {name: getattr(self, name) for name in self.__slots__}
        return facts | {
            name: value.isoformat() for name, value in facts.items() if isinstance(value, date)
        }


@dataclass(frozen=True, slots=True)
class Stream:
    """All sealed days of one table and environment, summed up."""

    table: str
    environment: str | None
    first_day: date
    last_day: date
    days: int
    empty_days: int
    supplements: int
    rows: int
    bytes: int
    deleted: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready facts, days as ISO dates."""
        facts = {name: getattr(self, name) for name in self.__slots__}
        return facts | {
            "first_day": self.first_day.isoformat(),
            "last_day": self.last_day.isoformat(),
        }


def seals(
    entries: Iterable[Entry],
    *,
    table: str | None = None,
    environment: str | None = None,
    first: date | None = None,
    last: date | None = None,
) -> list[Seal]:
    """The seals of a log, in its order, narrowed to what is asked for.

    Args:
        entries: The whole log: what was deleted stands after what was sealed.
        table: Only this lake table.
        environment: Only this environment; empty for days without one.
        first: First UTC day.
        last: Last UTC day, included.
    """
    listed = list(entries)
    deleted = {index for entry in listed if entry.kind == "delete" for index in entry.body["seals"]}
    holds = active(listed)
    found = (
        _seal_of(entry, holds, entry.index in deleted) for entry in listed if entry.kind == "seal"
    )
    return [
        day
        for day in found
        if table in (None, day.table)
        and (environment is None or is_meant(environment, day.environment))
        and (first is None or day.event_date >= first)
        and (last is None or day.event_date <= last)
    ]


def _seal_of(entry: Entry, holds: Iterable[Hold], is_deleted: bool) -> Seal:
    body = entry.body
    tiles = body["tiles"] or {"bytes": 0}
    return Seal(
        entry=entry.index,
        table=body["table"],
        environment=body["environment"],
        event_date=date.fromisoformat(body["event_date"]),
        supplement=body["supplement"],
        rows=body["rows"],
        bytes=sum(file["bytes"] for file in body["files"]) + tiles["bytes"],
        root=body["root"],
        retain_until=date.fromisoformat(body["retain_until"]) if body["retain_until"] else None,
        holds=tuple(hold.hold_id for hold in holds if hold.covers(body)),
        is_deleted=is_deleted,
    )


def streams(days: Iterable[Seal]) -> list[Stream]:
    """One summary a table and environment, by table, then environment."""
    by_stream: dict[tuple[str, str | None], list[Seal]] = {}
    for day in days:
        by_stream.setdefault((day.table, day.environment), []).append(day)
    ordered = sorted(by_stream.items(), key=lambda item: (item[0][0], item[0][1] or ""))
    return [_stream(table, environment, found) for (table, environment), found in ordered]


def _stream(table: str, environment: str | None, days: Sequence[Seal]) -> Stream:
    rows: dict[date, int] = {}
    for day in days:
        rows[day.event_date] = rows.get(day.event_date, 0) + day.rows
    return Stream(
        table=table,
        environment=environment,
        first_day=min(rows),
        last_day=max(rows),
        days=len(rows),
        empty_days=sum(1 for count in rows.values() if count == 0),
        supplements=sum(1 for day in days if day.supplement),
        rows=sum(rows.values()),
        bytes=sum(day.bytes for day in days),
        deleted=sum(1 for day in days if day.is_deleted),
    )


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs or signed: the entries that brought and retired it; null if it signs now."""

    key_id: str
    added_by: int
    added_at: str
    retired_by: int | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready facts."""
        return {name: getattr(self, name) for name in self.__slots__}


def signing_keys(entries: Iterable[Entry]) -> list[SigningKey]:
    """The keys that a log names, oldest first; whether they are to be trusted it cannot say."""
    keys: dict[str, SigningKey] = {}
    for entry in entries:
        if entry.kind != "key":
            continue
        body = entry.body
        keys[body["key_id"]] = SigningKey(body["key_id"], entry.index, body["recorded_at"], None)
        if (retired := body.get("retires")) in keys:
            keys[retired] = replace(keys[retired], retired_by=entry.index)
    return list(keys.values())


def told(entry: Entry) -> str:
    """What an act did, in one line, such as `activity prod 2026-02-13: 1,204 rows`."""
    tell: dict[str, Callable[[Mapping[str, Any]], str]] = {
        "key": _key,
        "seal": _seal_line,
        "hold": _hold,
        "release": lambda body: f"{body['hold_id']}: {body['reason']} ({body['owner']})",
        "limit": lambda body: (
            f"{body['table']}, {body['environment'] or 'no environment'}: {body['years']} "
            f"years: {body['reason']} ({body['owner']})"
        ),
        "trim": lambda body: (
            f"the lake lacks {body['table']} up to {body['to_date']}: "
            f"{body['reason']} ({body['owner']})"
        ),
        "delete": lambda body: f"{len(body['paths']):,} objects: {body['reason']}",
        "pull": lambda body: f"{body['rows']:,} rows",
        "verify": _verify,
        "restore": lambda body: f"into {body['target']}",
        "heal": lambda body: f"put back {len(body['entries']):,} entries that the archive lacked",
        "anchor": lambda body: f"entry {body['entry']} at {body['where']}",
    }
    return tell[entry.kind](entry.body) if entry.kind in tell else ""


def _key(body: Mapping[str, Any]) -> str:
    retired = body.get("retires")
    after = f", retired {retired[:SHOWN_HEX]}" if retired else ""
    return f"added {body['key_id'][:SHOWN_HEX]}{after}"


def _seal_line(body: Mapping[str, Any]) -> str:
    supplement = f" supplement {body['supplement']}" if body["supplement"] else ""
    environment = f" {body['environment']}" if body["environment"] else ""
    return f"{body['table']}{environment} {body['event_date']}{supplement}: {body['rows']:,} rows"


def _hold(body: Mapping[str, Any]) -> str:
    tables = ", ".join(body["tables"] or ["every table"])
    names = body["environments"] or ["every environment"]
    environments = ", ".join(name or "no environment" for name in names)
    days = f"{body['from_date'] or 'the first day'} to {body['to_date'] or 'the last'}"
    return f"{body['hold_id']}: {tables}, {environments}, {days}: {body['reason']}"


def _verify(body: Mapping[str, Any]) -> str:
    return "clean" if body["clean"] else f"{body['findings']} findings"
