"""Mirror: attempts of the ledger become rows of the lake's table `deliveries`, each once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from pipelines.errors import LakeError
from pipelines.exports import schema
from pipelines.exports.faults import Fault, no_fault
from pipelines.exports.states import find_state
from pipelines.lake.append import TRIES, append_rows
from pipelines.lake.schemas import TABLES
from pipelines.lake.tables import APPLICATION, Lake, evolve, explained

if TYPE_CHECKING:
    from pipelines.exports.ledger import Ledger

NAME = "deliveries"
ATTEMPTS = schema.attempts
MOST = 100_000
"""Rows of one commit."""


def mirror(
    lake: Lake,
    ledger: Ledger,
    sinks: Sequence[str],
    *,
    unique: Callable[[], str],
    fault: Fault = no_fault,
) -> int:
    """Add the attempts that the lake does not have yet, in one commit.

    The commit says, per sink, which attempt was the last, so that no attempt comes twice,
    whenever this ends and however many do it at once. An attempt is added once its outcome is
    known.

    Returns:
        The number of rows added.

    Raises:
        LakeError: The lake cannot be written; the rows come with the next call.
    """
    names = _applications(ledger, sinks)
    with explained(lake.url):
        for _ in range(TRIES):
            table = lake.open(NAME)
            evolve(table, TABLES[NAME].schema)
            known = {sink: table.transaction_version(name) or 0 for sink, name in names.items()}
            rows = [row for sink in names for row in _attempts(ledger, sink, known[sink])]
            newest = {names[row["sink"]]: row["id"] for row in rows}  # a sink's are in order
            values = [_row(row) for row in rows]
            if not rows or append_rows(lake, NAME, table, values, newest, unique):
                fault("mirrored")
                return len(rows)
    raise LakeError(f"{NAME}: {TRIES} other commits came first; the next delivery adds the rows")


def _applications(ledger: Ledger, sinks: Sequence[str]) -> dict[str, str]:
    """What numbers the attempts of each sink: they begin anew in a ledger that is made anew."""
    with ledger.read() as connection:
        states = [find_state(connection, sink) for sink in sinks]
    return {
        state.sink: f"{APPLICATION}:{NAME}:{state.sink}:{state.first_seen_at.isoformat()}"
        for state in states
        if state is not None
    }


def _attempts(ledger: Ledger, sink: str, after: int) -> list[sa.RowMapping]:
    """Attempts behind a number, up to the first whose outcome is not known."""
    mine = (ATTEMPTS.c.sink == sink) & (ATTEMPTS.c.id > after)
    open_ones = sa.select(sa.func.min(ATTEMPTS.c.id)).where(mine, ATTEMPTS.c.outcome.is_(None))
    with ledger.read() as connection:
        first_open = connection.scalar(open_ones)
        known = mine if first_open is None else mine & (ATTEMPTS.c.id < first_open)
        query = sa.select(ATTEMPTS).where(known).order_by(ATTEMPTS.c.id).limit(MOST)
        return list(connection.execute(query).mappings())


def _row(row: sa.RowMapping) -> dict[str, Any]:
    return {
        **row,
        "delivery_id": f"{row['batch_id']}:{row['attempt_number']}",
        "event_date": row["attempted_at"].astimezone(UTC).date(),
    }
