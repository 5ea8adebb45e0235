"""Sealing: every closed day once, what came late beside it, and nothing unexplained."""

from __future__ import annotations

import io
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Barrier
from typing import Any

import pyarrow.parquet as pq
import pytest
from lakes import Place, activity, counts, folder_place, job, rows, run_load, table
from sealing import (
    AT,
    DAY,
    LOADED,
    NOW,
    entries_of,
    events,
    fill,
    lake_with_key,
    land,
    objects_of,
    seal_all,
    sealed_rows,
    seals_of,
    signer_of,
)

from pipelines.archive import merkle
from pipelines.archive.log import entry_path, open_mirror
from pipelines.archive.place import open_archive_place, open_place
from pipelines.archive.seal import Sealed, seal
from pipelines.archive.tiles import read_leaves
from pipelines.archive.verify import verify
from pipelines.errors import ArchiveError, LakeError, TrailhouseError
from pipelines.lake.maintain import compact
from pipelines.lake.schemas import LOADED_TABLES
from pipelines.lake.tables import Lake
from pipelines.sources.find import join

LAST = date(2026, 2, 5)


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def test_every_table_is_sealed_from_its_first_day_through_the_last_closed_one(
    place: Place, tmp_path: Path
) -> None:
    lake = lake_with_key(place, tmp_path)
    fill(place, lake)

    sealed = seal_all(lake)

    found: dict[tuple[str, str | None], list[tuple[date, int]]] = {}
    for one in sealed:
        found.setdefault((one.table, one.environment), []).append((one.event_date, one.rows))
    empty = [(day, 0) for day in days(DAY, LAST)[1:]]
    of_loading = [(LOADED.date(), 1), (LAST, 0)]
    assert found == {
        ("activity", None): [(DAY, 1), *empty],
        ("jobs", "prod"): [(DAY, 1), *empty],
        ("job_steps", "prod"): [(DAY, 2), *empty],
        ("api_requests", None): [(DAY, 1), *empty],
        ("log_messages", None): [(DAY, 1), *empty],
        ("rejected", None): of_loading,
        ("loads", None): of_loading,
    }
    assert [one.index for one in sealed] == list(range(1, len(sealed) + 1))


@pytest.mark.parametrize("name", LOADED_TABLES)
def test_a_sealed_file_has_every_column_of_every_row(
    tmp_path_factory: pytest.TempPathFactory, sealed_lake: Lake, name: str
) -> None:
    (manifest,) = [one for one in seals_of(sealed_lake, name) if one["rows"]]

    found = sealed_rows(sealed_lake, tmp_path_factory.mktemp("rows"), manifest)

    kept = rows(sealed_lake, name)
    assert sorted(map(repr, utc(found))) == sorted(map(repr, utc(kept)))
    assert found


def utc(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {k: v.astimezone(UTC) if hasattr(v, "astimezone") else v for k, v in row.items()}
        for row in found
    ]


@pytest.fixture(scope="module")
def sealed_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with an event of every kind, sealed."""
    folder = tmp_path_factory.mktemp("sealed")
    place = folder_place(folder)
    lake = lake_with_key(place, folder)
    fill(place, lake)
    seal_all(lake)
    return lake


def test_a_manifest_says_what_its_files_are(sealed_lake: Lake) -> None:
    manifest = seals_of(sealed_lake, "activity")[0]

    (file,) = manifest["files"]
    content = objects_of(sealed_lake)[file["path"]]
    assert (file["bytes"], file["sha256"]) == (len(content), sha256(content).hexdigest())
    assert file["min_at"] == file["max_at"] == "2026-02-03T09:15:27.000000Z"
    assert (file["rows"], manifest["rows"]) == (1, 1)
    assert manifest["event_types"] == {"recipe_stopped": 1}
    assert manifest["loads"] == [{"load_id": rows(sealed_lake, "loads")[0]["load_id"], "rows": 1}]
    schema = table(sealed_lake, "activity").schema
    assert manifest["schema"] == [[field.name, str(field.type)] for field in schema]
    assert manifest["software"].startswith("trailhouse ")


def test_event_types_of_rejected_input_are_its_reasons(sealed_lake: Lake) -> None:
    assert seals_of(sealed_lake, "rejected")[0]["event_types"] == {"not_json": 1}
    assert seals_of(sealed_lake, "jobs")[0]["event_types"] == {"succeeded": 1}
    assert seals_of(sealed_lake, "loads")[0]["event_types"] == {}


@pytest.mark.parametrize("name", LOADED_TABLES)
def test_the_root_is_that_of_the_canonical_bytes_in_the_order_of_the_file(
    tmp_path: Path, sealed_lake: Lake, name: str
) -> None:
    (manifest,) = [one for one in seals_of(sealed_lake, name) if one["rows"]]

    values = [row[manifest["leaf"]] for row in sealed_rows(sealed_lake, tmp_path, manifest)]

    events_ = [value if isinstance(value, bytes) else value.encode() for value in values]
    leaves = b"".join(merkle.leaf_hash(event) for event in events_)
    tiles = objects_of(sealed_lake)[manifest["tiles"]["path"]]
    assert manifest["root"] == merkle.root(leaves).hex()
    assert read_leaves(io.BytesIO(tiles)) == leaves
    assert manifest["tiles"]["sha256"] == sha256(tiles).hexdigest()


def test_an_empty_day_is_a_signed_statement_without_files(sealed_lake: Lake) -> None:
    empty = seals_of(sealed_lake, "activity")[1]

    assert (empty["rows"], empty["files"], empty["tiles"], empty["loads"]) == (0, [], None, [])
    assert empty["root"] == sha256(b"").hexdigest()


def test_every_object_of_the_archive_is_named_by_a_manifest(sealed_lake: Lake) -> None:
    named = {
        item["path"]
        for name in LOADED_TABLES
        for manifest in seals_of(sealed_lake, name)
        for item in [*manifest["files"], *([manifest["tiles"]] if manifest["tiles"] else [])]
    }

    assert objects_of(sealed_lake).keys() == named


def test_a_sealed_file_is_sorted_as_its_table_is(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    lake = lake_with_key(place, tmp_path)
    for number in (7, 3, 9, 1):
        land(place, str(number), [activity(resource={"type": "Flow", "id": number})])
        run_load(lake, [place.landing], now=LOADED)

    seal_all(lake)

    (manifest,) = [one for one in seals_of(lake, "activity") if one["rows"]]
    found = sealed_rows(lake, tmp_path, manifest)
    assert [row["resource_id"] for row in found] == ["1", "3", "7", "9"]


def test_sealing_again_seals_nothing(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    lake = lake_with_key(place, tmp_path)
    fill(place, lake)
    seal_all(lake)
    before = objects_of(lake), [entry.digest for entry in entries_of(lake)]

    assert seal_all(lake) == []
    list(compact(lake, clock=lambda: NOW, unique=lambda: "u", all_days=True))
    assert seal_all(lake) == []

    assert (objects_of(lake), [entry.digest for entry in entries_of(lake)]) == before


def test_the_next_day_goes_on_where_the_last_ended(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    lake = lake_with_key(place, tmp_path)
    fill(place, lake)
    streams = {(one.table, one.environment) for one in seal_all(lake)}

    sealed = seal_all(lake, now=NOW + timedelta(days=1))

    assert {(one.table, one.environment) for one in sealed} == streams
    assert {(one.event_date, one.rows) for one in sealed} == {(LAST + timedelta(days=1), 0)}


def test_a_day_within_its_lateness_window_is_not_sealed(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    lake = lake_with_key(place, tmp_path, closed_after_days=11)
    fill(place, lake)

    assert seal_all(lake) == []
    with pytest.raises(TrailhouseError, match=r"2026-02-03 is not closed: .*the last closed day"):
        seal_all(lake, through=DAY)
    assert {one.event_date for one in seal_all(lake, now=NOW + timedelta(days=1))} == {DAY}


def test_late_rows_are_a_numbered_supplement_of_their_day(place: Place, tmp_path: Path) -> None:
    lake = lake_with_key(place, tmp_path)
    fill(place, lake)
    seal_all(lake)
    before = objects_of(lake)
    supplements = []

    for number in (1, 2):
        land(place, f"late-{number}", events(number))
        run_load(lake, [place.landing], now=LOADED)
        supplements += seal_all(lake)

    of_jobs = [one for one in supplements if one.table == "jobs"]
    assert [(one.event_date, one.supplement, one.rows) for one in of_jobs] == [
        (DAY, 1, 1),
        (DAY, 2, 1),
    ]
    # the row of `loads` is late as well; rejected has none, and every other table one or two
    assert {one.supplement for one in supplements} == {1, 2}
    assert {one.table for one in supplements} == set(LOADED_TABLES) - {"rejected"}
    assert before.items() <= objects_of(lake).items()
    sealed = [row for one in seals_of(lake, "jobs") for row in sealed_rows(lake, tmp_path, one)]
    assert sorted(row["event_id"] for row in sealed) == sorted(
        row["event_id"] for row in rows(lake, "jobs")
    )


def test_late_rows_of_an_empty_day_are_its_first_supplement(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    lake = lake_with_key(place, tmp_path)
    fill(place, lake)
    seal_all(lake)

    land(place, "late", [activity(timestamp="2026-02-05 23:59:59 UTC")])
    run_load(lake, [place.landing], now=NOW)

    sealed = [one for one in seal_all(lake) if one.table == "activity"]
    assert [(one.event_date, one.supplement, one.rows) for one in sealed] == [(LAST, 1, 1)]


def test_late_rows_before_a_streams_first_day_close_the_days_between(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    lake = lake_with_key(place, tmp_path)
    fill(place, lake)
    seal_all(lake)

    land(place, "late", [activity(timestamp="2026-01-31 08:00:00 UTC")])
    run_load(lake, [place.landing], now=LOADED)

    sealed = [one for one in seal_all(lake) if one.table == "activity"]
    assert [(one.event_date, one.supplement, one.rows) for one in sealed] == [
        (date(2026, 1, 31), 0, 1),
        (date(2026, 2, 1), 0, 0),
        (date(2026, 2, 2), 0, 0),
    ]


def test_a_day_of_a_wrong_clock_is_sealed_without_the_decades_in_between(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    lake = lake_with_key(place, tmp_path)
    land(place, "old", [activity(timestamp="2012-06-01 00:00:00 UTC"), activity()])
    run_load(lake, [place.landing], now=LOADED)

    sealed = [one.event_date for one in seal_all(lake) if one.table == "activity"]

    assert sealed == [date(2012, 6, 1), *days(DAY, LAST)]


def test_environments_are_sealed_apart_whatever_they_are_called(
    place: Place, tmp_path: Path
) -> None:
    lake = lake_with_key(place, tmp_path)
    names = ["dev", "prod", "a/b=c %2F", "ü" * 90, "it's", ".."]
    land(place, "jobs", [job(environment_type=name) for name in names])
    run_load(lake, [place.landing], now=LOADED)

    seal_all(lake)

    with_rows = [one for one in seals_of(lake, "jobs") if one["rows"]]
    assert {one["environment"] for one in with_rows} == set(names)
    for manifest in with_rows:
        found = sealed_rows(lake, tmp_path, manifest)
        assert [row["environment"] for row in found] == [manifest["environment"]]


def test_what_is_sealed_verifies_down_to_the_last_row(place: Place, tmp_path: Path) -> None:
    lake = lake_with_key(place, tmp_path)
    fill(place, lake)
    land(place, "jobs", [job(environment_type=name) for name in ("a/b=c %2F", "ü" * 90)])
    run_load(lake, [place.landing], now=LOADED)
    seal_all(lake, file_rows=1)
    land(place, "late", events(1))
    run_load(lake, [place.landing], now=LOADED)
    seal_all(lake)

    found = verify(
        open_archive_place(lake),
        trusted=[signer_of(lake).public.key_id],
        mirror=open_mirror(lake),
        deep=True,
    )

    assert found.findings == ()
    assert found.checked.rows == sum(len(rows(lake, name)) for name in LOADED_TABLES)


def test_an_environment_that_was_not_sent_is_another_than_an_empty_one(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    lake = lake_with_key(place, tmp_path)
    team = {"id": 70122, "name": "Larkfield Dev"}
    land(place, "a", [activity(timestamp=AT, team=team | {"environment": e}) for e in ("", None)])
    run_load(lake, [place.landing], now=LOADED)
    seal_all(lake)

    found = verify(open_archive_place(lake), trusted=[signer_of(lake).public.key_id], deep=True)

    sealed = [seal["environment"] for seal in seals_of(lake, "activity") if seal["rows"]]
    assert sorted(sealed, key=str) == ["", None]
    assert found.findings == ()


def test_many_rows_become_several_files_in_one_order(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    lake = lake_with_key(place, tmp_path)
    land(place, "many", [job(recipe_id=number) for number in range(25)])
    run_load(lake, [place.landing], now=LOADED)

    seal_all(lake, file_rows=10)

    (manifest,) = [one for one in seals_of(lake, "jobs") if one["rows"]]
    found = sealed_rows(lake, tmp_path, manifest)
    assert [file["rows"] for file in manifest["files"]] == [10, 10, 5]
    assert [file["path"] for file in manifest["files"]] == sorted(
        file["path"] for file in manifest["files"]
    )
    recipes = [row["recipe_id"] for row in found]
    assert recipes == sorted(recipes)
    assert len(set(recipes)) == 25


def test_large_rows_become_several_files_although_they_are_few(tmp_path: Path) -> None:
    """A store takes only so many bytes in one request."""
    place = folder_place(tmp_path)
    lake = lake_with_key(place, tmp_path)
    noise = [sha256(str(n).encode()).hexdigest() * 400 for n in range(6)]
    land(
        place,
        "large",
        [activity(timestamp=AT, details={"a": text[n:]}) for n, text in enumerate(noise)],
    )
    run_load(lake, [place.landing], now=LOADED)

    seal_all(lake, file_bytes=8_000)

    (manifest,) = [one for one in seals_of(lake, "activity") if one["rows"]]
    assert len(manifest["files"]) > 1
    assert sum(file["rows"] for file in manifest["files"]) == 6
    assert len(sealed_rows(lake, tmp_path, manifest)) == 6


class CutOff(Exception):
    """Ends a sealing at a durable step."""


@pytest.mark.parametrize("late", [False, True], ids=["as it was", "late rows came"])
@pytest.mark.parametrize("step", ["written", "sealed"])
def test_a_sealing_that_was_cut_off_goes_on_and_leaves_nothing_behind(
    place: Place, tmp_path: Path, step: str, late: bool
) -> None:
    lake = lake_with_key(place, tmp_path)
    fill(place, lake)
    steps: list[str] = []

    def fault(at: str) -> None:
        steps.append(at)
        if at == step and steps.count(at) == 2:
            raise CutOff

    with pytest.raises(CutOff):
        seal_all(lake, fault=fault)
    if late:
        land(place, "late", events(1))
        run_load(lake, [place.landing], now=LOADED)
    seal_all(lake)

    seals = [entry.body for entry in entries_of(lake) if entry.kind == "seal"]
    made = [(s["table"], s["environment"], s["event_date"], s["supplement"]) for s in seals]
    supplements = [one for one in made if one[-1]]
    assert len(set(made)) == len(made) == 5 * 3 + 2 * 2 + len(supplements)
    assert bool(supplements) == late
    assert list(open_place(join(lake.url, "archive_begun"), lake.storage).list()) == []
    holds_everything_once(lake)


def test_who_has_no_key_cannot_take_the_place_of_what_is_to_be_sealed(
    place: Place, tmp_path: Path
) -> None:
    """Names made of contents alone can be foretold by whoever knows the rows."""
    lake = lake_with_key(place, tmp_path, archive={"url": str(tmp_path / "archive")})
    fill(place, lake)
    (tmp_path / "thief").mkdir()
    theirs = lake_with_key(place, tmp_path / "thief", archive={"url": str(tmp_path / "theirs")})
    seal_all(theirs)
    for path in objects_of(theirs):
        open_archive_place(lake).put_new(path, b"garbage")
    open_mirror_again(lake)

    seal_all(lake)

    found = verify(open_archive_place(lake), trusted=[signer_of(lake).public.key_id], deep=True)
    assert {one.where for one in found.findings} == objects_of(theirs).keys()
    assert {one.name for one in found.findings} == {"added"}


def open_mirror_again(lake: Lake) -> None:
    """Forget the log's copy in the lake, which belongs to another archive."""
    mirror = open_mirror(lake)
    for path in [path for path, _ in mirror.list()]:
        mirror.delete(path)


def test_other_bytes_at_the_place_of_what_is_to_be_sealed_are_not_signed(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    lake = lake_with_key(place, tmp_path)
    fill(place, lake)

    def cut_off(_: str) -> None:
        raise CutOff

    with pytest.raises(CutOff):
        seal_all(lake, fault=cut_off)
    (left, *_) = Path(lake.url, "archive").rglob("*.parquet")
    content = left.read_bytes()
    left.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    with pytest.raises(ArchiveError, match="is there already, with other bytes"):
        seal_all(lake)

    assert f'"{left.name}' not in "".join(str(entry.body) for entry in entries_of(lake))
    left.write_bytes(content)
    seal_all(lake)
    holds_everything_once(lake)


def test_a_sealing_that_began_with_rows_unknown_to_another_is_looked_at_anew(
    tmp_path: Path,
) -> None:
    """Two sealings plan the same day; between their plans more rows came."""
    place = folder_place(tmp_path)
    lake = lake_with_key(place, tmp_path)
    fill(place, lake)
    began = False

    def first_step(_: str) -> None:
        nonlocal began
        if not began:
            began = True
            land(place, "late", events(1))
            run_load(lake, [place.landing], now=LOADED)
            with pytest.raises(CutOff):
                seal_all(lake, fault=cut_off, by="another")

    written = 0

    def cut_off(step: str) -> None:
        nonlocal written
        written += step == "written"
        if written == 4:  # by then it has begun days that the first one has not
            raise CutOff

    seal_all(lake, fault=first_step)

    holds_everything_once(lake)


def holds_everything_once(lake: Lake) -> None:
    """Hold that every row is sealed once, and that the log names every object."""
    seals = [seal for name in LOADED_TABLES for seal in seals_of(lake, name)]
    sealed = Counter[str]()
    for one in seals:
        sealed[one["table"]] += one["rows"]
    assert sealed == Counter(counts(lake))
    named = [
        *(file for seal in seals for file in seal["files"]),
        *(seal["tiles"] for seal in seals),
    ]
    assert objects_of(lake).keys() == {one["path"] for one in named if one}


def test_two_sealings_at_once_make_each_seal_once(place: Place, tmp_path: Path) -> None:
    lake = lake_with_key(place, tmp_path)
    fill(place, lake)
    together = Barrier(2, timeout=60)

    def one(number: int) -> int:
        first = True

        def fault(step: str) -> None:
            nonlocal first
            if first:
                first = False
                together.wait()

        # equal entries are one entry, whoever writes them: these differ in who sealed
        return len(seal_all(lake, fault=fault, by=f"sealer {number}"))

    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(one, range(2)))

    bodies = [entry.body for entry in entries_of(lake) if entry.kind == "seal"]
    made = [(b["table"], b["environment"], b["event_date"], b["supplement"]) for b in bodies]
    assert sum(counts) == len(made) == len(set(made)) == 5 * 3 + 2 * 2


def change(lake: Lake, name: str) -> None:
    """Take rows out of a table behind the back of every load."""
    found = lake.find(name)
    assert found is not None
    found.delete(f"event_date = '{DAY}'")


@pytest.mark.parametrize("sealed_before", [True, False], ids=["sealed", "unsealed"])
def test_a_day_that_changed_without_a_load_is_refused_and_the_others_are_sealed(
    tmp_path: Path, sealed_before: bool
) -> None:
    place = folder_place(tmp_path)
    lake = lake_with_key(place, tmp_path)
    fill(place, lake)
    land(place, "more", [job()])
    run_load(lake, [place.landing], now=LOADED)
    if sealed_before:
        seal_all(lake)
    found = lake.find("jobs")
    assert found is not None
    found.delete(f"load_id = '{rows(lake, 'loads')[0]['load_id']}'")
    sealed: list[Sealed] = []

    with pytest.raises(LakeError, match=r"jobs of 2026-02-03: load [0-9a-f]{32} .* rows"):
        sealed.extend(seal(lake, clock=lambda: NOW, signer=signer_of(lake), by="test"))

    refused = [one for one in sealed if (one.table, one.event_date) == ("jobs", DAY)]
    assert refused == []
    if not sealed_before:
        assert {one.table for one in sealed} == set(LOADED_TABLES) - {"jobs"}


def test_rows_that_the_loads_name_and_the_lake_lost_are_not_sealed_as_an_empty_day(
    tmp_path: Path,
) -> None:
    place = folder_place(tmp_path)
    lake = lake_with_key(place, tmp_path)
    fill(place, lake)
    change(lake, "activity")

    with pytest.raises(LakeError, match=r"activity of 2026-02-03: load .* wrote 1 rows"):
        seal_all(lake)

    assert seals_of(lake, "activity") == []


def test_a_day_that_the_lake_dropped_whole_after_its_seal_is_not_sealed_again(
    tmp_path: Path,
) -> None:
    place = folder_place(tmp_path)
    lake = lake_with_key(place, tmp_path)
    fill(place, lake)
    seal_all(lake)
    change(lake, "activity")

    assert seal_all(lake) == []


def test_a_sealing_says_that_entries_had_been_taken_away_although_nothing_is_to_be_sealed(
    tmp_path: Path,
) -> None:
    place = folder_place(tmp_path)
    lake = lake_with_key(place, tmp_path)
    fill(place, lake)
    seal_all(lake)
    archive = open_archive_place(lake)
    for index in range(3, 6):
        archive.delete(entry_path(index))

    with pytest.raises(LakeError, match="log lacked 3 entries, from 3 to 5"):
        seal_all(lake)

    assert seal_all(lake) == []
    assert [e.body["entries"] for e in entries_of(lake) if e.kind == "heal"] == [[3, 4, 5]]


def test_a_load_that_was_cut_off_is_completed_and_sealed(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    lake = lake_with_key(place, tmp_path)
    land(place, "cut", events())

    def fault(step: str) -> None:
        if step == "committed":
            raise CutOff

    with pytest.raises(CutOff):
        run_load(lake, [place.landing], now=LOADED, fault=fault)

    sealed = seal_all(lake)

    assert {one.table for one in sealed if one.rows} == set(LOADED_TABLES) - {"rejected"}


def test_a_sealed_file_lets_a_recipe_be_found_without_reading_the_whole(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    lake = lake_with_key(place, tmp_path)
    land(place, "many", [job(recipe_id=number // 100) for number in range(20_000)])
    run_load(lake, [place.landing], now=LOADED)

    seal_all(lake)

    (manifest,) = [one for one in seals_of(lake, "jobs") if one["rows"]]
    with open_archive_place(lake).open(manifest["files"][0]["path"]) as file:
        footer = pq.ParquetFile(file).metadata
    at = [footer.schema.column(n).name for n in range(footer.num_columns)].index("recipe_id")
    bounds = [footer.row_group(n).column(at).statistics for n in range(footer.num_row_groups)]
    assert len(bounds) == 2
    assert bounds[0].max <= bounds[1].min


def test_progress_counts_every_seal_to_the_total(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    lake = lake_with_key(place, tmp_path)
    fill(place, lake)
    told: list[tuple[str, int, int]] = []

    sealed = seal_all(lake, progress=lambda *step: told.append(step))

    assert told == [("days sealed", 1, len(sealed))] * len(sealed)
