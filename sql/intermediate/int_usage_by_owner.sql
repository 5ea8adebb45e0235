-- Usage per person owning the recipes and day, week, month or billing cycle.
-- grain:  period, period_start_date, workspace_id, owner_id
-- reads:  int_usage_days, int_periods, int_usage_percentiles, recipe_owners
-- scope:  global
-- note:   the owner is who last created, edited or started the recipe, as recipe_owners says today:
--         usage of days before moves with a recipe that changes hands.

select
    p.period,
    u.workspace_id,
    coalesce(o.owner_id, 'unknown') as owner_id,
    max(coalesce(o.owner_name, 'unknown')) as owner_name,
    max(o.owner_email) as owner_email,
    max(u.environment) as environment,
    u.counting_rule,
    cast(sum(u.job_count) as bigint) as job_count,
    cast(sum(u.succeeded_count) as bigint) as succeeded_count,
    cast(sum(u.failed_count) as bigint) as failed_count,
    cast(sum(u.repeat_count) as bigint) as repeat_count,
    cast(sum(u.called_count) as bigint) as called_count,
    cast(sum(u.stepped_job_count) as bigint) as stepped_job_count,
    cast(sum(u.uncountable_job_count) as bigint) as uncountable_job_count,
    cast(sum(u.test_job_count) as bigint) as test_job_count,
    cast(sum(u.action_count) as bigint) as action_count,
    cast(sum(u.test_action_count) as bigint) as test_action_count,
    cast(sum(u.failed_action_count) as bigint) as failed_action_count,
    cast(sum(u.repeat_action_count) as bigint) as repeat_action_count,
    cast(sum(u.wasted_action_count) as bigint) as wasted_action_count,
    cast(sum(u.tasks_least_count) as bigint) as tasks_least_count,
    cast(sum(u.tasks_most_count) as bigint) as tasks_most_count,
    cast(sum(u.wasted_tasks_least_count) as bigint) as wasted_tasks_least_count,
    cast(sum(u.wasted_tasks_most_count) as bigint) as wasted_tasks_most_count,
    count(distinct u.recipe_id) as recipe_count,
    round(cast(sum(u.total_seconds) as double), 3) as total_seconds,
    round(cast(sum(u.failed_seconds) as double), 3) as failed_seconds,
    round(cast(sum(u.repeat_seconds) as double), 3) as repeat_seconds,
    round(cast(sum(u.wasted_seconds) as double), 3) as wasted_seconds,
    cast(sum(u.total_seconds) as double) / nullif(sum(u.job_count), 0) as mean_seconds,
    max(d.approximate_median_seconds) as approximate_median_seconds,
    max(d.approximate_p95_seconds) as approximate_p95_seconds,
    cast(sum(u.repeat_count) as double) / nullif(sum(u.job_count), 0) as repeat_share,
    cast(sum(u.test_job_count) as double)
    / nullif(sum(u.job_count) + sum(u.test_job_count), 0) as test_share,
    cast(sum(u.stepped_job_count) as double) / nullif(sum(u.job_count), 0) as stepped_share,
    p.period_start_date
from int_usage_days as u
inner join int_periods as p on u.event_date = p.event_date
left join recipe_owners as o
    on u.workspace_id = o.workspace_id and u.recipe_id = o.recipe_id
left join int_usage_percentiles as d
    on
        p.period = d.period
        and p.period_start_date = d.period_start_date
        and d.subject_kind = 'owner'
        and u.workspace_id = d.workspace_id
        and coalesce(o.owner_id, 'unknown') = d.subject_id
group by all
