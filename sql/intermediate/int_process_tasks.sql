-- Usage per calling process, recipe and UTC day, with tasks under every counting rule, as bounds.
-- grain:  event_date, workspace_id, root_recipe_id, recipe_id, is_wasted, counting_rule
-- reads:  process_usage_daily, counting_rules
-- scope:  partition
-- note:   bounds come about as in int_usage_tasks.

with ruled as (
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
        u.job_count - u.stepped_job_count as stepless_job_count,
        least(r.trigger_tasks, r.utility_trigger_tasks) as least_trigger_tasks,
        greatest(r.trigger_tasks, r.utility_trigger_tasks) as most_trigger_tasks,
        least(r.connector_tasks, r.utility_tasks, r.call_tasks) as least_action_tasks,
        greatest(r.connector_tasks, r.utility_tasks, r.call_tasks) as most_action_tasks
    from process_usage_daily as u
    cross join counting_rules as r
)

select
    workspace_id,
    root_recipe_id,
    recipe_id,
    environment,
    counting_rule,
    cast(
        known_count + hidden_least_count * least_action_tasks
        + stepless_job_count * least_trigger_tasks as bigint
    ) as tasks_least_count,
    cast(
        known_count + hidden_most_count * most_action_tasks
        + stepless_job_count * most_trigger_tasks as bigint
    ) as tasks_most_count,
    job_count,
    succeeded_count,
    failed_count,
    repeat_count,
    root_job_count,
    guessed_root_count,
    uncountable_job_count,
    test_job_count,
    action_count,
    total_seconds,
    is_wasted,
    event_date
from ruled
