"""Visit: one sink's part of a delivery, which nothing that goes wrong with another reaches."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from pipelines.errors import LakeError, TrailhouseError
from pipelines.exports import park, tell
from pipelines.exports.breaker import Breaker, SinkState, failed, is_due
from pipelines.exports.cache import Cache
from pipelines.exports.courier import Clock, Courier, Surroundings
from pipelines.exports.drain import Renew, drain
from pipelines.exports.feed import Feed, pending_feeds
from pipelines.exports.follow import follow
from pipelines.exports.ledger import Ledger, LedgerError, SinkBusyError
from pipelines.exports.outbox import count_waiting
from pipelines.exports.rebuild import renewer
from pipelines.exports.recovery import recover
from pipelines.exports.render import load_renderer
from pipelines.exports.replay import settings_of
from pipelines.exports.select import check_condition
from pipelines.exports.states import find_state, write_state
from pipelines.sinks.sink import Cause, Sink, SinkError

if TYPE_CHECKING:
    from pipelines.lake.storage import Storage
    from pipelines.lake.tables import Lake
    from pipelines.notify.notice import Notify
    from pipelines.sinks.settings import SinkSettings

LOG = logging.getLogger(__name__)


class OpenSink(Protocol):
    """Opens a sink, as `pipelines.sinks.registry.open_sink` does."""

    def __call__(self, settings: SinkSettings, storage: Storage, *, clock: Clock) -> Sink:
        """Open a sink, or raise the `SinkError` that says why it cannot be."""


Progress = Callable[[str, int], None]
"""Called with a sink and how many events more are accounted for."""


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


@dataclass(frozen=True, slots=True)
class Context:
    """What the visits of one delivery share."""

    lake: Lake
    ledger: Ledger
    around: Surroundings
    notify: Notify
    progress: Progress
    open_sink: OpenSink


def visit(sink: SinkSettings, context: Context) -> Delivered:
    """Deliver to one sink, tell its admins what they need to know, and say what was done.

    Whatever goes wrong is written down as the sink's problem and told; what was written before
    counts, and everything else waits where it is.

    Raises:
        LedgerError: The ledger cannot be used, so that nothing can be written down.
    """
    began = context.around.clock()
    try:
        with context.ledger.hold(sink.name):
            done = _Visit(sink, context, _state_of(sink, context)).pay()
    except SinkBusyError as error:
        return Delivered(sink.name, problem=str(error))
    return replace(done, seconds=max(0.0, (context.around.clock() - began).total_seconds()))


def _state_of(sink: SinkSettings, context: Context) -> SinkState:
    with context.ledger.read() as connection:
        state = find_state(connection, sink.name)
    assert state is not None  # noqa: S101  # feed added it
    return state


@dataclass(slots=True)
class _Visit:
    sink: SinkSettings
    context: Context
    state: SinkState
    courier: Courier | None = None
    parked: int = 0
    filtered: int = 0
    may_pass: bool = False
    """Whether what went wrong may be over with the next delivery, so that nobody is told yet."""

    def pay(self) -> Delivered:
        try:
            self._go()
        except LedgerError:
            raise
        except TrailhouseError as error:
            # a lake or a disk may be away for a moment; what lasts until the next run is told
            self.may_pass = isinstance(error, LakeError) and self.state.problem is None
            self._note(str(error))
        except Exception as error:  # noqa: BLE001, RUF100  # the one boundary between sinks
            LOG.exception("delivery to sink %r", self.sink.name)
            self._note(
                f"sink {self.sink.name!r}: delivery ended with {type(error).__name__}: {error}; "
                "its events wait. Please report it, with the traceback in the log of the run"
            )
        return self._told()

    def _note(self, problem: str) -> None:
        """Note what stopped the sink; its events wait where they are."""
        self.state = replace(self._current, problem=problem[:4_000])
        with self.context.ledger.write() as connection:
            write_state(connection, self.state)
        if self.courier is not None:
            self.courier.state = self.state

    @property
    def _current(self) -> SinkState:
        return self.courier.state if self.courier is not None else self.state

    def _go(self) -> None:
        context, before = self.context, self.state
        cache = Cache(context.lake, self.sink.name)
        interrupted = recover(context.ledger, cache, context.around.fault)
        with context.ledger.read() as connection:
            feeds = pending_feeds(connection, self.sink.name)
        due = is_due(before, context.around.clock())
        if not due and not feeds:
            return
        try:
            opened = context.open_sink(self.sink, context.lake.storage, clock=context.around.clock)
        except SinkError as error:
            # neither its limits nor its needs are known: its events wait in the lake
            if due:
                self._unopened(error)
                self._park(cache, before)
            return
        with closing(opened):
            self.courier = Courier(
                context.ledger,
                cache,
                opened,
                before,
                context.around,
                is_blocked=not due,
                is_resumed=bool(interrupted),
            )
            renew = renewer(context.lake, context.ledger, self.sink, cache, opened, before)
            self._send(self.courier, renew)
            if due and self.courier.is_blocked:
                self._park(cache, before)
            self._follow(self.courier, feeds)
            self.courier.solved()

    def _unopened(self, error: SinkError) -> None:
        around = self.context.around
        self.state = failed(
            self.state, error, around.clock(), backoff=around.backoff, random=around.random
        )
        with self.context.ledger.write() as connection:
            write_state(connection, self.state)

    def _send(self, courier: Courier, renew: Renew) -> None:
        """Send what waits."""
        if not courier.is_blocked:
            courier.probe()
        drain(courier, self._progress, renew)

    def _park(self, cache: Cache, before: SinkState) -> None:
        """Park what waited for too long; called where the sink was just tried, and failed."""
        self.parked = park.give_up(
            self.context.ledger,
            cache,
            self.sink,
            self._current,
            self.context.around,
            tried_at=before.decided_at,
        )

    def _follow(self, courier: Courier, feeds: list[Feed]) -> None:
        """Go through what was loaded, and what is to be replayed.

        A replay that cannot be rendered holds up no load.
        """
        if feeds:
            check_condition(self.sink)
        problems = []
        for feed in feeds:
            try:
                settings = settings_of(self.sink, feed)
                self.filtered += follow(
                    feed,
                    settings,
                    load_renderer(settings),
                    self.context.lake,
                    courier,
                    self._progress,
                )
            except LedgerError:
                raise
            except TrailhouseError as error:
                if feed.replay is None:
                    raise
                problems.append(
                    f"{feed.load_id}: {error}; or give replays of the sink up with "
                    f"`trailhouse replay {self.sink.name} --cancel`"
                )
        if problems:
            raise TrailhouseError("\n".join(problems))

    def _progress(self, events: int) -> None:
        self.context.progress(self.sink.name, events)

    def _told(self) -> Delivered:
        """Tell the admins what they need to know, and the caller how the sink is."""
        context, name = self.context, self.sink.name
        around = context.around
        state = tell.tell(
            context.ledger,
            self.sink,
            self._current,
            context.notify,
            around.clock(),
            around.fault,
            may_pass=self.may_pass,
        )
        with context.ledger.read() as connection:
            waiting = count_waiting(connection, name)
        done = self.courier
        return Delivered(
            name,
            delivered=done.delivered if done else 0,
            waiting=waiting,
            dead=self.parked + (done.dead if done else 0),
            filtered=self.filtered,
            batches=done.batches if done else 0,
            breaker=state.breaker,
            cause=state.cause if state.is_failing else None,
            response=state.response if state.is_failing else None,
            problem=state.problem,
        )
