"""States: how sinks are, as rows of the ledger."""

from __future__ import annotations

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
