"""Deliver: what is loaded goes to the sinks, and what cannot go waits, so that nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from pipelines.exports.backoff import Backoff, Random
from pipelines.exports.courier import Clock, Surroundings
from pipelines.exports.faults import Fault, no_fault
from pipelines.exports.feed import feed
from pipelines.exports.ledger import Ledger
from pipelines.exports.mirror import mirror
from pipelines.exports.visit import Context, Delivered, OpenSink, Progress, visit
from pipelines.sinks.registry import open_sink as open_registered

if TYPE_CHECKING:
    from pipelines.lake.tables import Lake
    from pipelines.notify.notice import Notify
    from pipelines.sinks.settings import SinkSettings

BACKOFF = Backoff()
SIDE_BY_SIDE = 12
"""Sinks that are delivered to at the same time. One that hangs costs a thread and the windows that
were made ahead for it, some 50 MB; that many may hang before one that is well has to wait."""


def deliver(
    lake: Lake,
    ledger: Ledger,
    sinks: Sequence[SinkSettings],
    *,
    clock: Clock,
    random: Random,
    unique: Callable[[], str],
    notify: Notify = lambda notice: None,
    fault: Fault = no_fault,
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
    context = Context(lake, ledger, around, notify, progress, open_sink)
    enabled = [sink for sink in sinks if sink.enabled]
    feed(lake, ledger, enabled, clock())
    fault("fed")
    with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="deliver") as pool:
        yield from pool.map(lambda sink: visit(sink, context), enabled)
    mirror(lake, ledger, [sink.name for sink in enabled], unique=unique, fault=fault)
