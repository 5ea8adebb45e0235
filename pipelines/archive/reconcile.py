"""Reconcile: whether the archive has the rows of each sealed day that the lake has."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pipelines.archive.comparison import (
    Difference,
    TableDay,
    compare,
    open_compared,
    seals_by_day,
)
from pipelines.archive.lake_rows import LakeTable, open_tables
from pipelines.archive.trims import trimmed_through
from pipelines.lake.duck import connect
from pipelines.lake.tables import Lake, explained

if TYPE_CHECKING:
    from pipelines.archive.log import Entry

SAMPLED = 5
"""Days of tables that are read again although nothing about their files changed."""
SAMPLED_ROWS = 5_000_000
"""Rows at which no further day is drawn."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Sealed days and rows whose number was compared, days that were read, and differences."""

    days: int
    rows: int
    days_read: int
    differences: tuple[Difference, ...]


def reconcile(lake: Lake, entries: Iterable[Entry], *, seed: int) -> Reconciled:
    """Compare every sealed day with the lake, per table, day and environment.

    The number of rows is compared of all days, by the logs of both. Events are read where a day's
    files are others than when it was last found equal, and of some days that are drawn: so a file
    that was replaced in its place is found as well. Days whose seals were deleted are left out,
    and days that the lake lacks whole where a `trim` of the log says so.

    Args:
        lake: The lake.
        entries: The whole log of the archive.
        seed: Decides which days are drawn.
    """
    listed = list(entries)
    sealed, deleted = seals_by_day(listed), seals_by_day(listed, are_deleted=True)
    with explained(lake.url), closing(connect(lake.storage, s3=lake.is_s3)) as connection:
        tables, compared = open_tables(lake, connection), open_compared(lake)
        days = {*compared.unknown(tables, sealed), *_drawn(tables, sealed, seed)}
        read = compare(connection, tables, sealed, days, lake.storage.settings.work_dir)
    for key in (key for key, found in read.items() if not found):
        compared.add(tables[key[0]], key[1], sealed[key])
    differences = [one for found in read.values() for one in found]
    named = {(one.table, one.event_date) for one in differences}
    trimmed = trimmed_through(listed)
    differences += [
        one
        for one in _other_counts(tables, sealed, deleted)
        if (one.table, one.event_date) not in named
        and (one.in_lake or one.event_date > trimmed.get(one.table, date.min))
    ]
    rows = sum(map(_rows, sealed.values()))
    return Reconciled(len(sealed), rows, len(read), tuple(sorted(differences, key=_place)))


def _place(one: Difference) -> tuple[str, str, str]:
    return one.table, one.event_date.isoformat(), one.environment or ""


def _drawn(
    tables: Mapping[str, LakeTable], sealed: Mapping[TableDay, Sequence[Entry]], seed: int
) -> list[TableDay]:
    there = sorted(key for key in sealed if key[1] in tables[key[0]].files)
    # no secret: a draw that can be repeated is what is wanted
    drawn = random.Random(seed).sample(there, min(SAMPLED, len(there)))  # noqa: S311
    rows, chosen = 0, list[TableDay]()
    for key in drawn:
        if rows < SAMPLED_ROWS:
            chosen.append(key)
            rows += tables[key[0]].rows[key[1]]
    return chosen


def _other_counts(
    tables: Mapping[str, LakeTable],
    sealed: Mapping[TableDay, Sequence[Entry]],
    deleted: Mapping[TableDay, Sequence[Entry]],
) -> Iterable[Difference]:
    """Days with another number of rows by the lake's log, those among them that it lacks whole."""
    for (name, day), seals in sealed.items():
        count, in_lake = _rows(seals), tables[name].rows.get(day, 0)
        # the rows of deleted seals may be in the lake or not
        if not count <= in_lake <= count + _rows(deleted.get((name, day), ())):
            why = "the lake has another number of rows" if in_lake else "the lake lacks the day"
            yield Difference(name, None, day, count, in_lake, why)


def _rows(seals: Sequence[Entry]) -> int:
    return sum(entry.body["rows"] for entry in seals)
