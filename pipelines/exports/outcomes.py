"""Outcomes: what an answer of a service, or an error, makes of a batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pipelines.exports.batches import Outgoing
from pipelines.exports.breaker import said
from pipelines.exports.cache import Content
from pipelines.exports.outbox import Outcome, Result
from pipelines.sinks.sink import (
    Batch,
    ConfigurationSinkError,
    PayloadSinkError,
    Receipt,
    SinkError,
)


def content_of(batch: Batch) -> Content:
    """What of a batch is stored: the messages and all facts of the events."""
    return batch.messages, batch.events


def stored_batch(content: Content, row: Any) -> Batch:
    """A batch as it was stored, with what the ledger says of it."""
    messages, events = content
    return Batch(row["sink"], row["batch_id"], messages, events, row["content_type"])


def failure(outgoing: Outgoing, state: Any, error: SinkError, seconds: float) -> Result:
    """What an error makes of a batch; what cannot be split further is dead."""
    outcome: Outcome = "transient"
    if isinstance(error, ConfigurationSinkError):
        outcome = "configuration"
    elif isinstance(error, PayloadSinkError):
        outcome = "payload"
    response = said(error)
    refused = {0: response} if state == "dead" else {}
    return Result(outgoing, state, outcome, error.cause, response, seconds, refused=refused)


def put_off(receipt: Receipt, most: int) -> Receipt:
    """The receipt with all but the first refused events to be sent again later."""
    kept = sorted(receipt.refused)[:most]
    return replace(
        receipt,
        refused={n: receipt.refused[n] for n in kept},
        retry={n: why for n, why in receipt.refused.items() if n not in kept},
    )


def taken(outgoing: Outgoing, receipt: Receipt, seconds: float) -> Result:
    """What a receipt makes of a batch: delivered but for what it refuses or wants again."""
    retry, refused = sorted(receipt.retry), receipt.refused
    if len(retry) == len(outgoing.batch):
        return failure(outgoing, "waiting", receipt.postponement, seconds)
    count = len(outgoing.batch) - len(retry) - len(refused)
    outcome: Outcome = "partly" if retry or refused else "delivered"
    return Result(
        outgoing,
        "delivered",
        outcome if count else "payload",
        "payload" if refused else receipt.postponement.cause if retry else None,
        receipt.response,
        seconds,
        delivered=count,
        refused=refused,
        again=outgoing.part(retry) if retry else None,
    )
