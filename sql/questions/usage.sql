-- Usage between two UTC days, per recipe, folder, project, owner or environment, most jobs first.
-- grain:  period_start_date, environment, id
-- reads:  int_usage_tasks, int_periods, recipe_owners
-- scope:  global
-- note:   $period may be null: then the days are summed. Names and owners are today's. The
--         percentile is of a day: the greatest stands for longer. Owners are one row for all
--         environments.

with days as (
    select
        u.*,
        case $by
            when 'recipe' then u.recipe_id
            when 'folder' then u.folder
            when 'project' then u.project
            when 'owner' then coalesce(o.owner_id, 'unknown')
            else u.environment
        end as id,
        case $by
            when 'recipe' then coalesce(o.recipe_name, u.recipe_name, u.recipe_id)
            when 'folder' then u.folder
            when 'project' then u.project
            when 'owner' then coalesce(o.owner_name, 'unknown')
            else u.environment
        end as name,
        case when $by <> 'owner' then u.environment end as group_environment,
        coalesce(p.period_start_date, cast($from_date as date)) as period_start_date
    from int_usage_tasks as u
    left join int_periods as p on u.event_date = p.event_date and p.period = $period
    left join recipe_owners as o
        on u.workspace_id = o.workspace_id and u.recipe_id = o.recipe_id
    where
        u.counting_rule = $counting_rule
        and u.event_date between $from_date and $to_date
        and ($environment is null or u.environment = $environment)
),

summed as (
    select
        period_start_date,
        group_environment,
        id,
        max(name) as name,
        counting_rule,
        count(distinct recipe_id) as recipe_count,
        sum(job_count) as job_count,
        sum(succeeded_count) as succeeded_count,
        sum(failed_count) as failed_count,
        sum(repeat_count) as repeat_count,
        sum(test_job_count) as test_job_count,
        sum(action_count) as action_count,
        sum(wasted_action_count) as wasted_action_count,
        sum(tasks_least_count) as tasks_least_count,
        sum(tasks_most_count) as tasks_most_count,
        sum(uncountable_job_count) as uncountable_job_count,
        -- whole milliseconds, so that the order of the sum does not show
        round(sum(total_seconds), 3) as total_seconds,
        round(sum(wasted_seconds), 3) as wasted_seconds,
        max(p95_seconds) as greatest_daily_p95_seconds
    from days
    group by all
),

shared as (
    select
        *,
        sum(job_count) over (partition by group_environment, id) as whole_job_count,
        sum(job_count) over () as all_job_count
    from summed
),

ranked as (
    select
        *,
        dense_rank() over (
            order by
                whole_job_count desc, try_cast(id as bigint) asc, id asc, group_environment asc
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
    group_environment as environment,
    counting_rule,
    cast(recipe_count as bigint) as recipe_count,
    cast(job_count as bigint) as job_count,
    cast(job_count as double) / nullif(all_job_count, 0) as job_share,
    cast(succeeded_count as bigint) as succeeded_count,
    cast(failed_count as bigint) as failed_count,
    cast(failed_count as double) / nullif(succeeded_count + failed_count, 0) as failed_share,
    cast(repeat_count as bigint) as repeat_count,
    cast(test_job_count as bigint) as test_job_count,
    cast(action_count as bigint) as action_count,
    cast(wasted_action_count as bigint) as wasted_action_count,
    cast(tasks_least_count as bigint) as tasks_least_count,
    cast(tasks_most_count as bigint) as tasks_most_count,
    cast(uncountable_job_count as bigint) as uncountable_job_count,
    total_seconds,
    wasted_seconds,
    wasted_seconds / nullif(total_seconds, 0) as wasted_share,
    greatest_daily_p95_seconds,
    total_count
from counted
where $top = 0 or position <= $top
order by period_start_date asc, position asc
