"""Deliver: what is loaded goes to the sinks, and what cannot go waits, so that nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from pipelines.errors import TrailhouseError
from pipelines.exports import park, tell
from pipelines.exports.backoff import Backoff, Random
from pipelines.exports.breaker import Breaker, SinkState, failed, is_due
from pipelines.exports.cache import Cache
from pipelines.exports.courier import Clock, Courier, Fault, Surroundings
from pipelines.exports.drain import drain
from pipelines.exports.feed import feed, pending_feeds
from pipelines.exports.follow import follow
from pipelines.exports.ledger import Ledger, LedgerError, SinkBusyError
from pipelines.exports.mirror import mirror
from pipelines.exports.outbox import count_waiting
from pipelines.exports.recovery import recover
from pipelines.exports.render import load_renderer
from pipelines.exports.replay import settings_of
from pipelines.exports.select import check_condition
from pipelines.exports.states import find_state, write_state
from pipelines.sinks.registry import open_sink as open_registered
from pipelines.sinks.sink import Cause, Sink, SinkError

if TYPE_CHECKING:
    from pipelines.lake.storage import Storage
    from pipelines.lake.tables import Lake
    from pipelines.notify.notice import Notify
    from pipelines.sinks.settings import SinkSettings


BACKOFF = Backoff()
SIDE_BY_SIDE = 4
"""Sinks that are delivered to at the same time: one that hangs leaves enough to use the processor,
and each more has windows of its own in memory."""


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
class _Context:
    lake: Lake
    ledger: Ledger
    around: Surroundings
    notify: Notify
    progress: Progress
    open_sink: OpenSink


def deliver(
    lake: Lake,
    ledger: Ledger,
    sinks: Sequence[SinkSettings],
    *,
    clock: Clock,
    random: Random,
    unique: Callable[[], str],
    notify: Notify = lambda notice: None,
    fault: Fault = lambda step: None,
    progress: Progress = lambda sink, events: None,
    backoff: Backoff = BACKOFF,
    open_sink: OpenSink = open_registered,
) -> Iterator[Delivered]:
    """Deliver what waits and is due, then what was loaded, to each sink; at least once, in order.

    Args:
        lake: The lake.
        ledger: The ledger, which knows what is delivered.
        sinks: Where to; those that are off are passed over.
        clock: The time now, timezone-aware UTC.
        random: Draws the jitter of back-offs.
        unique: A text that no other call returns, for file names.
        notify: Carries notices; what it raises is noted, and stops nothing.
        fault: Told each durable step, for tests.
        progress: Told how many events more are accounted for.
        backoff: How long failing sinks are left alone.
        open_sink: Opens a sink.

    Sinks are delivered to side by side, so that one that hangs holds up only itself; what is
    passed in is called from several threads.

    Yields:
        What was done for each sink, in their order. A sink that fails, or whose template or
        filter is wrong, stops no other. Calling again with nothing new, nothing
        due and nothing to say changes nothing.

    Raises:
        LedgerError: The ledger cannot be used; batches on their way are sent again.
        LakeError: The lake cannot be read.
    """
    around = Surroundings(clock, random, backoff, fault)
    context = _Context(lake, ledger, around, notify, progress, open_sink)
    enabled = [sink for sink in sinks if sink.enabled]
    feed(lake, ledger, enabled, clock())
    with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="deliver") as pool:
        yield from pool.map(lambda sink: _deliver_to(sink, context), enabled)
    mirror(lake, ledger, [sink.name for sink in enabled], unique=unique)


def _deliver_to(sink: SinkSettings, context: _Context) -> Delivered:
    began = context.around.clock()
    try:
        with context.ledger.hold(sink.name):
            done = _deliver_held(sink, context)
    except SinkBusyError as error:
        return Delivered(sink.name, problem=str(error))
    except LedgerError:
        raise
    except TrailhouseError as error:
        done = _stopped(sink, context, str(error))
    return replace(done, seconds=max(0.0, (context.around.clock() - began).total_seconds()))


def _stopped(sink: SinkSettings, context: _Context, problem: str) -> Delivered:
    """Note what stopped a sink; its events wait where they are."""
    with context.ledger.write() as connection:
        state = find_state(connection, sink.name)
        if state is not None:
            write_state(connection, replace(state, problem=problem))
        waiting = count_waiting(connection, sink.name)
    return Delivered(sink.name, waiting=waiting, problem=problem)


def _deliver_held(sink: SinkSettings, context: _Context) -> Delivered:
    cache = Cache(context.lake, sink.name)
    interrupted = recover(context.ledger, cache)
    with context.ledger.read() as connection:
        state = find_state(connection, sink.name)
    assert state is not None  # noqa: S101  # feed added it
    now = context.around.clock()
    due = is_due(state, now)
    if not due and not _has_pending(context.ledger, sink.name):
        return _told(sink, context, state)
    try:
        opened = context.open_sink(sink, context.lake.storage, clock=context.around.clock)
    except SinkError as error:
        # neither its limits nor its needs are known: its events wait in the lake
        return _told(sink, context, _unopened(context, state, error) if due else state)
    with closing(opened):
        courier = Courier(
            context.ledger,
            cache,
            opened,
            state,
            context.around,
            is_blocked=not due,
            is_resumed=bool(interrupted),
        )
        filtered = _run(sink, context, courier, tried=due)
    return replace(
        _told(sink, context, courier.state),
        delivered=courier.delivered,
        dead=courier.dead,
        batches=courier.batches,
        filtered=filtered,
    )


def _has_pending(ledger: Ledger, sink: str) -> bool:
    with ledger.read() as connection:
        return bool(pending_feeds(connection, sink))


def _unopened(context: _Context, state: SinkState, error: SinkError) -> SinkState:
    around = context.around
    state = failed(state, error, around.clock(), backoff=around.backoff, random=around.random)
    with context.ledger.write() as connection:
        write_state(connection, state)
    return state


def _run(sink: SinkSettings, context: _Context, courier: Courier, *, tried: bool) -> int:
    """Drain what waits, park what waited for too long, and go through what was loaded."""
    if not courier.is_blocked:
        courier.probe()
    drain(courier, lambda events: context.progress(sink.name, events))
    if tried and courier.is_blocked:
        courier.dead += park.give_up(courier, sink.give_up_after_days)
    filtered = 0
    with context.ledger.read() as connection:
        feeds = pending_feeds(connection, sink.name)
    if feeds:
        check_condition(sink)
    for one in feeds:
        settings = settings_of(sink, one)
        renderer = load_renderer(settings)
        filtered += follow(
            one,
            settings,
            renderer,
            context.lake,
            courier,
            lambda events: context.progress(sink.name, events),
        )
    courier.solved()
    return filtered


def _told(sink: SinkSettings, context: _Context, state: SinkState) -> Delivered:
    """Tell the admins what they need to know, and the caller how the sink is."""
    state = tell.tell(context.ledger, sink, state, context.notify, context.around.clock())
    with context.ledger.read() as connection:
        waiting = count_waiting(connection, sink.name)
    return Delivered(
        sink.name,
        waiting=waiting,
        breaker=state.breaker,
        cause=state.cause if state.is_failing else None,
        response=state.response if state.is_failing else None,
        problem=state.problem,
    )
