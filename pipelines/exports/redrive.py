"""Redrive: dead letters go back into the queue, as they were rendered."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from pipelines.exports import outbox, schema
from pipelines.exports.batches import Outgoing, size_of
from pipelines.exports.cache import Cache
from pipelines.exports.faults import Fault, no_fault
from pipelines.exports.outcomes import content_of, stored_batch
from pipelines.exports.recovery import recover

if TYPE_CHECKING:
    from pipelines.exports.ledger import Ledger
    from pipelines.lake.tables import Lake

BATCHES, FEEDS, LETTERS = schema.batches, schema.feeds, schema.dead_letters


def redrive(
    lake: Lake,
    ledger: Ledger,
    sink: str,
    event_ids: Collection[str] | None,
    *,
    now: datetime,
    fault: Fault = no_fault,
) -> int:
    """Let dead letters wait for the sink again; the next delivery that is due sends them.

    They go as they were rendered, with the ids of their events; to render them anew, replay them.

    Args:
        lake: The lake, which has the cache.
        ledger: The ledger.
        sink: Name of the sink.
        event_ids: Events to redrive; all dead ones where None.
        now: The time now.
        fault: Told each durable step, for tests.

    Returns:
        How many events wait again; calling again redrives none.

    Raises:
        SinkBusyError: A run is delivering to the sink.
        LakeError: What was parked cannot be read.
    """
    with ledger.hold(sink):
        cache = Cache(lake, sink)
        recover(ledger, cache)
        with ledger.read() as connection:
            dead = _dead(connection, sink, event_ids)
        return sum(_redrive(ledger, cache, batch, ids, now, fault) for batch, ids in dead.items())


def _dead(
    connection: sa.Connection, sink: str, event_ids: Collection[str] | None
) -> dict[str, set[str]]:
    query = sa.select(LETTERS.c.batch_id, LETTERS.c.event_id).where(
        LETTERS.c.sink == sink, LETTERS.c.redriven_at.is_(None)
    )
    found: dict[str, set[str]] = {}
    for batch_id, event_id in connection.execute(query.order_by(LETTERS.c.id)):
        if event_ids is None or event_id in event_ids:
            found.setdefault(batch_id, set()).add(event_id)
    return found


def _redrive(
    ledger: Ledger, cache: Cache, batch_id: str, ids: set[str], now: datetime, fault: Fault
) -> int:
    with ledger.read() as connection:
        query = (
            sa.select(BATCHES, FEEDS.c.load_id)
            .join(FEEDS, FEEDS.c.id == BATCHES.c.feed_id)
            .where(BATCHES.c.batch_id == batch_id)
        )
        row = connection.execute(query).mappings().one()
    batch = stored_batch(cache.read(row["dead_path"]), row)
    chosen = [n for n, event_id in enumerate(batch.events["event_id"]) if event_id in ids]
    whole = Outgoing(
        outbox.origin_of(row),
        row["ordinal"],
        batch,
        sum(map(size_of, batch.messages)),
        position=row["position"],
    )
    again = whole.part(chosen)
    path = cache.path("waiting", again.batch_id, batch_id)
    cache.store({path: content_of(again.batch)})
    fault("redrive_cached")
    mine = (LETTERS.c.batch_id == batch_id) & LETTERS.c.event_id.in_(
        [batch.events["event_id"][n] for n in chosen]
    )
    with ledger.write() as connection:
        waiting = replace(again, cached_path=path)
        outbox.add_batches(connection, [waiting], "waiting", now, failed_at=now)
        connection.execute(LETTERS.update().where(mine).values(redriven_at=now))
        connection.execute(
            BATCHES.update()
            .where(BATCHES.c.batch_id == batch_id)
            .values(
                dead_count=BATCHES.c.dead_count - len(chosen),
                passed_count=BATCHES.c.passed_count + len(chosen),
            )
        )
        left = connection.scalar(
            sa.select(sa.func.count())
            .select_from(LETTERS)
            .where(LETTERS.c.batch_id == batch_id, LETTERS.c.redriven_at.is_(None))
        )
        if not left:
            connection.execute(
                BATCHES.update().where(BATCHES.c.batch_id == batch_id).values(dead_path=None)
            )
    fault("redrive_written")
    if not left:
        cache.remove([row["dead_path"]])
    return len(chosen)
