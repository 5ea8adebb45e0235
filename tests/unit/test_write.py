"""Write: how the days of a load share the threads."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from lakes import NOW, lake_at

from pipelines.lake.duck import connect
from pipelines.lake.stage import Stage, Staged
from pipelines.lake.write import Writer


@pytest.mark.parametrize(
    ("rows", "threads"),
    [
        pytest.param([], 1, id="nothing"),
        pytest.param([5], 2, id="one day"),
        pytest.param([5, 5], 1, id="two alike"),
        pytest.param([9, 1], 2, id="one holds nearly all"),
        pytest.param([5, 4, 1], 1, id="one holds half"),
    ],
)
def test_a_query_has_all_threads_where_the_days_leave_some_idle(
    rows: list[int], threads: int
) -> None:
    lake = lake_at("lake")
    stage = Stage(connect(lake.storage), Path("stage"), NOW)
    days = {date(2026, 2, 1 + number): count for number, count in enumerate(rows)}
    stage.files["jobs"] = {Path(str(day)): Staged({day: n}, 1.0) for day, n in days.items()}

    writer = Writer(lake, stage.connection, stage, "load", str)

    assert writer.threads == threads
