-- Usage between two UTC days per calling process: all jobs below a root recipe, most jobs first.
-- grain:  period_start_date, environment, id
-- reads:  int_process_tasks, job_durations_daily, int_periods, recipe_owners
-- scope:  global
-- note:   $period may be null: then the days are summed. The median and the 95th
--         percentile are within 5 percent.

with summed as (
    select
        coalesce(p.period_start_date, cast($from_date as date)) as period_start_date,
        u.environment,
        u.root_recipe_id as id,
        max(coalesce(o.recipe_name, u.root_recipe_id)) as name,
        u.counting_rule,
        count(distinct u.recipe_id) as recipe_count,
        sum(u.root_job_count) as root_job_count,
        sum(u.guessed_root_count) as guessed_root_count,
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

durations as (
    select
        coalesce(p.period_start_date, cast($from_date as date)) as period_start_date,
        u.environment,
        u.root_recipe_id as id,
        u.approximate_seconds,
        sum(u.job_count) as run_count
    from job_durations_daily as u
    left join int_periods as p on u.event_date = p.event_date and p.period = $period
    where
        u.event_date between $from_date and $to_date
        and ($environment is null or u.environment = $environment)
    group by all
),

timed as (
    select
        *,
        sum(run_count) over (
            partition by period_start_date, environment, id
            order by approximate_seconds asc
        ) as upto_count,
        sum(run_count) over (partition by period_start_date, environment, id) as whole_count
    from durations
),

-- the two jobs that a percentile lies between, counted from 0
between_runs as (
    select
        period_start_date,
        environment,
        id,
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
        period_start_date,
        environment,
        id,
        (median_low_seconds + median_high_seconds) / 2 as approximate_median_seconds,
        p95_low_seconds
        + cast((whole_count - 1) * 19 / 20 - floor((whole_count - 1) * 19 / 20) as double)
        * (coalesce(p95_high_seconds, p95_low_seconds) - p95_low_seconds)
            as approximate_p95_seconds
    from between_runs
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
        r.*,
        d.approximate_median_seconds,
        d.approximate_p95_seconds,
        max(r.position) over () as total_count
    from ranked as r
    left join percentiles as d
        on
            r.period_start_date = d.period_start_date
            and r.environment = d.environment
            and r.id = d.id
)

select
    period_start_date,
    id,
    name,
    environment,
    counting_rule,
    cast(recipe_count as bigint) as recipe_count,
    cast(root_job_count as bigint) as root_job_count,
    cast(guessed_root_count as bigint) as guessed_root_count,
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
    approximate_median_seconds,
    approximate_p95_seconds,
    total_count
from counted
where $top = 0 or position <= $top
order by period_start_date asc, position asc
