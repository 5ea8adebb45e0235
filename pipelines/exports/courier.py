"""Courier: takes windows of batches to one sink, and writes down each durable step.

A window's attempts are written in one transaction before the first of them is sent, and what
became of them in one afterwards. Between the two, what was not delivered is stored in the cache.
So a process that ends anywhere leaves either nothing, or batches whose fate is unknown, which are
sent again with the same ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from pipelines.exports import outbox
from pipelines.exports.backoff import Backoff, Random
from pipelines.exports.batches import Outgoing
from pipelines.exports.breaker import SinkState, answered, failed, probed, said, succeeded
from pipelines.exports.cache import Cache, Content, Place
from pipelines.exports.faults import Fault
from pipelines.exports.outbox import Result
from pipelines.exports.outcomes import content_of, failure, put_off, taken
from pipelines.exports.recovery import attempts_of
from pipelines.exports.states import write_state
from pipelines.sinks.sink import (
    Cause,
    ConfigurationSinkError,
    PayloadSinkError,
    Receipt,
    Sink,
    SinkError,
)

if TYPE_CHECKING:
    import sqlalchemy as sa

    from pipelines.exports.ledger import Ledger

Clock = Callable[[], datetime]
MOST_REFUSED = 10
"""Events refused in a row, none taken in between, after which the service is left alone: it may be
the template that it refuses, and the rest is safer in the queue than among the dead letters."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What deliveries need from outside: time, chance, and who is told of steps."""

    clock: Clock
    random: Random
    backoff: Backoff
    fault: Fault


@dataclass(slots=True)
class Courier:
    """Sends to one sink, and keeps count; used by one thread, while the sink is held."""

    ledger: Ledger
    cache: Cache
    sink: Sink
    state: SinkState
    around: Surroundings
    is_blocked: bool = False
    """Whether nothing more is sent in this run: everything goes to the cache."""
    is_resumed: bool = False
    """Whether an earlier run ended half-way, so that batches may have been attempted already."""
    delivered: int = 0
    dead: int = 0
    batches: int = 0
    refused_in_a_row: int = 0

    @property
    def window(self) -> int:
        """How many batches go at once: one, until a sink that failed has taken one."""
        return 1 if self.state.is_failing or self.state.breaker != "closed" else 256

    def probe(self) -> None:
        """Ask a broken sink whether it would answer; where it would not, nothing more is sent."""
        if self.state.breaker == "closed":
            return
        try:
            self.sink.probe()
        except SinkError as error:
            self.block(error)
        else:
            self.state = probed(self.state)
        with self.ledger.write() as connection:
            write_state(connection, self.state)
        self.around.fault("probed")

    def block(self, error: SinkError) -> None:
        """Send nothing more in this run; the sink is tried again when it is due."""
        around = self.around
        self.is_blocked = True
        self.state = failed(
            self.state, error, around.clock(), backoff=around.backoff, random=around.random
        )

    def deliver(self, window: Sequence[Outgoing], advance: Advance) -> None:
        """Send batches that were just rendered; those that cannot go are cached.

        Args:
            window: Batches in order.
            advance: Written in the transaction that accounts for them.
        """
        if self.is_resumed:
            tried = attempts_of(self.ledger, [batch.batch_id for batch in window])
            window = [replace(b, attempt_count=tried.get(b.batch_id, 0)) for b in window]
        now = self.around.clock()
        with self.ledger.write() as connection:
            outbox.add_batches(connection, window, "sending", now)
            self._begin(connection, window, now)
        self.around.fault("attempts_written")
        self._finish([result for batch in window for result in self._send(batch)], advance)

    def redeliver(self, window: Sequence[Outgoing]) -> None:
        """Send batches that wait in the cache, in order; those that cannot go stay there."""
        with self.ledger.write() as connection:
            outbox.mark_sending(connection, window)
            self._begin(connection, window, self.around.clock())
        self.around.fault("attempts_written")
        self._finish([result for batch in window for result in self._send(batch)], lambda _: None)

    def solved(self) -> None:
        """Note that nothing is wrong with the template and the filter of the sink any more."""
        if self.state.problem is not None:
            self.state = replace(self.state, problem=None)
            with self.ledger.write() as connection:
                write_state(connection, self.state)

    def _begin(self, connection: sa.Connection, window: Sequence[Outgoing], now: datetime) -> None:
        sendable = [b for b in window if b.refusal is None and not self.is_blocked]
        outbox.add_attempts(connection, sendable, now)

    def _path(self, place: Place, outgoing: Outgoing) -> str:
        return self.cache.path(place, outgoing.batch_id, outgoing.parent_id)

    def _send(self, outgoing: Outgoing) -> Iterator[Result]:
        if outgoing.refusal is not None:
            yield Result(outgoing, "dead", cause="too_large", refused={0: outgoing.refusal})
        elif self.is_blocked:
            yield Result(outgoing, "waiting")
        else:
            yield from self._attempt(outgoing)

    def _attempt(self, outgoing: Outgoing) -> Iterator[Result]:
        began = self.around.clock()
        try:
            receipt = self.sink.send(outgoing.batch)
        except PayloadSinkError as error:
            yield from self._refused(outgoing, error, self._since(began))
            return
        except SinkError as error:
            self.block(error)
            yield failure(outgoing, "waiting", error, self._since(began))
            return
        finally:
            self.around.fault("sent")
        yield taken(outgoing, self._judged(receipt, len(outgoing.batch)), self._since(began))

    def _judged(self, receipt: Receipt, count: int) -> Receipt:
        """What a receipt for a number of events makes of the sink; the receipt that counts."""
        if len(receipt.refused) == count:
            receipt = put_off(receipt, MOST_REFUSED - self.refused_in_a_row)
            self._refuse(len(receipt.refused), "payload", next(iter(receipt.refused.values())))
            return receipt
        if len(receipt.refused) + len(receipt.retry) < count:
            self.refused_in_a_row = 0
        if receipt.retry:
            self.block(receipt.postponement)
        else:
            self.state = succeeded(self.state, self.around.clock())
        return receipt

    def _refuse(self, count: int, cause: Cause, response: str) -> None:
        """Count events that were refused; after many in a row the sink is left alone."""
        self.state = answered(self.state, self.around.clock())
        self.refused_in_a_row += count
        if self.refused_in_a_row >= MOST_REFUSED:
            text = f"{self.refused_in_a_row} events in a row were refused, and none was taken"
            self.block(ConfigurationSinkError(text, cause=cause, response=response))

    def _refused(
        self, outgoing: Outgoing, error: PayloadSinkError, seconds: float
    ) -> Iterator[Result]:
        """Split a refused batch until the refused event stands alone, and park that."""
        if len(outgoing.batch) == 1:
            self._refuse(1, error.cause, said(error))
            yield failure(outgoing, "dead", error, seconds)
            return
        self.state = answered(self.state, self.around.clock())
        halves = list(outgoing.halves())
        if outgoing.cached_path is not None:
            # they are nowhere else once the whole is settled
            self.cache.store({self._path("waiting", h): content_of(h.batch) for h in halves})
            halves = [replace(h, cached_path=self._path("waiting", h)) for h in halves]
        now = self.around.clock()
        with self.ledger.write() as connection:
            outbox.settle(connection, [failure(outgoing, "split", error, seconds)], now)
            outbox.add_batches(connection, halves, "sending", now)
            outbox.add_attempts(connection, halves, now)
        self.around.fault("split_written")
        if outgoing.cached_path is not None:
            self.cache.remove([outgoing.cached_path])
        for half in halves:
            yield from self._send(half)

    def _since(self, began: datetime) -> float:
        return max(0.0, (self.around.clock() - began).total_seconds())

    def _finish(self, results: Sequence[Result], advance: Advance) -> None:
        """Cache what was not delivered, write what became of all, and remove what is settled."""
        results, contents = self._placed(results)
        self.cache.store(contents)
        self.around.fault("cached")
        with self.ledger.write() as connection:
            outbox.settle(connection, results, self.around.clock())
            advance(connection)
            write_state(connection, self.state)
        self.around.fault("outcomes_written")
        paths = [r.outgoing.cached_path for r in results if r.state != "waiting"]
        self.cache.remove([path for path in paths if path is not None])
        self.around.fault("removed")
        self.delivered += sum(result.delivered for result in results)
        self.dead += sum(len(result.refused) for result in results)
        self.batches += len(results)

    def _placed(self, results: Sequence[Result]) -> tuple[list[Result], dict[str, Content]]:
        """The results with the paths of what is to be stored, and that."""
        contents: dict[str, Content] = {}
        now = self.around.clock()
        return [self._place(result, contents, now) for result in results], contents

    def _place(self, result: Result, contents: dict[str, Content], now: datetime) -> Result:
        outgoing = result.outgoing
        if result.state == "waiting":
            path = outgoing.cached_path or self._path("waiting", outgoing)
            if outgoing.cached_path is None:
                contents[path] = content_of(outgoing.batch)
            since = outgoing.first_failed_at or now
            return replace(result, cached_path=path, first_failed_at=since)
        dead_path, again = None, None
        if result.refused:
            dead_path = self._path("dead", outgoing)
            contents[dead_path] = content_of(outgoing.part(sorted(result.refused)).batch)
        if result.again is not None:
            again = replace(result.again, cached_path=self._path("waiting", result.again))
            contents[self._path("waiting", again)] = content_of(again.batch)
        return replace(result, dead_path=dead_path, again=again)


Advance = Callable[["sa.Connection"], None]
"""Moves the cursor of a feed, in the transaction that accounts for what lies before it."""
