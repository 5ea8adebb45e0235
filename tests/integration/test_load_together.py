"""Loads at once: two processes lose nothing and double nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from lakes import Place, activity, counts, encode, job, rows, run_load
from load_process import finish, start


def deliver(place: Place, folder: str, ids: range) -> None:
    """Activity and jobs with the given ids, a few to an object."""
    for first in range(ids.start, ids.stop, 5):
        some = range(first, min(first + 5, ids.stop))
        lines = [encode(activity(id=i)) for i in some] + [encode(job(id=i)) for i in some]
        place.put(f"{folder}/{first}.ndjson", b"\n".join(lines))


def together(place: Place, paths: tuple[str, str], meet: Path) -> list[dict[str, object]]:
    """Load two paths in two processes that both stage before either commits."""
    meet.mkdir()
    running = [start(place.lake().url, path, meet_at=meet) for path in paths]
    return [finish(process) for process in running]


def holds_each_once(place: Place, ids: range, reports: list[dict[str, object]]) -> None:
    """Hold the lake to exactly one row an id, and the reports to the lake."""
    lake = place.lake()
    for name, kind in (("activity", "activity:{}"), ("jobs", "job:{}:succeeded")):
        found = sorted(row["event_id"] for row in rows(lake, name))
        assert found == sorted(kind.format(i) for i in ids), name
    assert counts(lake)["job_steps"] == 2 * len(ids)
    assert sum(int(str(r["accepted"])) for r in reports) == 2 * len(ids)
    numbers = sorted(row["load_number"] for row in rows(lake, "loads"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_two_loads_of_the_same_objects_are_one_load(place: Place, tmp_path: Path) -> None:
    deliver(place, "a", range(20))

    reports = together(place, (place.landing, place.landing), tmp_path / "meet")

    holds_each_once(place, range(20), reports)
    assert sorted(int(str(r["objects"])) for r in reports) == [0, 4]
    assert counts(place.lake())["loads"] == 1


def test_two_loads_of_different_objects_with_common_events(place: Place, tmp_path: Path) -> None:
    deliver(place, "a", range(0, 20))
    deliver(place, "b", range(10, 30))

    paths = (f"{place.landing}/a", f"{place.landing}/b")
    reports = together(place, paths, tmp_path / "meet")

    holds_each_once(place, range(30), reports)
    assert sum(int(str(r["duplicate"])) for r in reports) == 20
    assert run_load(place.lake(), [place.landing]).objects == 0


def test_two_loads_copy_the_same_objects_to_landing(tmp_path: Path) -> None:
    from lakes import folder_place

    place = folder_place(tmp_path)
    deliver(place, "a", range(20))
    meet = tmp_path / "meet"
    meet.mkdir()

    running = [
        start(place.lake().url, place.landing, meet_at=meet, copy_to_landing=True) for _ in range(2)
    ]
    reports = [finish(process) for process in running]

    holds_each_once(place, range(20), reports)
    copies = sorted(p.read_bytes() for p in (tmp_path / "lake-1/landing").rglob("*.ndjson"))
    assert copies == sorted(p.read_bytes() for p in (tmp_path / "landing/a").iterdir())
    assert not list((tmp_path / "lake-1/landing").rglob("*.partial"))


@pytest.mark.parametrize("count", [3])
def test_several_loads_of_one_new_lake(tmp_path: Path, count: int) -> None:
    from lakes import folder_place

    place = folder_place(tmp_path)
    deliver(place, "a", range(10))

    running = [start(place.lake().url, place.landing) for _ in range(count)]
    reports = [finish(process) for process in running]

    holds_each_once(place, range(10), reports)
