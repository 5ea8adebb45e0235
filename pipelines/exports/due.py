"""Due: which sinks a delivery has something to do for, seen without delivering anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from pipelines.exports import schema
from pipelines.exports.breaker import SinkState, is_due
from pipelines.exports.states import find_state
from pipelines.lake.history import newest_load

if TYPE_CHECKING:
    from pipelines.exports.ledger import Ledger
    from pipelines.lake.tables import Lake
    from pipelines.sinks.settings import SinkSettings

BATCHES, FEEDS, NOTICES = schema.batches, schema.feeds, schema.notices


@dataclass(frozen=True, slots=True)
class Due:
    """A sink that a delivery has something to do for.

    `situation` stays the same as long as nothing changes for the sink, whatever the time is; a
    delivery that left it the same could do nothing, and need not be repeated at once.
    """

    sink: str
    why: str
    situation: str


def find_due(lake: Lake, ledger: Ledger, sinks: Sequence[SinkSettings], now: datetime) -> list[Due]:
    """The sinks that are new, that have loads to go through, or for which what waits is due.

    Args:
        lake: The lake, which knows what was loaded.
        ledger: The ledger, which knows what became of it.
        sinks: Sinks to look at; those that are off are passed over.
        now: The time now, aware.

    Returns:
        What is due, in the order of the sinks. Nothing is changed.
    """
    newest = newest_load(lake)
    with ledger.read() as connection:
        found = [_look(connection, sink.name, newest, now) for sink in sinks if sink.enabled]
    return [due for due in found if due is not None]


def _look(connection: sa.Connection, sink: str, newest: int, now: datetime) -> Due | None:
    state = find_state(connection, sink)
    if state is None:
        return Due(sink, "it is new", "new")
    loads = max(0, newest - _newest_fed(connection, state))
    mine = (FEEDS.c.sink == sink) & (FEEDS.c.state == "pending")
    pending = _count(connection, FEEDS, mine)
    left = (BATCHES.c.sink == sink) & BATCHES.c.state.in_(("waiting", "sending"))
    waiting = _count(connection, BATCHES, left)
    is_time = is_due(state, now)
    reasons = []
    if loads or pending:
        reasons.append(f"{loads + pending} loads to go through")
    if waiting and is_time:
        reasons.append(f"{waiting} batches wait")
    if not reasons:
        return None
    facts = (newest, loads, pending, waiting, is_time, state.next_attempt_at, state.problem)
    return Due(sink, ", ".join(reasons), " ".join(map(str, facts)))


def _newest_fed(connection: sa.Connection, state: SinkState) -> int:
    """Number of the newest load that the sink was given."""
    query = sa.select(sa.func.max(FEEDS.c.load_number)).where(
        FEEDS.c.sink == state.sink, FEEDS.c.replay.is_(None)
    )
    return max(state.base_load, connection.scalar(query) or 0)


def _count(connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(where)
    return int(connection.scalar(query) or 0)


def untold(ledger: Ledger, sink: str) -> str | None:
    """Why somebody did not get the newest notice about a sink, or None where all did."""
    query = sa.select(NOTICES.c.problem).where(NOTICES.c.sink == sink)
    with ledger.read() as connection:
        newest = query.order_by(NOTICES.c.written_at.desc(), NOTICES.c.id.desc()).limit(1)
        return connection.scalar(newest)
