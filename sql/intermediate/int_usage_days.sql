-- Usage per recipe and UTC day, with tasks under the counting rule of the settings.
-- grain:  event_date, workspace_id, recipe_id
-- reads:  recipe_usage_daily, int_usage_tasks, model_settings
-- scope:  partition
-- note:   int_usage_tasks has the same figures under every rule.

select
    u.workspace_id,
    u.recipe_id,
    u.environment,
    u.recipe_name,
    u.folder,
    u.project,
    t.counting_rule,
    u.job_count,
    u.succeeded_count,
    u.failed_count,
    u.repeat_count,
    u.called_count,
    u.stepped_job_count,
    u.uncountable_job_count,
    u.test_job_count,
    u.action_count,
    u.test_action_count,
    u.failed_action_count,
    u.repeat_action_count,
    u.wasted_action_count,
    t.tasks_least_count,
    t.tasks_most_count,
    u.total_seconds,
    u.failed_seconds,
    u.repeat_seconds,
    u.wasted_seconds,
    u.median_seconds,
    u.p95_seconds,
    u.event_date
from recipe_usage_daily as u
inner join int_usage_tasks as t
    on
        u.event_date = t.event_date
        and u.workspace_id = t.workspace_id
        and u.recipe_id = t.recipe_id
inner join model_settings as m on t.counting_rule = m.counting_rule
