"""Load, killed: at whatever step a load dies, the next one leaves the rows of an unbroken load."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from lakes import Place, activity, contents, counts, encode, folder_place, job, run_load
from load_process import start

from pipelines.lake.load import find_new
from pipelines.sources.find import Source

STEPS = (
    "staged",
    "written",
    "committed",
    "applied activity",
    "applied api_requests",
    "applied job_steps",
    "applied jobs",
    "applied log_messages",
    "applied rejected",
)
AT = "2026-02-03 09:15:27 UTC"


def deliver(place: Place) -> None:
    """A few objects of every kind, over two days, with a duplicate and a reject."""
    late = {"started_at": "2026-02-04T01:20:05-08:00", "completed_at": None}
    place.put("1.ndjson", encode(activity(id=1)) + b"\n" + encode(job(id=1)) + b"\n{broken\n")
    place.put("2.ndjson", encode(activity(id=1)) + b"\n" + encode(job(id=2, **late)))
    place.put("3.json", encode({"timestamp": AT, "endpoint": "/orders", "code": 200}))
    place.put("4.json", encode({"timestamp": AT, "level": "info", "message": "hello"}))


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_load_is_as_if_it_had_not_been_killed(tmp_path: Path, step: str) -> None:
    place = folder_place(tmp_path)
    deliver(place)
    run_load(place.lake("unbroken"), [place.landing])

    how = "exit" if step == "written" else "kill"
    broken = start(place.lake("broken").url, place.landing, die_at=step, how=how)
    _, err = broken.communicate(timeout=120)
    report = run_load(place.lake("broken"), [place.landing])
    again = run_load(place.lake("broken"), [place.landing])

    assert broken.returncode in (9, -signal.SIGKILL), err
    assert contents(place.lake("broken")) == contents(place.lake("unbroken"))
    committed = step not in ("staged", "written")
    assert report.objects == (0 if committed else 4)
    assert report.recovered == ((1,) if committed and step != STEPS[-1] else ())
    assert (again.objects, again.recovered) == (0, ())


@pytest.mark.parametrize("step", ["written", "committed", "applied jobs"])
def test_a_load_killed_on_s3_is_completed(step: str, request: pytest.FixtureRequest) -> None:
    from lakes import s3_place

    place = s3_place(request.getfixturevalue("s3"), request.getfixturevalue("bucket"))
    deliver(place)
    run_load(place.lake("unbroken"), [place.landing])

    broken = start(place.lake("broken").url, place.landing, die_at=step)
    broken.communicate(timeout=120)
    run_load(place.lake("broken"), [place.landing])

    assert broken.returncode == -signal.SIGKILL
    assert contents(place.lake("broken")) == contents(place.lake("unbroken"))


def test_what_a_killed_load_committed_is_completed_before_new_objects_are_loaded(
    tmp_path: Path,
) -> None:
    place = folder_place(tmp_path)
    deliver(place)
    start(place.lake().url, place.landing, die_at="applied activity").communicate(timeout=120)

    place.put("5.ndjson", encode(activity(id=1)) + b"\n" + encode(activity(id=5)))
    report = run_load(place.lake(), [place.landing])

    assert report.recovered == (1,)
    assert (report.load_number, report.accepted, report.duplicate) == (2, 1, 1)
    assert sorted(row[:20] for row in contents(place.lake())["loads"]) != []


def test_a_copy_is_loaded_though_the_load_was_killed_and_the_original_is_gone(
    tmp_path: Path,
) -> None:
    place = folder_place(tmp_path)
    deliver(place)
    source = Source("path", place.landing, copy_to_landing=True)
    killed = start(place.lake().url, place.landing, die_at="staged", copy_to_landing=True)
    killed.communicate(timeout=120)
    for original in Path(place.landing).glob("1.ndjson"):
        original.unlink()

    report = run_load(place.lake(), sources=[source])
    again = run_load(place.lake(), sources=[source])

    assert killed.returncode == -signal.SIGKILL
    assert (report.objects, again.objects) == (4, 0)
    assert counts(place.lake())["activity"] == 1
    assert counts(place.lake())["jobs"] == 2


def test_an_original_that_is_gone_before_it_is_copied_is_passed_over(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    deliver(place)
    source = Source("path", place.landing, copy_to_landing=True)
    found = find_new(place.lake(), [source], None)
    (Path(place.landing) / "3.json").unlink()

    report = run_load(place.lake(), sources=[source], found=found)

    assert report.objects == 3
