"""Rebuild: what is missing from the cache is rendered again from the lake."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from pipelines.errors import TrailhouseError
from pipelines.exports import schema
from pipelines.exports.batches import OCCURRED, size_of
from pipelines.exports.breaker import REFUSALS
from pipelines.exports.feed import FEEDS, Feed
from pipelines.exports.render import load_renderer
from pipelines.exports.replay import REPLAY, settings_of
from pipelines.exports.select import COLUMNS, condition_of, key_condition, scope_of, select

if TYPE_CHECKING:
    from pipelines.exports.breaker import SinkState
    from pipelines.exports.cache import Cache, Content
    from pipelines.exports.ledger import Ledger
    from pipelines.exports.render import Renderer
    from pipelines.lake.tables import Lake
    from pipelines.sinks.settings import SinkSettings
    from pipelines.sinks.sink import Sink

BATCHES, LETTERS = schema.batches, schema.dead_letters


def rebuild(
    lake: Lake,
    ledger: Ledger,
    sink: SinkSettings,
    cache: Cache,
    batch_id: str,
    event_ids: Collection[str] = (),
) -> dict[str, Any]:
    """Render the events of a batch again, and store them where its file was.

    The batch keeps its id and its place. Where the templates changed meanwhile, the messages are
    those of the templates of now.

    Args:
        lake: The lake.
        ledger: The ledger.
        sink: Settings of the sink, which is held.
        cache: Its cache.
        batch_id: The batch.
        event_ids: Its events where they are known; else the filter says which they were.

    Returns:
        What changed in the ledger's row of the batch.

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
    chosen = dead or set(event_ids) or set(json.loads(row["event_ids"] or "[]"))
    settings = settings_of(sink, feed)
    renderer = load_renderer(settings)
    condition = "true" if chosen else condition_of(settings)
    messages, events = _render(lake, feed, renderer, condition, row, chosen)
    expected = len(dead) if dead else row["event_count"]
    if len(messages) != expected:
        raise TrailhouseError(
            f"sink {sink.name!r}: batch {batch_id} has {expected} events, the lake has "
            f"{len(messages)} of them; if the lake was restored from a copy, load what it lacks"
        )
    cache.store({row["dead_path"] if dead else row["cached_path"]: (messages, events)})
    changed: dict[str, Any] = {
        "template_digest": renderer.digest,
        "content_type": renderer.content_type,
    }
    if not dead:
        changed["bytes"] = sum(map(size_of, messages))
    with ledger.write() as connection:
        one = BATCHES.c.batch_id == batch_id
        connection.execute(BATCHES.update().where(one).values(changed))
    return changed


def _render(
    lake: Lake,
    feed: Feed,
    renderer: Renderer,
    condition: str,
    row: sa.RowMapping,
    chosen: Collection[str],
) -> Content:
    """Messages and facts of the events between the first and the last of a batch."""
    first = key_condition(">=", row["oldest_at"], row["first_event_id"])
    last = key_condition("<=", row["newest_at"], row["last_event_id"])
    condition = f"{condition} and {first} and {last}"
    messages: list[str] = []
    events: dict[str, list[Any]] = {}
    # all columns: which of them the sink needs, only an open sink would tell
    for rows in select(lake, scope_of(lake, feed)).rows(condition, COLUMNS):
        made, columns = renderer.render(rows, now=feed.created_at)
        kept = [n for n, e in enumerate(columns["event_id"]) if not chosen or e in chosen]
        every = list(made)
        messages += [every[n] for n in kept]
        for name in {"event_id", OCCURRED, *columns} - {"raw", "log_message"}:
            events.setdefault(name, []).extend(columns[name][n] for n in kept)
    return messages, events


def renewer(
    lake: Lake, ledger: Ledger, sink: SinkSettings, cache: Cache, opened: Sink, state: SinkState
) -> Callable[[sa.RowMapping, Content], dict[str, Any]]:
    """What renders waiting batches of loads again that cannot go as they were stored.

    Those that lack facts which the sink needs now, since its settings changed; and where the
    service refused whatever it was sent, those of other templates than now.
    """
    is_refused = state.is_failing and state.cause in REFUSALS

    def renew(row: sa.RowMapping, content: Content) -> dict[str, Any]:
        _, facts = content
        lacks = not set(opened.needs) <= facts.keys()
        is_load = not row["load_id"].startswith(REPLAY)
        if lacks or (is_refused and is_load and row["template_digest"] != digest()):
            return rebuild(lake, ledger, sink, cache, row["batch_id"], facts["event_id"])
        return {}

    @lru_cache
    def digest() -> str:
        return load_renderer(sink).digest

    return renew
