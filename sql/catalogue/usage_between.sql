-- Usage per recipe between two UTC days, both included, the most jobs first.
-- grain:  workspace_id, recipe_id
-- reads:  int_usage_days, job_durations_daily, recipe_owners
-- scope:  global
-- macro:  usage_between(from_day, to_day)
-- note:   tasks are under the counting rule of the settings; names and owners are today's. The
--         median and the 95th percentile are within 5 percent.

with summed as (
    select
        workspace_id,
        recipe_id,
        max(environment) as environment,
        counting_rule,
        cast(sum(job_count) as bigint) as job_count,
        cast(sum(succeeded_count) as bigint) as succeeded_count,
        cast(sum(failed_count) as bigint) as failed_count,
        cast(sum(repeat_count) as bigint) as repeat_count,
        cast(sum(test_job_count) as bigint) as test_job_count,
        cast(sum(action_count) as bigint) as action_count,
        cast(sum(wasted_action_count) as bigint) as wasted_action_count,
        cast(sum(tasks_least_count) as bigint) as tasks_least_count,
        cast(sum(tasks_most_count) as bigint) as tasks_most_count,
        cast(sum(wasted_tasks_least_count) as bigint) as wasted_tasks_least_count,
        cast(sum(wasted_tasks_most_count) as bigint) as wasted_tasks_most_count,
        cast(sum(total_seconds) as double) as total_seconds,
        cast(sum(wasted_seconds) as double) as wasted_seconds
    from int_usage_days
    where event_date between cast(from_day as date) and cast(to_day as date)
    group by all
),

durations as (
    select
        workspace_id,
        recipe_id,
        approximate_seconds,
        sum(job_count) as run_count
    from job_durations_daily
    where event_date between cast(from_day as date) and cast(to_day as date)
    group by all
),

timed as (
    select
        *,
        sum(run_count) over (
            partition by workspace_id, recipe_id
            order by approximate_seconds asc
        ) as upto_count,
        sum(run_count) over (partition by workspace_id, recipe_id) as whole_count
    from durations
),

-- the two jobs that a percentile lies between, counted from 0
between_runs as (
    select
        workspace_id,
        recipe_id,
        max(whole_count) as whole_count,
        min(case when upto_count > floor((whole_count - 1) / 2) then approximate_seconds end)
            as median_low_seconds,
        min(case when upto_count > floor(whole_count / 2) then approximate_seconds end)
            as median_high_seconds,
        min(case when upto_count > floor((whole_count - 1) * 19 / 20) then approximate_seconds end)
            as p95_low_seconds,
        min(case when upto_count > floor((whole_count - 1) * 19 / 20) + 1 then approximate_seconds end)
            as p95_high_seconds
    from timed
    group by all
),

percentiles as (
    select
        workspace_id,
        recipe_id,
        (median_low_seconds + median_high_seconds) / 2 as approximate_median_seconds,
        p95_low_seconds
        + cast((whole_count - 1) * 19 / 20 - floor((whole_count - 1) * 19 / 20) as double)
        * (coalesce(p95_high_seconds, p95_low_seconds) - p95_low_seconds)
            as approximate_p95_seconds
    from between_runs
)

select
    s.workspace_id,
    s.environment,
    s.recipe_id,
    o.recipe_name,
    o.project,
    o.owner_name,
    s.counting_rule,
    s.job_count,
    s.succeeded_count,
    s.failed_count,
    s.repeat_count,
    s.test_job_count,
    s.action_count,
    s.wasted_action_count,
    s.tasks_least_count,
    s.tasks_most_count,
    s.wasted_tasks_least_count,
    s.wasted_tasks_most_count,
    s.total_seconds,
    s.wasted_seconds,
    d.approximate_median_seconds,
    d.approximate_p95_seconds,
    cast(s.failed_count as double) / nullif(s.succeeded_count + s.failed_count, 0) as failed_share
from summed as s
left join percentiles as d on s.workspace_id = d.workspace_id and s.recipe_id = d.recipe_id
left join recipe_owners as o on s.workspace_id = o.workspace_id and s.recipe_id = o.recipe_id
order by s.job_count desc, s.workspace_id asc, s.recipe_id asc
