"""Trouble: whatever goes wrong with one sink is told, reaches no other, and loses nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import postgres
import pytest
from desk import Desk, Killed, Service, kill_at, load_fourteen, nothing_is_lost, settings
from lakes import activity, encode, folder_place, lake_at, rows, run_load

from pipelines.exports.cancel import Cancelled, cancel_replays
from pipelines.exports.replay import plan_replay, replay
from pipelines.sinks.sink import (
    Batch,
    ConfigurationSinkError,
    Receipt,
    TransientSinkError,
)

EVENTS = 14


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of one load of 14 events."""
    return load_fourteen(tmp_path_factory.mktemp("loaded"))


@pytest.fixture
def desk(loaded: Path, tmp_path: Path) -> Desk:
    """That lake, with an empty ledger and a service that is well."""
    lake = Path(shutil.copytree(loaded, tmp_path / "lake"))
    return Desk(lake_at(lake), f"sqlite:///{tmp_path}/ledger.sqlite", Service(tmp_path / "taken"))


class Crashing(Service):
    """A service whose sink has a bug."""

    def send(self, batch: Batch) -> Receipt:
        raise KeyError("event_kind")


def test_a_bug_in_one_sink_is_told_and_stops_no_other(desk: Desk) -> None:
    desk.sinks = [settings("buggy"), settings("siem")]
    buggy = Crashing(desk.service.taken)

    done, well = desk.deliver_all(
        open_sink=lambda sink, storage, *, clock: buggy if sink.name == "buggy" else desk.service
    )

    assert "KeyError: 'event_kind'" in (done.problem or "")
    assert well.delivered == EVENTS
    assert [(notice.sink, notice.state) for notice in desk.notices] == [("buggy", "stopped")]
    assert {row["sink"] for row in rows(desk.lake, "deliveries")} == {"siem"}
    (again, _) = desk.deliver_all()
    assert (again.delivered, again.problem) == (EVENTS, None)


def test_a_filter_that_fails_on_an_event_is_told_and_events_wait(desk: Desk) -> None:
    desk.sinks = [settings(where="cast(event_id as int) > 5")]

    stopped = desk.deliver()
    desk.later(days=1)
    desk.deliver()
    desk.deliver()
    desk.sinks = [settings()]
    mended = desk.deliver()

    assert "'where'" in (stopped.problem or "")
    assert "Could not convert string" in (stopped.problem or "")
    assert desk.states() == ["stopped", "stopped"]
    notice = desk.notices[0]
    assert (notice.cause, notice.response, notice.waiting_loads) == ("stopped", stopped.problem, 1)
    assert mended.problem is None
    nothing_is_lost(desk)


def enter_replay(desk: Desk, template: Path) -> None:
    """Enter a replay of everything through a template."""
    start, end = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 12))
    plan = plan_replay(desk.lake, desk.sinks[0], start, end, str(template))
    replay(desk.lake, desk.ledger, plan, unique=lambda: "r1", now=desk.now)


def load_one_more(desk: Desk, folder: Path) -> None:
    """Load another event."""
    place = folder_place(folder / "more")
    place.put("x.ndjson", encode(activity()))
    run_load(desk.lake, [place.landing])


def test_a_replay_that_cannot_be_rendered_holds_up_no_load_and_can_be_given_up(
    desk: Desk, tmp_path: Path
) -> None:
    desk.deliver()
    template = tmp_path / "replay.json"
    template.write_text('{"id": {{ event_id | json }}}')
    enter_replay(desk, template)
    template.unlink()
    load_one_more(desk, tmp_path)

    done = desk.deliver()
    given_up = cancel_replays(desk.lake, desk.ledger, "siem", now=desk.now)
    after = desk.deliver()

    assert done.delivered == 1
    assert "replay:r1" in (done.problem or "")
    assert "trailhouse replay siem --cancel" in (done.problem or "")
    assert given_up == Cancelled("siem", 1, 0)
    assert after.problem is None
    nothing_is_lost(desk)


def test_what_waits_of_a_replay_that_is_given_up_is_parked(desk: Desk, tmp_path: Path) -> None:
    desk.deliver()
    template = tmp_path / "replay.json"
    template.write_text('{"id": {{ event_id | json }}}')
    enter_replay(desk, template)
    desk.service.moods = ["away"]
    desk.deliver()

    given_up = cancel_replays(desk.lake, desk.ledger, "siem", now=desk.now)
    again = cancel_replays(desk.lake, desk.ledger, "siem", now=desk.now)

    books = desk.balance()
    assert (given_up, again) == (Cancelled("siem", 0, EVENTS), Cancelled("siem", 0, 0))
    assert (books.broken, books.waiting, books.dead) == ((), 0, EVENTS)


def test_a_clock_that_jumps_ahead_during_an_outage_parks_nothing(desk: Desk) -> None:
    desk.service.moods = ["away"]
    desk.deliver()
    before = desk.now
    desk.later(days=30)
    jumped = [desk.deliver().dead for _ in range(2)]
    desk.now = before
    recover(desk)

    assert jumped == [0, 0]
    nothing_is_lost(desk)


def test_nothing_is_parked_before_it_was_told_a_day_ago(desk: Desk) -> None:
    """As when nothing ran for a month."""
    desk.service.moods = ["away"]
    desk.deliver()
    dead = []
    for hours in (30 * 24, 12, 13):
        desk.later(hours=hours)
        dead.append(desk.deliver().dead)

    assert dead == [0, 0, EVENTS]
    assert desk.states().index("giving_up") < len(desk.states()) - 1


def recover(desk: Desk) -> None:
    """Deliver to the service, which is well again."""
    desk.service.moods = ["well"]
    desk.later(hours=7)
    desk.deliver()


def test_a_sink_that_cannot_be_opened_tells_how_much_waits_and_gives_up_in_time(
    desk: Desk,
) -> None:
    def open_none(*_: object, **__: object) -> Service:
        raise ConfigurationSinkError("no secret NOPE", cause="bad_credentials")

    desk.deliver(open_sink=open_none)
    desk.service.moods = ["away"]
    desk.deliver_all()
    desk.later(hours=1)
    desk.deliver()
    for _ in range(8):
        desk.later(days=1)
        last = desk.deliver(open_sink=open_none)

    first, *_ = desk.notices
    assert (first.state, first.waiting_events, first.waiting_loads) == ("broken", 0, 1)
    assert (last.waiting, desk.balance().dead) == (0, EVENTS)


def test_a_failure_at_midnight_is_told_once(desk: Desk) -> None:
    desk.now = desk.now.replace(hour=23, minute=50)
    desk.service.moods = ["away"]
    desk.deliver()
    for minutes in (16, 10, 30):
        desk.later(minutes=minutes)
        desk.deliver()

    assert desk.states() == ["broken"]


@pytest.mark.parametrize("step", ["notice_written", "notice_sent"])
def test_a_notice_whose_sending_was_cut_off_goes_out_again(desk: Desk, step: str) -> None:
    desk.service.moods = ["denied"]
    with suppress(Killed):
        desk.deliver(fault=kill_at(step))
    desk.later(hours=1)
    desk.deliver()
    desk.deliver()

    assert desk.states() == ["broken"] * (1 if step == "notice_written" else 2)


def test_a_redirect_is_told_with_where_it_leads_to(desk: Desk) -> None:
    class Redirecting(Service):
        def send(self, batch: Batch) -> Receipt:
            raise ConfigurationSinkError(
                "siem redirects to https://login.example", cause="redirect", response="302"
            )

    desk.service = Redirecting(desk.service.taken)

    done = desk.deliver()

    assert done.response == "302: siem redirects to https://login.example"
    assert desk.notices[0].response == done.response


def test_a_ledger_that_is_made_anew_leaves_no_gap_among_the_deliveries(
    desk: Desk, tmp_path: Path
) -> None:
    desk.deliver()
    anew = Desk(desk.lake, f"sqlite:///{tmp_path}/new.sqlite", desk.service)
    anew.later(days=1)

    anew.deliver()
    anew.deliver()

    assert len(rows(desk.lake, "deliveries")) == 8


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL server."""
    yield from postgres.serve()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database for a ledger, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/nul.sqlite"
    postgres.require()
    return postgres.make_database(request.getfixturevalue("server"))


class Odd(Service):
    """Answers with characters that databases do not store."""

    def send(self, batch: Batch) -> Receipt:
        if self.moods == ["away"]:
            self.sends += 1
            raise TransientSinkError("x", cause="server_error", response="503 \0 \ud800 \x1a0")
        super().send(batch)
        return Receipt("200 ok \0")


def test_answers_with_nul_are_kept_and_nothing_is_sent_twice(
    desk: Desk, database: str, tmp_path: Path
) -> None:
    odd = Desk(desk.lake, database, Odd(tmp_path / "odd", ["away"]))
    away = odd.deliver()
    odd.service.moods = ["well"]
    odd.later(hours=7)
    odd.deliver()

    assert away.waiting == EVENTS
    assert odd.notices == []
    assert len(odd.service.events()) == EVENTS
    nothing_is_lost(odd)
    said = {row["response"] for row in rows(odd.lake, "deliveries")}
    assert said == {"503 \0 ? \x1a0", "200 ok \0"}


def test_ids_with_nul_stay_what_they_are(database: str, tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    events = [activity(id=f"a\0{n}") for n in range(6)]
    place.put("a.ndjson", b"\n".join(encode(event) for event in events))
    run_load(place.lake(), [place.landing])
    desk = Desk(lake_at(place.lake().url), database, Service(tmp_path / "taken"))
    desk.service.moods = ["partly"]
    desk.service.poison = frozenset(sorted(desk.event_ids())[:1])
    with suppress(Killed):
        desk.deliver(fault=kill_at("outcomes_written"))

    desk.deliver()

    assert all("\0" in event_id for event_id in desk.event_ids())
    nothing_is_lost(desk, dead=desk.service.poison)
