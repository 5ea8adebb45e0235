"""Comparing: sealed days whose rows the lake has otherwise are named, and not sealed over."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lakes import Place, folder_place, run_load
from sealing import (
    DAY,
    LOADED,
    NOW,
    entries_of,
    events,
    fill,
    lake_with_key,
    land,
    seal_all,
    signer_of,
)

from pipelines.archive.comparison import FOLDER
from pipelines.archive.log import open_log
from pipelines.archive.place import open_place
from pipelines.archive.reconcile import Reconciled, reconcile
from pipelines.archive.retention import delete, due
from pipelines.archive.seal import seal
from pipelines.archive.trims import trim
from pipelines.errors import LakeError
from pipelines.lake.maintain import compact
from pipelines.lake.tables import Lake
from pipelines.sources.find import join


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Folders alone: nothing here depends on the store."""
    return folder_place(tmp_path)


@pytest.fixture
def lake(place: Place, tmp_path: Path) -> Lake:
    """A lake with an event of every kind, sealed."""
    lake = lake_with_key(place, tmp_path)
    fill(place, lake)
    seal_all(lake)
    return lake


def reconciled(lake: Lake, seed: int = 0) -> Reconciled:
    return reconcile(lake, entries_of(lake), seed=seed)


def named(found: Reconciled) -> set[tuple[str, str | None, int, int]]:
    assert {one.event_date for one in found.differences} <= {DAY}
    return {(one.table, one.environment, one.sealed, one.in_lake) for one in found.differences}


@pytest.mark.parametrize(
    ("table", "changes", "in_lake"),
    [
        pytest.param("activity", {"raw": "'{}'"}, 1, id="other-bytes"),
        pytest.param("jobs", {"environment": "'dev'"}, 0, id="another-environment"),
        pytest.param("job_steps", {"event_id": "'forged'"}, 2, id="steps"),
    ],
)
def test_rows_that_changed_after_the_seal_are_named_and_not_sealed_over(
    place: Place, lake: Lake, table: str, changes: dict[str, str], in_lake: int
) -> None:
    """The day's number of rows stays the same."""
    found = lake.find(table)
    assert found is not None
    found.update(updates=changes)
    land(place, "late", events(1))
    run_load(lake, [place.landing], now=LOADED)

    with pytest.raises(LakeError, match=rf"{table} of {DAY}: .*in the lake|{table}.*lake has"):
        list(seal(lake, clock=lambda: NOW, signer=signer_of(lake), by="test"))

    made = [e.body for e in entries_of(lake) if e.kind == "seal" and e.body["supplement"]]
    differences = [one for one in reconciled(lake).differences if one.table == table]
    assert made
    assert table not in {one["table"] for one in made}
    assert [(one.sealed, one.in_lake) for one in differences] == [
        (2 if table == "job_steps" else 1, in_lake)
    ]


def test_rows_that_changed_are_named_although_nothing_is_to_be_sealed(lake: Lake) -> None:
    found = lake.find("activity")
    assert found is not None
    found.update(updates={"raw": "'{}'"})

    for _ in range(2):
        with pytest.raises(LakeError, match=f"activity of {DAY}: the 1 rows of environment None"):
            seal_all(lake)


def test_a_day_that_the_lake_lost_is_named(lake: Lake) -> None:
    found = lake.find("activity")
    assert found is not None
    found.delete(f"event_date = '{DAY}'")

    assert named(reconciled(lake)) == {("activity", None, 1, 0)}


@pytest.mark.parametrize(
    ("scope", "is_named"),
    [
        pytest.param({}, False, id="every-table"),
        pytest.param({"table": "activity"}, False, id="the-table"),
        pytest.param({"table": "jobs"}, True, id="another-table"),
        pytest.param({"to_date": DAY - timedelta(days=1)}, True, id="earlier-days"),
    ],
)
def test_a_day_that_the_log_says_was_trimmed_is_not_missed(
    lake: Lake, scope: dict[str, Any], is_named: bool
) -> None:
    found = lake.find("activity")
    assert found is not None
    found.delete(f"event_date = '{DAY}'")
    facts: dict[str, Any] = {"to_date": DAY, "reason": "old", "owner": "Data"}
    signed: Any = {"clock": lambda: NOW, "signer": signer_of(lake), "by": "test"}

    trim(open_log(lake), **(facts | scope), **signed)

    assert bool(reconciled(lake).differences) == is_named


def test_a_day_that_was_deleted_from_the_archive_may_be_gone_from_the_lake(
    place: Place, tmp_path: Path
) -> None:
    kept = [{"table": "activity", "environment": "*", "years": 1}]
    lake = lake_with_key(place, tmp_path, archive={"retention": kept})
    fill(place, lake)
    seal_all(lake)
    later = NOW + timedelta(days=366)
    expired = [one.index for one in due(entries_of(lake), later.date())]
    delete(lake, expired, reason="x", clock=lambda: later, signer=signer_of(lake), by="test")

    before = reconciled(lake)
    found = lake.find("activity")
    assert found is not None
    found.delete(f"event_date = '{DAY}'")

    assert before.differences == reconciled(lake).differences == ()


def test_a_file_that_was_replaced_in_its_place_is_found_by_the_days_that_are_drawn(
    lake: Lake,
) -> None:
    """The lake's log names it as before."""
    found = lake.find("activity")
    assert found is not None
    (path,) = (Path(uri.removeprefix("file://")) for uri in found.file_uris())
    rows = pq.read_table(path, partitioning=None)
    at = rows.schema.get_field_index("raw")
    pq.write_table(rows.set_column(at, "raw", pa.array(["{}"])), path)

    differences = [one for seed in range(5) for one in reconciled(lake, seed).differences]

    assert {one.table for one in differences} == {"activity"}


def test_a_day_is_read_again_only_after_its_files_changed(place: Place, lake: Lake) -> None:
    def notes() -> set[str]:
        return {path for path, _ in open_place(join(lake.url, FOLDER), lake.storage).list()}

    after_sealing = notes()
    seal_all(lake)
    again = notes()
    land(place, "late", events(1))
    run_load(lake, [place.landing], now=LOADED)
    seal_all(lake)
    after_a_supplement = notes()
    list(compact(lake, clock=lambda: NOW, unique=lambda: "u", all_days=True))
    seal_all(lake)
    after_compaction = notes()
    seal_all(lake)

    days = {path.rpartition("/")[0] for path in after_sealing}
    assert len(after_sealing) == len(days) == 7
    assert again == after_sealing
    # rejected input has nothing that is late, and one file, which is not rewritten
    assert len(after_a_supplement - after_sealing) == 6
    assert {p.rpartition("/")[0] for p in after_compaction - after_a_supplement} <= days
    assert after_compaction > after_a_supplement
    assert notes() == after_compaction
