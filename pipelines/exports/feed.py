"""Feed: every load gets one entry per sink in the ledger, and a missing entry is always found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from pipelines.exports import schema
from pipelines.exports.states import add_state, find_state
from pipelines.lake.history import loads_after, newest_load
from pipelines.lake.load import complete

if TYPE_CHECKING:
    from pipelines.exports.ledger import Ledger
    from pipelines.lake.tables import Lake
    from pipelines.sinks.settings import SinkSettings

FEEDS = schema.feeds


@dataclass(frozen=True, slots=True)
class Feed:
    """A load (or a replay) on its way to one sink; the cursor says how far it came."""

    id: int
    sink: str
    load_number: int
    load_id: str
    replay: str | None
    created_at: datetime
    """What `now` is in its templates, so that rendering it again gives the same bytes."""
    next_ordinal: int
    settled_at: datetime | None
    settled_event_id: str | None


def feed(lake: Lake, ledger: Ledger, sinks: Sequence[SinkSettings], now: datetime) -> int:
    """Give every enabled sink an entry for every load that it has none for.

    A sink that is new begins with the loads after now, or with the first where its `start` says
    so. Loads are compared with entries, one by one, so neither a crash nor a sink that was off
    for a while loses one.

    Returns:
        The number of entries added; calling again adds none.
    """
    newest = newest_load(lake)
    missing = {
        sink.name: numbers
        for sink in sinks
        if sink.enabled and (numbers := _missing(ledger, sink, newest, now))
    }
    if not missing:
        return 0
    complete(lake)
    wanted = set().union(*missing.values())
    loads = [load for load in loads_after(lake, min(wanted) - 1) if load.load_number in wanted]
    rows = [
        {
            "sink": sink,
            "load_number": load.load_number,
            "load_id": load.load_id,
            "state": "pending",
            "created_at": now,
        }
        for sink, numbers in sorted(missing.items())
        for load in loads
        if load.load_number in numbers
    ]
    with ledger.write() as connection:
        return sum(_add(connection, row) for row in rows)


def _missing(ledger: Ledger, sink: SinkSettings, newest: int, now: datetime) -> set[int]:
    with ledger.read() as connection:
        state = find_state(connection, sink.name)
    if state is None:
        with ledger.write() as connection:
            base = newest if sink.start == "now" else 0
            add_state(connection, sink.name, base_load=base, now=now)
    return _unfed(ledger, sink, newest)


def missing_loads(lake: Lake, ledger: Ledger, sink: SinkSettings) -> set[int]:
    """Numbers of the loads that a sink has no entry for; none of a sink that was never seen."""
    return _unfed(ledger, sink, newest_load(lake))


def _unfed(ledger: Ledger, sink: SinkSettings, newest: int) -> set[int]:
    with ledger.read() as connection:
        state = find_state(connection, sink.name)
        if state is None:
            return set()
        ours = (FEEDS.c.sink == sink.name) & FEEDS.c.replay.is_(None)
        later = ours & (FEEDS.c.load_number > state.base_load) & (FEEDS.c.load_number <= newest)
        # numbers of loads have no gaps, so the count says whether one is missing
        count = connection.scalar(sa.select(sa.func.count()).where(later))
        if count == newest - state.base_load:
            return set()
        have = set(connection.scalars(sa.select(FEEDS.c.load_number).where(later)))
    return set(range(state.base_load + 1, newest + 1)) - have


def _add(connection: sa.Connection, row: dict[str, Any]) -> int:
    """Add an entry where there is none; another run may have been first."""
    known = sa.select(FEEDS.c.id).where(
        FEEDS.c.sink == row["sink"], FEEDS.c.load_id == row["load_id"]
    )
    if connection.scalar(known) is not None:
        return 0
    connection.execute(FEEDS.insert().values(row))
    return 1


def pending_feeds(connection: sa.Connection, sink: str) -> list[Feed]:
    """The entries of a sink that are not done, oldest load first."""
    columns = [FEEDS.c[name] for name in Feed.__slots__]
    query = (
        sa.select(*columns)
        .where(FEEDS.c.sink == sink, FEEDS.c.state == "pending")
        .order_by(FEEDS.c.load_number, FEEDS.c.id)
    )
    return [Feed(**row) for row in connection.execute(query).mappings()]
