"""Follow: a feed is followed to its end: its rows are selected, rendered, cut and sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import sqlalchemy as sa

from pipelines.exports import schema
from pipelines.exports.ahead import ahead
from pipelines.exports.batches import OCCURRED, Origin, Outgoing, Rendered, cut
from pipelines.exports.courier import Advance, Courier
from pipelines.exports.drain import WINDOW_BYTES
from pipelines.exports.select import COLUMNS, After, Selection, condition_of, scope_of, select

if TYPE_CHECKING:
    from pipelines.exports.feed import Feed
    from pipelines.exports.render import Renderer
    from pipelines.lake.tables import Lake
    from pipelines.sinks.settings import SinkSettings

FEEDS, BATCHES = schema.feeds, schema.batches


def follow(
    feed: Feed,
    sink: SinkSettings,
    renderer: Renderer,
    lake: Lake,
    courier: Courier,
    progress: Callable[[int], None],
) -> int:
    """Deliver the rest of a feed, or cache it where the sink is blocked.

    Returns:
        How many of its events the sink's filter left out.
    """
    selection = select(lake, scope_of(lake, feed))
    origin = Origin(
        sink.name, feed.id, feed.load_number, feed.load_id, renderer.digest, renderer.content_type
    )
    rendered = _rendered(feed, sink, renderer, selection, courier.sink.needs)
    made = cut(rendered, courier.sink.limits, origin, ordinal=feed.next_ordinal)
    with closing(ahead(_windows(made))) as windows:
        for window in _ramped(windows, courier):
            courier.deliver(window, _advance(feed, window[-1]))
            progress(sum(len(outgoing.batch) for outgoing in window))
    return _end(feed, selection.count(), courier)


def _rendered(
    feed: Feed,
    sink: SinkSettings,
    renderer: Renderer,
    selection: Selection,
    needs: Sequence[str],
) -> Iterator[Rendered]:
    after = None
    if feed.settled_at is not None and feed.settled_event_id is not None:
        after = After(feed.settled_at, feed.settled_event_id)
    wanted = renderer.columns | (set(needs) & COLUMNS.keys())
    facts = sorted({*needs, "event_id", OCCURRED})
    for rows in selection.rows(condition_of(sink), wanted, after, beside_sender=True):
        messages, columns = renderer.render(rows, now=feed.created_at)
        yield messages, {name: columns[name] for name in facts}


def _windows(made: Iterable[Outgoing]) -> Iterator[list[Outgoing]]:
    window: list[Outgoing] = []
    size = 0
    for outgoing in made:
        window.append(outgoing)
        size += outgoing.bytes
        if size >= WINDOW_BYTES or len(window) >= 256:
            yield window
            window, size = [], 0
    if window:
        yield window


def _ramped(windows: Iterable[list[Outgoing]], courier: Courier) -> Iterator[list[Outgoing]]:
    """The windows; a single batch first, where the sink has failed before."""
    for window in windows:
        if courier.window == 1 and not courier.is_blocked and len(window) > 1:
            yield window[:1]
            yield window[1:]
        else:
            yield window


def _advance(feed: Feed, last: Outgoing) -> Advance:
    settled_at, settled_event_id = last.last
    values = {
        "next_ordinal": last.ordinal + 1,
        "settled_at": settled_at,
        "settled_event_id": settled_event_id,
    }

    def advance(connection: sa.Connection) -> None:
        connection.execute(FEEDS.update().where(FEEDS.c.id == feed.id).values(values))

    return advance


def _end(feed: Feed, total: int, courier: Courier) -> int:
    """Account for the whole feed: what no batch has, the filter left out."""
    batched = sa.select(sa.func.coalesce(sa.func.sum(BATCHES.c.event_count), 0)).where(
        BATCHES.c.feed_id == feed.id, BATCHES.c.parent_id.is_(None)
    )
    with courier.ledger.write() as connection:
        filtered = total - int(connection.scalar(batched) or 0)
        connection.execute(
            FEEDS.update()
            .where(FEEDS.c.id == feed.id)
            .values(
                state="done",
                done_at=courier.around.clock(),
                selected_count=total,
                filtered_count=filtered,
            )
        )
    courier.around.fault("feed_done")
    return filtered
