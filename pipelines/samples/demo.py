"""Demo: the main job on a sample workspace, and three questions answered from the data."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import typer

from pipelines.cli.context import open_lake, print_table, stderr
from pipelines.lake.tables import Lake
from pipelines.models.query import open_catalogue, run_query

DAYS, JOBS, SEED, END = 30, 6_000, 7, date(2026, 2, 28)

MOST_USAGE = """
select
    recipe_id, max_by(recipe_name, event_date) as recipe_name,
    cast(sum(job_count) as bigint) as job_count,
    cast(sum(action_count) as bigint) as action_count
from recipe_usage_daily
where environment = 'prod'
group by workspace_id, recipe_id
order by job_count desc, cast(recipe_id as bigint)
limit 5
"""
MOST_ERRORS = """
select
    recipe_id, max_by(recipe_name, event_date) as recipe_name,
    cast(sum(failed_count) as bigint) as failed_count
from recipe_errors_daily
group by workspace_id, recipe_id
order by failed_count desc, cast(recipe_id as bigint)
limit 5
"""
WHO_STOPPED = """
select
    recipe_id, actor_name, actor_email, ip_address, stop_reason,
    strftime(stopped_at, '%Y-%m-%dT%H:%M:%SZ') as stopped_at
from who_stopped('Employee onboarding')
limit 1
"""


def demo() -> bool:
    """Write the sample where it is lacking, do the main job, answer, compare with the truth.

    Returns:
        Whether every answer equals the sample's own.
    """
    from pipelines.cli.load import run

    lake = open_lake()
    truth = _sample(lake)
    run()
    ask = _asker(lake)
    answers = (
        ("Which recipes drive the most usage?", MOST_USAGE, _listed(truth, "most_usage")),
        ("Which throw the most errors?", MOST_ERRORS, _listed(truth, "most_errors")),
        (
            "Who stopped the onboarding recipe, and when?",
            WHO_STOPPED,
            [_answer(truth, "who_stopped_onboarding")],
        ),
    )
    right = [ask(question, sql, expected) for question, sql, expected in answers]
    typer.echo(
        f"{sum(right)} of {len(right)} answers equal truth.json.\n\n"
        "Where to look next:\n"
        '  .venv/bin/trailhouse query "select * from loads"       what was loaded\n'
        "  .venv/bin/trailhouse rejected list                     what could not be read, and why\n"
        '  .venv/bin/trailhouse query "describe jobs"             the tables and their columns\n'
        "  make dev                                               the same in Dagster's UI"
    )
    return all(right)


def _sample(lake: Lake) -> dict[str, Any]:
    from pipelines.samples import write_sample

    out = Path(lake.url)
    if not (out / "truth.json").is_file():
        with stderr().status(f"Writing a sample workspace: {JOBS:,} jobs of {DAYS} days"):
            write_sample(out, days=DAYS, jobs=JOBS, seed=SEED, end=END)
    truth: dict[str, Any] = json.loads((out / "truth.json").read_text())
    return truth


def _answer(truth: dict[str, Any], question: str) -> dict[str, Any]:
    found: dict[str, Any] = next(q["answer"] for q in truth["questions"] if q["id"] == question)
    return found


def _listed(truth: dict[str, Any], question: str) -> list[dict[str, Any]]:
    recipes: list[dict[str, Any]] = _answer(truth, question)["recipes"]
    return recipes


def _asker(lake: Lake) -> Callable[[str, str, list[dict[str, Any]]], bool]:
    connection = open_catalogue(lake)

    def ask(question: str, sql: str, expected: list[dict[str, Any]]) -> bool:
        result = run_query(connection, sql)
        names = [column[0] for column in result.description or ()]
        rows = result.fetchall()
        print_table(question, names, rows)
        wanted = [tuple(str(answer[name]) for name in names) for answer in expected]
        return [tuple(str(value) for value in row) for row in rows] == wanted

    return ask


if __name__ == "__main__":
    sys.exit(0 if demo() else 1)
