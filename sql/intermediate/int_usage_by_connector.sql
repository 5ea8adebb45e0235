-- Usage per connector and day, week, month or billing cycle, with tasks under the settings' rule.
-- grain:  period, period_start_date, workspace_id, adapter_name
-- reads:  int_connector_tasks, int_usage_days, int_periods, int_usage_percentiles, model_settings
-- scope:  global
-- note:   stepped_share is the share of the workspace's jobs that sent their steps: the others are
--         under the connector unknown. A job counts once for each of its connectors. The median and
--         the 95th percentile are of the time of a step, within 5 percent.

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
        c.counting_rule,
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
        count(distinct c.recipe_id) as recipe_count,
        sum(c.total_seconds) as total_seconds,
        coalesce(sum(c.total_seconds) filter (where c.is_wasted), 0) as wasted_seconds,
        sum(c.execute_seconds) as execute_seconds,
        p.period_start_date
    from int_connector_tasks as c
    inner join model_settings as m on c.counting_rule = m.counting_rule
    inner join int_periods as p on c.event_date = p.event_date
    group by all
)

select
    c.period,
    c.workspace_id,
    c.adapter_name,
    c.environment,
    c.counting_rule,
    cast(c.job_count as bigint) as job_count,
    cast(c.repeat_count as bigint) as repeat_count,
    cast(c.test_job_count as bigint) as test_job_count,
    cast(c.step_count as bigint) as step_count,
    cast(c.trigger_count as bigint) as trigger_count,
    cast(c.failed_step_count as bigint) as failed_step_count,
    cast(c.action_count as bigint) as action_count,
    cast(c.wasted_action_count as bigint) as wasted_action_count,
    cast(c.tasks_least_count as bigint) as tasks_least_count,
    cast(c.tasks_most_count as bigint) as tasks_most_count,
    cast(c.wasted_tasks_least_count as bigint) as wasted_tasks_least_count,
    cast(c.wasted_tasks_most_count as bigint) as wasted_tasks_most_count,
    cast(c.recipe_count as bigint) as recipe_count,
    cast(w.workspace_job_count as bigint) as workspace_job_count,
    round(cast(c.total_seconds as double), 6) as total_seconds,
    round(cast(c.wasted_seconds as double), 6) as wasted_seconds,
    round(cast(c.execute_seconds as double), 6) as execute_seconds,
    d.approximate_median_seconds,
    d.approximate_p95_seconds,
    cast(c.repeat_count as double) / nullif(c.job_count, 0) as repeat_share,
    cast(c.test_job_count as double) / nullif(c.job_count + c.test_job_count, 0) as test_share,
    cast(w.stepped_job_count as double) / nullif(w.workspace_job_count, 0) as stepped_share,
    c.period_start_date
from connectors as c
inner join workspaces as w
    on
        c.period = w.period
        and c.period_start_date = w.period_start_date
        and c.workspace_id = w.workspace_id
left join int_usage_percentiles as d
    on
        c.period = d.period
        and c.period_start_date = d.period_start_date
        and d.subject_kind = 'connector'
        and c.workspace_id = d.workspace_id
        and c.adapter_name = d.subject_id
