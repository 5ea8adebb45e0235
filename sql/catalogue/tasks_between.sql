-- Tasks per recipe between two UTC days, both included, under every documented counting rule.
-- grain:  workspace_id, recipe_id, counting_rule
-- reads:  int_usage_tasks
-- scope:  global
-- macro:  tasks_between(from_day, to_day)
-- note:   bounds, because the stream has no task number; int_usage_tasks says how they come about.

select
    workspace_id,
    recipe_id,
    max(environment) as environment,
    max(recipe_name) as recipe_name,
    counting_rule,
    cast(sum(tasks_least_count) as bigint) as tasks_least_count,
    cast(sum(tasks_most_count) as bigint) as tasks_most_count,
    cast(sum(uncountable_job_count) as bigint) as uncountable_job_count
from int_usage_tasks
where event_date between cast(from_day as date) and cast(to_day as date)
group by all
order by tasks_most_count desc, workspace_id asc, recipe_id asc, counting_rule asc
