"""Maintenance: compaction, vacuum and new columns leave every row as it was."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from lakes import (
    NOW,
    Place,
    activity,
    contents,
    counts,
    encode,
    folder_place,
    job,
    rows,
    run_load,
    table,
)

from pipelines.errors import LakeError
from pipelines.lake import maintain
from pipelines.lake.duck import connect, text_literal
from pipelines.lake.schemas import EVENT_TABLES, TABLES
from pipelines.lake.tables import Lake, partition_files
from pipelines.models import build_model, build_stale, stale_days, write_catalogue
from pipelines.models.query import open_catalogue, run_query

CLOSED = "2026-02-03 09:15:27 UTC"
OPEN = "2026-03-19 09:15:27 UTC"
DAY = date(2026, 2, 3)


def fill(place: Place, lake: Lake, loads: int = 3) -> None:
    """Several loads of every kind, each with its own files, on a closed and on an open day."""
    for number in range(loads):
        lines = [
            activity(timestamp=CLOSED, details={"a": f"naïve\u2028\\u0000 {number}"}),
            activity(timestamp=OPEN),
            job(),
            {"timestamp": CLOSED, "endpoint": f"/orders/{number}", "code": 200 + number},
            {"timestamp": CLOSED, "level": "info", "message": f"hello {number}"},
        ]
        content = b"\n".join(encode(line) for line in lines) + b"\n{broken"
        place.put(f"fill-{number}.ndjson", content)
        run_load(lake, [place.landing])


def compact(
    lake: Lake, *, unique: Callable[[], str] = lambda: uuid4().hex, **more: Any
) -> list[dict[str, Any]]:
    return list(maintain.compact(lake, clock=lambda: NOW, unique=unique, **more))


def everything(lake: Lake) -> dict[str, list[dict[str, Any]]]:
    """Every column of every row, in an order of its own."""
    return {name: sorted(rows(lake, name), key=repr) for name in TABLES}


def files_per_day(lake: Lake, name: str) -> dict[str, int]:
    found = lake.find(name)
    assert found is not None
    days = [path.split("event_date=")[1][:10] for path in found.file_uris()]
    return {day: days.count(day) for day in sorted(set(days))}


def stored_files(lake: Lake, name: str) -> set[str]:
    """Every Parquet file that lies in a table's folder, part of the table or not."""
    found = lake.storage.store(lake.table_url(name)).list().collect()
    return {item["path"] for item in found if item["path"].endswith(".parquet")} - {
        item["path"] for item in found if item["path"].startswith("_delta_log")
    }


def plain_rows(lake: Lake, name: str) -> list[dict[str, Any]]:
    """The rows that a reader gets who knows nothing of Delta."""
    url = text_literal(f"{lake.table_url(name)}/event_date=*/*.parquet")
    with closing(connect(lake.storage, s3=lake.is_s3)) as connection:
        found = connection.execute(
            f"select {', '.join(TABLES[name].names)} from read_parquet({url}, "
            "hive_partitioning = true)"
        )
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def comparable(found: list[dict[str, Any]]) -> list[str]:
    return sorted(repr({k: utc(v) for k, v in row.items()}) for row in found)


def age(lake: Lake, days: int = 30) -> None:
    """Make every data file look as if it had been written long ago."""
    then = time.time() - days * 86_400
    for path in Path(lake.url).rglob("*.parquet"):
        os.utime(path, (then, then))


def test_compaction_keeps_every_column_of_every_row(place: Place) -> None:
    lake = place.lake()
    fill(place, lake)
    before = everything(lake)

    facts = compact(lake, all_days=True)

    assert everything(lake) == before
    assert {fact["table"] for fact in facts} == {*EVENT_TABLES, "rejected", "loads"}
    assert all(fact["files_before"] == 3 and fact["files_after"] == 1 for fact in facts)
    assert {fact["table"]: fact["rows"] for fact in facts} == {
        name: 6 if name == "job_steps" else 3 for name in (*EVENT_TABLES, "rejected", "loads")
    }
    assert compact(lake, all_days=True) == []


def test_only_closed_days_are_compacted(place: Place) -> None:
    lake = place.lake()
    fill(place, lake)

    compact(lake)

    assert files_per_day(lake, "activity") == {"2026-02-03": 1, "2026-03-19": 3}
    assert ("activity", "2026-03-19") in {
        (fact["table"], fact["event_date"]) for fact in compact(lake, all_days=True)
    }
    assert files_per_day(lake, "activity") == {"2026-02-03": 1, "2026-03-19": 1}


def test_a_day_closes_as_many_days_after_it_as_the_settings_say(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    fill(place, place.lake())
    until_closed = (NOW.date() - DAY).days

    assert compact(place.lake(closed_after_days=until_closed)) == []
    assert compact(place.lake(closed_after_days=until_closed - 1)) != []


def test_a_compacted_file_is_sorted_as_the_table_is(place: Place) -> None:
    lake = place.lake()
    for number in (7, 3, 9, 1):
        place.put(f"{number}.json", encode(activity(resource={"type": "Flow", "id": number})))
        run_load(lake, [place.landing])

    compact(lake)

    files = partition_files(lake.find("activity"), [DAY])
    with closing(connect(lake.storage, s3=lake.is_s3)) as connection:
        query = "select resource_id from read_parquet($files)"
        found = connection.execute(query, {"files": files}).fetchall()
    assert [row[0] for row in found] == ["1", "3", "7", "9"]
    assert len(files) == 1


def test_a_compacted_file_keeps_the_bounds_by_which_readers_skip_files(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    lake = place.lake()
    fill(place, lake)

    compact(lake)

    found = lake.find("jobs")
    assert found is not None
    (action,) = pa.table(found.get_add_actions(flatten=True)).to_pylist()
    ids = sorted(row["event_id"] for row in rows(lake, "jobs"))
    assert (action["min.event_id"], action["max.event_id"]) == (ids[0], ids[-1])
    assert action["num_records"] == 3


def test_a_load_between_planning_and_commit_keeps_its_rows(place: Place) -> None:
    lake = place.lake()
    fill(place, lake)

    def meanwhile() -> str:  # called after the small files are chosen, before they are replaced
        place.put(f"late-{uuid4().hex}.json", encode(activity(timestamp=CLOSED)))
        run_load(lake, [place.landing])
        return uuid4().hex

    facts = compact(lake, unique=meanwhile)

    late = len(facts)
    assert late
    assert counts(lake)["activity"] == 6 + late
    assert counts(lake)["loads"] == 3 + late
    ids = [row["event_id"] for row in rows(lake, "activity")]
    assert len(set(ids)) == len(ids)


def test_a_load_that_began_before_a_compaction_finds_its_duplicates(place: Place) -> None:
    lake = place.lake()
    fill(place, lake)
    before = counts(lake)

    place.put("again.ndjson", encode(activity(id=77, timestamp=CLOSED)))
    run_load(lake, [place.landing])
    place.put("again-2.ndjson", encode(activity(id=77, timestamp=CLOSED)))

    def fault(step: str) -> None:
        if step in ("staged", "written", "committed"):
            compact(lake, all_days=True)

    report = run_load(lake, [place.landing], fault=fault)

    assert (report.accepted, report.duplicate) == (0, 1)
    assert counts(lake) == before | {
        "activity": before["activity"] + 1,
        "loads": before["loads"] + 2,
    }


def test_of_two_compactions_of_a_day_at_once_one_counts(place: Place) -> None:
    lake = place.lake()
    fill(place, lake)
    before = everything(lake)
    inner: list[dict[str, Any]] = []

    def meanwhile() -> str:
        if not inner:
            inner.extend(compact(lake))
        return uuid4().hex

    outer = compact(lake, unique=meanwhile)

    assert everything(lake) == before
    assert inner
    assert outer == []
    assert files_per_day(lake, "activity")["2026-02-03"] == 1


def test_compactions_in_parallel_neither_double_nor_lose_rows(place: Place) -> None:
    lake = place.lake()
    fill(place, lake)
    before = everything(lake)
    together = Barrier(2, timeout=60)

    def one() -> list[dict[str, Any]]:
        first = True

        def unique() -> str:
            nonlocal first
            if first:
                first = False
                together.wait()
            return uuid4().hex

        return compact(place.lake(), unique=unique)

    with ThreadPoolExecutor(2) as pool:
        facts = [fact for done in (pool.submit(one), pool.submit(one)) for fact in done.result()]

    assert everything(lake) == before
    done = [(fact["table"], fact["event_date"]) for fact in facts]
    assert len(set(done)) == len(done)
    assert compact(lake) == []


def test_a_compaction_that_would_lose_rows_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder_place(tmp_path)
    lake = place.lake()
    fill(place, lake)
    before = everything(lake)
    monkeypatch.setattr(
        maintain, "write_files", lambda *given: []
    )  # as if the engine had lost every row

    with pytest.raises(LakeError, match="3 rows before compaction, 0 after; nothing was replaced"):
        compact(lake)

    assert everything(lake) == before


def test_models_and_dedupe_go_on_after_a_compaction(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    lake = place.lake()
    fill(place, lake)
    list(build_stale(lake))
    usage = [row for _, _, row in list(build_stale(lake))]

    compact(lake, all_days=True)

    assert usage == []
    assert stale_days(lake, "recipe_usage_daily") == []
    place.put("copy.ndjson", (tmp_path / "landing" / "fill-0.ndjson").read_bytes())
    report = run_load(lake, [place.landing])
    assert (report.accepted, report.duplicate, report.rejected) == (0, 5, 1)
    assert report.load_number == 4


def test_after_a_vacuum_plain_parquet_has_the_rows_of_the_table(place: Place) -> None:
    lake = place.lake()
    fill(place, lake)
    compact(lake, all_days=True)
    before = contents(lake)
    doubled = len(plain_rows(lake, "activity"))

    facts = list(maintain.vacuum(lake, retention=timedelta(0)))

    assert doubled == 12
    assert {fact["table"]: fact["files"] for fact in facts}["activity"] == 6
    assert contents(lake) == before
    # nothing was delivered and nothing judged: these have no files
    for name in TABLES.keys() - {"deliveries", "checks"}:
        assert comparable(plain_rows(lake, name)) == comparable(rows(lake, name)), name


def test_a_vacuum_leaves_what_the_retention_protects(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    lake = place.lake()
    fill(place, lake)
    orphan = Path(lake.table_url("activity"), "event_date=2026-02-03", "young.parquet")
    orphan.write_bytes(b"a load that is writing now")
    replaced = stored_files(lake, "activity")
    list(maintain.compact(lake, clock=lambda: datetime.now(UTC), unique=lambda: uuid4().hex))

    list(maintain.vacuum(lake))

    assert replaced < stored_files(lake, "activity")


def test_a_vacuum_removes_the_orphans_of_crashes_once_they_are_old(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    lake = place.lake()
    fill(place, lake)
    before = contents(lake)
    orphan = Path(lake.table_url("activity"), "event_date=2026-02-03", "old.parquet")
    orphan.write_bytes(b"a load that died before its commit")
    age(lake)

    list(maintain.vacuum(lake))

    assert not orphan.exists()
    assert contents(lake) == before


class CutOff(Exception):
    """Ends a load at a durable step."""


def cut_off(place: Place, lake: Lake, at: str) -> None:
    """Load one more object of every kind, and stop at a durable step."""

    def fault(step: str) -> None:
        if step == at:
            raise CutOff

    place.put("cut.ndjson", encode(activity(id=501)) + b"\n" + encode(job(id=501)))
    with pytest.raises(CutOff):
        run_load(lake, [place.landing], fault=fault)


@pytest.mark.parametrize("step", ["committed", "applied activity"])
@pytest.mark.parametrize("act", ["vacuum", "compact"])
def test_a_load_that_was_cut_off_is_completed_first(place: Place, act: str, step: str) -> None:
    lake = place.lake()
    fill(place, lake)
    before = counts(lake)
    cut_off(place, lake, step)

    if act == "vacuum":
        list(maintain.vacuum(lake, retention=timedelta(0)))
    else:
        compact(lake)

    assert counts(lake) == before | {
        "activity": before["activity"] + 1,
        "jobs": before["jobs"] + 1,
        "job_steps": before["job_steps"] + 2,
        "loads": before["loads"] + 1,
    }
    assert run_load(lake, [place.landing]).recovered == ()


def test_a_load_that_was_cut_off_long_ago_survives_a_vacuum(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    lake = place.lake()
    fill(place, lake)
    cut_off(place, lake, "committed")
    age(lake)

    list(maintain.vacuum(lake))

    assert "501" in {row["activity_id"] for row in rows(lake, "activity")}


def test_the_checkpoint_of_a_vacuum_keeps_the_numbers_of_the_loads(place: Place) -> None:
    lake = place.lake()
    fill(place, lake)
    list(maintain.vacuum(lake))
    list(build_stale(lake))

    place.put("next.json", encode(activity()))
    report = run_load(lake, [place.landing])

    assert report.load_number == 4
    assert report.recovered == ()


NEW = "sso_provider"
"""A column that the old version of the lake below did not know."""


@pytest.fixture
def old_lake(place: Place) -> tuple[Place, Lake]:
    """A lake with one load, as it was before `activity` had the column `sso_provider`."""
    lake = place.lake()
    _forget_column(lake)
    place.put("old.json", encode(activity(id=1)))
    place.put("old-2.json", encode(activity(id=2)))
    for name in ("old.json", "old-2.json"):
        run_load_without(lake, f"{place.landing}/{name}")
    return place, lake


def _forget_column(lake: Lake) -> None:
    schema = TABLES["activity"].schema
    DeltaTable.create(
        lake.table_url("activity"),
        schema.remove(schema.get_field_index(NEW)),
        partition_by=["event_date"],
        storage_options=lake.storage.delta_options(lake.url),
    )


def run_load_without(lake: Lake, path: str) -> None:
    """Commit the load's file to a table that lacks the column, without the column."""
    from deltalake import write_deltalake

    other = Lake(
        type(lake.storage)(
            lake.storage.settings.model_copy(update={"lake_url": f"{lake.url}-of-today"})
        )
    )
    run_load(other, [path])
    found = table(other, "activity").drop_columns([NEW])
    write_deltalake(
        lake.table_url("activity"),
        found.slice(found.num_rows - 1),
        mode="append",
        storage_options=lake.storage.delta_options(lake.url),
    )


def columns(lake: Lake) -> list[str]:
    found = lake.find("activity")
    assert found is not None
    return [field.name for field in found.schema().fields]


def test_an_old_table_gets_the_columns_that_it_lacks(old_lake: tuple[Place, Lake]) -> None:
    _, lake = old_lake
    assert NEW not in columns(lake)

    first, again = list(maintain.evolve_all(lake)), list(maintain.evolve_all(lake))

    assert {"table": "activity", "added": [NEW]} in first
    assert all(fact["added"] == [] for fact in again)
    assert NEW in columns(lake)
    assert [row[NEW] for row in rows(lake, "activity")] == [None, None]


def test_old_files_are_readable_in_every_way_after_a_load_of_today(
    old_lake: tuple[Place, Lake],
) -> None:
    place, lake = old_lake

    place.put("new.json", encode(activity(id=3)))
    run_load(lake, [f"{place.landing}/new.json"])

    assert len(rows(lake, "activity")) == 3
    write_catalogue(lake)
    with closing(open_catalogue(lake)) as connection:
        for view in ("activity", "stg_activity"):
            found = run_query(connection, f"select count(*) from {view}").fetchone()
            assert found == (3,), view
        found = run_query(connection, f"select count(*), count({NEW}) from activity").fetchone()
    assert found == (3, 0)
    assert build_model(lake, "recipe_usage_daily", [DAY]) == 0


def test_a_compaction_of_old_and_new_files_keeps_the_rows(old_lake: tuple[Place, Lake]) -> None:
    place, lake = old_lake
    place.put("new.json", encode(activity(id=3)))
    run_load(lake, [f"{place.landing}/new.json"])
    before = everything(lake)

    facts = compact(lake)

    assert [(f["table"], f["files_before"], f["rows"]) for f in facts] == [("activity", 3, 3)]
    assert everything(lake) == before


def test_a_compaction_of_old_files_alone_adds_the_column(old_lake: tuple[Place, Lake]) -> None:
    _, lake = old_lake

    facts = compact(lake)

    assert [fact["rows"] for fact in facts] == [2]
    assert NEW in columns(lake)
    assert len(rows(lake, "activity")) == 2
