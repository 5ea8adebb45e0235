"""Page: the facts as one HTML page that holds all that it needs; equal facts, equal bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipelines.report import wording
from pipelines.report.attention import NOTE, name_of, notices
from pipelines.report.charts import bar_chart, spark
from pipelines.report.facts import TOP, Facts

TEMPLATES = Path(__file__).parent / "templates"
SHORT_STOP_SECONDS = 300
"""Stops by a person that are shorter are told of as a number: recipes are stopped to be edited."""
ROLE_CHANGES = ("role_changed", "removed")
LIKELY_RANKS = (1, 2, 5, 6)
"""Ranks of `error_causes` of the recipe or its connection itself; others are too far away."""
FILTERS = "bounds breakable change clip count day duration plural points share size span words"


def render(facts: Facts) -> bytes:
    """The page.

    Returns:
        UTF-8 HTML that loads nothing and runs nothing; whatever text the lake holds stands in it
        as text. The time of making is that of the facts, so that equal facts give equal bytes.
    """
    page = _environment().get_template("page.html.jinja").render(**_told(facts))
    lines = (line.rstrip() for line in page.splitlines())
    return re.sub(r"\n{2,}", "\n", "\n".join(lines) + "\n").encode()


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {name: getattr(wording, name) for name in FILTERS.split()}
    return found


def _told(facts: Facts) -> dict[str, Any]:
    """What the templates tell: the facts, and what takes more than looking at them."""
    period = facts.period
    days = {row["event_date"]: row for row in facts.rows["usage_days"]}
    kinds = [one for one in KINDS if one[0] != "other" or any(map(_other, days.values()))]
    stops = facts.rows["stops"]
    listed = [row for row in stops if not _is_short(row)]
    return {
        "facts": facts,
        "rows": facts.rows,
        "period": period,
        "top": TOP,
        "at": partial(wording.moment, year=period.to_date.year),
        "name_of": name_of,
        "notices": (told := notices(facts)),
        "has_alarm": any(notice.level != NOTE for notice in told),
        "jobs_chart": bar_chart(
            period,
            {kind: {d: count_of(r) for d, r in days.items()} for kind, _, count_of in kinds},
            "jobs",
            detail="failed",
        ),
        "failed_chart": bar_chart(
            period, {"failed": {d: r["failed_count"] for d, r in days.items()}}, "failed jobs"
        ),
        "changes_chart": bar_chart(
            period,
            {"succeeded": {r["event_date"]: r["change_count"] for r in facts.rows["change_days"]}},
            "changes",
        ),
        "job_kinds": [(kind, label) for kind, label, _ in kinds],
        "known_kinds": [r for r in facts.rows["change_kinds"] if r["event_category"] != "other"],
        "spark": partial(spark, period),
        "likely_ranks": LIKELY_RANKS,
        "stops": listed[: 2 * TOP],
        "stop_count": len(listed),
        "short_stop_count": len(stops) - len(listed),
        "role_changes": sorted(
            (r for r in facts.rows["role_changes"] if r["change_kind"] in ROLE_CHANGES),
            key=_gives_administration,
            reverse=True,
        ),
        "arrivals": [r for r in facts.rows["role_changes"] if r["change_kind"] not in ROLE_CHANGES],
        "outages": [row for row in facts.rows["outages"] if row["failed_count"]],
        "quiet_outages": [row for row in facts.rows["outages"] if not row["failed_count"]],
    }


def _other(row: dict[str, Any]) -> int:
    """Jobs that neither succeeded nor failed."""
    return int(row["job_count"] - row["succeeded_count"] - row["failed_count"])


KINDS: tuple[tuple[str, str, Callable[[dict[str, Any]], int]], ...] = (
    ("succeeded", "Succeeded", lambda row: row["succeeded_count"]),
    ("other", "Other", _other),
    ("failed", "Failed", lambda row: row["failed_count"]),
)
"""Outcomes of jobs as the chart stacks them, from the bottom; other only where there is one."""


def _gives_administration(change: dict[str, Any]) -> bool:
    """Whether it makes an administrator, by the name of the role; nothing else tells its rights."""
    return change["change_kind"] == "role_changed" and "admin" in (change["role"] or "").lower()


def _is_short(stop: dict[str, Any]) -> bool:
    seconds = stop["downtime_seconds"]
    return stop["stopped_by"] == "person" and seconds is not None and seconds < SHORT_STOP_SECONDS
