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
    _equal(
        "recipe_usage_monthly_counts_every_day",
        "recipe_usage_monthly",
        "usage_of_months",
        "The jobs, actions and time of a workspace's month add up to those of its days.",
        "job_count",
        "action_count",
        "ms",
    ),
    _equal(
        "job_durations_count_every_job",
        "job_durations_daily",
        "durations_of_jobs",
        "The jobs that run times are read from add up to those of the lake that have one.",
        "job_count",
    ),
    _equal(
        "job_durations_monthly_count_every_day",
        "job_durations_monthly",
        "durations_of_months",
        "The jobs that a month's run times are read from add up to those of its days.",
        "job_count",
    ),
    _equal(
        "step_durations_count_every_step",
        "step_durations_daily",
        "durations_of_steps",
        "The steps that times are read from add up to those of the lake's jobs that have one.",
        "step_count",
    ),
    _equal(
        "recipe_activity_counts_every_job",
        "recipe_activity_daily",
        "runs_of_jobs",
        "The runs of a workspace's recipes and their failures add up to its jobs in the lake.",
        "job_count",
        "failed_count",
    ),
    _equal(
        "recipe_activity_monthly_counts_every_day",
        "recipe_activity_monthly",
        "runs_of_months",
        "The runs of a workspace's month add up to those of its days.",
        "job_count",
    ),
    _equal(
        "recipe_runs_keep_every_failure",
        "recipe_runs_daily",
        "failed_runs_of_jobs",
        "The failed jobs that a recipe's timeline is made of add up to those of the lake.",
        "failed_count",
    ),
    _equal(
        "recipe_events_keep_every_act_and_failure",
        "recipe_events_monthly",
        "events_of_months",
        "The acts on recipes of a month add up to those in the lake, its failed jobs to its days'.",
        "act_count",
        "failed_count",
    ),
    _equal(
        "activity_twins_count_every_twin",
        "activity_twins_daily",
        "twins_of_activity",
        "As many streamed events are left out as came through the API too.",
        "twin_count",
    ),
    _equal(
        "sign_ins_count_every_event",
        "sign_ins_daily",
        "sign_ins_of_activity",
        "The sign-ins of people, failed ones, switches and sign-outs add up to the lake's events.",
        "sign_in_count",
        "failed_sign_in_count",
        "switch_count",
        "sign_out_count",
    ),
    _equal(
        "activity_by_person_counts_every_event",
        "activity_by_person_hourly",
        "persons_of_activity",
        "The events of a workspace's people add up to those of its activity in the lake.",
        "event_count",
    ),
    _equal(
        "recipe_stops_daily_keep_every_stop",
        "recipe_stops_daily",
        "stops_of_activity",
        "Every stop of a recipe in the lake has its row, and every row its event.",
        "event_id",
    ),
    _equal(
        "recipe_stops_keep_every_stop",
        "recipe_stops",
        "stops_of_days",
        "Every stop of a recipe on any day has its row, and every row its stop.",
        "event_id",
    ),
)
"""The checks of the marts; a day that is stale is not judged before it is built."""

CHECKS: tuple[Check, ...] = (*LAKE_CHECKS, *MART_CHECKS)
"""Every check; names are unique over all tables."""
