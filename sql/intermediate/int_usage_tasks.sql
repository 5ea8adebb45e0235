-- Usage per recipe and UTC day, with tasks under every documented counting rule, as bounds.
-- grain:  event_date, workspace_id, recipe_id, counting_rule
-- reads:  recipe_usage_daily, counting_rules
-- scope:  partition
-- note:   the stream has no task number. What finished by the steps that were sent counts for sure;
--         a hidden action, and the trigger of a job without steps, counts at least what the rule
--         gives the cheapest kind it may be, and at most the dearest. Where a job has neither steps
--         nor an action count it is in uncountable_job_count, and in neither bound.

with known as (
    select
        u.*,
        r.counting_rule,
        u.trigger_count * r.trigger_tasks
        + u.utility_trigger_count * r.utility_trigger_tasks
        + u.connector_step_count * r.connector_tasks
        + u.utility_step_count * r.utility_tasks
        + u.call_step_count * r.call_tasks
        + u.failed_step_count * r.failed_step_tasks
        + u.control_step_count * r.control_step_tasks as known_count,
        u.wasted_trigger_count * r.trigger_tasks
        + u.wasted_utility_trigger_count * r.utility_trigger_tasks
        + u.wasted_connector_step_count * r.connector_tasks
        + u.wasted_utility_step_count * r.utility_tasks
        + u.wasted_call_step_count * r.call_tasks
        + u.wasted_failed_step_count * r.failed_step_tasks
        + u.wasted_control_step_count * r.control_step_tasks as wasted_known_count,
        u.job_count - u.stepped_job_count as stepless_job_count,
        least(r.trigger_tasks, r.utility_trigger_tasks) as least_trigger_tasks,
        greatest(r.trigger_tasks, r.utility_trigger_tasks) as most_trigger_tasks,
        least(r.connector_tasks, r.utility_tasks, r.call_tasks) as least_action_tasks,
        greatest(r.connector_tasks, r.utility_tasks, r.call_tasks) as most_action_tasks
    from recipe_usage_daily as u
    cross join counting_rules as r
)

select
    workspace_id,
    recipe_id,
    environment,
    recipe_name,
    folder,
    project,
    counting_rule,
    cast(
        known_count + hidden_least_count * least_action_tasks
        + stepless_job_count * least_trigger_tasks as bigint
    ) as tasks_least_count,
    cast(
        known_count + hidden_most_count * most_action_tasks
        + stepless_job_count * most_trigger_tasks as bigint
    ) as tasks_most_count,
    cast(
        wasted_known_count + wasted_hidden_least_count * least_action_tasks
        + wasted_stepless_job_count * least_trigger_tasks as bigint
    ) as wasted_tasks_least_count,
    cast(
        wasted_known_count + wasted_hidden_most_count * most_action_tasks
        + wasted_stepless_job_count * most_trigger_tasks as bigint
    ) as wasted_tasks_most_count,
    job_count,
    succeeded_count,
    failed_count,
    repeat_count,
    called_count,
    stepped_job_count,
    uncountable_job_count,
    test_job_count,
    action_count,
    test_action_count,
    failed_action_count,
    repeat_action_count,
    wasted_action_count,
    total_seconds,
    failed_seconds,
    repeat_seconds,
    wasted_seconds,
    median_seconds,
    p95_seconds,
    event_date
from known
