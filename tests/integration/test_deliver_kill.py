from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import deliver_process
import postgres
import pytest
from desk import Desk, Service, nothing_is_lost
from lakes import activity, encode, folder_place, job, lake_at, run_load
from sqlalchemy import event

from pipelines.exports.ledger import LedgerError, open_url
from pipelines.sinks.sink import Limits

STEPS = (
    "attempts_written",
    "sent",
    "split_written",
    "cached",
    "outcomes_written",
    "removed",
    "feed_done",
)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of one load of 14 events."""
    folder = tmp_path_factory.mktemp("loaded")
    place = folder_place(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        events = [activity() for _ in range(11)] + [job() for _ in range(3)]
        place.put("a.ndjson", b"\n".join(encode(event) for event in events))
        run_load(place.lake(), [place.landing])
    return folder / "lake-1"


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


@pytest.mark.parametrize("step", STEPS)
def test_a_process_killed_at_a_durable_step_loses_nothing(desk: Desk, step: str) -> None:
    draw = Random(step)
    killed = 0
    for seed in range(3):
        code = deliver_process.run(
            desk.lake.url,
            desk.ledger_url,
            desk.service.taken,
            seed=seed,
            die_at=step,
            after=draw.randrange(2),
        )
        killed += code == -signal.SIGKILL
    dead = frozenset(sorted(desk.event_ids())[:1])
    desk.service.poison = dead
    for _ in range(2):
        desk.later(days=6, hours=7)
        desk.deliver()

    nothing_is_lost(desk, dead=dead)
    assert killed or step == "split_written"


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
    waiting.mkdir(parents=True)
    for name in twin.waiting_files():  # the same batches have the same names
        partial = Path(name).with_suffix(f".{os.getpid()}.partial").name
        (waiting / partial).symlink_to("/dev/full")
    desk.service.moods = ["away"]

    full = desk.deliver()

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
