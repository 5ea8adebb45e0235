"""Cancel: replays of a sink that are not sent yet are given up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from pipelines.exports import schema
from pipelines.exports.cache import Cache
from pipelines.exports.outbox import waiting_rows
from pipelines.exports.park import park
from pipelines.exports.recovery import recover

if TYPE_CHECKING:
    from pipelines.exports.ledger import Ledger
    from pipelines.lake.tables import Lake

FEEDS, BATCHES = schema.feeds, schema.batches
SAID = "its replay was given up"


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What was given up: replays that were not rendered to their end, and events that waited."""

    sink: str
    replays: int
    parked: int


def cancel_replays(lake: Lake, ledger: Ledger, sink: str, *, now: datetime) -> Cancelled:
    """Render no more of the replays of a sink, and park what waits of them.

    What was sent stays sent. Events of loads are not touched; calling again gives up nothing.

    Raises:
        SinkBusyError: A run is delivering to the sink.
    """
    with ledger.hold(sink):
        cache = Cache(lake, sink)
        recover(ledger, cache)
        replays = _end(ledger, sink, now)
        parked = 0
        with ledger.read() as connection:
            rows = waiting_rows(connection, sink, FEEDS.c.replay.is_not(None))
        for row in rows:
            parked += park(ledger, cache, row, SAID, now=now)
    return Cancelled(sink, replays, parked)


def _end(ledger: Ledger, sink: str, now: datetime) -> int:
    """Close the replays with the events that they have batches of, so that the books hold."""
    mine = (FEEDS.c.sink == sink) & FEEDS.c.replay.is_not(None) & (FEEDS.c.state == "pending")
    batched = (
        sa.select(sa.func.coalesce(sa.func.sum(BATCHES.c.event_count), 0))
        .where(BATCHES.c.feed_id == FEEDS.c.id, BATCHES.c.parent_id.is_(None))
        .scalar_subquery()
    )
    closed = {"state": "done", "done_at": now, "selected_count": batched, "filtered_count": 0}
    with ledger.write() as connection:
        return connection.execute(FEEDS.update().where(mine).values(closed)).rowcount
