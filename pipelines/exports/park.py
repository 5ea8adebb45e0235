"""Park: what could not be delivered for too long leaves the queue, and is kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from pipelines.exports import schema
from pipelines.exports.faults import Fault, no_fault
from pipelines.exports.outbox import waiting_rows
from pipelines.exports.tell import lead_of

if TYPE_CHECKING:
    from pipelines.exports.breaker import SinkState
    from pipelines.exports.cache import Cache
    from pipelines.exports.courier import Surroundings
    from pipelines.exports.ledger import Ledger
    from pipelines.sinks.settings import SinkSettings

BATCHES, LETTERS, NOTICES = schema.batches, schema.dead_letters, schema.notices
GIVEN_UP = "given_up"
LONGEST_GAP = timedelta(days=2)
"""Between two tries in a row; where it is longer, the clock jumped, or nothing ran meanwhile."""
AT_ONCE = 256


def give_up(
    ledger: Ledger,
    cache: Cache,
    sink: SinkSettings,
    state: SinkState,
    around: Surroundings,
    *,
    tried_at: datetime | None,
) -> int:
    """Park the batches that have waited for too long as dead letters.

    Called only when the sink was tried just now and failed. Nothing is parked before the notice
    that it will be is as old as it is to be, nor where the last try is long ago: a clock that is
    wrong for a while parks nothing. Parked is not deleted: it can be redriven.

    Args:
        ledger: The ledger.
        cache: The cache of the sink, which is held.
        sink: Its settings.
        state: How it is now.
        around: Time, and who is told of steps.
        tried_at: When it was tried before.

    Returns:
        How many events were parked.
    """
    now = around.clock()
    warned_at = _warned_at(ledger, state)
    if warned_at is None or now - warned_at < lead_of(sink):
        return 0
    if tried_at is None or now - tried_at > LONGEST_GAP:
        return 0
    before = now - timedelta(days=sink.give_up_after_days)
    count = 0
    while rows := _overdue(ledger, sink.name, before):
        for row in rows:
            count += park(ledger, cache, row, state.response or "", now=now, fault=around.fault)
    return count


def _warned_at(ledger: Ledger, state: SinkState) -> datetime | None:
    """When it was first told that events of this failure will be parked."""
    query = sa.select(sa.func.min(NOTICES.c.written_at)).where(
        NOTICES.c.sink == state.sink,
        NOTICES.c.state == "giving_up",
        NOTICES.c.written_at >= state.since,
    )
    with ledger.read() as connection:
        found: datetime | None = connection.scalar(query)
        return found


def _overdue(ledger: Ledger, sink: str, before: datetime) -> list[sa.RowMapping]:
    with ledger.read() as connection:
        return waiting_rows(connection, sink, BATCHES.c.first_failed_at <= before, limit=AT_ONCE)


def park(
    ledger: Ledger,
    cache: Cache,
    row: sa.RowMapping,
    said: str,
    *,
    now: datetime,
    fault: Fault = no_fault,
) -> int:
    """Park one batch that waits; how many events it has. The caller holds the sink."""
    messages, events = cache.read(row["cached_path"])
    path = cache.path("dead", row["batch_id"], row["parent_id"])
    cache.store({path: (messages, events)})
    fault("parked")
    count = len(messages)
    letters = [
        {
            "sink": row["sink"],
            "event_id": event_id,
            "batch_id": row["batch_id"],
            "reason": GIVEN_UP,
            "response": said,
            "parked_at": now,
        }
        for event_id in events["event_id"]
    ]
    settled = {"state": "dead", "dead_path": path, "cached_path": None}
    with ledger.write() as connection:
        connection.execute(LETTERS.insert(), letters)
        connection.execute(
            BATCHES.update()
            .where(BATCHES.c.batch_id == row["batch_id"])
            .values(settled | {"dead_count": BATCHES.c.dead_count + count})
        )
    fault("parking_written")
    cache.remove([row["cached_path"]])
    return count
