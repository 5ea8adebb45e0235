"""Streams: what of the lake is to be sealed, by comparing its tables with the seals there are.

A stream is one table and environment. It has a seal for every UTC day from its first day with rows
through the last closed one; rows that came later are a numbered supplement of their day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from pipelines.archive.comparison import Compared, Difference, TableDay, compare, seals_by_day
from pipelines.archive.lake_rows import LakeTable, Loads, open_tables, rows_by_load
from pipelines.archive.layout import FIRST_DAY
from pipelines.lake.tables import Lake

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from pipelines.archive.log import Entry


class Stream(NamedTuple):
    """A table and environment, the unit that is sealed day by day; null where not sent."""

    table: str
    environment: str | None


@dataclass(frozen=True, slots=True)
class Planned:
    """A seal to make: the rows of the loads on that day; none for an empty day."""

    stream: Stream
    event_date: date
    supplement: int
    loads: Loads

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(self.loads.values())


@dataclass(frozen=True, slots=True)
class Plan:
    """The seals to make, in order of day, and the differences that keep days from being sealed."""

    seals: tuple[Planned, ...]
    differences: tuple[str, ...]
    tables: Mapping[str, LakeTable]
    equal: frozenset[TableDay]
    """Sealed days whose rows in the lake were read and are those that were sealed."""


@dataclass(slots=True)
class SealedDay:
    """What the seals of one stream and day hold: rows per load, and the newest supplement."""

    supplement: int = -1
    loads: dict[str, int] = field(default_factory=dict)


Sealed = dict[Stream, dict[date, SealedDay]]


def sealed_days(entries: Iterable[Entry]) -> Sealed:
    """What the seals of a log hold, per stream and day."""
    sealed: Sealed = {}
    for entry in entries:
        if entry.kind == "seal":
            body = entry.body
            days = sealed.setdefault(Stream(body["table"], body["environment"]), {})
            day = days.setdefault(date.fromisoformat(body["event_date"]), SealedDay())
            day.supplement = max(day.supplement, body["supplement"])
            day.loads |= {load["load_id"]: load["rows"] for load in body["loads"]}
    return sealed


def plan(
    lake: Lake,
    connection: DuckDBPyConnection,
    entries: Sequence[Entry],
    last: date,
    compared: Compared,
) -> Plan:
    """Compare the lake with the seals, and say what is to be sealed.

    A day is read only if its count of rows by the table's log, or the loads that the lake's
    `loads` name for it, differ from what is sealed; of it three columns are read. The events of
    sealed days are read where their files are others than when they were last compared.

    Args:
        lake: The lake.
        connection: Reads the lake; it learns the columns of its tables.
        entries: The entries of the archive's log.
        last: Last UTC day to seal; it must be closed.
        compared: Which days were found equal before.
    """
    sealed, planned, differences = sealed_days(entries), list[Planned](), list[str]()
    tables = open_tables(lake, connection)
    wanted = {name: _wanted(table, sealed, last) for name, table in tables.items()}
    read = _read_anew(lake, connection, tables, seals_by_day(entries), wanted, compared)
    for name, table in tables.items():
        days_of = {s: days for s, days in sealed.items() if s.table == name}
        why_not = {day: why[0].why for (of, day), why in read.items() if of == name and why}
        found = rows_by_load(connection, table, wanted[name])
        with_rows: list[Planned] = []
        for day in wanted[name]:
            sealed_then = {s: days[day] for s, days in days_of.items() if day in days}
            why = _difference(found.get(day, {}), table.expected.get(day, {}), sealed_then)
            if why is not None:
                why_not.setdefault(day, why)
            if day not in why_not:
                with_rows += _with_rows(name, day, found.get(day, {}), sealed_then)
        differences += [f"{name} of {day}: {why}" for day, why in sorted(why_not.items())]
        planned += [*with_rows, *_empty(days_of, with_rows, why_not.keys(), last)]
    planned.sort(key=lambda p: (p.event_date, p.stream.table, p.stream.environment or ""))
    equal = frozenset(key for key, why in read.items() if not why)
    return Plan(tuple(planned), tuple(differences), tables, equal)


def _wanted(table: LakeTable, sealed: Sealed, last: date) -> list[date]:
    days_of = {s: days for s, days in sealed.items() if s.table == table.name}
    return [day for day in _differing(table, days_of) if day <= last]


def _read_anew(
    lake: Lake,
    connection: DuckDBPyConnection,
    tables: Mapping[str, LakeTable],
    sealed: Mapping[TableDay, Sequence[Entry]],
    wanted: Mapping[str, Sequence[date]],
    compared: Compared,
) -> dict[TableDay, list[Difference]]:
    """Compare the days that get a supplement, and those whose files are others than before."""
    supplemented = {
        (name, day)
        for name, days in wanted.items()
        for day in days
        if (name, day) in sealed
        and day in tables[name].files
        and not compared.is_known(tables[name], day, sealed[name, day])
    }
    due = supplemented.union(compared.unknown(tables, sealed))
    return compare(connection, tables, sealed, due, lake.storage.settings.work_dir)


def _differing(table: LakeTable, sealed: Mapping[Stream, Mapping[date, SealedDay]]) -> list[date]:
    """The days whose rows or loads are not those that are sealed, in order."""
    totals: dict[date, int] = {}
    loads: dict[date, set[str]] = {}
    for days in sealed.values():
        for day, held in days.items():
            totals[day] = totals.get(day, 0) + sum(held.loads.values())
            loads.setdefault(day, set()).update(held.loads)
    # a day that the lake no longer holds is the archive's alone, unless something of it is unsealed
    return [
        day
        for day in sorted(table.rows.keys() | table.expected.keys())
        if (day in table.rows and table.rows[day] != totals.get(day, 0))
        or not table.expected.get(day, {}).keys() <= loads.get(day, set())
    ]


def _difference(
    found: Mapping[str | None, Loads], expected: Loads, sealed: Mapping[Stream, SealedDay]
) -> str | None:
    """Why the day's rows cannot be sealed, or None."""
    for stream, day in sealed.items():
        now = found.get(stream.environment, {})
        for load_id, rows in sorted(day.loads.items()):
            if now.get(load_id, 0) != rows:
                return (
                    f"load {load_id} was sealed with {rows} rows of environment "
                    f"{stream.environment!r}, the lake has {now.get(load_id, 0)}"
                )
    totals, held = _summed(found.values()), _summed(day.loads for day in sealed.values())
    for load_id in sorted(totals.keys() | expected.keys()):
        # a restored lake does not know the loads whose own rows were not sealed: the seals do
        has, told = totals.get(load_id, 0), max(expected.get(load_id, 0), held.get(load_id, 0))
        if has != told:
            return f"load {load_id} wrote {told} rows by the table `loads`, the lake has {has}"
    return None


def _summed(all_loads: Iterable[Loads]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for loads in all_loads:
        for load_id, rows in loads.items():
            totals[load_id] = totals.get(load_id, 0) + rows
    return totals


def _with_rows(
    name: str,
    day: date,
    found: Mapping[str | None, Loads],
    sealed: Mapping[Stream, SealedDay],
) -> Iterator[Planned]:
    for environment, loads in found.items():
        stream = Stream(name, environment)
        before = sealed.get(stream, SealedDay())
        late = {load_id: rows for load_id, rows in loads.items() if load_id not in before.loads}
        if late:
            yield Planned(stream, day, before.supplement + 1, late)


def _empty(
    sealed: Mapping[Stream, Mapping[date, SealedDay]],
    planned: Iterable[Planned],
    changed: Collection[date],
    last: date,
) -> Iterator[Planned]:
    """The days without rows: those between a stream's first and the last without any seal."""
    known: dict[Stream, set[date]] = {stream: set(days) for stream, days in sealed.items()}
    for one in planned:
        known.setdefault(one.stream, set()).add(one.event_date)
    for stream, days in known.items():
        for day in gaps(days, last):
            if day not in changed:
                yield Planned(stream, day, 0, {})


def gaps(days: Iterable[date], last: date) -> list[date]:
    """The days that a stream lacks: from the first of `days` (2013 at the earliest) to `last`."""
    have = set(days)
    first = min((day for day in have if day >= FIRST_DAY), default=None)
    if first is None:
        return []
    between = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in between if day not in have]
