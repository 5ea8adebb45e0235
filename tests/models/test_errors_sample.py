"""The told incidents of the sample workspace: the errors they bring and what caused them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest
from lakes import lake_at, rows, run_load

from pipelines.lake.tables import Lake
from pipelines.models import MODELS, build_model
from pipelines.models.build import lake_days
from pipelines.samples import write_sample

Row = dict[str, Any]
MARTS = (
    "recipe_errors_daily",
    "recipe_error_rates_daily",
    "error_families_daily",
    "int_error_families",
    "int_error_families_by_recipe",
    "error_fingerprints_daily",
    "error_fingerprints",
    "error_starts_daily",
    "error_causes",
)
SEEDS = (7, 11, 2026)


@dataclass(frozen=True)
class Sample:
    """A loaded sample with its marts about errors, and its truth."""

    lake: Lake
    answers: dict[str, Any]

    def rows(self, name: str) -> list[Row]:
        """The rows of a mart."""
        found = self.lake.find(name)
        assert found is not None
        return list(found.to_pyarrow_table().to_pylist())


@pytest.fixture(scope="module", params=SEEDS)
def sample(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """The sample of a seed; built by the project's own builder."""
    folder = tmp_path_factory.mktemp(f"seed-{request.param}")
    write_sample(
        folder / "sample",
        days=20,
        jobs=3000,
        seed=request.param,
        end=date(2026, 2, 28),
        ndjson=True,
    )
    lake = lake_at(folder / "lake")
    run_load(lake, [folder / "sample" / "landing"])
    for name in MARTS:
        build_model(lake, name, lake_days(lake, name))
    truth = json.loads((folder / "sample" / "truth.json").read_text())
    return Sample(lake, {each["id"]: each["answer"] for each in truth["questions"]})


def at(text: str) -> datetime:
    """A time of the truth."""
    return datetime.fromisoformat(text).astimezone(UTC)


def test_the_broken_connection_is_the_cause_in_every_recipe_that_it_broke(sample: Sample) -> None:
    told = sample.answers["broken_connection"]

    causes = [
        row for row in sample.rows("error_causes") if row["error_text"] == told["error_message"]
    ]

    assert sorted(row["recipe_id"] for row in causes) == sorted(
        str(recipe["recipe_id"]) for recipe in told["recipes"]
    )
    assert min(row["started_at"] for row in causes) >= at(told["first_failed_at"])
    for row in causes:
        assert row["cause_event_type"] == "connection_disconnected"
        assert row["cause_resource_id"] == str(told["connection_id"])
        assert row["actor_email"] == told["actor_email"]
        assert row["ip_address"] == told["ip_address"]
        assert row["changed_at"] == at(told["disconnected_at"])
        assert row["cause_rank"] == 1


def test_the_broken_connection_is_one_fingerprint(sample: Sample) -> None:
    told = sample.answers["broken_connection"]

    (found,) = [
        row
        for row in sample.rows("error_fingerprints")
        if row["error_text"] == told["error_message"]
    ]

    assert found["sample_message"] == told["error_message"]
    assert found["failed_count"] == told["failed_count"]
    assert found["recipe_count"] == len(told["recipes"])
    assert found["trend"] == "gone"


def test_the_breaking_edit_is_the_cause_of_the_new_error(sample: Sample) -> None:
    told = sample.answers["breaking_edit"]

    prints = {
        row["fingerprint_id"]: row
        for row in sample.rows("error_fingerprints")
        if row["sample_message"] == told["error_message"]
    }
    (cause,) = [row for row in sample.rows("error_causes") if row["fingerprint_id"] in prints]

    assert [row["failed_count"] for row in prints.values()] == [told["failed_count"]]
    assert cause["recipe_id"] == str(told["recipe_id"])
    assert cause["cause_event_type"] == "recipe_updated"
    assert cause["cause_reach"] == "recipe"
    assert cause["actor_email"] == told["actor_email"]
    assert cause["changed_at"] == at(told["edited_at"])
    assert cause["seconds_before"] == (cause["started_at"] - at(told["edited_at"])).total_seconds()


def test_no_cause_is_later_than_what_it_explains(sample: Sample) -> None:
    causes = sample.rows("error_causes")

    found = [row for row in causes if row["cause_event_id"] is not None]
    assert found
    assert all(row["changed_at"] <= row["started_at"] for row in found)
    assert all(0 <= row["seconds_before"] <= 7 * 86_400 for row in found)
    assert all(
        row["cause_rank"] is row["changed_at"] is row["seconds_before"] is None
        for row in causes
        if row not in found
    )


def test_the_most_failing_recipes_are_the_told_ones(sample: Sample) -> None:
    told = sample.answers["most_errors"]["recipes"]

    counted: dict[str, int] = {}
    for row in sample.rows("recipe_errors_daily"):
        counted[row["recipe_id"]] = counted.get(row["recipe_id"], 0) + row["failed_count"]

    assert sorted(counted.values(), reverse=True)[:5] == [each["failed_count"] for each in told]
    assert {each["recipe_id"]: counted[str(each["recipe_id"])] for each in told} == {
        each["recipe_id"]: each["failed_count"] for each in told
    }


def of_jobs(sample: Sample, test: bool, ok: Callable[[Row], bool]) -> int:
    """Count jobs of the lake."""
    return sum(bool(row["is_test"]) == test and ok(row) for row in rows(sample.lake, "jobs"))


def total(sample: Sample, name: str, column: str) -> int:
    """Sum a column of a mart."""
    return sum(row[column] for row in sample.rows(name))


def test_totals_equal_those_of_the_lake(sample: Sample) -> None:
    failed = of_jobs(sample, False, lambda row: row["outcome"] == "failed")
    tested = of_jobs(sample, True, lambda row: row["outcome"] == "failed")

    for name in ("recipe_errors_daily", "recipe_error_rates_daily", "error_fingerprints_daily"):
        assert total(sample, name, "failed_count") == failed, name
        assert total(sample, name, "test_failed_count") == tested, name
    for name in ("int_error_families", "error_families_daily", "error_fingerprints"):
        assert total(sample, name, "failed_count") == failed, name
    everything = of_jobs(sample, False, lambda _: True)
    assert total(sample, "recipe_error_rates_daily", "job_count") == everything


def test_families_equal_those_counted_in_plain_python(sample: Sample) -> None:
    last: dict[tuple[str, str], Row] = {}
    failed: set[tuple[str, str]] = set()
    for row in sorted(rows(sample.lake, "jobs"), key=lambda row: row["occurred_at"]):
        if row["is_test"]:
            continue
        family = (row["recipe_id"], row["family_id"])
        last[family] = row
        if row["outcome"] == "failed":
            failed.add(family)
    ends = {family: row["outcome"] for family, row in last.items()}

    assert total(sample, "int_error_families_by_recipe", "family_count") == len(ends)
    assert total(sample, "int_error_families_by_recipe", "failed_family_count") == sum(
        outcome == "failed" for outcome in ends.values()
    )
    assert total(sample, "int_error_families_by_recipe", "recovered_family_count") == sum(
        ends[family] == "succeeded" for family in failed
    )


@pytest.mark.parametrize("name", MARTS)
def test_the_grain_is_unique(sample: Sample, name: str) -> None:
    keys = [tuple(row[column] for column in MODELS[name].grain) for row in sample.rows(name)]

    assert keys
    assert len(set(keys)) == len(keys)
