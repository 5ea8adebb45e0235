from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import deliver_process
import postgres
import pytest
from desk import MOODS, Desk, Killed, Service, kill_at, load_fourteen, nothing_is_lost, settings
from lakes import lake_at
from sqlalchemy import event

from pipelines.exports.ledger import LedgerError, open_url
from pipelines.exports.redrive import redrive
from pipelines.sinks.sink import Limits

STEPS = (
    "fed",
    "swept",
    "recovered",
    "probed",
    "attempts_written",
    "sent",
    "split_written",
    "cached",
    "outcomes_written",
    "removed",
    "parked",
    "parking_written",
    "feed_done",
    "notice_written",
    "notice_sent",
    "mirrored",
    "redrive_cached",
    "redrive_written",
)
SEEDS = 4


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of one load of 14 events."""
    return load_fourteen(tmp_path_factory.mktemp("loaded"))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL server."""
    yield from postgres.serve()


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database for a ledger, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.sqlite"
    postgres.require()
    return postgres.make_database(request.getfixturevalue("server"))


@pytest.fixture
def desk(loaded: Path, tmp_path: Path, ledger_url: str) -> Desk:
    lake = Path(shutil.copytree(loaded, tmp_path / "lake"))
    return Desk(lake_at(lake), ledger_url, Service(tmp_path / "taken"))


@pytest.mark.parametrize("step", ["attempts_written", "cached", "outcomes_written"])
def test_a_process_killed_at_a_durable_step_loses_nothing(desk: Desk, step: str) -> None:
    code = deliver_process.run(desk.lake.url, desk.ledger_url, desk.service.taken, die_at=step)
    desk.service.poison = deliver_process.poison_of(desk)
    for _ in range(2):
        desk.later(hours=7)
        desk.deliver()

    assert code == -signal.SIGKILL
    nothing_is_lost(desk, dead=desk.service.poison)


def endings(desk: Desk, step: str, draw: Random) -> int:
    """Deliver, park and redrive, every run perhaps ended at a step; how many were."""
    killed = 0

    def run(work: Callable[[Callable[[str], None]], object], moods: Sequence[str]) -> None:
        nonlocal killed
        desk.service.moods = moods
        try:
            work(kill_at(step, after=draw.choice((0, 0, 1, 5))))
        except Killed:
            killed += 1

    def deliver(fault: Callable[[str], None]) -> None:
        desk.deliver(fault=fault)

    for hours in (7, 7):
        run(deliver, MOODS)
        desk.later(hours=hours)
    for _ in range(4):  # told a day before it is given up, after a day
        run(deliver, ["away"])
        desk.later(hours=13)
    run(lambda fault: redrive_all(desk, fault), ["well"])
    desk.later(hours=7)
    run(deliver, MOODS)
    return killed


def redrive_all(desk: Desk, fault: Callable[[str], None] = lambda step: None) -> None:
    """Let all dead letters wait again."""
    redrive(desk.lake, desk.ledger, "siem", None, now=desk.now, fault=fault)


@pytest.mark.parametrize("step", STEPS)
def test_runs_that_end_at_a_durable_step_lose_nothing_whatever_the_service_does(
    loaded: Path, tmp_path: Path, step: str
) -> None:
    killed = 0
    for seed in range(SEEDS):
        folder = tmp_path / str(seed)
        lake = lake_at(shutil.copytree(loaded, folder / "lake"))
        draw = Random(f"{step} {seed}")
        service = Service(folder / "taken", draw=draw)
        desk = Desk(lake, f"sqlite:///{folder}/ledger.sqlite", service)
        desk.sinks, desk.chance = [settings(give_up_after_days=1)], draw.random
        service.poison = frozenset(draw.sample(sorted(desk.event_ids()), draw.randrange(1, 3)))

        killed += endings(desk, step, draw)
        service.moods = ["well"]
        for _ in range(2):
            desk.later(hours=7)
            desk.deliver()
            redrive_all(desk)
        desk.deliver()

        nothing_is_lost(desk, dead=service.poison)
        desk.ledger.close()
    assert killed >= 2


def test_both_databases_keep_the_same_books(desk: Desk) -> None:
    desk.service.poison = frozenset(sorted(desk.event_ids())[4:6])
    desk.service.moods = ["half"]
    desk.deliver()
    desk.later(hours=7)
    desk.service.moods = ["well"]

    desk.deliver()

    books = desk.balance()
    assert (books.selected, books.delivered, books.dead, books.waiting) == (14, 12, 2, 0)
    nothing_is_lost(desk, dead=desk.service.poison)


def test_only_one_run_holds_a_sink_in_either_database(desk: Desk) -> None:
    other = open_url(desk.ledger_url)

    with desk.ledger.hold("siem"), other.hold("another"):
        busy = desk.deliver()

    assert "another run" in (busy.problem or "")
    assert desk.deliver().delivered == 14


def test_a_full_disk_under_the_cache_is_named_and_loses_nothing(
    desk: Desk, loaded: Path, tmp_path: Path
) -> None:
    twin = Desk(
        lake_at(shutil.copytree(loaded, tmp_path / "twin")),
        f"sqlite:///{tmp_path}/twin.sqlite",
        Service(tmp_path / "twin-taken", ["away"]),
    )
    twin.deliver()
    waiting = Path(desk.lake.url) / "exports/siem/waiting"

    def fill(step: str) -> None:  # after the sweep that every run begins with
        if step == "sent" and not waiting.exists():
            waiting.mkdir(parents=True)
            for name in twin.waiting_files():  # the same batches have the same names
                partial = Path(name).with_suffix(f".{os.getpid()}.partial").name
                (waiting / partial).symlink_to("/dev/full")

    desk.service.moods = ["away"]

    full = desk.deliver(fault=fill)

    assert "the disk is full" in (full.problem or "")
    desk.service.moods = ["well"]
    desk.later(hours=7)
    assert desk.deliver().problem is None
    nothing_is_lost(desk)


@pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
def test_a_full_disk_under_the_ledger_is_named_and_loses_nothing(desk: Desk) -> None:
    def shrink(connection: Any, _: object) -> None:
        connection.execute("pragma max_page_count = 1")  # SQLite takes the present size instead

    desk.ledger.close()
    event.listen(desk.ledger.engine, "connect", shrink)
    desk.service.limits = Limits(1, 20_000, 10_000)

    with pytest.raises(LedgerError, match="the disk is full"):
        desk.deliver()

    desk.ledger = open_url(desk.ledger_url)
    desk.deliver()
    assert desk.balance().broken == ()
    assert desk.event_ids() <= set(desk.service.events())
