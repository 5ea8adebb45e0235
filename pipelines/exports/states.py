"""States: how sinks are, as rows of the ledger."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa

from pipelines.exports import schema
from pipelines.exports.breaker import SinkState

STATES = schema.sink_states


def find_state(connection: sa.Connection, sink: str) -> SinkState | None:
    """How a sink is, or None where it was never seen."""
    row = connection.execute(sa.select(STATES).where(STATES.c.sink == sink)).mappings().first()
    return SinkState(**row) if row is not None else None


def add_state(connection: sa.Connection, sink: str, *, base_load: int, now: datetime) -> SinkState:
    """The state of a sink that is seen for the first time; of two that add it, the first counts."""
    found = find_state(connection, sink)
    if found is not None:
        return found
    state = SinkState(sink, first_seen_at=now, base_load=base_load)
    connection.execute(STATES.insert().values(asdict(state)))
    return state


def write_state(connection: sa.Connection, state: SinkState) -> None:
    """Write how a sink is now."""
    connection.execute(STATES.update().where(STATES.c.sink == state.sink).values(asdict(state)))


def make_due(connection: sa.Connection, sinks: Collection[str]) -> None:
    """Let the next delivery try sinks that were to be left alone until later.

    That they fail, and since when, stays as it is until it is known better.
    """
    connection.execute(STATES.update().where(STATES.c.sink.in_(sinks)).values(next_attempt_at=None))


def known_sinks(connection: sa.Connection) -> list[str]:
    """The names of all sinks that were ever seen."""
    return list(connection.scalars(sa.select(STATES.c.sink).order_by(STATES.c.sink)))
