"""Oracle: usage counted anew from the landing files, in plain Python, equals the marts."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from lakes import lake_at, run_load

from pipelines.models import build_stale
from pipelines.models.query import open_catalogue
from pipelines.samples import write_sample

Key = tuple[date, str, str]
UTILITIES = {
    "clock",
    "logger",
    "lookup_table",
    "workato_db_table",
    "workato_mapper",
    "workato_message_template",
    "workato_recipe_function",
    "workato_recipe_ops",
    "workato_service",
    "workato_variable",
}
# trigger, trigger of a utility, connector, utility, call: as the documentation's table has them
RULES = {
    "task_2019": (1, 1, 1, 1, 0),
    "task_2021": (0, 0, 1, 1, 1),
    "business_action": (1, 0, 1, 0, 0),
}


@dataclass
class Tally:
    """What is counted of a recipe's day."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    wasted: list[float] = field(default_factory=list)


def records(folder: Path) -> Iterator[dict[str, Any]]:
    """Every job record of the landing files, out of whatever it is wrapped in."""
    for path in sorted(folder.rglob("*")):
        for line in path.read_bytes().splitlines() if path.is_file() else ():
            try:
                yield from unwrap(json.loads(line))
            except ValueError:
                continue  # the sample has objects that nobody can read


def unwrap(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, str) and value.startswith("{"):
        value = json.loads(value)
    if not isinstance(value, dict):
        return
    if "status" in value and "started_at" in value and ("flow_id" in value or "recipe_id" in value):
        yield value
        return
    for inner in value.values():
        yield from unwrap(inner)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def tasks(job: dict[str, Any], rule: tuple[int, ...]) -> tuple[int, int]:
    """The least and the most tasks of a job."""
    trigger, utility_trigger, connector, utility, call = rule
    failed, actions = job["status"] == "failed", job.get("action_count") or 0
    lines = job.get("lines")
    if not isinstance(lines, list):
        kinds = (connector, utility, call)
        least = max(actions - failed, 0) * min(kinds) + min(trigger, utility_trigger)
        return least, actions * max(kinds) + max(trigger, utility_trigger)
    known = sent = 0
    for line in lines:
        is_trigger, name = line["recipe_line_number"] == 0, line["adapter_name"]
        sent += not is_trigger
        if line.get("error") is not None:
            continue
        if is_trigger:
            known += utility_trigger if name in UTILITIES else trigger
        elif line["adapter_operation"] == "call_recipe":
            known += call
        else:
            known += utility if name in UTILITIES else connector
    hidden = max(actions - sent, 0)
    return known + hidden * min(connector, utility, call), known + hidden * max(
        connector, utility, call
    )


def root_of(job: dict[str, Any], by_id: dict[tuple[date, str], dict[str, Any]]) -> Any:
    """The recipe at the top of the chain of calls, as far as it is known on the job's day."""
    day = instant(job["completed_at"]).date()
    for _ in range(5):
        if job.get("root_recipe_id") or not job.get("calling_job_id"):
            break
        caller = by_id.get((day, str(job["calling_job_id"])))
        if caller is None:
            return job.get("calling_recipe_id") or recipe_of(job)
        job = caller
    return job.get("root_recipe_id") or job.get("calling_recipe_id") or recipe_of(job)


def recipe_of(job: dict[str, Any]) -> Any:
    return job.get("recipe_id") or job["flow_id"]


def count(folder: Path) -> tuple[dict[Key, Tally], Counter[Any], Counter[Any]]:
    """Usage per recipe and day, steps per connector and day, jobs per process and day."""
    jobs = {}
    for job in records(folder):
        jobs.setdefault((str(job["id"]), job["status"]), job)
    by_id = {(instant(job["completed_at"]).date(), str(job["id"])): job for job in jobs.values()}
    usage: dict[Key, Tally] = defaultdict(Tally)
    steps: Counter[Any] = Counter()
    processes: Counter[Any] = Counter()
    for job in jobs.values():
        ended, began = instant(job["completed_at"]), instant(job["started_at"])
        workspace = str(job.get("account_id") or job.get("context", {}).get("user_id") or "unknown")
        recipe = str(job.get("recipe_id") or job["flow_id"])
        key = (ended.date(), workspace, recipe)
        tally, actions = usage[key], job.get("action_count") or 0
        if job.get("is_test"):
            tally.counts.update(test_job_count=1, test_action_count=actions)
            continue
        failed, repeat = job["status"] == "failed", bool(job.get("is_repeat"))
        tally.seconds.append((ended - began).total_seconds())
        tally.counts.update(
            job_count=1,
            failed_count=failed,
            succeeded_count=job["status"] in ("succeeded", "completed"),
            repeat_count=repeat,
            action_count=actions,
            wasted_action_count=actions * (failed or repeat),
        )
        if failed or repeat:
            tally.wasted.append(tally.seconds[-1])
        for rule, weights in RULES.items():
            least, most = tasks(job, weights)
            tally.counts.update({f"{rule} least": least, f"{rule} most": most})
            if failed or repeat:
                tally.counts.update({f"{rule} least lost": least, f"{rule} most lost": most})
        root = root_of(job, by_id)
        processes[ended.date(), workspace, str(root), recipe] += 1
        lines = job.get("lines")
        for line in lines if isinstance(lines, list) else ():
            steps[*key, line["adapter_name"]] += 1
    return usage, steps, processes


@pytest.fixture(scope="module", params=[7, 20260228])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The landing files counted by hand, and the catalogue of the lake that they were loaded to."""
    root = tmp_path_factory.mktemp("oracle")
    write_sample(root, days=9, jobs=2500, seed=request.param, end=date(2026, 2, 28), ndjson=True)
    lake = lake_at(root / "lake")
    run_load(lake, [root / "landing"])
    for _ in build_stale(lake):
        pass
    with open_catalogue(lake) as connection:
        yield count(root / "landing"), connection


NAMES = (
    "job_count",
    "succeeded_count",
    "failed_count",
    "repeat_count",
    "test_job_count",
    "action_count",
    "test_action_count",
    "wasted_action_count",
)


def test_counts_equal_those_of_the_landing_files(both: Any) -> None:
    (usage, _, _), catalogue = both

    rows = catalogue.execute(
        f"select event_date, workspace_id, recipe_id, {', '.join(NAMES)} from recipe_usage_daily"
    ).fetchall()

    found = {tuple(row[:3]): dict(zip(NAMES, row[3:], strict=True)) for row in rows}
    expected = {key: {name: t.counts[name] for name in NAMES} for key, t in usage.items()}
    assert found == expected
    assert sum(t.counts["repeat_count"] for t in usage.values()) > 0


def test_durations_equal_those_of_the_landing_files(both: Any) -> None:
    (usage, _, _), catalogue = both

    rows = catalogue.execute(
        "select event_date, workspace_id, recipe_id, total_seconds, wasted_seconds, "
        "median_seconds from recipe_usage_daily"
    ).fetchall()

    for *key, total, wasted, middle in rows:
        tally = usage[tuple(key)]
        assert (total, wasted) == (sum(tally.seconds), sum(tally.wasted))
        assert middle == (median(tally.seconds) if tally.seconds else None)


def percentile(values: list[float], share: float) -> float:
    """As `quantile_cont`: between the two values nearest to the share."""
    at = (len(values) - 1) * share
    low, high = sorted(values)[int(at) : int(at) + 2] if at % 1 else [sorted(values)[int(at)]] * 2
    return low + at % 1 * (high - low)


def test_percentiles_of_all_days_are_those_of_the_landing_files_within_5_percent(
    both: Any,
) -> None:
    (usage, _, _), catalogue = both
    seconds: dict[str, list[float]] = defaultdict(list)
    for (_, workspace, recipe), tally in usage.items():
        seconds[f"{workspace} {recipe}"] += tally.seconds

    found = catalogue.execute(
        "select workspace_id || ' ' || recipe_id, approximate_median_seconds, "
        "approximate_p95_seconds from usage_between('2026-02-01', '2026-02-28') "
        "where job_count > 0"
    ).fetchall()

    assert {subject for subject, *_ in found} == {s for s, times in seconds.items() if times}
    for subject, middle, p95 in found:
        times = seconds[subject]
        assert middle == pytest.approx(percentile(times, 0.5), rel=0.05), subject
        assert p95 == pytest.approx(percentile(times, 0.95), rel=0.05), subject


def test_bounds_of_tasks_equal_those_of_the_landing_files(both: Any) -> None:
    (usage, _, _), catalogue = both

    rows = catalogue.execute(
        "select event_date, workspace_id, recipe_id, counting_rule, tasks_least_count, "
        "tasks_most_count, wasted_tasks_least_count, wasted_tasks_most_count from int_usage_tasks"
    ).fetchall()

    assert len(rows) == 3 * len(usage)
    for *key, rule, least, most, least_lost, most_lost in rows:
        counts = usage[tuple(key)].counts
        assert (least, most) == (counts[f"{rule} least"], counts[f"{rule} most"]), (key, rule)
        lost = (counts[f"{rule} least lost"], counts[f"{rule} most lost"])
        assert (least_lost, most_lost) == lost, (key, rule)
    assert any(row[-1] for row in rows)


def test_connectors_and_processes_equal_those_of_the_landing_files(both: Any) -> None:
    (_, steps, processes), catalogue = both

    of_connectors = catalogue.execute(
        "select event_date, workspace_id, recipe_id, adapter_name, sum(step_count) "
        "from connector_usage_daily where adapter_name <> 'unknown' group by all "
        "having sum(step_count) > 0"
    ).fetchall()
    of_processes = catalogue.execute(
        "select event_date, workspace_id, root_recipe_id, recipe_id, sum(job_count) "
        "from process_usage_daily group by all having sum(job_count) > 0"
    ).fetchall()

    assert {tuple(row[:4]): row[4] for row in of_connectors} == dict(steps)
    assert {tuple(row[:4]): row[4] for row in of_processes} == dict(processes)
    assert any(root != recipe for _, _, root, recipe in processes)


def test_views_by_period_add_up_to_the_landing_files(both: Any) -> None:
    (usage, _, _), catalogue = both
    expected = sum(tally.counts["job_count"] for tally in usage.values())

    for by in ("recipe", "folder", "project", "environment", "owner", "process"):
        sums = catalogue.execute(
            f"select period, sum(job_count) from int_usage_by_{by} group by period"
        ).fetchall()

        assert dict(sums) == dict.fromkeys(("day", "week", "month", "billing_cycle"), expected)
