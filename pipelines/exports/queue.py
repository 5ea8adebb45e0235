"""Queue: batches as people look at them: what waits, what a batch is, how often it was tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from pipelines.errors import TrailhouseError
from pipelines.exports import schema
from pipelines.exports.cache import Cache
from pipelines.exports.outbox import WAITING

if TYPE_CHECKING:
    from pipelines.exports.ledger import Ledger
    from pipelines.lake.tables import Lake

BATCHES, ATTEMPTS, FEEDS = schema.batches, schema.attempts, schema.feeds


@dataclass(frozen=True, slots=True)
class Listed:
    """A batch of the ledger; moments are aware and UTC."""

    batch_id: str
    sink: str
    state: str
    load_number: int
    load_id: str
    event_count: int
    delivered_count: int
    dead_count: int
    bytes: int
    attempt_count: int
    created_at: datetime
    first_failed_at: datetime | None
    """Since when it waits."""
    oldest_at: datetime | None
    """When its first event happened."""
    newest_at: datetime | None
    cached_path: str | None


@dataclass(frozen=True, slots=True)
class Attempted:
    """An attempt to deliver a batch; the outcome is None while it is on its way."""

    batch_id: str
    attempt_number: int
    attempted_at: datetime
    event_count: int
    outcome: str | None
    cause: str | None
    response: str | None
    seconds: float | None


def list_waiting(ledger: Ledger, sinks: Sequence[str], *, limit: int | None = None) -> list[Listed]:
    """The batches that wait, sink by sink, in the order in which they will be sent."""
    with ledger.read() as connection:
        found: list[Listed] = []
        for sink in sinks:
            left = None if limit is None else limit - len(found)
            rows = connection.execute(WAITING.where(BATCHES.c.sink == sink).limit(left))
            found += map(_listed, rows.mappings())
    return found


def count_batches(ledger: Ledger, sinks: Sequence[str]) -> int:
    """How many batches wait for these sinks."""
    waiting = (BATCHES.c.state == "waiting") & BATCHES.c.sink.in_(sinks)
    with ledger.read() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).where(waiting)) or 0)


def find_batch(ledger: Ledger, start: str) -> Listed:
    """The batch whose id is, or begins with, a text.

    Raises:
        TrailhouseError: There is none, or there are several.
    """
    query = sa.select(BATCHES, FEEDS.c.load_id).join(FEEDS, FEEDS.c.id == BATCHES.c.feed_id)
    mine = BATCHES.c.batch_id.startswith(start, autoescape=True)
    with ledger.read() as connection:
        found = connection.execute(query.where(mine).limit(2)).mappings().all()
    if len(found) != 1:
        many = "several batches have" if found else "no batch has"
        raise TrailhouseError(
            f"{many} an id that begins with {start!r}; `trailhouse outbox list --json` has all ids"
        )
    return _listed(found[0])


def list_attempts(
    ledger: Ledger, *, sink: str | None = None, batch_id: str | None = None, limit: int = 1_000
) -> list[Attempted]:
    """Attempts of a sink or a batch, the newest first."""
    query = sa.select(*(ATTEMPTS.c[name] for name in Attempted.__slots__))
    if sink is not None:
        query = query.where(ATTEMPTS.c.sink == sink)
    if batch_id is not None:
        query = query.where(ATTEMPTS.c.batch_id == batch_id)
    with ledger.read() as connection:
        rows = connection.execute(query.order_by(ATTEMPTS.c.id.desc()).limit(limit))
        return [Attempted(**row) for row in rows.mappings()]


def messages_of(lake: Lake, batch: Listed) -> list[str]:
    """The messages of a batch that waits, as they will be sent; none of one that does not.

    Raises:
        LakeError: Its file is gone or cannot be read; `trailhouse doctor` renders it again.
    """
    if batch.state != "waiting" or batch.cached_path is None:
        return []
    messages, _ = Cache(lake, batch.sink).read(batch.cached_path)
    return list(messages)


def _listed(row: sa.RowMapping) -> Listed:
    return Listed(**{name: row[name] for name in Listed.__slots__})
