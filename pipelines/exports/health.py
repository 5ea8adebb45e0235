"""Health: how each sink is, what waits for it, and which of them have something to do now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from pipelines.exports import schema
from pipelines.exports.breaker import Breaker, is_due
from pipelines.exports.outbox import count_waiting
from pipelines.exports.states import find_state
from pipelines.sinks.sink import Cause

if TYPE_CHECKING:
    from pipelines.exports.ledger import Ledger

BATCHES, FEEDS, LETTERS = schema.batches, schema.feeds, schema.dead_letters


@dataclass(frozen=True, slots=True)
class Health:
    """How a sink is; moments are aware and UTC.

    `cause`, `response` and `since` are of the failure, None while it does not fail.
    """

    sink: str
    breaker: Breaker = "closed"
    cause: Cause | None = None
    response: str | None = None
    since: datetime | None = None
    next_attempt_at: datetime | None = None
    delivered_at: datetime | None = None
    """When the service last took a batch."""
    problem: str | None = None
    """What is wrong with its template or filter, so that its events wait in the lake."""
    pending_loads: int = 0
    """Loads that are not rendered for it yet, or only in part."""
    waiting_batches: int = 0
    waiting_events: int = 0
    oldest_at: datetime | None = None
    """When the oldest waiting event happened."""
    waiting_since: datetime | None = None
    """Since when the oldest waiting batch waits."""
    dead_events: int = 0
    """Events that were refused or given up, and not redriven."""
    delivered_events: int = 0
    """Of all times."""
    is_seen: bool = True
    """Whether the ledger knows it."""


def health(ledger: Ledger, sinks: Sequence[str]) -> list[Health]:
    """How sinks are, in their order."""
    with ledger.read() as connection:
        return [_health(connection, sink) for sink in sinks]


def _health(connection: sa.Connection, sink: str) -> Health:
    state = find_state(connection, sink)
    if state is None:
        return Health(sink, is_seen=False)
    waiting = sa.select(
        sa.func.count(), sa.func.min(BATCHES.c.oldest_at), sa.func.min(BATCHES.c.first_failed_at)
    ).where(BATCHES.c.sink == sink, BATCHES.c.state == "waiting")
    waiting_batches, oldest_at, waiting_since = connection.execute(waiting).one()
    delivered = sa.select(sa.func.coalesce(sa.func.sum(BATCHES.c.delivered_count), 0)).where(
        BATCHES.c.sink == sink
    )
    return Health(
        sink,
        state.breaker,
        state.cause if state.is_failing else None,
        state.response if state.is_failing else None,
        state.since if state.is_failing else None,
        state.next_attempt_at,
        state.delivered_at,
        state.problem,
        pending_loads=_count(connection, FEEDS, FEEDS.c.sink == sink, FEEDS.c.state == "pending"),
        waiting_batches=waiting_batches,
        waiting_events=count_waiting(connection, sink),
        oldest_at=oldest_at,
        waiting_since=waiting_since,
        dead_events=_count(
            connection, LETTERS, LETTERS.c.sink == sink, LETTERS.c.redriven_at.is_(None)
        ),
        delivered_events=int(connection.scalar(delivered) or 0),
    )


def _count(connection: sa.Connection, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(*where)
    return int(connection.scalar(query) or 0)


def due_sinks(ledger: Ledger, sinks: Sequence[str], now: datetime) -> list[str]:
    """The sinks that `deliver` has something to do for: what waits is due, or a load is pending.

    Loads that the ledger does not know yet are not among it; each load is followed by a delivery.
    """
    due = []
    with ledger.read() as connection:
        for sink in sinks:
            state = find_state(connection, sink)
            if state is None:
                continue
            pending = _count(connection, FEEDS, FEEDS.c.sink == sink, FEEDS.c.state == "pending")
            left = BATCHES.c.state.in_(("waiting", "sending"))
            waiting = _count(connection, BATCHES, BATCHES.c.sink == sink, left)
            if pending or (waiting and is_due(state, now)):
                due.append(sink)
    return due
