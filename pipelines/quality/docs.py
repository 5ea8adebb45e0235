"""Docs: the checks of some days as Data Docs, the pages that Great Expectations makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.quality.judge import define, frame_of, open_context
from pipelines.quality.marts import CHECKS
from pipelines.quality.run import choose_checks, measure_days, open_days

if TYPE_CHECKING:
    from pipelines.lake.tables import Lake


def write_data_docs(
    lake: Lake, days: Sequence[date], out: Path, clock: Callable[[], datetime]
) -> Path:
    """Check some UTC days of every table and write the verdicts as a small web site.

    The pages load style sheets, scripts and fonts from public content networks: without a network
    they are plain but readable, and opening them tells those networks so. They hold measures per
    day, never rows of the lake.

    Args:
        lake: The lake.
        days: UTC days; for `loads` and `rejected`, days of loading.
        out: Folder to write to, made where it does not exist; pages of the same name are replaced.
        clock: The time now, timezone-aware UTC.

    Returns:
        The page to open first, `index.html` in `out`.

    Raises:
        LakeError: The lake cannot be read now.
    """
    out = out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    context = open_context()
    for site in list(context.variables.data_docs_sites or {}):
        context.delete_data_docs_site(site)
    context.add_data_docs_site(
        "checks",
        {
            "class_name": "SiteBuilder",
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(out),
            },
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        },
    )
    for table in dict.fromkeys(check.table for check in CHECKS):
        _validate(context, lake, table, days, clock())
    context.build_data_docs(site_names=["checks"])
    return out / "index.html"


def _validate(context: object, lake: Lake, table: str, days: Sequence[date], now: datetime) -> None:
    """Judge one table once more, in a way that the context remembers for its pages."""
    import great_expectations as gx

    checks = choose_checks(table)
    with open_days(lake, days, checks) as (connection, tables):
        if table not in tables:
            return
        measured = measure_days(connection, tables, table, days, checks, now)
    if not measured.measures:
        return
    batches, suite = define(context, table, checks)
    definition = gx.ValidationDefinition(name=table, data=batches, suite=suite)
    checkpoint = gx.Checkpoint(name=table, validation_definitions=[definition])
    context.suites.add(suite)  # type: ignore[attr-defined]
    context.validation_definitions.add(definition)  # type: ignore[attr-defined]
    context.checkpoints.add(checkpoint)  # type: ignore[attr-defined]
    checkpoint.run(batch_parameters={"dataframe": frame_of(checks, measured.measures)})
