"""The command line's way: the same jobs, in this process, in the same history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from pipelines.errors import SourceError
from pipelines.instance import open_instance, prepare_home, run_main
from pipelines.lake.tables import Lake
from pipelines.models import MODELS
from pipelines.settings import load_settings
from tests.orchestration.events import a_job, load_by_hand, spoil

Land = Callable[..., None]
MARTS = ("recipe_errors_daily", "recipe_usage_daily")


def test_the_home_is_made_with_the_committed_settings_and_kept(lake: Lake) -> None:
    settings = load_settings()

    home = prepare_home(settings)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    again = prepare_home(settings)

    assert again == home == settings.dagster_home
    assert (home / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"


def test_the_variable_wins_over_the_setting(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "other"))

    assert prepare_home(load_settings()) == tmp_path / "other"


def test_the_main_job_loads_judges_builds_and_leaves_its_history(lake: Lake, land: Land) -> None:
    days = ("2012-06-01", "2026-02-01", "2026-02-02", "2026-02-05")
    land("a", *(a_job(n, f"{day}T10:00:00Z") for n, day in enumerate(days)))

    done = run_main(load_settings())
    again = run_main(load_settings())

    facts = done.as_dict()
    assert done.success
    assert again.success
    assert (facts["accepted"], facts["checks_failed"]) == (4, [])
    assert {mart: facts["built"][mart] for mart in MARTS} == {mart: list(days) for mart in MARTS}
    assert facts["built"]["recipe_owners"] == [days[-1]]
    assert again.as_dict()["built"] == {}
    with open_instance(load_settings()) as instance:
        runs = instance.get_runs()
        built = instance.get_materialized_partitions(dg.AssetKey("recipe_usage_daily"))
    assert [run.job_name for run in runs][:: len(runs) - 1] == ["load", "load"]
    assert {run.job_name for run in runs[1:-1]} == {"models"}
    assert all(run.tags[".dagster/repository"].endswith("@trailhouse") for run in runs)
    assert built == set(days[1:])


def test_the_main_job_leaves_the_marts_of_a_failing_table_alone(lake: Lake, land: Land) -> None:
    land("a", a_job(1, "2026-02-01T10:00:00Z"), a_job(2, "2026-02-03T10:00:00Z"))
    load_by_hand(lake)
    spoil(lake, "j-2", "wrong")

    done = run_main(load_settings())

    assert not done.success
    assert done.checks_failed == ("jobs_kinds_fit_their_table",)
    assert done.built.keys() == {"loads_daily"}
    assert {mart: done.blocked[mart] for mart in MARTS} == dict.fromkeys(
        MARTS, ("jobs_kinds_fit_their_table",)
    )


def test_a_wrong_mart_is_told_and_holds_back_what_reads_it(
    lake: Lake, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    land("a", a_job(1, "2026-02-01T10:00:00Z"))
    model = MODELS["recipe_usage_daily"]
    forgetful = model.sql.replace("from summed", "from summed where false")
    with monkeypatch.context() as patch:
        patch.setitem(MODELS, model.name, replace(model, sql=forgetful))
        wrong = run_main(load_settings())
    land("b", a_job(2, "2026-02-02T10:00:00Z"))
    right = run_main(load_settings())

    assert not wrong.success
    assert wrong.checks_failed == ("recipe_usage_counts_every_job",)
    assert wrong.blocked["recipe_owners"] == ("recipe_usage_counts_every_job",)
    assert wrong.blocked["job_durations_daily"] == ("recipe_usage_counts_every_job",)
    assert "recipe_errors_daily" in wrong.built
    assert right.success
    assert right.built["recipe_owners"] == (date(2026, 2, 2),)
    assert right.built["job_durations_daily"] == (date(2026, 2, 1), date(2026, 2, 2))


def test_a_source_that_is_gone_is_told_as_it_is(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "trailhouse.toml").write_text(
        '[[source]]\nname = "gone"\nurl = "/nowhere/at/all"\n'
    )

    with pytest.raises(SourceError, match="/nowhere/at/all does not exist"):
        run_main(load_settings())
