"""Recovery: what a run that ended half-way left in the ledger and the cache is put in order."""

from __future__ import annotations

import sqlalchemy as sa

from pipelines.exports import schema
from pipelines.exports.cache import Cache
from pipelines.exports.faults import Fault, no_fault
from pipelines.exports.ledger import Ledger
from pipelines.exports.sweep import find_stray, is_unsettled

BATCHES, FEEDS, ATTEMPTS = schema.batches, schema.feeds, schema.attempts


def recover(ledger: Ledger, cache: Cache, fault: Fault = no_fault) -> int:
    """Put in order what an earlier run of a sink left; the caller holds the sink.

    Attempts whose outcome nobody wrote are called interrupted: the service may have taken them.
    Batches behind the cursor of their feed are forgotten, since the feed makes them again, with the
    same ids; batches that were on their way out of the cache wait in it again; files that belong
    to none of these are removed.

    Returns:
        How many attempts were interrupted; calling again finds none.
    """
    stray, _ = find_stray(ledger, cache)
    cache.remove(stray)
    cache.remove_partial()
    fault("swept")
    sink = cache.sink
    interrupted = (ATTEMPTS.c.sink == sink) & ATTEMPTS.c.outcome.is_(None)
    sending = (BATCHES.c.sink == sink) & (BATCHES.c.state == "sending")
    tried = (
        sa.select(sa.func.count())
        .where(ATTEMPTS.c.batch_id == BATCHES.c.batch_id)
        .scalar_subquery()
    )
    again = (
        sa.select(BATCHES.c.batch_id)
        .join(FEEDS, FEEDS.c.id == BATCHES.c.feed_id)
        .where(FEEDS.c.sink == sink, is_unsettled())
    )
    with ledger.write() as connection:
        found = connection.execute(ATTEMPTS.update().where(interrupted).values(_INTERRUPTED))
        for batch_id in list(connection.scalars(again)):
            connection.execute(BATCHES.delete().where(BATCHES.c.batch_id == batch_id))
        connection.execute(
            BATCHES.update().where(sending).values(state="waiting", attempt_count=tried)
        )
    fault("recovered")
    return found.rowcount


_INTERRUPTED = {"outcome": "interrupted", "response": "the run ended before the answer came"}


def attempts_of(ledger: Ledger, batch_ids: list[str]) -> dict[str, int]:
    """How often batches were attempted already, those that were."""
    with ledger.read() as connection:
        query = (
            sa.select(ATTEMPTS.c.batch_id, sa.func.count())
            .where(ATTEMPTS.c.batch_id.in_(batch_ids))
            .group_by(ATTEMPTS.c.batch_id)
        )
        return {row[0]: row[1] for row in connection.execute(query)}
