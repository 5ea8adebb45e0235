-- Usage between two UTC days per calling process: all jobs below a root recipe, most jobs first.
-- grain:  period_start_date, environment, id
-- reads:  int_process_tasks, int_periods, recipe_owners
-- scope:  global
-- note:   $period may be null: then the days are summed.

with summed as (
    select
        coalesce(p.period_start_date, cast($from_date as date)) as period_start_date,
        u.environment,
        u.root_recipe_id as id,
        max(coalesce(o.recipe_name, u.root_recipe_id)) as name,
        u.counting_rule,
        count(distinct u.recipe_id) as recipe_count,
        sum(u.root_job_count) as root_job_count,
        sum(u.job_count) as job_count,
        sum(u.succeeded_count) as succeeded_count,
        sum(u.failed_count) as failed_count,
        sum(u.repeat_count) as repeat_count,
        sum(u.test_job_count) as test_job_count,
        sum(u.action_count) as action_count,
        coalesce(sum(u.action_count) filter (where u.is_wasted), 0) as wasted_action_count,
        sum(u.tasks_least_count) as tasks_least_count,
        sum(u.tasks_most_count) as tasks_most_count,
        coalesce(sum(u.tasks_least_count) filter (where u.is_wasted), 0)
            as wasted_tasks_least_count,
        coalesce(sum(u.tasks_most_count) filter (where u.is_wasted), 0) as wasted_tasks_most_count,
        sum(u.uncountable_job_count) as uncountable_job_count,
        -- whole milliseconds, so that the order of the sum does not show
        round(sum(u.total_seconds), 3) as total_seconds,
        round(coalesce(sum(u.total_seconds) filter (where u.is_wasted), 0), 3) as wasted_seconds
    from int_process_tasks as u
    left join int_periods as p on u.event_date = p.event_date and p.period = $period
    left join recipe_owners as o
        on u.workspace_id = o.workspace_id and u.root_recipe_id = o.recipe_id
    where
        u.event_date between $from_date and $to_date
        and u.counting_rule = $counting_rule
        and ($environment is null or u.environment = $environment)
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
    cast(repeat_count as double) / nullif(job_count, 0) as repeat_share,
    cast(test_job_count as bigint) as test_job_count,
    cast(test_job_count as double) / nullif(job_count + test_job_count, 0) as test_share,
    cast(action_count as bigint) as action_count,
    cast(wasted_action_count as bigint) as wasted_action_count,
    cast(tasks_least_count as bigint) as tasks_least_count,
    cast(tasks_most_count as bigint) as tasks_most_count,
    cast(wasted_tasks_least_count as bigint) as wasted_tasks_least_count,
    cast(wasted_tasks_most_count as bigint) as wasted_tasks_most_count,
    cast(uncountable_job_count as bigint) as uncountable_job_count,
    total_seconds,
    wasted_seconds,
    wasted_seconds / nullif(total_seconds, 0) as wasted_share,
    total_count
from counted
where $top = 0 or position <= $top
order by period_start_date asc, position asc
