-- Recipes that ran most in the period, with the jobs of the period before.
-- grain:  workspace_id, recipe_id
-- reads:  int_usage_days, recipe_owners
-- scope:  global

with summed as (
    select
        workspace_id,
        recipe_id,
        max(environment) as environment,
        sum(job_count) filter (where event_date >= $from_date) as job_count,
        sum(job_count) filter (where event_date < $from_date) as job_count_before,
        sum(failed_count) filter (where event_date >= $from_date) as failed_count,
        sum(tasks_least_count) filter (where event_date >= $from_date) as tasks_least_count,
        sum(tasks_most_count) filter (where event_date >= $from_date) as tasks_most_count,
        sum(total_seconds) filter (where event_date >= $from_date) as total_seconds
    from int_usage_days
    where
        event_date between $before_date and $to_date
        and (cast($environment as varchar) is null or environment = $environment)
    group by all
)

select
    s.workspace_id,
    s.recipe_id,
    s.environment,
    o.recipe_name,
    o.folder,
    o.owner_name,
    cast(s.job_count as bigint) as job_count,
    cast(coalesce(s.job_count_before, 0) as bigint) as job_count_before,
    cast(s.failed_count as bigint) as failed_count,
    cast(s.tasks_least_count as bigint) as tasks_least_count,
    cast(s.tasks_most_count as bigint) as tasks_most_count,
    cast(s.total_seconds as double) as total_seconds
from summed as s
left join recipe_owners as o on s.workspace_id = o.workspace_id and s.recipe_id = o.recipe_id
where s.job_count > 0
order by s.job_count desc, s.workspace_id asc, s.recipe_id asc
limit $top
