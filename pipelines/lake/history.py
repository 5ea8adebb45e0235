"""History: what the loads of a lake brought, as its `loads` table says."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pipelines.lake.duck import connect, list_literal
from pipelines.lake.tables import Lake, applied_load, file_actions
from pipelines.sources.find import join

if TYPE_CHECKING:
    from deltalake import DeltaTable


@dataclass(frozen=True, slots=True)
class Loaded:
    """A committed load: when it began (UTC), its facts, and the rows per table and UTC day."""

    load_number: int
    load_id: str
    loaded_at: datetime
    facts: dict[str, Any]
    """objects, received, accepted, duplicate, rejected, bytes, seconds."""
    partitions: dict[str, dict[date, int]]
    files: dict[tuple[str, date], list[str]] = field(default_factory=dict)
    """Paths of the data files that it wrote, per table and UTC day."""


FACTS = ("objects", "received", "accepted", "duplicate", "rejected", "bytes", "seconds")


def newest_load(lake: Lake) -> int:
    """Number of the newest committed load, 0 for none."""
    table = lake.find("loads")
    return applied_load(table) if table is not None else 0


def loads_after(lake: Lake, number: int) -> list[Loaded]:
    """The committed loads with a higher number, oldest first."""
    return _loads(lake, number + 1)


def find_load(lake: Lake, number: int) -> Loaded | None:
    """The committed load with a number."""
    return next(iter(_loads(lake, number, number)), None)


def load_files(lake: Lake, loads: DeltaTable, first: int, last: int) -> list[str]:
    """The files of the table `loads` that may hold the loads of a range, by their statistics."""
    actions = file_actions(loads)
    low, high = (actions.column(f"{side}.load_number").to_pylist() for side in ("min", "max"))
    paths = actions.column("path").to_pylist()
    return [
        join(lake.table_url("loads"), path)
        for path, a, b in zip(paths, low, high, strict=True)
        if a is None or (a <= last and first <= b)
    ]


def _loads(lake: Lake, first: int, last: int | None = None) -> list[Loaded]:
    table = lake.find("loads")
    if table is None or (newest := applied_load(table)) < max(first, 1):
        return []
    last = newest if last is None else last
    held = load_files(lake, table, first, last)
    if not held:
        return []
    with closing(connect(lake.storage, s3=lake.is_s3)) as connection:
        rows = connection.execute(
            f"select load_number, load_id, loaded_at, outputs, {', '.join(FACTS)} "
            f"from read_parquet({list_literal(held)}) "
            f"where load_number between {first} and {last} order by load_number"
        ).fetchall()
    loaded = []
    for load_number, load_id, loaded_at, outputs, *facts in rows:
        partitions: dict[str, dict[date, int]] = {}
        files: dict[tuple[str, date], list[str]] = {}
        for output in outputs:
            files.setdefault((output["table"], output["event_date"]), []).append(output["path"])
            days = partitions.setdefault(output["table"], {})
            days[output["event_date"]] = days.get(output["event_date"], 0) + output["rows"]
        named = dict(zip(FACTS, facts, strict=True))
        loaded.append(Loaded(load_number, load_id, loaded_at, named, partitions, files))
    return loaded
