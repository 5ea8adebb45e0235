"""Rejected input: listed, shown byte for byte, and loaded again once it can be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from lakes import NOW, Place, activity, check, counts, encode, folder_place, job, rows, run_load
from typer.testing import CliRunner, Result

from pipelines.cli.main import app
from pipelines.errors import TrailhouseError
from pipelines.lake.load import Report
from pipelines.lake.rejected import (
    ORIGIN,
    RejectedInput,
    list_rejected,
    rejected_bytes,
    reload_rejected,
)
from pipelines.lake.tables import Lake

LATER = NOW + timedelta(days=5)
"""A clock at which the events of `EARLY` no longer lie in the future."""
EARLY = (NOW + timedelta(days=3)).strftime("%Y-%m-%d %H:%M:%S UTC")
BROKEN = b'{"event": "recipe_stopped", \xff\x00 "naive'
Trailhouse = Callable[..., Result]


@pytest.fixture
def trailhouse(place: Place, monkeypatch: pytest.MonkeyPatch) -> Trailhouse:
    """Runs the command line on the place's lake."""
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", place.lake().url)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return run


def fill(place: Place) -> Lake:
    """A lake with two events, two inputs from the future, and two that are no events."""
    early = encode(activity(id=1, timestamp=EARLY)) + b"\n" + encode(activity(id=2))
    place.put("a.ndjson", early + b"\n" + BROKEN)
    steps = {"started_at": EARLY, "completed_at": EARLY}
    place.put("b.ndjson", encode(job(id=3, **steps)) + b"\n" + encode(job(id=4)))
    place.put("c.json", b'{"hello": "world"}')
    run_load(place.lake(), [place.landing])
    return place.lake()


def reload(
    lake: Lake, inputs: Sequence[RejectedInput], **clock: Any
) -> tuple[Report, list[RejectedInput]]:
    now = clock.get("now", LATER)
    report, refused = reload_rejected(lake, inputs, clock=lambda: now, unique=lambda: uuid4().hex)
    check(lake, report)
    return report, refused


def test_what_was_rejected_is_listed_with_its_reason_and_place(place: Place) -> None:
    lake = fill(place)

    found = {(r.source_uri.rpartition("/")[2], r.reason) for r in list_rejected(lake)}

    assert found == {
        ("a.ndjson", "bad_time"),
        ("a.ndjson", "not_json"),
        ("b.ndjson", "bad_time"),
        ("c.json", "not_an_event"),
    }
    broken = next(r for r in list_rejected(lake) if r.reason == "not_json")
    assert broken.size_bytes == len(BROKEN)
    assert broken.source == "path"
    assert broken.detail


def test_the_list_is_narrowed_by_reason_and_by_load(place: Place) -> None:
    lake = fill(place)
    first = list_rejected(lake)[0].load_id
    place.put("d.json", b"{")
    second = run_load(lake, [place.landing], now=NOW + timedelta(minutes=1)).load_id

    assert len(list_rejected(lake)) == 5
    assert list_rejected(lake)[0].load_id == second  # newest first
    assert len(list_rejected(lake, load_id=first)) == 4
    assert {r.reason for r in list_rejected(lake, reason="bad_time")} == {"bad_time"}
    assert len(list_rejected(lake, reason="not_json", load_id=second)) == 1
    assert list_rejected(lake, reason="'; drop table rejected; --") == []


def test_a_lake_without_loads_has_nothing_rejected(place: Place) -> None:
    assert list_rejected(place.lake()) == []
    assert reload(place.lake(), [])[0].load_id is None


def test_the_bytes_are_those_that_were_received(place: Place) -> None:
    lake = fill(place)
    (broken,) = list_rejected(lake, reason="not_json")

    assert rejected_bytes(lake, broken.rejected_id) == (broken.rejected_id, BROKEN)
    assert rejected_bytes(lake, broken.rejected_id[:12]) == (broken.rejected_id, BROKEN)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        pytest.param("", "more than one rejected input", id="ambiguous"),
        pytest.param("no-such-id", "no rejected input", id="unknown"),
        pytest.param("%", "no rejected input", id="no-pattern"),
    ],
)
def test_an_id_that_names_none_or_several_is_refused(
    place: Place, start: str, message: str
) -> None:
    lake = fill(place)

    with pytest.raises(TrailhouseError, match=message):
        rejected_bytes(lake, start)


def test_after_a_fix_the_input_is_loaded_and_no_longer_listed(place: Place) -> None:
    lake = fill(place)
    before = counts(lake)
    early = list_rejected(lake, reason="bad_time")

    report, refused = reload(lake, early)

    assert (report.received, report.accepted, report.rejected) == (2, 2, 0)
    assert refused == []
    assert counts(lake) == before | {
        "activity": 2,
        "jobs": 2,
        "job_steps": before["job_steps"] + 2,
        "loads": 2,
    }
    assert {r.reason for r in list_rejected(lake)} == {"not_json", "not_an_event"}
    mine = [row for row in rows(lake, "activity") if row["activity_id"] == "1"]
    assert [(r["source"], r["source_uri"], r["source_offset"]) for r in mine] == [
        ("path", f"{ORIGIN}{_of(early, 'a.ndjson')}", 0)
    ]


def _of(inputs: Sequence[RejectedInput], name: str) -> str:
    return next(r.rejected_id for r in inputs if r.source_uri.endswith(name))


def test_what_is_refused_still_stays_listed_and_adds_no_row(place: Place) -> None:
    lake = fill(place)
    before, listed = counts(lake), list_rejected(lake)

    report, refused = reload(lake, listed, now=NOW)

    assert report.load_id is None
    assert refused == listed == list_rejected(lake)
    assert counts(lake) == before


def test_of_many_inputs_only_those_that_can_be_read_are_loaded(place: Place) -> None:
    lake = fill(place)
    listed = list_rejected(lake)

    report, refused = reload(lake, listed)

    assert (report.objects, report.accepted) == (2, 2)
    assert refused == [r for r in listed if r.reason != "bad_time"]
    assert list_rejected(lake) == refused


def test_an_input_is_loaded_again_once(place: Place) -> None:
    lake = fill(place)
    early = list_rejected(lake, reason="bad_time")
    reload(lake, early)
    before = counts(lake)

    report, _ = reload(lake, early)

    assert report.load_id is None
    assert counts(lake) == before


def test_an_event_that_came_another_way_meanwhile_is_a_duplicate(place: Place) -> None:
    lake = fill(place)
    early = list_rejected(lake, reason="bad_time")
    place.put("again.ndjson", encode(activity(id=1, timestamp=EARLY)))
    run_load(lake, [place.landing], now=LATER)

    report, refused = reload(lake, early)

    assert (report.accepted, report.duplicate) == (1, 1)
    assert refused == []
    assert list_rejected(lake, reason="bad_time") == []


def test_more_inputs_than_fit_in_one_batch_are_loaded(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [encode(activity(id=n, timestamp=EARLY)) for n in range(40)]
    place.put("many.ndjson", b"\n".join([*lines, BROKEN]))
    run_load(place.lake(), [place.landing])
    monkeypatch.setattr("pipelines.lake.rejected.BATCH_BYTES", 2_000)
    monkeypatch.setattr("pipelines.lake.rejected.BATCH_INPUTS", 7)

    report, refused = reload(place.lake(), list_rejected(place.lake()))

    assert report.accepted == 40
    assert [r.reason for r in refused] == ["not_json"]


def test_a_compaction_and_a_vacuum_leave_the_list_as_it_was(place: Place) -> None:
    from pipelines.lake.maintain import compact, vacuum

    lake = fill(place)
    reload(lake, list_rejected(lake, reason="bad_time"))
    listed = list_rejected(lake)

    list(compact(lake, clock=lambda: LATER, unique=lambda: uuid4().hex, all_days=True))
    list(vacuum(lake, retention=timedelta(0)))

    assert list_rejected(lake) == listed


def test_the_command_lists_as_json(place: Place, trailhouse: Trailhouse) -> None:
    lake = fill(place)

    result = trailhouse("rejected", "list", "--json", "--reason", "not_json")

    (row,) = json.loads(result.stdout)
    (expected,) = list_rejected(lake, reason="not_json")
    assert row["rejected_id"] == expected.rejected_id
    assert row["size_bytes"] == len(BROKEN)
    assert row["received_at"].startswith("20")
    assert "T" in row["received_at"]


def test_the_command_lists_as_a_table(place: Place, trailhouse: Trailhouse) -> None:
    lake = fill(place)

    result = trailhouse("rejected", "list")

    assert result.exit_code == 0
    assert "4 rejected" in result.stdout
    for item in list_rejected(lake):
        assert item.rejected_id[:12] in result.stdout


def test_the_command_shows_the_bytes_and_nothing_else(place: Place, trailhouse: Trailhouse) -> None:
    (broken,) = list_rejected(fill(place), reason="not_json")

    result = trailhouse("rejected", "show", broken.rejected_id[:12])

    assert result.stdout_bytes == BROKEN


def test_the_command_refuses_an_ambiguous_id(place: Place, trailhouse: Trailhouse) -> None:
    fill(place)

    result = trailhouse("rejected", "show", "")

    assert isinstance(result.exception, TrailhouseError)
    assert "more than one" in str(result.exception)


def test_the_command_loads_again_and_says_how_many(trailhouse: Trailhouse, place: Place) -> None:
    lake = fill(place)

    # the command has the clock of the machine, at which the events are no longer early
    result = trailhouse("rejected", "reload", "--json")

    assert result.exit_code == 0, result.exception
    facts = json.loads(result.stdout)
    assert facts["received"] == facts["accepted"] + facts["duplicate"] + facts["rejected"] == 2
    assert sorted(facts["refused"]) == sorted(r.rejected_id for r in list_rejected(lake))
    assert len(facts["refused"]) == 2
    again = trailhouse("rejected", "reload")
    assert "0 loaded, 2 refused still." in again.stdout


def test_reloading_nothing_says_so(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", folder_place(tmp_path).lake().url)

    result = CliRunner().invoke(app, ["rejected", "reload"])

    assert result.exit_code == 0
    assert "0 loaded, 0 refused still." in result.stdout
