-- Usage per calling process and day, week, month or billing cycle: all jobs below a root recipe.
-- grain:  period, period_start_date, workspace_id, root_recipe_id
-- reads:  int_process_tasks, int_periods, int_usage_percentiles, model_settings, recipe_owners
-- scope:  global
-- note:   a recipe that is called by two processes has its jobs in both, each once. The name is the
--         root recipe's newest. The median and the 95th percentile are within 5 percent.

select
    p.period,
    u.workspace_id,
    u.root_recipe_id,
    max(o.recipe_name) as root_recipe_name,
    max(coalesce(o.project, 'unknown')) as project,
    max(u.environment) as environment,
    u.counting_rule,
    cast(sum(u.root_job_count) as bigint) as root_job_count,
    cast(sum(u.guessed_root_count) as bigint) as guessed_root_count,
    cast(sum(u.job_count) as bigint) as job_count,
    cast(sum(u.succeeded_count) as bigint) as succeeded_count,
    cast(sum(u.failed_count) as bigint) as failed_count,
    cast(sum(u.repeat_count) as bigint) as repeat_count,
    cast(sum(u.uncountable_job_count) as bigint) as uncountable_job_count,
    cast(sum(u.test_job_count) as bigint) as test_job_count,
    count(distinct u.recipe_id) as recipe_count,
    cast(sum(u.action_count) as bigint) as action_count,
    cast(coalesce(sum(u.action_count) filter (where u.is_wasted), 0) as bigint)
        as wasted_action_count,
    cast(sum(u.tasks_least_count) as bigint) as tasks_least_count,
    cast(sum(u.tasks_most_count) as bigint) as tasks_most_count,
    cast(coalesce(sum(u.tasks_least_count) filter (where u.is_wasted), 0) as bigint)
        as wasted_tasks_least_count,
    cast(coalesce(sum(u.tasks_most_count) filter (where u.is_wasted), 0) as bigint)
        as wasted_tasks_most_count,
    round(cast(sum(u.total_seconds) as double), 3) as total_seconds,
    round(cast(coalesce(sum(u.total_seconds) filter (where u.is_wasted), 0) as double), 3)
        as wasted_seconds,
    max(d.approximate_median_seconds) as approximate_median_seconds,
    max(d.approximate_p95_seconds) as approximate_p95_seconds,
    cast(sum(u.repeat_count) as double) / nullif(sum(u.job_count), 0) as repeat_share,
    cast(sum(u.test_job_count) as double)
    / nullif(sum(u.job_count) + sum(u.test_job_count), 0) as test_share,
    p.period_start_date
from int_process_tasks as u
inner join model_settings as m on u.counting_rule = m.counting_rule
inner join int_periods as p on u.event_date = p.event_date
left join recipe_owners as o
    on u.workspace_id = o.workspace_id and u.root_recipe_id = o.recipe_id
left join int_usage_percentiles as d
    on
        p.period = d.period
        and p.period_start_date = d.period_start_date
        and d.subject_kind = 'process'
        and u.workspace_id = d.workspace_id
        and u.root_recipe_id = d.subject_id
group by all
