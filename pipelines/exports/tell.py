"""Tell: what the admins of a sink are told, once a state and day, whatever becomes of the mail."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, cast

import sqlalchemy as sa

from pipelines.exports import schema
from pipelines.exports.breaker import REFUSALS
from pipelines.exports.faults import Fault, no_fault
from pipelines.exports.outbox import count_waiting
from pipelines.exports.states import write_state
from pipelines.notify.notice import Notice, NoticeState, Notify, PartlyToldError, Why

if TYPE_CHECKING:
    from pipelines.exports.breaker import SinkState
    from pipelines.exports.ledger import Ledger
    from pipelines.sinks.settings import SinkSettings

BATCHES, FEEDS, LETTERS = schema.batches, schema.feeds, schema.dead_letters
NOTICES = schema.notices
PATIENCE = timedelta(minutes=15)
"""How long a service may be away before anybody is told; most are back by then."""


@dataclass(frozen=True, slots=True)
class _Refused:
    """Events that were parked since anybody was told anything, and what was said of the newest."""

    count: int
    since: datetime
    cause: str
    response: str


@dataclass(frozen=True, slots=True)
class _Backlog:
    events: int
    loads: int
    oldest_at: datetime | None
    waiting_since: datetime | None
    """Since when the oldest batch waits in the cache."""
    pending_since: datetime | None
    """Since when the oldest load waits in the lake."""
    dead: int
    refused: _Refused | None


def tell(
    ledger: Ledger,
    sink: SinkSettings,
    state: SinkState,
    notify: Notify,
    now: datetime,
    fault: Fault = no_fault,
    *,
    may_pass: bool = False,
) -> SinkState:
    """Send the notices that are due; what goes wrong with one is noted and tried again.

    Each is written in the ledger before it is sent, once for a sink, state and UTC day. The caller
    holds the sink. Where its problem `may_pass`, it is not told yet.

    Returns:
        The state, which knows since when the admins know.
    """
    backlog = _backlog(ledger, sink.name)
    wanted = _wanted(sink, state, backlog, _told_on(ledger, sink.name, _day(now)), now)
    if may_pass:
        wanted = [one for one in wanted if one != "stopped"]
    for one in wanted:
        _say(ledger, _notice(one, sink, state, backlog, now), notify, now, fault)
        if one in ("broken", "still_broken", "recovered"):
            state = replace(state, told_at=None if one == "recovered" else now)
    if wanted:
        with ledger.write() as connection:
            write_state(connection, state)
    return state


def lead_of(sink: SinkSettings) -> timedelta:
    """How long before events are parked it is told."""
    return min(timedelta(days=1), timedelta(days=sink.give_up_after_days) / 2)


def _give_up_at(sink: SinkSettings, backlog: _Backlog) -> datetime | None:
    if backlog.waiting_since is None:
        return None
    return backlog.waiting_since + timedelta(days=sink.give_up_after_days)


def _wanted(
    sink: SinkSettings, state: SinkState, backlog: _Backlog, today: set[str], now: datetime
) -> list[NoticeState]:
    wanted: list[NoticeState] = []
    if state.problem is not None:
        wanted.append("stopped")
    if backlog.refused is not None and not (state.is_failing and state.cause in REFUSALS):
        wanted.append("refused")
    if not state.is_failing:
        is_over = state.told_at is not None and backlog.events == 0
        return [*wanted, "recovered"] if is_over else wanted
    if state.told_at is not None:
        # what was said first today is said again, which it only is where its mail failed
        wanted.append("broken" if "broken" in today else "still_broken")
    elif state.breaker != "closed" or now - (state.since or now) >= PATIENCE:
        wanted.append("broken")
    give_up_at = _give_up_at(sink, backlog)
    if give_up_at is not None and now >= give_up_at - lead_of(sink):
        wanted.append("giving_up")
    return wanted


def _notice(
    wanted: NoticeState, sink: SinkSettings, state: SinkState, backlog: _Backlog, now: datetime
) -> Notice:
    cause: str = state.cause or "server_error"
    since, response, refused = state.since or now, state.response or "", 0
    if wanted == "stopped":
        cause, response = "stopped", state.problem or ""
        since = backlog.pending_since or backlog.waiting_since or now
    elif wanted == "refused" and backlog.refused is not None:
        cause, response = backlog.refused.cause, backlog.refused.response
        since, refused = backlog.refused.since, backlog.refused.count
    return Notice(
        sink.name,
        wanted,
        cast("Why", cause),
        since,
        backlog.events,
        backlog.oldest_at,
        response,
        _give_up_at(sink, backlog) if state.is_failing else None,
        waiting_loads=backlog.loads,
        dead_events=backlog.dead,
        refused_events=refused,
    )


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _told_on(ledger: Ledger, sink: str, day: date) -> set[str]:
    query = sa.select(NOTICES.c.state).where(NOTICES.c.sink == sink, NOTICES.c.day == day)
    with ledger.read() as connection:
        return set(connection.scalars(query))


def _say(ledger: Ledger, notice: Notice, notify: Notify, now: datetime, fault: Fault) -> None:
    day = _day(now)
    mine = (
        (NOTICES.c.sink == notice.sink) & (NOTICES.c.state == notice.state) & (NOTICES.c.day == day)
    )
    with ledger.write() as connection:
        found = connection.execute(sa.select(NOTICES).where(mine)).mappings().first()
        if found is not None and found["sent_at"] is not None:
            return
        # written, but not sent: the mail failed, or the process ended in between
        values = {"written_at": now, "problem": None}
        if found is None:
            key = {"sink": notice.sink, "state": notice.state, "day": day}
            connection.execute(NOTICES.insert().values(**key, **values))
        else:
            connection.execute(NOTICES.update().where(mine).values(values))
    fault("notice_written")
    result: dict[str, object] = {"sent_at": now}
    try:
        notify(notice)
    except PartlyToldError as error:
        result = {"sent_at": now, "problem": str(error)[:1_000]}
    except Exception as error:  # noqa: BLE001, RUF100  # a mail that fails stops no delivery
        result = {"problem": f"{type(error).__name__}: {error}"[:1_000]}
    fault("notice_sent")
    with ledger.write() as connection:
        connection.execute(NOTICES.update().where(mine).values(result))


def _backlog(ledger: Ledger, sink: str) -> _Backlog:
    waiting = (BATCHES.c.sink == sink) & (BATCHES.c.state == "waiting")
    pending = (FEEDS.c.sink == sink) & (FEEDS.c.state == "pending")
    kept = (LETTERS.c.sink == sink) & LETTERS.c.redriven_at.is_(None)
    with ledger.read() as connection:
        query = sa.select(sa.func.min(BATCHES.c.oldest_at), sa.func.min(BATCHES.c.first_failed_at))
        oldest_at, waiting_since = connection.execute(query.where(waiting)).one()
        loads = sa.select(sa.func.count(), sa.func.min(FEEDS.c.created_at)).where(pending)
        count, pending_since = connection.execute(loads).one()
        dead = connection.scalar(sa.select(sa.func.count()).select_from(LETTERS).where(kept))
        return _Backlog(
            count_waiting(connection, sink),
            count,
            oldest_at,
            waiting_since,
            pending_since,
            int(dead or 0),
            _refused(connection, sink, kept) if dead else None,
        )


def _refused(connection: sa.Connection, sink: str, kept: sa.ColumnElement[bool]) -> _Refused | None:
    told = sa.select(sa.func.max(NOTICES.c.written_at)).where(NOTICES.c.sink == sink)
    heard_at = connection.scalar(told)
    mine = kept & LETTERS.c.reason.in_(REFUSALS)
    if heard_at is not None:
        mine &= LETTERS.c.parked_at > heard_at
    query = sa.select(
        sa.func.count(), sa.func.min(LETTERS.c.parked_at), sa.func.max(LETTERS.c.id)
    ).where(mine)
    count, since, newest = connection.execute(query).one()
    if not count:
        return None
    said = sa.select(LETTERS.c.reason, LETTERS.c.response).where(LETTERS.c.id == newest)
    cause, response = connection.execute(said).one()
    return _Refused(count, since, cause, response)
