"""The report as an asset: one page a week, beside the lake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dagster as dg

from pipelines.lake.tables import Lake
from pipelines.report.period import week_before
from pipelines.resources import now
from tests.orchestration.events import a_job


def test_the_weekly_job_writes_the_page_of_the_last_full_week(
    lake: Lake,
    instance: dg.DagsterInstance,
    land: Callable[..., None],
    run_load: Callable[[], dg.ExecuteInProcessResult],
) -> None:
    from pipelines.definitions import defs

    week = week_before(now().date())
    land("a", a_job(1, f"{week.to_date}T10:00:00Z"))
    run_load()
    job = defs.resolve_job_def("report_week")

    results = [job.execute_in_process(instance=instance) for _ in range(2)]

    name = f"report_{week.from_date}_{week.to_date}.html"
    (written,) = (Path(lake.url) / "reports").iterdir()
    facts = results[-1].asset_materializations_for_node("report")[0].metadata
    assert (week.from_date.weekday(), week.day_count) == (0, 7)
    assert written.name == name
    assert b"models lag behind the lake" in " ".join(written.read_text().split()).encode()
    assert facts["dagster/uri"].value == str(written)
    assert facts["bytes"].value == written.stat().st_size
