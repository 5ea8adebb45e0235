"""Rebuild: what is missing from the cache is rendered again from the lake."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from pipelines.errors import TrailhouseError
from pipelines.exports import schema
from pipelines.exports.batches import OCCURRED
from pipelines.exports.feed import FEEDS, Feed
from pipelines.exports.render import load_renderer
from pipelines.exports.replay import settings_of
from pipelines.exports.select import COLUMNS, condition_of, key_condition, scope_of, select

if TYPE_CHECKING:
    from pipelines.exports.cache import Cache, Content
    from pipelines.exports.ledger import Ledger
    from pipelines.lake.tables import Lake
    from pipelines.sinks.settings import SinkSettings

BATCHES, LETTERS = schema.batches, schema.dead_letters


def rebuild(lake: Lake, ledger: Ledger, sink: SinkSettings, cache: Cache, batch_id: str) -> None:
    """Render the events of a batch again, and store them where its file was.

    The batch keeps its id and its place. Where the templates changed meanwhile, the messages are
    those of the templates of now.

    Raises:
        TrailhouseError: The lake does not have the events any more, or its template is wrong.
    """
    with ledger.read() as connection:
        found = connection.execute(sa.select(BATCHES).where(BATCHES.c.batch_id == batch_id))
        row = found.mappings().one()
        columns = [FEEDS.c[name] for name in Feed.__slots__]
        query = sa.select(*columns).where(FEEDS.c.id == row["feed_id"])
        feed = Feed(**connection.execute(query).mappings().one())
        of_it = sa.select(LETTERS.c.event_id).where(
            LETTERS.c.batch_id == batch_id, LETTERS.c.redriven_at.is_(None)
        )
        dead = set(connection.scalars(of_it))
        chosen = set(json.loads(row["event_ids"])) if row["event_ids"] else None
    messages, events = _render(lake, feed, settings_of(sink, feed), row, dead or chosen)
    expected = len(dead) if dead else row["event_count"]
    if len(messages) != expected:
        raise TrailhouseError(
            f"sink {sink.name!r}: batch {batch_id} has {expected} events, the lake has "
            f"{len(messages)} of them; if the lake was restored from a copy, load what it lacks"
        )
    cache.store({row["dead_path"] if dead else row["cached_path"]: (messages, events)})


def _render(
    lake: Lake, feed: Feed, sink: SinkSettings, row: sa.RowMapping, chosen: set[str] | None
) -> Content:
    """Messages and facts of the events between the first and the last of a batch."""
    renderer = load_renderer(sink)
    first = key_condition(">=", row["oldest_at"], row["first_event_id"])
    last = key_condition("<=", row["newest_at"], row["last_event_id"])
    condition = f"{condition_of(sink)} and {first} and {last}"
    messages: list[str] = []
    events: dict[str, list[Any]] = {}
    # all columns: which of them the sink needs, only an open sink would tell
    for rows in select(lake, scope_of(lake, feed)).rows(condition, COLUMNS):
        made, columns = renderer.render(rows, now=feed.created_at)
        kept = [n for n, e in enumerate(columns["event_id"]) if chosen is None or e in chosen]
        messages += [made[n] for n in kept]
        for name in {"event_id", OCCURRED, *columns} - {"raw", "log_message"}:
            events.setdefault(name, []).extend(columns[name][n] for n in kept)
    return messages, events
