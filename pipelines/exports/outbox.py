"""Outbox: batches, attempts and dead letters as rows of the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import bindparam

from pipelines.exports import schema
from pipelines.exports.batches import Origin, Outgoing

BATCHES, ATTEMPTS, LETTERS = schema.batches, schema.attempts, schema.dead_letters
Outcome = Literal["delivered", "partly", "transient", "configuration", "payload"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a batch.

    `outcome` is of the attempt, None where none was made. `refused` has the events that are dead,
    by position, and why; `again` is a batch of those that the service wants once more. What is
    neither delivered nor one of these waits.
    """

    outgoing: Outgoing
    state: Literal["waiting", "delivered", "dead", "split"]
    outcome: Outcome | None = None
    cause: str | None = None
    response: str = ""
    seconds: float = 0.0
    delivered: int = 0
    refused: Mapping[int, str] = field(default_factory=dict)
    again: Outgoing | None = None
    cached_path: str | None = None
    dead_path: str | None = None
    first_failed_at: datetime | None = None


def add_batches(
    connection: sa.Connection,
    batches: Sequence[Outgoing],
    state: str,
    now: datetime,
    *,
    failed_at: datetime | None = None,
) -> None:
    """Write batches that the ledger does not have yet."""
    if batches:
        rows = [_row(batch, state, now, failed_at) for batch in batches]
        connection.execute(BATCHES.insert(), rows)


def _row(
    outgoing: Outgoing, state: str, now: datetime, failed_at: datetime | None
) -> dict[str, Any]:
    origin = outgoing.origin
    (oldest_at, first_id), (newest_at, last_id) = outgoing.first, outgoing.last
    return {
        "batch_id": outgoing.batch_id,
        "sink": origin.sink,
        "feed_id": origin.feed_id,
        "load_number": origin.load_number,
        "ordinal": outgoing.ordinal,
        "position": outgoing.position,
        "parent_id": outgoing.parent_id,
        "state": state,
        "event_count": len(outgoing.batch),
        "bytes": outgoing.bytes,
        "attempt_count": outgoing.attempt_count,
        "content_type": origin.content_type,
        "template_digest": origin.template_digest,
        "created_at": now,
        "first_failed_at": outgoing.first_failed_at or failed_at,
        "oldest_at": oldest_at,
        "first_event_id": first_id,
        "newest_at": newest_at,
        "last_event_id": last_id,
        "event_ids": json.dumps(outgoing.batch.events["event_id"]) if outgoing.parent_id else None,
        "cached_path": outgoing.cached_path,
    }


def add_attempts(connection: sa.Connection, batches: Sequence[Outgoing], now: datetime) -> None:
    """Write the attempts that are about to be made, before anything is sent."""
    if not batches:
        return
    connection.execute(
        ATTEMPTS.insert(),
        [
            {
                "sink": batch.origin.sink,
                "batch_id": batch.batch_id,
                "load_number": batch.origin.load_number,
                "load_id": batch.origin.load_id,
                "attempt_number": batch.attempt_count + 1,
                "attempted_at": now,
                "event_count": len(batch.batch),
                "bytes": batch.bytes,
            }
            for batch in batches
        ],
    )


_MARK = BATCHES.update().where(BATCHES.c.batch_id == bindparam("id")).values(state=bindparam("to"))


def mark_sending(connection: sa.Connection, batches: Sequence[Outgoing]) -> None:
    """Say that waiting batches are on their way."""
    if batches:
        connection.execute(_MARK, [{"id": batch.batch_id, "to": "sending"} for batch in batches])


_TRIED = (
    ATTEMPTS.update()
    .where(ATTEMPTS.c.batch_id == bindparam("of"), ATTEMPTS.c.attempt_number == bindparam("number"))
    .values(
        outcome=bindparam("told"),
        cause=bindparam("why"),
        response=bindparam("said"),
        seconds=bindparam("took"),
    )
)
_NOT_TRIED = ATTEMPTS.delete().where(
    ATTEMPTS.c.batch_id == bindparam("of"), ATTEMPTS.c.outcome.is_(None)
)
_SETTLED = (
    "state",
    "delivered_count",
    "dead_count",
    "passed_count",
    "attempt_count",
    "first_failed_at",
    "cached_path",
    "dead_path",
)
_SETTLE = (
    BATCHES.update()
    .where(BATCHES.c.batch_id == bindparam("of"))
    .values({name: bindparam(f"to_{name}") for name in _SETTLED})
)


def settle(connection: sa.Connection, results: Sequence[Result], now: datetime) -> None:
    """Write what became of batches, their attempts, and the events that are dead."""
    if not results:
        return
    tried = [_tried(result) for result in results if result.outcome is not None]
    if tried:
        connection.execute(_TRIED, tried)
    idle = [{"of": r.outgoing.batch_id} for r in results if r.outcome is None]
    if idle:
        connection.execute(_NOT_TRIED, idle)
    connection.execute(_SETTLE, [_settled(result) for result in results])
    again = [result.again for result in results if result.again is not None]
    add_batches(connection, again, "waiting", now, failed_at=now)
    if letters := [letter for result in results for letter in _letters(result, now)]:
        connection.execute(LETTERS.insert(), letters)


def _tried(result: Result) -> dict[str, Any]:
    return {
        "of": result.outgoing.batch_id,
        "number": result.outgoing.attempt_count + 1,
        "told": result.outcome,
        "why": result.cause,
        "said": result.response,
        "took": result.seconds,
    }


def _settled(result: Result) -> dict[str, Any]:
    outgoing = result.outgoing
    passed = len(outgoing.batch) if result.state == "split" else 0
    values = {
        "state": result.state,
        "delivered_count": result.delivered,
        "dead_count": len(result.refused),
        "passed_count": len(result.again.batch) if result.again is not None else passed,
        "attempt_count": outgoing.attempt_count + (result.outcome is not None),
        "first_failed_at": result.first_failed_at or outgoing.first_failed_at,
        # a file of a settled batch belongs to nothing: it is removed now, or swept later
        "cached_path": result.cached_path,
        "dead_path": result.dead_path,
    }
    return {"of": outgoing.batch_id} | {f"to_{name}": value for name, value in values.items()}


def _letters(result: Result, now: datetime) -> Iterable[dict[str, Any]]:
    ids = result.outgoing.batch.events["event_id"]
    for position, response in result.refused.items():
        yield {
            "sink": result.outgoing.origin.sink,
            "event_id": ids[position],
            "batch_id": result.outgoing.batch_id,
            "reason": result.cause or "payload",
            "response": response[:1_000],
            "parked_at": now,
        }


WAITING = (
    sa.select(BATCHES, schema.feeds.c.load_id)
    .join(schema.feeds, schema.feeds.c.id == BATCHES.c.feed_id)
    .where(BATCHES.c.state == "waiting")
    .order_by(BATCHES.c.load_number, BATCHES.c.feed_id, BATCHES.c.ordinal, BATCHES.c.position)
)


def waiting_rows(
    connection: sa.Connection,
    sink: str,
    *where: sa.ColumnElement[bool],
    limit: int | None = None,
) -> list[sa.RowMapping]:
    """The waiting batches of a sink, oldest first, each with the `load_id` of its feed."""
    query = WAITING.where(BATCHES.c.sink == sink, *where).limit(limit)
    return list(connection.execute(query).mappings())


def origin_of(row: sa.RowMapping | Mapping[str, Any]) -> Origin:
    """Where a batch of the ledger comes from."""
    return Origin(
        row["sink"],
        row["feed_id"],
        row["load_number"],
        row["load_id"],
        row["template_digest"],
        row["content_type"],
    )


def count_waiting(connection: sa.Connection, sink: str) -> int:
    """How many events of a sink wait in the cache or are on their way."""
    left = (
        BATCHES.c.event_count
        - BATCHES.c.delivered_count
        - BATCHES.c.dead_count
        - BATCHES.c.passed_count
    )
    query = sa.select(sa.func.coalesce(sa.func.sum(left), 0)).where(
        BATCHES.c.sink == sink, BATCHES.c.state.in_(("waiting", "sending"))
    )
    return int(connection.scalar(query) or 0)
