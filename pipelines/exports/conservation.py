"""Conservation: no event is lost between the lake and a sink, and the numbers show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from pipelines.exports import schema
from pipelines.lake.history import loads_after

if TYPE_CHECKING:
    from pipelines.exports.ledger import Ledger
    from pipelines.lake.tables import Lake

BATCHES, FEEDS, LETTERS = schema.batches, schema.feeds, schema.dead_letters


@dataclass(frozen=True, slots=True)
class Balance:
    """What became of the events that a sink was given: the loads (and replays) it went through.

    `selected = delivered + waiting + dead + filtered`, always. `broken` says where it does not
    hold, in words, one sentence each.
    """

    sink: str
    selected: int = 0
    delivered: int = 0
    waiting: int = 0
    dead: int = 0
    filtered: int = 0
    pending_loads: int = 0
    broken: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether no event is unaccounted for."""
        return not self.broken


def balance(lake: Lake, ledger: Ledger, sinks: Sequence[str]) -> list[Balance]:
    """Hold the ledger against itself, and against what the lake says that its loads brought."""
    accepted = {load.load_id: int(load.facts["accepted"]) for load in loads_after(lake, 0)}
    with ledger.read() as connection:
        return [_balance(connection, sink, accepted) for sink in sinks]


def _balance(connection: sa.Connection, sink: str, accepted: dict[str, int]) -> Balance:
    feeds = connection.execute(_sums(sink)).mappings().all()
    done = [feed for feed in feeds if feed["state"] == "done"]
    broken = [text for feed in done for text in _problems(feed, accepted)]
    dead = sum(feed["dead"] for feed in feeds)
    letters = sa.select(sa.func.count()).where(
        LETTERS.c.sink == sink, LETTERS.c.redriven_at.is_(None)
    )
    kept = int(connection.scalar(letters) or 0)
    if kept != dead:
        broken.append(f"{dead} events are dead, but {kept} dead letters are kept")
    return Balance(
        sink,
        selected=sum(feed["selected_count"] for feed in done),
        delivered=sum(feed["delivered"] for feed in done),
        waiting=sum(feed["waiting"] for feed in done),
        dead=sum(feed["dead"] for feed in done),
        filtered=sum(feed["filtered_count"] for feed in done),
        pending_loads=len(feeds) - len(done),
        broken=tuple(broken),
    )


def _sums(sink: str) -> sa.Select[tuple[int, ...]]:
    left = (
        BATCHES.c.event_count
        - BATCHES.c.delivered_count
        - BATCHES.c.dead_count
        - BATCHES.c.passed_count
    )
    is_open = BATCHES.c.state.in_(("waiting", "sending"))
    return (
        sa.select(
            FEEDS.c.load_id,
            FEEDS.c.load_number,
            FEEDS.c.replay,
            FEEDS.c.state,
            FEEDS.c.selected_count,
            FEEDS.c.filtered_count,
            _total(BATCHES.c.delivered_count).label("delivered"),
            _total(BATCHES.c.dead_count).label("dead"),
            _total(sa.case((is_open, left), else_=0)).label("waiting"),
            _total(sa.case((is_open, 0), else_=left)).label("lost"),
        )
        .join_from(FEEDS, BATCHES, BATCHES.c.feed_id == FEEDS.c.id, isouter=True)
        .where(FEEDS.c.sink == sink)
        .group_by(FEEDS.c.id)
        .order_by(FEEDS.c.load_number, FEEDS.c.id)
    )


def _total(column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.BigInteger)


def _problems(feed: sa.RowMapping, accepted: dict[str, int]) -> list[str]:
    name = f"load {feed['load_number']} ({feed['load_id']})"
    problems = []
    told = feed["delivered"] + feed["waiting"] + feed["dead"] + feed["filtered_count"]
    if feed["selected_count"] != told or feed["lost"]:
        problems.append(
            f"{name}: selected {feed['selected_count']}, but delivered {feed['delivered']} + "
            f"waiting {feed['waiting']} + dead {feed['dead']} + filtered {feed['filtered_count']}"
        )
    if feed["filtered_count"] < 0:
        problems.append(f"{name}: more events were sent than the load has")
    if feed["replay"] is None and accepted.get(feed["load_id"]) != feed["selected_count"]:
        problems.append(
            f"{name}: selected {feed['selected_count']}, but the lake says that it brought "
            f"{accepted.get(feed['load_id'], 'nothing')}"
        )
    return problems
