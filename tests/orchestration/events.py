"""Events as Workato sends them, and a load made outside Dagster."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from pipelines.lake.load import load
from pipelines.lake.tables import Lake
from pipelines.resources import Trailhouse


def a_job(number: int, ended_at: str) -> dict[str, Any]:
    """A job record, as Workato streams one."""
    return {
        "id": f"j-{number}",
        "flow_id": 7,
        "account_id": 1,
        "status": "succeeded",
        "started_at": ended_at,
        "completed_at": ended_at,
    }


def an_activity(number: int, at: str) -> dict[str, Any]:
    """A user-activity event, as the API gives one."""
    return {
        "id": number,
        "event_type": "recipe_started",
        "timestamp": at,
        "user": {"id": 1, "email": "ada@example.com"},
        "workspace": {"id": 1},
        "resource": {"id": 7, "type": "Flow", "name": "Sync"},
    }


def load_by_hand(lake: Lake) -> int:
    """Load without Dagster; returns the load's number."""
    report = load(
        lake,
        Trailhouse().sources(),
        clock=lambda: datetime.now(UTC),
        unique=lambda: uuid4().hex,
    )
    return report.load_number


def spoil(lake: Lake, job_id: str, kind: str) -> None:
    """Change a stored job's kind behind the back of every load."""
    jobs = lake.find("jobs")
    assert jobs is not None
    jobs.update(updates={"event_kind": f"'{kind}'"}, predicate=f"job_id = '{job_id}'")
