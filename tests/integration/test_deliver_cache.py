"""The persistent cache: nothing stays in it that nobody needs, whatever ended the run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from desk import Desk, Killed, Service, kill_at, load_fourteen, nothing_is_lost, settings
from lakes import lake_at

from pipelines.exports.doctor import examine, repair
from pipelines.exports.redrive import redrive

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


def poison(desk: Desk, count: int = 2) -> None:
    """Let the service refuse some events."""
    desk.service.poison = frozenset(sorted(desk.event_ids())[:count])


def recover(desk: Desk) -> None:
    """Deliver to the service, which is well again."""
    desk.service.moods, desk.service.poison = ["well"], frozenset()
    desk.later(hours=7)
    desk.deliver()


def agreed(desk: Desk) -> bool:
    """Whether the doctor finds nothing."""
    return examine(desk.lake, desk.ledger, desk.sinks, now=desk.now) == []


def test_the_file_of_dead_letters_goes_with_the_last_that_is_redriven(desk: Desk) -> None:
    desk.service.moods = ["partly"]
    poison(desk)
    desk.deliver()
    first, second = sorted(desk.service.poison)
    before = len(desk.files())

    redrive(desk.lake, desk.ledger, "siem", {first}, now=desk.now)
    recover(desk)
    redrive(desk.lake, desk.ledger, "siem", {second}, now=desk.now)
    recover(desk)

    assert before in (1, 2)
    assert desk.files() == []
    nothing_is_lost(desk)
    assert agreed(desk)


@pytest.mark.parametrize("mood", ["half", "partly"])
def test_what_a_killed_run_stored_of_a_waiting_batch_does_not_stay(desk: Desk, mood: str) -> None:
    desk.service.moods = ["away"]
    desk.deliver()
    desk.later(hours=7)
    desk.service.moods = [mood]
    poison(desk)
    with suppress(Killed):
        desk.deliver(fault=kill_at("cached"))
    left = set(desk.files())

    recover(desk)

    assert len(left) > 4
    assert desk.files() == []
    nothing_is_lost(desk)
    assert agreed(desk)


@pytest.mark.parametrize("step", ["redrive_cached", "redrive_written"])
def test_a_redrive_that_is_killed_leaves_no_file(desk: Desk, step: str) -> None:
    poison(desk)
    desk.deliver()
    with suppress(Killed):
        redrive(desk.lake, desk.ledger, "siem", None, now=desk.now, fault=kill_at(step))
    recover(desk)

    redrive(desk.lake, desk.ledger, "siem", None, now=desk.now)
    recover(desk)

    assert desk.files() == []
    nothing_is_lost(desk)


@pytest.mark.parametrize("step", ["parked", "parking_written"])
def test_a_run_that_is_killed_while_it_parks_leaves_no_file(desk: Desk, step: str) -> None:
    desk.service.moods = ["away"]
    for _ in range(7):
        desk.deliver()
        desk.later(days=1)
    with suppress(Killed):
        desk.deliver(fault=kill_at(step))
    recover(desk)
    redrive(desk.lake, desk.ledger, "siem", None, now=desk.now)
    recover(desk)

    assert desk.files() == []
    nothing_is_lost(desk)


def test_a_file_that_was_cut_off_while_it_was_written_is_removed(desk: Desk) -> None:
    desk.service.moods = ["away"]
    desk.deliver()
    folder = Path(desk.lake.url) / "exports/siem/waiting"
    (folder / "abc.123.partial").write_bytes(b"half an ev")

    recover(desk)

    assert desk.files() == []


def test_a_file_that_decayed_is_told_and_rendered_again_and_never_sent(desk: Desk) -> None:
    desk.service.moods = ["away"]
    desk.deliver()
    (name, *_) = desk.files()
    file = Path(desk.lake.url) / "exports" / "siem" / name
    content = bytearray(file.read_bytes())
    content[len(content) // 4] ^= 1
    file.write_bytes(content)

    desk.service.moods = ["well"]
    desk.later(hours=7)
    done = desk.deliver()

    assert file.name in str(done.problem)
    repair(desk.lake, desk.ledger, desk.sinks, now=desk.now)
    recover(desk)
    nothing_is_lost(desk)
    assert agreed(desk)


def test_what_waits_is_rendered_again_where_the_sink_needs_more_than_was_stored(
    desk: Desk,
) -> None:
    desk.service.moods = ["away"]
    desk.deliver()
    desk.service.needs = ("event_kind", "occurred_at")
    desk.sinks = [settings(kinds=["job"])]  # what waits is for the sink all the same

    recover(desk)

    assert len(desk.service.events()) == EVENTS
    nothing_is_lost(desk)


def test_a_backlog_is_drained_in_parts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.exports.drain.MOST_ROWS", 2)
    desk.service.moods = ["away"]
    desk.deliver()

    recover(desk)

    assert desk.service.sends == 5
    nothing_is_lost(desk)


def test_a_delivery_and_a_drain_do_without_pandas(desk: Desk, tmp_path: Path) -> None:
    # pyarrow imports it, for half a second and 50 MB, to look at any list that it is given
    desk.service.moods = ["away"]
    desk.deliver()
    code = f"""
import json, sys
from pathlib import Path
from desk import Desk, Service
from lakes import lake_at
service = Service(Path({str(tmp_path)!r}, "taken"))
desk = Desk(lake_at({desk.lake.url!r}), {desk.ledger_url!r}, service)
desk.later(hours=7)
desk.deliver()
print(json.dumps([len(desk.service.events()), "pandas" in sys.modules]))
"""

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )

    assert json.loads(done.stdout) == [EVENTS, False]
