-- Steps per connector and day, week, month or billing cycle, and how many jobs they are known of.
-- grain:  period, period_start_date, workspace_id, adapter_name
-- reads:  connector_usage_daily, int_usage_days, int_periods
-- scope:  global
-- note:   stepped_share is the share of the workspace's jobs that sent their steps: where it is below 1
--         the figures are below the truth by what the other jobs did, which nobody can know.

with workspaces as (
    select
        p.period,
        u.workspace_id,
        sum(u.job_count) as workspace_job_count,
        sum(u.stepped_job_count) as stepped_job_count,
        p.period_start_date
    from int_usage_days as u
    inner join int_periods as p on u.event_date = p.event_date
    group by all
),

connectors as (
    select
        p.period,
        c.workspace_id,
        c.adapter_name,
        max(c.environment) as environment,
        sum(c.job_count) as job_count,
        sum(c.step_count) as step_count,
        sum(c.trigger_count) as trigger_count,
        sum(c.failed_step_count) as failed_step_count,
        count(distinct c.recipe_id) as recipe_count,
        sum(c.total_seconds) as total_seconds,
        sum(c.execute_seconds) as execute_seconds,
        p.period_start_date
    from connector_usage_daily as c
    inner join int_periods as p on c.event_date = p.event_date
    group by all
)

select
    c.period,
    c.workspace_id,
    c.adapter_name,
    c.environment,
    cast(c.job_count as bigint) as job_count,
    cast(c.step_count as bigint) as step_count,
    cast(c.trigger_count as bigint) as trigger_count,
    cast(c.failed_step_count as bigint) as failed_step_count,
    cast(c.recipe_count as bigint) as recipe_count,
    cast(w.workspace_job_count as bigint) as workspace_job_count,
    cast(c.total_seconds as double) as total_seconds,
    cast(c.execute_seconds as double) as execute_seconds,
    cast(w.stepped_job_count as double) / nullif(w.workspace_job_count, 0) as stepped_share,
    c.period_start_date
from connectors as c
inner join workspaces as w
    on
        c.period = w.period
        and c.period_start_date = w.period_start_date
        and c.workspace_id = w.workspace_id
