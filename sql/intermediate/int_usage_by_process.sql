-- Usage per calling process and day, week, month or billing cycle: all jobs below a root recipe.
-- grain:  period, period_start_date, workspace_id, root_recipe_id
-- reads:  process_usage_daily, int_periods, counting_rules, model_settings, recipe_owners
-- scope:  global
-- note:   a recipe that is called by two processes has its jobs in both, each once. The name is the
--         root recipe's newest. Bounds of tasks are as in int_usage_tasks.

with weighed as (
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
        u.hidden_least_count * least(r.connector_tasks, r.utility_tasks, r.call_tasks)
        + (u.job_count - u.stepped_job_count) * least(r.trigger_tasks, r.utility_trigger_tasks)
            as hidden_least_tasks,
        u.hidden_most_count * greatest(r.connector_tasks, r.utility_tasks, r.call_tasks)
        + (u.job_count - u.stepped_job_count) * greatest(r.trigger_tasks, r.utility_trigger_tasks)
            as hidden_most_tasks
    from process_usage_daily as u
    cross join counting_rules as r
    inner join model_settings as m on r.counting_rule = m.counting_rule
)

select
    p.period,
    u.workspace_id,
    u.root_recipe_id,
    max(o.recipe_name) as root_recipe_name,
    max(coalesce(o.project, 'unknown')) as project,
    max(u.environment) as environment,
    u.counting_rule,
    cast(sum(u.root_job_count) as bigint) as root_job_count,
    cast(sum(u.job_count) as bigint) as job_count,
    cast(sum(u.succeeded_count) as bigint) as succeeded_count,
    cast(sum(u.failed_count) as bigint) as failed_count,
    cast(sum(u.repeat_count) as bigint) as repeat_count,
    cast(sum(u.uncountable_job_count) as bigint) as uncountable_job_count,
    count(distinct u.recipe_id) as recipe_count,
    cast(sum(u.action_count) as bigint) as action_count,
    cast(sum(u.wasted_action_count) as bigint) as wasted_action_count,
    cast(sum(u.known_count + u.hidden_least_tasks) as bigint) as tasks_least_count,
    cast(sum(u.known_count + u.hidden_most_tasks) as bigint) as tasks_most_count,
    round(cast(sum(u.total_seconds) as double), 3) as total_seconds,
    round(cast(sum(u.wasted_seconds) as double), 3) as wasted_seconds,
    p.period_start_date
from weighed as u
inner join int_periods as p on u.event_date = p.event_date
left join recipe_owners as o
    on u.workspace_id = o.workspace_id and u.root_recipe_id = o.recipe_id
group by all
