from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from desk import Desk, Service, nothing_is_lost, settings
from lakes import activity, encode, folder_place, job, lake_at, run_load

from pipelines.exports import schema
from pipelines.exports.doctor import Finding, examine, repair


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A lake of one load of 14 events, and a service that is away."""
    place = folder_place(tmp_path)
    events = [activity() for _ in range(11)] + [job() for _ in range(3)]
    place.put("a.ndjson", b"\n".join(encode(event) for event in events))
    run_load(place.lake(), [place.landing])
    service = Service(tmp_path / "taken", ["away"])
    return Desk(lake_at(place.lake().url), f"sqlite:///{tmp_path}/ledger.sqlite", service)


def look(desk: Desk) -> list[str]:
    """What is found, in short."""
    return [finding.kind for finding in found(desk)]


def found(desk: Desk) -> list[Finding]:
    return examine(desk.lake, desk.ledger, desk.sinks, now=desk.now)


def mend(desk: Desk) -> list[Finding]:
    return repair(desk.lake, desk.ledger, desk.sinks, now=desk.now)


def recovered(desk: Desk) -> None:
    """The service is well again, and is sent what waits."""
    desk.service.moods = ["well"]
    desk.later(hours=7)
    desk.deliver()


def test_nothing_differs_after_a_run_whatever_came_of_it(desk: Desk) -> None:
    desk.deliver()
    waiting = look(desk)
    recovered(desk)

    assert (waiting, look(desk)) == ([], [])


def test_a_waiting_file_that_is_gone_is_rendered_again_byte_for_byte(desk: Desk) -> None:
    desk.service.moods = ["accepts_and_times_out"]
    desk.deliver()
    folder = Path(desk.lake.url) / "exports/siem/waiting"
    shutil.rmtree(folder)
    planned = look(desk)

    left = mend(desk)

    assert (planned, left) == (["waiting_file_missing"] * 4, [])
    recovered(desk)
    first, *rest = desk.service.deliveries()
    assert first in rest
    nothing_is_lost(desk)


def test_a_waiting_file_that_cannot_be_read_is_rendered_again(desk: Desk) -> None:
    desk.deliver()
    file = Path(desk.lake.url) / "exports/siem" / desk.waiting_files()[0]
    file.write_bytes(file.read_bytes()[:100])
    desk.service.moods = ["well"]
    desk.later(hours=7)
    stopped = desk.deliver()
    at_first = desk.states()
    desk.deliver()

    planned, left = look(desk), mend(desk)

    assert stopped.problem is not None
    assert ("stopped" in at_first, desk.states().count("stopped")) == (False, 1)
    assert (planned, left) == (["waiting_file_unreadable"], [])
    recovered(desk)
    nothing_is_lost(desk)


def test_a_batch_that_cannot_be_rendered_again_is_told_and_stops_no_other_repair(
    desk: Desk,
) -> None:
    desk.sinks = [settings("siem"), settings("other")]
    desk.deliver_all()
    for name in ("siem", "other"):
        shutil.rmtree(Path(desk.lake.url) / f"exports/{name}/waiting")
    desk.sinks = [settings("siem", event_types=("nothing",)), settings("other")]

    left = mend(desk)

    assert {finding.sink for finding in left} == {"siem"}
    assert "the lake has 0 of them" in left[0].what


def test_a_batch_taken_in_part_is_rendered_again_without_what_was_taken(desk: Desk) -> None:
    desk.service.moods = ["half"]
    desk.deliver()
    shutil.rmtree(Path(desk.lake.url) / "exports/siem/waiting")

    assert mend(desk) == []

    recovered(desk)
    assert len(desk.service.events()) == 14
    nothing_is_lost(desk)


def test_a_file_of_dead_letters_that_is_gone_is_rendered_again(desk: Desk) -> None:
    desk.service.moods, desk.service.poison = ["partly"], frozenset(sorted(desk.event_ids())[:2])
    desk.deliver()
    before = desk.files()
    shutil.rmtree(Path(desk.lake.url) / "exports/siem/dead")

    planned, left = set(look(desk)), mend(desk)

    assert (planned, left, desk.files()) == ({"dead_file_missing"}, [], before)


def test_a_file_that_belongs_to_nothing_is_removed(desk: Desk) -> None:
    desk.deliver()
    folder = Path(desk.lake.url) / "exports/siem/waiting"
    stale = shutil.copy(next(folder.iterdir()), desk.service.taken.parent)
    recovered(desk)
    shutil.copy(stale, folder)

    planned, left = look(desk), mend(desk)

    assert (planned, left) == (["file_of_nothing"], [])
    recovered(desk)
    nothing_is_lost(desk)


def test_a_load_without_an_entry_is_entered(desk: Desk) -> None:
    desk.deliver()
    with desk.ledger.write() as connection:
        for table in (schema.batches, schema.attempts, schema.feeds):
            connection.execute(table.delete())

    planned = look(desk)
    mend(desk)

    assert planned == ["load_not_fed"] + ["file_of_unknown_batch"] * 4
    recovered(desk)
    # the same batches were sent anew, so that what lay there is now known to be settled
    assert (look(desk), mend(desk)) == (["file_of_nothing"] * 4, [])
    nothing_is_lost(desk)


def test_what_waits_is_kept_where_the_ledger_was_lost(desk: Desk, tmp_path: Path) -> None:
    desk.deliver()
    waiting = desk.files()
    # a sink that begins with what comes next would never be fed these again
    lost = Desk(desk.lake, f"sqlite:///{tmp_path}/new.sqlite", desk.service)
    lost.sinks = [settings(start="now")]

    left = mend(lost)

    assert len(waiting) == 4
    assert desk.files() == waiting
    assert [(finding.kind, finding.repair) for finding in left] == [
        ("file_of_unknown_batch", None)
    ] * 4
    assert "trailhouse replay siem" in left[0].what


def test_books_that_do_not_agree_are_shown_and_left_to_a_person(desk: Desk) -> None:
    recovered(desk)
    with desk.ledger.write() as connection:
        one = schema.batches.c.ordinal == 0
        connection.execute(schema.batches.update().where(one).values(delivered_count=3))

    (finding,) = mend(desk)

    assert (finding.kind, finding.repair) == ("books_differ", None)
    assert "selected 14, but delivered 13" in finding.what


def test_looking_changes_nothing(desk: Desk) -> None:
    desk.deliver()
    shutil.rmtree(Path(desk.lake.url) / "exports/siem/waiting")

    first = found(desk)

    assert found(desk) == first
    assert desk.files() == []


def test_a_sink_that_was_never_seen_has_nothing_to_mend(desk: Desk) -> None:
    desk.sinks = [settings("new")]

    assert look(desk) == []
