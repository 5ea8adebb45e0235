-- Tasks per recipe between two UTC days, both included, under every documented counting rule.
-- grain:  workspace_id, recipe_id, counting_rule
-- reads:  int_usage_tasks, recipe_owners
-- scope:  global
-- macro:  tasks_between(from_day, to_day)
-- note:   bounds, because the stream has no task number; int_usage_tasks says how they come about.
--         Names are today's.

select
    u.workspace_id,
    u.recipe_id,
    max(u.environment) as environment,
    max(o.recipe_name) as recipe_name,
    u.counting_rule,
    cast(sum(u.tasks_least_count) as bigint) as tasks_least_count,
    cast(sum(u.tasks_most_count) as bigint) as tasks_most_count,
    cast(sum(u.uncountable_job_count) as bigint) as uncountable_job_count
from int_usage_tasks as u
left join recipe_owners as o on u.workspace_id = o.workspace_id and u.recipe_id = o.recipe_id
where u.event_date between cast(from_day as date) and cast(to_day as date)
group by all
order by tasks_most_count desc, u.workspace_id asc, u.recipe_id asc, u.counting_rule asc
