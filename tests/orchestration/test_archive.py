"""The jobs of the archive: what they report, and what their checks find."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pipelines.archive.keys import make_key
from pipelines.archive.log import Entry, open_log
from pipelines.definitions import defs
from pipelines.lake.storage import Storage
from pipelines.lake.tables import Lake
from pipelines.resources import now
from pipelines.settings import load_settings
from tests.orchestration.events import a_job, an_activity, load_by_hand

Land = Callable[..., None]
SETTLED = now().date() - timedelta(days=30)
LAST_CLOSED = now().date() - timedelta(days=9)


@pytest.fixture
def signed(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """The lake, with a key that signs and a witness."""
    make_key(tmp_path / "seal.pem")
    monkeypatch.setenv("TRAILHOUSE_ARCHIVE__SIGNING_KEY", f"file:{tmp_path / 'seal.pem'}")
    monkeypatch.setenv("TRAILHOUSE_ARCHIVE__ANCHOR_URLS", f'["{tmp_path / "witness"}"]')
    return Lake(Storage(load_settings()))


def run(name: str, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def(name).execute_in_process(instance=instance, raise_on_error=False)


def entries_of(lake: Lake) -> list[Entry]:
    return open_log(lake).entries()


def told(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """Metadata of every materialisation by partition."""
    return {
        str(m.partition): {name: value.value for name, value in m.metadata.items()}
        for m in result.asset_materializations_for_node("seal_closed_days")
    }


def verdicts(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {found.check_name: found.passed for found in result.get_asset_check_evaluations()}


def land_two_days(land: Land) -> None:
    land("a", a_job(1, f"{SETTLED}T10:00:00Z"), an_activity(1, f"{SETTLED}T11:00:00Z"))
    land("b", a_job(2, f"{SETTLED + timedelta(days=2)}T10:00:00Z"))


def test_every_sealed_day_is_reported_with_its_roots_and_counts(
    land: Land, signed: Lake, instance: dg.DagsterInstance
) -> None:
    land_two_days(land)
    load_by_hand(signed)

    found = told(run("seal", instance))

    seals = {
        (e.body["table"], e.body["event_date"]): e for e in entries_of(signed) if e.kind == "seal"
    }
    first = found[SETTLED.isoformat()]
    assert sorted(found) == [
        (SETTLED + timedelta(days=n)).isoformat() for n in range((LAST_CLOSED - SETTLED).days + 1)
    ]
    assert (first["rows"], first["seals"]) == (2, 2)
    assert first["rows_by_table"] == {"activity": 1, "jobs": 1}
    assert first["roots"]["jobs/"] == seals["jobs", SETTLED.isoformat()].body["root"]
    assert first["digests"]["jobs/"] == seals["jobs", SETTLED.isoformat()].digest
    assert found[(SETTLED + timedelta(days=1)).isoformat()]["rows"] == 0


def test_seals_made_outside_dagster_are_reported_by_the_next_run_and_once(
    land: Land, signed: Lake, instance: dg.DagsterInstance
) -> None:
    from pipelines.archive.keys import open_signer
    from pipelines.archive.seal import seal

    land_two_days(land)
    load_by_hand(signed)
    signer = open_signer(signed.storage.settings)
    sealed = list(seal(signed, clock=now, signer=signer, by="by hand"))

    first, again = run("seal", instance), run("seal", instance)

    assert told(first).keys() == {one.event_date.isoformat() for one in sealed}
    assert told(again) == {}


def test_a_run_compares_archive_and_lake_and_tells_the_witnesses(
    land: Land, signed: Lake, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    land_two_days(land)
    load_by_hand(signed)

    result = run("seal", instance)

    newest = [entry for entry in entries_of(signed) if entry.kind == "seal"][-1]
    assert result.success
    assert verdicts(result) == {"archive_keeps_every_row": True}
    assert [path.name for path in (tmp_path / "witness" / "log").iterdir()] == [
        f"{newest.index:08d}.json"
    ]


def test_a_day_that_the_lake_lost_rows_of_fails_the_run_after_all_others_are_reported(
    land: Land, signed: Lake, instance: dg.DagsterInstance
) -> None:
    land_two_days(land)
    load_by_hand(signed)
    land("c", a_job(3, f"{SETTLED}T12:00:00Z"))
    load_by_hand(signed)
    run("seal", instance)
    jobs = signed.find("jobs")
    assert jobs is not None
    jobs.delete("job_id = 'j-3'")
    land("d", an_activity(2, f"{SETTLED}T12:00:00Z"))
    load_by_hand(signed)

    result = run("seal", instance)

    (found,) = result.get_asset_check_evaluations()
    differences: Any = found.metadata["differences"].value
    assert not result.success
    assert told(result)[SETTLED.isoformat()]["rows_by_table"] == {"activity": 2, "jobs": 2}
    (one,) = differences
    assert (one["table"], one["event_date"]) == ("jobs", SETTLED.isoformat())
    assert (one["environment"], one["sealed"], one["in_lake"]) == (None, 2, 1)


def test_a_sample_is_verified_and_that_is_recorded(
    land: Land, signed: Lake, instance: dg.DagsterInstance
) -> None:
    land_two_days(land)
    load_by_hand(signed)
    run("seal", instance)

    result = run("verify_sample", instance)

    recorded = entries_of(signed)[-1]
    assert verdicts(result) == {"archive_sample_verifies": True}
    assert (recorded.kind, recorded.body["clean"]) == ("verify", True)


def test_which_files_are_sampled_cannot_be_known_before_but_is_recorded(
    land: Land, signed: Lake, instance: dg.DagsterInstance
) -> None:
    land_two_days(land)
    load_by_hand(signed)
    run("seal", instance)

    found = [run("verify_sample", instance).get_asset_check_evaluations()[0] for _ in range(2)]

    seeds = [entry.body["scope"]["sample"]["seed"] for entry in entries_of(signed)[-2:]]
    assert seeds[0] != seeds[1]
    assert [one.metadata["seed"].value for one in found] == [str(seed) for seed in seeds]


def test_a_changed_file_fails_the_check_of_the_sample(
    land: Land, signed: Lake, instance: dg.DagsterInstance
) -> None:
    land_two_days(land)
    load_by_hand(signed)
    run("seal", instance)
    (first, *_) = Path(signed.url, "archive", "jobs").rglob("*.parquet")
    first.write_bytes(first.read_bytes() + b"\0")

    result = run("verify_sample", instance)

    (found,) = result.get_asset_check_evaluations()
    listed: Any = found.metadata["found"].value
    assert not found.passed
    assert [one["name"] for one in listed] == ["modified"]


def test_an_archive_without_any_seal_is_in_order(
    signed: Lake, instance: dg.DagsterInstance
) -> None:
    assert verdicts(run("verify_sample", instance)) == {"archive_sample_verifies": True}
    assert verdicts(run("seal", instance)) == {"archive_keeps_every_row": True}
    assert entries_of(signed) == []


@pytest.mark.parametrize("name", ["archive_keeps_every_row", "archive_sample_verifies"])
def test_a_check_can_be_run_by_hand(
    land: Land, signed: Lake, instance: dg.DagsterInstance, name: str
) -> None:
    land_two_days(land)
    load_by_hand(signed)
    run("seal", instance)
    chosen = dg.AssetCheckKey(dg.AssetKey("sealed_days"), name)

    result = (
        defs.resolve_implicit_global_asset_job_def()
        .get_subset(asset_check_selection={chosen}, asset_selection=set())
        .execute_in_process(instance=instance)
    )

    assert verdicts(result) == {name: True}


@pytest.mark.parametrize("name", ["seal_daily", "verify_sample_daily"])
def test_nothing_is_scheduled_until_a_key_is_set(
    lake: Lake,
    instance: dg.DagsterInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    schedule = defs.resolve_schedule_def(name)
    context = dg.build_schedule_context(instance=instance)

    before = schedule.evaluate_tick(context)
    monkeypatch.setenv("TRAILHOUSE_ARCHIVE__SIGNING_KEY", f"file:{tmp_path / 'seal.pem'}")
    after = schedule.evaluate_tick(context)

    assert before.run_requests == []
    assert "archive.signing_key" in str(before.skip_message)
    assert len(after.run_requests or ()) == 1
