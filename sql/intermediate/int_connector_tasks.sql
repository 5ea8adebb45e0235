-- Usage per recipe, connector and UTC day, with tasks under every counting rule, as bounds.
-- grain:  event_date, workspace_id, recipe_id, adapter_name, is_wasted, counting_rule
-- reads:  connector_usage_daily, counting_rules, utility_connectors
-- scope:  partition
-- note:   the steps that were sent count for sure. A hidden action of a job that sent steps may be of
--         any connector that acted in it, or of none: it is in their most and in nobody's least.
--         Jobs that sent no steps are bounded as in int_usage_tasks, under the connector unknown.

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
        case
            when u.adapter_name = 'unknown'
                then greatest(r.connector_tasks, r.utility_tasks, r.call_tasks)
            when c.adapter_name is null then r.connector_tasks
            when c.is_recipe_call then greatest(r.utility_tasks, r.call_tasks)
            else r.utility_tasks
        end as most_action_tasks
    from connector_usage_daily as u
    cross join counting_rules as r
    left join utility_connectors as c on u.adapter_name = c.adapter_name
)

select
    workspace_id,
    recipe_id,
    adapter_name,
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
    repeat_count,
    stepped_job_count,
    test_job_count,
    step_count,
    action_count,
    trigger_count + utility_trigger_count as trigger_count,
    failed_step_count,
    total_seconds,
    execute_seconds,
    is_wasted,
    event_date
from ruled
