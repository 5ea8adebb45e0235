"""Tell: what the admins of a sink are told, once a state and day, whatever becomes of the mail."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from pipelines.exports import schema
from pipelines.exports.outbox import count_waiting
from pipelines.exports.states import write_state
from pipelines.notify.notice import Notice, NoticeState, Notify, PartlyToldError

if TYPE_CHECKING:
    from pipelines.exports.breaker import SinkState
    from pipelines.exports.ledger import Ledger
    from pipelines.sinks.settings import SinkSettings

BATCHES, NOTICES = schema.batches, schema.notices
PATIENCE = timedelta(minutes=15)
"""How long a service may be away before anybody is told; most are back by then."""


@dataclass(frozen=True, slots=True)
class _Backlog:
    events: int
    oldest_at: datetime | None
    first_failed_at: datetime | None


def tell(
    ledger: Ledger, sink: SinkSettings, state: SinkState, notify: Notify, now: datetime
) -> SinkState:
    """Send the notices that are due; what goes wrong with one is noted and tried again.

    Each is written in the ledger before it is sent, once for a sink, state and UTC day.

    Returns:
        The state, which knows since when the admins know.
    """
    if not state.is_failing and state.told_at is None:
        return state
    backlog = _backlog(ledger, sink.name)
    give_up_at = None
    if backlog.first_failed_at is not None:
        give_up_at = backlog.first_failed_at + timedelta(days=sink.give_up_after_days)
    for wanted in _wanted(sink, state, backlog, give_up_at, now):
        notice = Notice(
            sink.name,
            wanted,
            state.cause or "server_error",
            state.since or now,
            backlog.events,
            backlog.oldest_at,
            state.response or "",
            give_up_at,
        )
        _say(ledger, notice, notify, now)
        if wanted != "giving_up":
            state = replace(state, told_at=None if wanted == "recovered" else now)
    with ledger.write() as connection:
        write_state(connection, state)
    return state


def _wanted(
    sink: SinkSettings,
    state: SinkState,
    backlog: _Backlog,
    give_up_at: datetime | None,
    now: datetime,
) -> list[NoticeState]:
    if not state.is_failing:
        return ["recovered"] if backlog.events == 0 else []
    wanted: list[NoticeState] = []
    if state.told_at is None:
        if state.breaker != "closed" or now - (state.since or now) >= PATIENCE:
            wanted.append("broken")
    else:
        # the one of today was written already; it goes out again where its mail failed
        is_same_day = _day(state.told_at) == _day(now)
        began = state.since is not None and _day(state.since) == _day(now)
        wanted.append("broken" if is_same_day and began else "still_broken")
    lead = min(timedelta(days=1), timedelta(days=sink.give_up_after_days) / 2)
    if give_up_at is not None and now >= give_up_at - lead:
        wanted.append("giving_up")
    return wanted


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


def _say(ledger: Ledger, notice: Notice, notify: Notify, now: datetime) -> None:
    day = now.astimezone(UTC).date()
    mine = (
        (NOTICES.c.sink == notice.sink) & (NOTICES.c.state == notice.state) & (NOTICES.c.day == day)
    )
    with ledger.write() as connection:
        found = connection.execute(sa.select(NOTICES).where(mine)).mappings().first()
        if found is not None and (found["sent_at"] is not None or found["problem"] is None):
            return
        values = {"written_at": now, "problem": None}
        if found is None:
            key = {"sink": notice.sink, "state": notice.state, "day": day}
            connection.execute(NOTICES.insert().values(**key, **values))
        else:
            connection.execute(NOTICES.update().where(mine).values(values))
    result: dict[str, object] = {"sent_at": now}
    try:
        notify(notice)
    except PartlyToldError as error:
        result = {"sent_at": now, "problem": str(error)[:1_000]}
    except Exception as error:  # noqa: BLE001, RUF100  # a mail that fails stops no delivery
        result = {"problem": f"{type(error).__name__}: {error}"[:1_000]}
    with ledger.write() as connection:
        connection.execute(NOTICES.update().where(mine).values(result))


def _backlog(ledger: Ledger, sink: str) -> _Backlog:
    waiting = (BATCHES.c.sink == sink) & (BATCHES.c.state == "waiting")
    with ledger.read() as connection:
        query = sa.select(sa.func.min(BATCHES.c.oldest_at), sa.func.min(BATCHES.c.first_failed_at))
        oldest_at, first_failed_at = connection.execute(query.where(waiting)).one()
        return _Backlog(count_waiting(connection, sink), oldest_at, first_failed_at)
