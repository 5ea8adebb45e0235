"""Letters: dead letters as people look at them: which events were refused or given up, and why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from pipelines.errors import TrailhouseError
from pipelines.exports import schema
from pipelines.exports.cache import Cache

if TYPE_CHECKING:
    from pipelines.exports.ledger import Ledger
    from pipelines.lake.tables import Lake

LETTERS, BATCHES = schema.dead_letters, schema.batches
KEPT = LETTERS.c.redriven_at.is_(None)


@dataclass(frozen=True, slots=True)
class Letter:
    """An event that a sink did not get; `reason` is a cause, or `given_up`."""

    sink: str
    event_id: str
    batch_id: str
    reason: str
    response: str
    """What the service said, shortened."""
    parked_at: datetime


def list_letters(
    ledger: Ledger,
    sinks: Collection[str],
    *,
    reason: str | None = None,
    event_id: str | None = None,
    limit: int | None = None,
) -> list[Letter]:
    """Dead letters that were not redriven, the newest first."""
    query = sa.select(*(LETTERS.c[name] for name in Letter.__slots__))
    query = query.where(LETTERS.c.sink.in_(sinks), KEPT)
    if reason is not None:
        query = query.where(LETTERS.c.reason == reason)
    if event_id is not None:
        query = query.where(LETTERS.c.event_id == event_id)
    with ledger.read() as connection:
        rows = connection.execute(query.order_by(LETTERS.c.id.desc()).limit(limit))
        return [Letter(**row) for row in rows.mappings()]


def count_letters(ledger: Ledger, sinks: Collection[str]) -> dict[str, dict[str, int]]:
    """How many events are dead, by sink and reason."""
    query = (
        sa.select(LETTERS.c.sink, LETTERS.c.reason, sa.func.count())
        .where(LETTERS.c.sink.in_(sinks), KEPT)
        .group_by(LETTERS.c.sink, LETTERS.c.reason)
        .order_by(LETTERS.c.sink, LETTERS.c.reason)
    )
    counts: dict[str, dict[str, int]] = {sink: {} for sink in sinks}
    with ledger.read() as connection:
        for sink, reason, count in connection.execute(query):
            counts[sink][reason] = count
    return counts


def find_letters(ledger: Ledger, sinks: Collection[str], event_id: str) -> Sequence[Letter]:
    """The dead letters of an event, one a sink that refused it.

    Raises:
        TrailhouseError: There is none.
    """
    found = list_letters(ledger, sinks, event_id=event_id)
    if not found:
        raise TrailhouseError(
            f"no dead letter is of event {event_id!r}; `trailhouse dead list` shows those there are"
        )
    return found


def message_of(lake: Lake, ledger: Ledger, letter: Letter) -> str:
    """The event as it was rendered.

    Raises:
        LakeError: Its file is gone or cannot be read; `trailhouse doctor` renders it again.
        TrailhouseError: The file does not have it.
    """
    query = sa.select(BATCHES.c.dead_path).where(BATCHES.c.batch_id == letter.batch_id)
    with ledger.read() as connection:
        path = str(connection.scalar(query))
    messages, events = Cache(lake, letter.sink).read(path)
    for message, event_id in zip(messages, events["event_id"], strict=True):
        if event_id == letter.event_id:
            return message
    raise TrailhouseError(f"{path}: event {letter.event_id} is not in it; run `trailhouse doctor`")
