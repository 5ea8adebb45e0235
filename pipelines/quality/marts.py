"""Marts: what must be true of the models: no row twice, totals of the lake, no orphans."""

from __future__ import annotations

from pipelines.models.header import MODELS, Model
from pipelines.quality.checks import LAKE_CHECKS, Check


def _grain(model: Model) -> Check:
    columns = ", ".join(model.grain)
    return Check(
        f"{model.name}_has_no_row_twice",
        model.name,
        f"{model.name} has one row per {columns}.",
        violation=f"hash({columns}) in (select hash({columns}) from {model.name} "
        f"group by {columns} having count(*) > 1)",
        aggregate=f"count(*) - count(distinct hash({columns}))",
        confirm=f"count(*) - count(distinct row({columns}))",
        shown=model.grain,
    )


def _equal(name: str, table: str, relation: str, description: str, *facts: str) -> Check:
    """A check that the facts of the lake, or of another mart, are those of the mart."""
    pairs = [(f"expected_{fact}", f"found_{fact}") for fact in facts]
    return Check(
        name,
        table,
        description,
        violation=" or ".join(f"{a} is distinct from {b}" for a, b in pairs),
        relation=relation,
        shown=("workspace_id", *(side for pair in pairs for side in pair)),
    )


MART_CHECKS: tuple[Check, ...] = (
    *(_grain(model) for model in MODELS.values() if model.is_stored),
    _equal(
        "recipe_usage_counts_every_job",
        "recipe_usage_daily",
        "usage_of_jobs",
        "The jobs and actions of a workspace's recipes add up to those of its jobs in the lake.",
        "job_count",
        "action_count",
    ),
    _equal(
        "process_usage_counts_every_job",
        "process_usage_daily",
        "usage_of_processes",
        "The jobs, actions and time of a workspace's processes add up to those of its recipes.",
        "job_count",
        "action_count",
        "ms",
    ),
    _equal(
        "connector_usage_counts_every_step",
        "connector_usage_daily",
        "usage_of_steps",
        "The steps of a workspace's connectors add up to the steps of its jobs in the lake.",
        "step_count",
        "orphan_count",
    ),
    _equal(
        "recipe_errors_count_every_failure",
        "recipe_errors_daily",
        "failures_of_jobs",
        "The failed jobs of a workspace's recipes add up to those of its jobs in the lake.",
        "failed_count",
    ),
    _equal(
        "error_fingerprints_count_every_failure",
        "error_fingerprints_daily",
        "fingerprints_of_jobs",
        "The failed jobs of a workspace's fingerprints add up to those of its jobs in the lake.",
        "failed_count",
    ),
    _equal(
        "error_rates_count_every_job",
        "recipe_error_rates_daily",
        "rates_of_jobs",
        "The jobs and failures that rates are made of add up to those of the lake.",
        "job_count",
        "failed_count",
    ),
    _equal(
        "rejected_daily_counts_every_input",
        "rejected_daily",
        "rejected_of_days",
        "The rejected inputs of a day add up to those in the lake.",
        "rejected_count",
    ),
    _equal(
        "loads_daily_counts_every_load",
        "loads_daily",
        "loads_of_days",
        "The loads of a day and their rejected records add up to those in the lake.",
        "load_count",
        "rejected_count",
    ),
)
"""The checks of the marts; a day that is stale is not judged before it is built."""

CHECKS: tuple[Check, ...] = (*LAKE_CHECKS, *MART_CHECKS)
"""Every check; names are unique over all tables."""
