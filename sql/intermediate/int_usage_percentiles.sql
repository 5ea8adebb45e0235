-- Median and 95th percentile of run times per subject and day, week, month or billing cycle.
-- grain:  period, period_start_date, subject_kind, workspace_id, subject_id
-- reads:  job_durations_daily, step_durations_daily, recipe_owners, int_periods
-- scope:  global
-- note:   within 5 percent, read off the counts of job_durations_daily. Of connectors it is the time
--         of a step. Environments are of every workspace.

with subjects as (
    select
        'recipe' as subject_kind,
        workspace_id,
        recipe_id as subject_id,
        job_count as run_count,
        approximate_seconds,
        event_date
    from job_durations_daily
    union all
    select
        'folder' as subject_kind,
        workspace_id,
        folder as subject_id,
        job_count as run_count,
        approximate_seconds,
        event_date
    from job_durations_daily
    union all
    select
        'project' as subject_kind,
        workspace_id,
        project as subject_id,
        job_count as run_count,
        approximate_seconds,
        event_date
    from job_durations_daily
    union all
    select
        'environment' as subject_kind,
        'every' as workspace_id,
        environment as subject_id,
        job_count as run_count,
        approximate_seconds,
        event_date
    from job_durations_daily
    union all
    select
        'process' as subject_kind,
        workspace_id,
        root_recipe_id as subject_id,
        job_count as run_count,
        approximate_seconds,
        event_date
    from job_durations_daily
    union all
    select
        'owner' as subject_kind,
        d.workspace_id,
        coalesce(o.owner_id, 'unknown') as subject_id,
        d.job_count as run_count,
        d.approximate_seconds,
        d.event_date
    from job_durations_daily as d
    left join recipe_owners as o
        on d.workspace_id = o.workspace_id and d.recipe_id = o.recipe_id
    union all
    select
        'connector' as subject_kind,
        workspace_id,
        adapter_name as subject_id,
        step_count as run_count,
        approximate_seconds,
        event_date
    from step_durations_daily
),

summed as (
    select
        p.period,
        s.subject_kind,
        s.workspace_id,
        s.subject_id,
        sum(s.run_count) as run_count,
        s.approximate_seconds,
        p.period_start_date
    from subjects as s
    inner join int_periods as p on s.event_date = p.event_date
    group by all
),

counted as (
    select
        *,
        sum(run_count) over (
            partition by period, period_start_date, subject_kind, workspace_id, subject_id
            order by approximate_seconds asc
        ) as upto_count,
        sum(run_count) over (
            partition by period, period_start_date, subject_kind, workspace_id, subject_id
        ) as whole_count
    from summed
),

-- the two runs that a percentile lies between, counted from 0
between_runs as (
    select
        period,
        subject_kind,
        workspace_id,
        subject_id,
        max(whole_count) as whole_count,
        min(case when upto_count > floor((whole_count - 1) / 2) then approximate_seconds end)
            as median_low_seconds,
        min(case when upto_count > floor(whole_count / 2) then approximate_seconds end)
            as median_high_seconds,
        min(case when upto_count > floor((whole_count - 1) * 19 / 20) then approximate_seconds end)
            as p95_low_seconds,
        min(case when upto_count > floor((whole_count - 1) * 19 / 20) + 1 then approximate_seconds end)
            as p95_high_seconds,
        period_start_date
    from counted
    group by all
)

select
    period,
    subject_kind,
    workspace_id,
    subject_id,
    (median_low_seconds + median_high_seconds) / 2 as approximate_median_seconds,
    p95_low_seconds
    + cast((whole_count - 1) * 19 / 20 - floor((whole_count - 1) * 19 / 20) as double)
    * (coalesce(p95_high_seconds, p95_low_seconds) - p95_low_seconds) as approximate_p95_seconds,
    period_start_date
from between_runs
