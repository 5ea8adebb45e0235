"""Reports: pages for people, written beside the lake."""

import dagster as dg

from pipelines.lake.schemas import TABLES
from pipelines.models import MODELS
from pipelines.report import READS, file_name, gather, put_report, render
from pipelines.report.period import week_before
from pipelines.resources import Trailhouse, now


@dg.asset(
    deps=[name for name in READS if name in MODELS or name in TABLES],
    group_name="reports",
    kinds={"html"},
    description=(
        "One page about the last full week, Monday to Sunday, UTC: usage, errors, changes, "
        "incidents and health, under `reports/` of the lake URL.\n\nIt tells what the models "
        "hold. Making it again replaces the page of that week and leaves those of other weeks."
    ),
)
def report(trailhouse: Trailhouse) -> dg.MaterializeResult[None]:
    """Write the page of the last full week."""
    lake, made_at = trailhouse.lake(), now()
    period = week_before(made_at.date())
    facts = gather(lake, period, made_at=made_at)
    page = render(facts)
    url = put_report(lake, file_name(period), page)
    return dg.MaterializeResult(
        metadata={
            "from_date": period.from_date.isoformat(),
            "to_date": period.to_date.isoformat(),
            "jobs": facts.usage["job_count"],
            "failed_jobs": facts.usage["failed_count"],
            "stale_marts": len(facts.stale),
            "bytes": len(page),
            "dagster/uri": url,
        }
    )


REPORTS = [report]
