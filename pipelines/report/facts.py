"""Facts: what a report tells, as rows: one result a file of `sql/report`, read from the models."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipelines.lake.queries import SQL, read_sql
from pipelines.models.header import parse_facts
from pipelines.report.period import Period
from pipelines.report.trends import trend_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from pipelines.lake.tables import Lake
    from pipelines.quality import CheckResult

Row = dict[str, Any]

TOP = 10
"""Rows of a list of the most."""
PARAMETERS = re.compile(r"\$(from_date|to_date|before_date|environment|top)\b")
QUERIES = sorted(path.stem for path in (SQL / "report").glob("*.sql"))


def _reads() -> list[str]:
    found: set[str] = set()
    for name in QUERIES:
        header = parse_facts(f"sql/report/{name}.sql", read_sql(f"report/{name}"))[1]
        found |= {read.strip() for read in header["reads"].split(",")}
    return sorted(found)


READS = _reads()
"""Tables, models and reference data that the queries read, by their headers."""


@dataclass(frozen=True)
class Facts:
    """All that a page tells."""

    period: Period
    environment: str | None
    """The one environment that the report is about; None for all."""
    made_at: datetime
    rows: Mapping[str, Sequence[Row]]
    """Rows per query, in the order of the query."""
    stale: Sequence[str] = ()
    """Marts that lag behind the lake."""
    checks: Sequence[CheckResult] | None = None
    """Verdicts of the data checks; None where they were not run."""

    @cached_property
    def usage(self) -> Row:
        """Totals of the period; zeros where nothing ran."""
        return self._total("usage_totals", is_current=True)

    @cached_property
    def usage_before(self) -> Row | None:
        """Totals of the period before; None where the lake does not hold all of it."""
        return self._total("usage_totals", is_current=False) if self.has_before else None

    @cached_property
    def families(self) -> Row:
        """Retry families of the period."""
        return self._total("error_totals", is_current=True)

    @cached_property
    def families_before(self) -> Row | None:
        """Retry families of the period before; None where the lake does not hold all of it."""
        return self._total("error_totals", is_current=False) if self.has_before else None

    @property
    def has_before(self) -> bool:
        """Whether the lake holds the whole period before, so that a comparison means something."""
        first = self.coverage["first_job_date"]
        return first is not None and first <= self.period.before.from_date

    @property
    def coverage(self) -> Row:
        """What the lake holds."""
        return self.rows["coverage"][0]

    @property
    def as_of(self) -> date | None:
        """Newest UTC day of the lake."""
        days = [self.coverage[name] for name in ("last_job_date", "last_event_date")]
        return max((day for day in days if day is not None), default=None)

    @cached_property
    def errors(self) -> list[Row]:
        """Errors of the period, the most frequent first, each with its trend, days and cause."""
        causes = {row["fingerprint_id"]: row for row in self.rows["error_causes"]}
        first = self.coverage["first_job_date"]
        days: dict[str, dict[date, int]] = {}
        for row in self.rows["error_fingerprint_days"]:
            days.setdefault(row["fingerprint_id"], {})[row["event_date"]] = row["failed_count"]
        return [
            row
            | {
                "trend": trend_of(row, self.period, first, has_before=self.has_before),
                "days": days.get(row["fingerprint_id"], {}),
                "cause": causes.get(row["fingerprint_id"]),
            }
            for row in self.rows["error_fingerprints"]
            if row["failed_count"]
        ]

    @property
    def gone_errors(self) -> list[Row]:
        """Errors of the period before that did not come back."""
        found = self.rows["error_fingerprints"] if self.has_before else ()
        return [row for row in found if not row["failed_count"]]

    def as_dict(self) -> Row:
        """The facts as one JSON-ready object, days and times to be written as ISO 8601."""
        return {
            "from_date": self.period.from_date,
            "to_date": self.period.to_date,
            "environment": self.environment,
            "made_at": self.made_at,
            "has_period_before": self.has_before,
            "stale_marts": list(self.stale),
            "checks": None if self.checks is None else [one.as_dict() for one in self.checks],
            **{name: list(rows) for name, rows in self.rows.items()},
        }

    def _total(self, query: str, *, is_current: bool) -> Row:
        columns = re.findall(r"\bas (\w+_count|\w+_seconds)\b", read_sql(f"report/{query}"))
        found = [row for row in self.rows[query] if row["is_current"] == is_current]
        return found[0] if found else dict.fromkeys(columns, 0)


def gather(
    lake: Lake,
    period: Period,
    *,
    made_at: datetime,
    environment: str | None = None,
    checks: Sequence[CheckResult] | None = None,
) -> Facts:
    """Read what a report tells from the models, as they are built.

    Args:
        lake: The lake.
        period: The UTC days that the report is about.
        made_at: The time of making, timezone-aware UTC; it stands on the page.
        environment: Count this environment alone. Sign-ins, people and the lake's own health
            know no environment and are always of all.
        checks: Verdicts to tell of, where checks were run.

    Raises:
        NameProblem: No job ran in such an environment; the message lists those that are.
    """
    from pipelines.models import MODELS
    from pipelines.models.edition import find_shown, read_edition
    from pipelines.models.query import open_catalogue
    from pipelines.models.staleness import read_changes
    from pipelines.questions import find_environment

    connection = open_catalogue(lake)
    edition = read_edition(lake)
    try:
        if environment is not None:
            environment = find_environment(connection, environment)
        given = {
            "from_date": period.from_date,
            "to_date": period.to_date,
            "before_date": period.before.from_date,
            "environment": environment,
            "top": TOP,
        }
        rows = {name: run(connection, name, given) for name in QUERIES}
    finally:
        connection.close()
    changes = read_changes(lake)
    read = [MODELS[name] for name in READS if name in MODELS and MODELS[name].is_stored]
    stale = [m.name for m in read if changes.stale(m, find_shown(lake, m.name, edition))]
    return Facts(period, environment, made_at, rows, stale, checks)


def run(connection: DuckDBPyConnection, name: str, given: Mapping[str, Any]) -> list[Row]:
    """The rows of one query, with those parameters that it names."""
    sql = read_sql(f"report/{name}")
    result = connection.execute(sql, {key: given[key] for key in set(PARAMETERS.findall(sql))})
    columns = [column[0] for column in result.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


def newest_day(lake: Lake) -> date | None:
    """The newest UTC day of jobs and activity in the lake; None for an empty one."""
    from pipelines.models.staleness import NEVER, read_changes

    found = read_changes(lake).as_of
    return None if found == NEVER else found
