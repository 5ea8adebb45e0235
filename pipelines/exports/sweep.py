"""Sweep: files of the cache that belong to nothing any more are found, so that none stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from pipelines.exports import schema
from pipelines.exports.cache import Cache, Place, family_of

if TYPE_CHECKING:
    from pipelines.exports.ledger import Ledger

BATCHES, FEEDS = schema.batches, schema.feeds
AT_ONCE = 400
"""Ids of one query; SQLite takes some ten thousand values, PostgreSQL a few more."""
PLACES: tuple[Place, ...] = ("waiting", "dead")


def find_stray(ledger: Ledger, cache: Cache) -> tuple[list[str], list[str]]:
    """The files of a sink that no batch needs; the caller holds the sink.

    Returns:
        Those of batches that the ledger knows, which are settled or will be made again; and those
        that it never heard of, which may be all that is left where a ledger was lost.
    """
    stray, unknown = [], []
    paths = [path for place in PLACES for path in cache.stored(place)]
    for some in _parts(paths):
        rows = _rows(ledger, some)
        for path in some:
            batch_id, parent_id = family_of(path)
            if batch_id in rows:
                if path not in _needed(rows[batch_id]):
                    stray.append(path)
            elif parent_id in rows:
                stray.append(path)
            else:
                unknown.append(path)
    return stray, unknown


def _parts(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    yield from (paths[at : at + AT_ONCE] for at in range(0, len(paths), AT_ONCE))


def _rows(ledger: Ledger, paths: Sequence[str]) -> dict[str, sa.RowMapping]:
    ids = {one for path in paths for one in family_of(path) if one}
    columns = (BATCHES.c[name] for name in ("batch_id", "state", "cached_path", "dead_path"))
    query = (
        sa.select(*columns, (~is_unsettled()).label("is_settled"))
        .join(FEEDS, FEEDS.c.id == BATCHES.c.feed_id)
        .where(BATCHES.c.batch_id.in_(ids))
    )
    with ledger.read() as connection:
        return {row["batch_id"]: row for row in connection.execute(query).mappings()}


def is_unsettled() -> sa.ColumnElement[bool]:
    """Whether a batch lies behind the cursor of its feed, which makes it again, or on it."""
    return sa.and_(FEEDS.c.state == "pending", BATCHES.c.ordinal >= FEEDS.c.next_ordinal)


def _needed(row: sa.RowMapping) -> set[str]:
    """The files that a batch needs."""
    if not row["is_settled"]:
        return set()
    waits = row["state"] in ("waiting", "sending")
    return {path for path in (row["cached_path"] if waits else None, row["dead_path"]) if path}
