-- Usage between two UTC days per connector, most steps first.
-- grain:  period_start_date, environment, id
-- reads:  int_connector_tasks, step_durations_daily, recipe_usage_daily, int_periods
-- scope:  global
-- note:   jobs that sent no steps are under the connector unknown; stepped_share is the share of the
--         environment's jobs that sent theirs. $period may be null: then the days are summed.
--         The median and the 95th percentile are of the time of a step, within 5 percent.

with jobs_known as (
    select
        u.environment,
        sum(u.job_count) as all_job_count,
        sum(u.stepped_job_count) as stepped_job_count,
        coalesce(p.period_start_date, cast($from_date as date)) as period_start_date
    from recipe_usage_daily as u
    left join int_periods as p on u.event_date = p.event_date and p.period = $period
    where u.event_date between $from_date and $to_date
    group by all
),

summed as (
    select
        c.environment,
        c.adapter_name as id,
        c.counting_rule,
        count(distinct c.recipe_id) as recipe_count,
        sum(c.job_count) as job_count,
        sum(c.repeat_count) as repeat_count,
        sum(c.test_job_count) as test_job_count,
        sum(c.step_count) as step_count,
        sum(c.trigger_count) as trigger_count,
        sum(c.failed_step_count) as failed_step_count,
        sum(c.action_count) as action_count,
        coalesce(sum(c.action_count) filter (where c.is_wasted), 0) as wasted_action_count,
        sum(c.tasks_least_count) as tasks_least_count,
        sum(c.tasks_most_count) as tasks_most_count,
        coalesce(sum(c.tasks_least_count) filter (where c.is_wasted), 0)
            as wasted_tasks_least_count,
        coalesce(sum(c.tasks_most_count) filter (where c.is_wasted), 0) as wasted_tasks_most_count,
        -- whole microseconds, so that the order of the sum does not show
        round(sum(c.total_seconds), 6) as total_seconds,
        round(coalesce(sum(c.total_seconds) filter (where c.is_wasted), 0), 6) as wasted_seconds,
        round(sum(c.execute_seconds), 6) as execute_seconds,
        coalesce(p.period_start_date, cast($from_date as date)) as period_start_date
    from int_connector_tasks as c
    left join int_periods as p on c.event_date = p.event_date and p.period = $period
    where
        c.event_date between $from_date and $to_date
        and c.counting_rule = $counting_rule
        and ($environment is null or c.environment = $environment)
    group by all
),

durations as (
    select
        coalesce(p.period_start_date, cast($from_date as date)) as period_start_date,
        u.environment,
        u.adapter_name as id,
        u.approximate_seconds,
        sum(u.step_count) as run_count
    from step_durations_daily as u
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

-- the two steps that a percentile lies between, counted from 0
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
        sum(step_count) over (partition by environment, id) as whole_step_count,
        sum(step_count) over () as all_step_count
    from summed
),

ranked as (
    select
        *,
        dense_rank() over (
            order by whole_step_count desc, id asc, environment asc
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
    c.period_start_date,
    c.id,
    c.id as name,
    c.environment,
    c.counting_rule,
    cast(c.recipe_count as bigint) as recipe_count,
    cast(c.job_count as bigint) as job_count,
    cast(c.repeat_count as bigint) as repeat_count,
    cast(c.repeat_count as double) / nullif(c.job_count, 0) as repeat_share,
    cast(c.test_job_count as bigint) as test_job_count,
    cast(c.test_job_count as double) / nullif(c.job_count + c.test_job_count, 0) as test_share,
    cast(c.step_count as bigint) as step_count,
    cast(c.step_count as double) / nullif(c.all_step_count, 0) as step_share,
    cast(c.trigger_count as bigint) as trigger_count,
    cast(c.failed_step_count as bigint) as failed_step_count,
    cast(c.failed_step_count as double) / nullif(c.step_count, 0) as failed_share,
    cast(c.action_count as bigint) as action_count,
    cast(c.wasted_action_count as bigint) as wasted_action_count,
    cast(c.tasks_least_count as bigint) as tasks_least_count,
    cast(c.tasks_most_count as bigint) as tasks_most_count,
    cast(c.wasted_tasks_least_count as bigint) as wasted_tasks_least_count,
    cast(c.wasted_tasks_most_count as bigint) as wasted_tasks_most_count,
    c.total_seconds,
    c.wasted_seconds,
    c.wasted_seconds / nullif(c.total_seconds, 0) as wasted_share,
    c.approximate_median_seconds,
    c.approximate_p95_seconds,
    c.execute_seconds,
    c.execute_seconds / nullif(c.total_seconds, 0) as execute_share,
    cast(k.stepped_job_count as double) / nullif(k.all_job_count, 0) as stepped_share,
    c.total_count
from counted as c
left join jobs_known as k
    on c.environment = k.environment and c.period_start_date = k.period_start_date
where $top = 0 or c.position <= $top
order by c.period_start_date asc, c.position asc
