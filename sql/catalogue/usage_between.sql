-- Usage per recipe between two UTC days, both included, the most jobs first.
-- grain:  workspace_id, recipe_id
-- reads:  int_usage_days, recipe_owners
-- scope:  global
-- macro:  usage_between(from_day, to_day)
-- note:   tasks are under the counting rule of the settings; names and owners are today's.

with summed as (
    select
        workspace_id,
        recipe_id,
        max(environment) as environment,
        counting_rule,
        cast(sum(job_count) as bigint) as job_count,
        cast(sum(succeeded_count) as bigint) as succeeded_count,
        cast(sum(failed_count) as bigint) as failed_count,
        cast(sum(repeat_count) as bigint) as repeat_count,
        cast(sum(test_job_count) as bigint) as test_job_count,
        cast(sum(action_count) as bigint) as action_count,
        cast(sum(wasted_action_count) as bigint) as wasted_action_count,
        cast(sum(tasks_least_count) as bigint) as tasks_least_count,
        cast(sum(tasks_most_count) as bigint) as tasks_most_count,
        cast(sum(total_seconds) as double) as total_seconds,
        cast(sum(wasted_seconds) as double) as wasted_seconds,
        max(p95_seconds) as greatest_daily_p95_seconds
    from int_usage_days
    where event_date between cast(from_day as date) and cast(to_day as date)
    group by all
)

select
    s.workspace_id,
    s.environment,
    s.recipe_id,
    o.recipe_name,
    o.project,
    o.owner_name,
    s.counting_rule,
    s.job_count,
    s.succeeded_count,
    s.failed_count,
    s.repeat_count,
    s.test_job_count,
    s.action_count,
    s.wasted_action_count,
    s.tasks_least_count,
    s.tasks_most_count,
    s.total_seconds,
    s.wasted_seconds,
    s.greatest_daily_p95_seconds,
    cast(s.failed_count as double) / nullif(s.succeeded_count + s.failed_count, 0) as failed_share
from summed as s
left join recipe_owners as o on s.workspace_id = o.workspace_id and s.recipe_id = o.recipe_id
order by s.job_count desc, s.workspace_id asc, s.recipe_id asc
