-- Usage of the period and of the one before it, as two rows at most.
-- grain:  is_current
-- reads:  int_usage_days
-- scope:  global

select
    cast(sum(job_count) as bigint) as job_count,
    cast(sum(succeeded_count) as bigint) as succeeded_count,
    cast(sum(failed_count) as bigint) as failed_count,
    cast(sum(repeat_count) as bigint) as repeat_count,
    cast(sum(test_job_count) as bigint) as test_job_count,
    cast(sum(uncountable_job_count) as bigint) as uncountable_job_count,
    cast(sum(action_count) as bigint) as action_count,
    cast(sum(wasted_action_count) as bigint) as wasted_action_count,
    cast(sum(tasks_least_count) as bigint) as tasks_least_count,
    cast(sum(tasks_most_count) as bigint) as tasks_most_count,
    cast(sum(wasted_tasks_least_count) as bigint) as wasted_tasks_least_count,
    cast(sum(wasted_tasks_most_count) as bigint) as wasted_tasks_most_count,
    cast(
        count(distinct case when job_count > 0 then workspace_id || ' ' || recipe_id end) as bigint
    ) as recipe_count,
    cast(sum(total_seconds) as double) as total_seconds,
    cast(sum(wasted_seconds) as double) as wasted_seconds,
    event_date >= $from_date as is_current
from int_usage_days
where
    event_date between $before_date and $to_date
    and (cast($environment as varchar) is null or environment = $environment)
group by all
order by is_current asc
