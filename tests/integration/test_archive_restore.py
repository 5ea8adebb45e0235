"""Restoring: a lake, or a DuckDB file, from the archive alone, row by row as it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pytest
from lakes import (
    NOW,
    Place,
    activity,
    counts,
    encode,
    folder_place,
    job,
    lake_at,
    rows,
    run_load,
    table,
)
from packs import Sealed, sealed
from sealing import AT, DAY, fill, lake_with_key, seal_all, signer_of

from pipelines.archive.place import open_archive_place
from pipelines.archive.restore import Restored, restore
from pipelines.archive.seal import seal
from pipelines.archive.targets import IntoFile, IntoLake
from pipelines.errors import LakeError, TrailhouseError
from pipelines.lake.maintain import compact, vacuum
from pipelines.lake.schemas import LOADED_TABLES, TABLES
from pipelines.lake.tables import Lake


def unique() -> str:
    return uuid4().hex


def restored(of: Sealed, lake: Lake, **more: Any) -> Restored:
    """Restore into a lake."""
    return restore(
        open_archive_place(of.lake),
        lambda newest: IntoLake(lake, newest, unique),
        trusted=[of.key_id],
        **more,
    )


def every_row(lake: Lake) -> dict[str, list[str]]:
    """Every row of every table, every column, in one order."""
    return {name: sorted(map(str, table(lake, name).to_pylist())) for name in LOADED_TABLES}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    folder = tmp_path_factory.mktemp("restore")
    return sealed(folder_place(folder), folder)


@pytest.fixture
def copied(archive: Sealed, tmp_path: Path) -> Sealed:
    """The archive in a folder of the test's own."""
    shutil.copytree(Path(archive.lake.url, "archive"), tmp_path / "of" / "archive")
    return Sealed(archive.place, lake_at(tmp_path / "of"), archive.signer)


def test_a_restored_lake_has_every_row_column_by_column(archive: Sealed, tmp_path: Path) -> None:
    lake = lake_at(tmp_path / "restored")

    done = restored(archive, lake)

    assert every_row(lake) == every_row(archive.lake)
    assert done.tables == {name: n for name, n in counts(archive.lake).items() if n}
    assert all(done.tables.values())
    assert done.left_out == {}


def test_it_is_restored_from_object_stores_and_into_them(place: Place, tmp_path: Path) -> None:
    of = sealed(place, tmp_path)
    lake = place.lake("restored")

    restored(of, lake)

    assert every_row(lake) == every_row(of.lake)


def test_nothing_but_the_archive_is_read(copied: Sealed, archive: Sealed, tmp_path: Path) -> None:
    lake = lake_at(tmp_path / "restored")

    restored(copied, lake)

    assert [path.name for path in Path(copied.lake.url).iterdir()] == ["archive"]
    assert every_row(lake) == every_row(archive.lake)


def test_a_duckdb_file_has_every_row_and_what_the_columns_mean(
    archive: Sealed, tmp_path: Path
) -> None:
    path = tmp_path / "restored.duckdb"

    restore(
        open_archive_place(archive.lake),
        lambda newest: IntoFile(path, archive.lake.storage),
        trusted=[archive.key_id],
    )

    with closing(duckdb.connect(str(path), read_only=True)) as connection:
        connection.execute("set timezone = 'UTC'")
        for name in LOADED_TABLES:
            query = f"select {', '.join(TABLES[name].names)} from {name}"
            found = connection.execute(query).to_arrow_table().cast(TABLES[name].schema)
            expected = sorted(map(str, rows(archive.lake, name)))
            assert sorted(map(str, found.to_pylist())) == expected, name
        comments = connection.execute(
            "select comment from duckdb_columns() where table_name = 'jobs' and column_name = 'raw'"
        ).fetchall()
    assert comments == [("The record as received, byte for byte, wrappers included.",)]
    assert [path.name for path in tmp_path.iterdir()] == ["restored.duckdb"]


def test_a_restored_lake_loads_nothing_twice(archive: Sealed, tmp_path: Path) -> None:
    lake = lake_at(tmp_path / "restored")
    restored(archive, lake)
    before = every_row(lake)

    report = run_load(lake, [archive.place.landing])

    assert (report.load_id, report.received, report.recovered) == (None, 0, ())
    assert every_row(lake) == before


def test_a_restored_lake_goes_on_loading(archive: Sealed, tmp_path: Path) -> None:
    lake, place = lake_at(tmp_path / "restored"), folder_place(tmp_path)
    restored(archive, lake)
    known = rows(archive.lake, "activity")[0]["raw"].encode()
    place.put("next.ndjson", b"\n".join([known, encode(activity()), encode(job())]))

    report = run_load(lake, [place.landing])

    assert (report.load_number, report.accepted, report.duplicate) == (3, 2, 1)


def test_a_restored_lake_is_compacted_and_vacuumed_as_any_other(
    archive: Sealed, tmp_path: Path
) -> None:
    lake = lake_at(tmp_path / "restored")
    restored(archive, lake)

    list(compact(lake, clock=lambda: NOW, unique=unique, all_days=True))
    list(vacuum(lake))

    assert every_row(lake) == every_row(archive.lake)


def test_a_restored_lake_goes_on_sealing_into_the_same_archive(
    copied: Sealed, archive: Sealed, tmp_path: Path
) -> None:
    place = folder_place(tmp_path)
    url = str(Path(copied.lake.url, "archive"))
    lake = place.lake("restored", archive={"url": url})
    restored(copied, lake)

    made = list(
        seal(
            lake,
            clock=lambda: datetime(2026, 2, 18, 3, tzinfo=UTC),
            signer=archive.signer,
            by="tests",
        )
    )

    # one more day has closed; nothing that was sealed is sealed again
    assert {str(one.event_date) for one in made} == {"2026-02-09"}
    assert all(one.rows == 0 for one in made)


def test_a_restored_lake_seals_late_events_of_loads_that_were_not_sealed_yet(
    tmp_path: Path,
) -> None:
    """Backfilled events are sealed before the row of their load, which belongs to a later day."""
    place = folder_place(tmp_path)
    of = lake_with_key(place, tmp_path)
    fill(place, of, now=NOW)
    seal_all(of)
    signed = Sealed(place, of, signer_of(of))
    lake = place.lake("restored", archive={"url": str(Path(of.url, "archive"))})

    done = restored(signed, lake)
    place.put("late.ndjson", encode(activity(timestamp=AT, details={"late": True})))
    run_load(lake, [f"{place.landing}/late.ndjson"], now=NOW)
    made = list(seal(lake, clock=lambda: NOW, signer=signed.signer, by="tests"))

    assert done.unknown_loads == (rows(of, "loads")[0]["load_id"],)
    late = [one for one in made if one.rows]
    assert [(one.table, one.event_date, one.supplement) for one in late] == [("activity", DAY, 1)]


def test_rows_of_days_that_are_not_sealed_are_told(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    of = sealed(place, tmp_path)
    early = activity(timestamp="2026-02-09 00:10:00 UTC")  # by a clock that is fast
    place.put("early.ndjson", encode(early))
    run_load(of.lake, [place.landing], now=datetime(2026, 2, 8, 23, 50, tzinfo=UTC))
    list(
        seal(
            of.lake,
            clock=lambda: datetime(2026, 2, 17, 5, tzinfo=UTC),
            signer=of.signer,
            by="tests",
        )
    )

    done = restored(of, lake_at(tmp_path / "restored"))

    assert done.left_out == {"activity": 1}


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(flip, "is not what was sealed", id="one-bit-turned"),
        pytest.param(Path.unlink, "is missing", id="removed"),
        pytest.param(lambda path: path.write_bytes(b""), "is not what was sealed", id="emptied"),
    ],
)
def test_a_damaged_file_is_named_and_its_table_is_not_restored(
    copied: Sealed, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    lake = lake_at(tmp_path / "restored")
    sealed_file = sorted(Path(copied.lake.url, "archive", "jobs").rglob("*.parquet"))[0]
    damage(sealed_file)

    with pytest.raises(LakeError, match=message) as raised:
        restored(copied, lake)

    assert sealed_file.name in str(raised.value)
    assert counts(lake)["jobs"] == counts(lake)["loads"] == 0


def test_a_restore_that_was_cut_off_goes_on(
    copied: Sealed, archive: Sealed, tmp_path: Path
) -> None:
    lake = lake_at(tmp_path / "restored")
    sealed_file = sorted(Path(copied.lake.url, "archive", "rejected").rglob("*.parquet"))[0]
    content = sealed_file.read_bytes()
    sealed_file.unlink()
    with pytest.raises(LakeError):
        restored(copied, lake)
    before = lake.open("activity").version()

    sealed_file.write_bytes(content)
    restored(copied, lake)

    assert lake.open("activity").version() == before
    assert every_row(lake) == every_row(archive.lake)


def test_a_lake_that_holds_something_else_is_left_alone(archive: Sealed, tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    lake = place.lake("other")
    place.put("own.json", encode(activity()))
    run_load(lake, [place.landing])
    before = every_row(lake)

    with pytest.raises(TrailhouseError, match="restore into a lake that is empty"):
        restored(archive, lake)

    assert every_row(lake) == before


def test_a_duckdb_file_that_is_there_is_left_alone(archive: Sealed, tmp_path: Path) -> None:
    path = tmp_path / "restored.duckdb"
    path.write_bytes(b"mine")

    with pytest.raises(TrailhouseError, match="name a new file"):
        IntoFile(path, archive.lake.storage)

    assert path.read_bytes() == b"mine"


def test_an_archive_of_another_key_is_not_relied_on(archive: Sealed, tmp_path: Path) -> None:
    with pytest.raises(TrailhouseError, match="not sound: unknown_key"):
        restore(
            open_archive_place(archive.lake),
            lambda newest: IntoLake(lake_at(tmp_path / "restored"), newest, unique),
            trusted=["0" * 64],
        )

    assert list(tmp_path.iterdir()) == []
