-- Usage per recipe and UTC day, with tasks under the counting rule of the settings.
-- grain:  event_date, workspace_id, recipe_id
-- reads:  int_usage_tasks, model_settings
-- scope:  partition
-- note:   int_usage_tasks has the same figures under every rule.

select
    t.workspace_id,
    t.recipe_id,
    t.environment,
    t.recipe_name,
    t.folder,
    t.project,
    t.counting_rule,
    t.job_count,
    t.succeeded_count,
    t.failed_count,
    t.repeat_count,
    t.called_count,
    t.stepped_job_count,
    t.uncountable_job_count,
    t.test_job_count,
    t.action_count,
    t.test_action_count,
    t.failed_action_count,
    t.repeat_action_count,
    t.wasted_action_count,
    t.tasks_least_count,
    t.tasks_most_count,
    t.wasted_tasks_least_count,
    t.wasted_tasks_most_count,
    t.total_seconds,
    t.failed_seconds,
    t.repeat_seconds,
    t.wasted_seconds,
    t.median_seconds,
    t.p95_seconds,
    t.event_date
from int_usage_tasks as t
inner join model_settings as m on t.counting_rule = m.counting_rule
