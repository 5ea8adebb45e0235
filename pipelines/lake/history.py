"""History: what the loads of a lake brought, as its `loads` table says."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pipelines.lake.duck import connect, list_literal
from pipelines.lake.tables import Lake, applied_load


@dataclass(frozen=True, slots=True)
class Loaded:
    """A committed load: when it began (UTC), its facts, and the rows per table and UTC day."""

    load_number: int
    load_id: str
    loaded_at: datetime
    facts: dict[str, Any]
    """objects, received, accepted, duplicate, rejected, bytes, seconds."""
    partitions: dict[str, dict[date, int]]


FACTS = ("objects", "received", "accepted", "duplicate", "rejected", "bytes", "seconds")


def newest_load(lake: Lake) -> int:
    """Number of the newest committed load, 0 for none."""
    table = lake.find("loads")
    return applied_load(table) if table is not None else 0


def loads_after(lake: Lake, number: int) -> list[Loaded]:
    """The committed loads with a higher number, oldest first."""
    table = lake.find("loads")
    if table is None or applied_load(table) <= max(number, 0):
        return []
    with closing(connect(lake.storage, s3=lake.is_s3)) as connection:
        rows = connection.execute(
            f"select load_number, load_id, loaded_at, outputs, {', '.join(FACTS)} "
            f"from read_parquet({list_literal(table.file_uris())}) where load_number > {number} "
            "order by load_number"
        ).fetchall()
    loaded = []
    for load_number, load_id, loaded_at, outputs, *facts in rows:
        partitions: dict[str, dict[date, int]] = {}
        for output in outputs:
            days = partitions.setdefault(output["table"], {})
            days[output["event_date"]] = days.get(output["event_date"], 0) + output["rows"]
        named = dict(zip(FACTS, facts, strict=True))
        loaded.append(Loaded(load_number, load_id, loaded_at, named, partitions))
    return loaded
