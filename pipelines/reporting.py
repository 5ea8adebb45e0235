"""Reporting: the lake's loads as events of Dagster's catalogue, each load reported once at least.

The lake knows what was loaded; Dagster is told. What it was told last stands in the newest
materialisation of the asset `loads`, which is written after all others of the same load.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date
from typing import Any

import dagster as dg

from pipelines.lake.history import Loaded
from pipelines.lake.tables import Lake, rows_per_day
from pipelines.partitions import known_days
from pipelines.sources.find import join

LOADS = dg.AssetKey("loads")
LANDING = dg.AssetKey("landing")
NUMBER = "load_number"
"""Metadata that says which load a materialisation reports."""

Touched = dict[str, dict[date, int]]
"""Rows added per table and UTC day."""


def last_reported(instance: dg.DagsterInstance) -> int:
    """Number of the newest load that Dagster was told of, 0 for none."""
    event = instance.get_latest_materialization_event(LOADS)
    found = event.asset_materialization if event else None
    if found is None or NUMBER not in found.metadata:
        return 0
    return int(str(found.metadata[NUMBER].value))


def touched(loads: Sequence[Loaded]) -> Touched:
    """Rows that the loads added, per table and UTC day; `loads` itself is left out."""
    added: Touched = {}
    for load in loads:
        for table, days in load.partitions.items():
            if table != LOADS.path[-1]:
                rows = added.setdefault(table, {})
                for day, count in days.items():
                    rows[day] = rows.get(day, 0) + count
    return added


def days_of(loads: Sequence[Loaded]) -> dict[str, list[date]]:
    """UTC days that the loads touched, per table; for `loads` those on which they began."""
    days = {table: sorted(rows) for table, rows in touched(loads).items()}
    return days | {LOADS.path[-1]: sorted(_begun(loads))} if loads else days


def materializations(
    lake: Lake, loads: Sequence[Loaded], log: Any
) -> Iterator[dg.AssetMaterialization | dg.AssetObservation]:
    """One materialisation per touched partition of each table; `loads` comes last of all.

    Args:
        lake: The lake.
        loads: The loads to report, oldest first.
        log: Warned of days that are no partition of Dagster's; their rows are reported without.
    """
    if not loads:
        return
    newest = loads[-1]
    facts: dict[str, Any] = {NUMBER: newest.load_number, "load_id": newest.load_id}
    for table, days in sorted(touched(loads).items()):
        known = set(known_days(list(days)))
        totals = rows_per_day(lake.find(table))
        for day, added in sorted(days.items()):
            if day not in known:
                continue
            yield _materialization(lake, table, day, added, totals.get(day), facts)
        if outside := sorted(set(days) - known):
            log.warning(
                f"{table}: rows of {len(outside)} days from {outside[0]} to {outside[-1]} are in "
                "the lake, but these days are no partitions; a clock of their source may be wrong"
            )
            listed: dict[str, Any] = {
                "days": [str(d) for d in outside],
                "rows_added": sum(days[d] for d in outside),
            }
            yield dg.AssetObservation(table, metadata=facts | listed)
    yield dg.AssetObservation(
        LANDING,
        metadata=facts
        | {name: sum(load.facts[name] or 0 for load in loads) for name in ("objects", "bytes")},
    )
    yield from _load_materializations(lake, loads)


def _materialization(
    lake: Lake, table: str, day: date, added: int, total: int | None, facts: Mapping[str, Any]
) -> dg.AssetMaterialization:
    rows = {} if total is None else {"dagster/partition_row_count": total}
    return dg.AssetMaterialization(
        table,
        partition=day.isoformat(),
        metadata={
            "rows_added": added,
            **rows,
            **facts,
            "dagster/uri": join(lake.table_url(table), f"event_date={day.isoformat()}"),
        },
    )


def _load_materializations(
    lake: Lake, loads: Sequence[Loaded]
) -> Iterator[dg.AssetMaterialization]:
    """One materialisation of `loads` per day on which they began, the newest last."""
    totals = rows_per_day(lake.find(LOADS.path[-1]))
    for day, begun in sorted(_begun(loads).items(), key=lambda item: item[1][-1].load_number):
        sums = {name: sum(load.facts[name] or 0 for load in begun) for name in begun[0].facts}
        facts = {NUMBER: begun[-1].load_number, "load_id": begun[-1].load_id, **sums}
        yield _materialization(lake, LOADS.path[-1], day, len(begun), totals.get(day), facts)


def _begun(loads: Sequence[Loaded]) -> dict[date, list[Loaded]]:
    days: dict[date, list[Loaded]] = {}
    for load in loads:
        days.setdefault(load.loaded_at.astimezone(UTC).date(), []).append(load)
    return days
