"""Park: what could not be delivered for too long leaves the queue, and is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from pipelines.exports import schema
from pipelines.exports.outbox import waiting_rows

if TYPE_CHECKING:
    from pipelines.exports.courier import Courier

BATCHES, LETTERS = schema.batches, schema.dead_letters
GIVEN_UP = "given_up"


def give_up(courier: Courier, after_days: int) -> int:
    """Park the batches that have waited for too long as dead letters.

    Called only when the sink was tried just now and failed, so that a clock that is wrong for a
    while parks nothing that could still be delivered. Parked is not deleted: it can be redriven.

    Returns:
        How many events were parked.
    """
    now = courier.around.clock()
    with courier.ledger.read() as connection:
        waiting = waiting_rows(connection, courier.cache.sink)
    due = [row for row in waiting if now - row["first_failed_at"] >= timedelta(days=after_days)]
    return sum(_park(courier, row) for row in due)


def _park(courier: Courier, row: sa.RowMapping) -> int:
    cache, now = courier.cache, courier.around.clock()
    messages, events = cache.read(row["cached_path"])
    path = cache.path("dead", row["batch_id"])
    cache.store({path: (messages, events)})
    courier.around.fault("parked")
    count = len(messages)
    said = courier.state.response or ""
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
    with courier.ledger.write() as connection:
        connection.execute(LETTERS.insert(), letters)
        connection.execute(
            BATCHES.update()
            .where(BATCHES.c.batch_id == row["batch_id"])
            .values(state="dead", dead_count=BATCHES.c.dead_count + count, dead_path=path)
        )
    courier.around.fault("parking_written")
    courier.drop([(row["batch_id"], row["cached_path"])])
    return count
