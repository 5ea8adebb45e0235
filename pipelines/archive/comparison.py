"""Comparison: whether the lake still has the rows of sealed days, by their number and their bytes.

A day is read anew only if its files are others than those it was last found equal with. What was
found equal is noted in the lake, under `archive_compared/`; without the notes more is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from pipelines.archive.lake_rows import LakeTable, rows_by_load
from pipelines.archive.leaves import leaf_hashes, row_order
from pipelines.archive.place import Place, open_place
from pipelines.archive.tiles import write_tree
from pipelines.errors import ArchiveError
from pipelines.sources.find import join

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from pipelines.archive.log import Entry
    from pipelines.lake.tables import Lake

FOLDER = "archive_compared"
COMPARED_ROWS = 20_000_000
"""Rows at which a run leaves further days to the next: after a compaction all are to be read."""
TableDay = tuple[str, date]


@dataclass(frozen=True, slots=True)
class Difference:
    """A seal whose rows the lake has otherwise: so many were sealed, so many of them are there."""

    table: str
    environment: str | None
    event_date: date
    sealed: int
    in_lake: int
    why: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready facts, the day as ISO date."""
        facts = {name: getattr(self, name) for name in self.__slots__}
        return facts | {"event_date": self.event_date.isoformat()}


def seals_by_day(
    entries: Iterable[Entry], *, are_deleted: bool = False
) -> dict[TableDay, list[Entry]]:
    """The seals with rows that were not deleted, or were, per table and day, in order."""
    listed = list(entries)
    gone = {index for entry in listed if entry.kind == "delete" for index in entry.body["seals"]}
    days: dict[TableDay, list[Entry]] = {}
    for entry in listed:
        if entry.kind != "seal" or not entry.body["rows"]:
            continue
        if (entry.index in gone) == are_deleted:
            day = date.fromisoformat(entry.body["event_date"])
            days.setdefault((entry.body["table"], day), []).append(entry)
    return days


class Compared:
    """The days that were found equal, each with the files and seals that it had then."""

    def __init__(self, place: Place) -> None:
        """Read the notes; who may not sees none."""
        self._place = place
        try:
            self._known = {path for path, _ in place.list()}
        except ArchiveError:
            self._known = set()

    def is_known(self, table: LakeTable, day: date, seals: Sequence[Entry]) -> bool:
        """Whether the day was found equal as it is now."""
        return _note(table, day, seals) in self._known

    def add(self, table: LakeTable, day: date, seals: Sequence[Entry]) -> None:
        """Note that a day is equal; who may not write the notes reads it again next time."""
        path = _note(table, day, seals)
        if path not in self._known:
            self._known.add(path)
            try:
                self._place.put_new(path, b"")
            except ArchiveError:
                return

    def unknown(
        self,
        tables: Mapping[str, LakeTable],
        sealed: Mapping[TableDay, Sequence[Entry]],
        at_most: int = COMPARED_ROWS,
    ) -> list[TableDay]:
        """The days of the lake that are to be read, newest first, until they have many rows."""
        found: list[TableDay] = []
        for key in sorted(sealed, key=lambda one: (one[1], one[0]), reverse=True):
            table, day = tables[key[0]], key[1]
            if day in table.files and not self.is_known(table, day, sealed[key]):
                found.append(key)
                at_most -= table.rows[day]
                if at_most <= 0:
                    break
        return found


def open_compared(lake: Lake) -> Compared:
    """The notes of a lake."""
    return Compared(open_place(join(lake.url, FOLDER), lake.storage))


def _note(table: LakeTable, day: date, seals: Sequence[Entry]) -> str:
    named = [*sorted(table.files.get(day, ())), *(entry.digest for entry in seals)]
    digest = sha256("\n".join(named).encode()).hexdigest()
    return f"{table.name}/{day.isoformat()}/{digest}"


def compare(
    connection: DuckDBPyConnection,
    tables: Mapping[str, LakeTable],
    sealed: Mapping[TableDay, Sequence[Entry]],
    days: Collection[TableDay],
    work_dir: Path | None,
) -> dict[TableDay, list[Difference]]:
    """Compare days of the lake with their seals: rows per environment and load, then every root.

    Args:
        connection: Reads the lake.
        tables: The tables as they are now.
        sealed: The seals of each day.
        days: Those to read.
        work_dir: Where a tree's tiles lie for a moment; without it the system's folder.

    Returns:
        The differences of each day asked for, none where it is equal.
    """
    found: dict[TableDay, list[Difference]] = {}
    for name, table in tables.items():
        of_table = sorted(day for one, day in days if one == name)
        rows = rows_by_load(connection, table, of_table)
        for day in of_table:
            seals = sealed[name, day]
            now = rows.get(day, {})
            found[name, day] = list(_differences(connection, table, day, seals, now, work_dir))
    return found


def _differences(
    connection: DuckDBPyConnection,
    table: LakeTable,
    day: date,
    seals: Sequence[Entry],
    now: Mapping[str | None, Mapping[str, int]],
    work_dir: Path | None,
) -> Iterator[Difference]:
    for seal in (entry.body for entry in seals):
        environment, loads = seal["environment"], seal["loads"]
        held = now.get(environment, {})
        in_lake = sum(held.get(load["load_id"], 0) for load in loads)
        why = next(
            (
                f"load {load['load_id']} was sealed with {load['rows']} rows of environment "
                f"{environment!r}, the lake has {held.get(load['load_id'], 0)}"
                for load in loads
                if held.get(load["load_id"], 0) != load["rows"]
            ),
            None,
        )
        if why is None and _root(connection, table, day, seal, work_dir) != seal["root"]:
            why = (
                f"the {seal['rows']} rows of environment {environment!r} in the lake are not "
                "those that were sealed: their bytes or their order differ"
            )
        if why is not None:
            yield Difference(table.name, environment, day, seal["rows"], in_lake, why)


def _root(
    connection: DuckDBPyConnection,
    table: LakeTable,
    day: date,
    seal: Mapping[str, Any],
    work_dir: Path | None,
) -> str:
    """The root over the rows of a seal as the lake has them, in the order that was sealed."""
    rows = table.sealed_as(day, seal["environment"], [load["load_id"] for load in seal["loads"]])
    order = ", ".join(seal.get("order", row_order(table.name)))
    with closing(connection.cursor()) as cursor, TemporaryFile(dir=work_dir) as tiles:
        _, root = write_tree(tiles, leaf_hashes(cursor, table.name, f"{rows} order by {order}"))
    return root.hex()
