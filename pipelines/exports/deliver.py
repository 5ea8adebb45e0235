"""Deliver: what is loaded goes to the sinks, and what cannot go waits, so that nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipelines.exports.backoff import Backoff, Random
from pipelines.exports.breaker import Breaker
from pipelines.exports.ledger import Ledger
from pipelines.lake.tables import Lake
from pipelines.notify.notice import Notify
from pipelines.sinks.sink import Cause


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a run did for one sink: counts of events, and how the sink is now.

    `delivered`, `dead` and `filtered` are of this run, `waiting` of the whole persistent cache.
    """

    sink: str
    delivered: int = 0
    waiting: int = 0
    dead: int = 0
    filtered: int = 0
    batches: int = 0
    seconds: float = 0.0
    breaker: Breaker = "closed"
    cause: Cause | None = None
    response: str | None = None
    problem: str | None = None
    """Why its events wait although the sink may be well: its template, its filter, a busy run."""


def deliver(
    lake: Lake,
    ledger: Ledger,
    sinks: Sequence[SinkSettings],
    *,
    clock: Callable[[], datetime],
    random: Random,
    notify: Notify = lambda notice: None,
    fault: Fault = lambda step: None,
    progress: Progress = lambda sink, delivered, waiting: None,
    backoff: Backoff = Backoff(),
    open_sink: OpenSink = open_sink,
) -> Iterator[Delivered]:
    """Deliver what is new to each sink, and what waits and is due; yields as each sink is done."""
    raise NotImplementedError
