-- Usage between two UTC days per calling process: all jobs below a root recipe, most jobs first.
-- grain:  period_start_date, environment, id
-- reads:  process_usage_daily, counting_rules, int_periods, recipe_owners
-- scope:  global
-- note:   bounds of tasks are as in int_usage_tasks. $period may be null: then the days are summed.

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
            as hidden_most_tasks,
        coalesce(o.recipe_name, u.root_recipe_id) as root_recipe_name,
        coalesce(p.period_start_date, cast($from_date as date)) as period_start_date
    from process_usage_daily as u
    inner join counting_rules as r on r.counting_rule = $counting_rule
    left join int_periods as p on u.event_date = p.event_date and p.period = $period
    left join recipe_owners as o
        on u.workspace_id = o.workspace_id and u.root_recipe_id = o.recipe_id
    where
        u.event_date between $from_date and $to_date
        and ($environment is null or u.environment = $environment)
),

summed as (
    select
        period_start_date,
        environment,
        root_recipe_id as id,
        max(root_recipe_name) as name,
        counting_rule,
        count(distinct recipe_id) as recipe_count,
        sum(root_job_count) as root_job_count,
        sum(job_count) as job_count,
        sum(succeeded_count) as succeeded_count,
        sum(failed_count) as failed_count,
        sum(repeat_count) as repeat_count,
        sum(action_count) as action_count,
        sum(wasted_action_count) as wasted_action_count,
        sum(known_count + hidden_least_tasks) as tasks_least_count,
        sum(known_count + hidden_most_tasks) as tasks_most_count,
        sum(uncountable_job_count) as uncountable_job_count,
        -- whole milliseconds, so that the order of the sum does not show
        round(sum(total_seconds), 3) as total_seconds,
        round(sum(wasted_seconds), 3) as wasted_seconds
    from weighed
    group by all
),

shared as (
    select
        *,
        sum(job_count) over (partition by environment, id) as whole_job_count,
        sum(job_count) over () as all_job_count
    from summed
),

ranked as (
    select
        *,
        dense_rank() over (
            order by whole_job_count desc, try_cast(id as bigint) asc, id asc, environment asc
        ) as position
    from shared
),

counted as (
    select
        *,
        max(position) over () as total_count
    from ranked
)

select
    period_start_date,
    id,
    name,
    environment,
    counting_rule,
    cast(recipe_count as bigint) as recipe_count,
    cast(root_job_count as bigint) as root_job_count,
    cast(job_count as bigint) as job_count,
    cast(job_count as double) / nullif(all_job_count, 0) as job_share,
    cast(succeeded_count as bigint) as succeeded_count,
    cast(failed_count as bigint) as failed_count,
    cast(failed_count as double) / nullif(succeeded_count + failed_count, 0) as failed_share,
    cast(repeat_count as bigint) as repeat_count,
    cast(action_count as bigint) as action_count,
    cast(wasted_action_count as bigint) as wasted_action_count,
    cast(tasks_least_count as bigint) as tasks_least_count,
    cast(tasks_most_count as bigint) as tasks_most_count,
    cast(uncountable_job_count as bigint) as uncountable_job_count,
    total_seconds,
    wasted_seconds,
    wasted_seconds / nullif(total_seconds, 0) as wasted_share,
    total_count
from counted
where $top = 0 or position <= $top
order by period_start_date asc, position asc
