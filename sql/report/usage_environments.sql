-- Usage of the period per environment.
-- grain:  environment
-- reads:  int_usage_days
-- scope:  global

select
    coalesce(environment, 'unknown') as environment,
    cast(sum(job_count) filter (where event_date >= $from_date) as bigint) as job_count,
    cast(sum(job_count) filter (where event_date < $from_date) as bigint) as job_count_before,
    cast(sum(failed_count) filter (where event_date >= $from_date) as bigint) as failed_count,
    cast(
        sum(succeeded_count + failed_count) filter (where event_date >= $from_date) as bigint
    ) as finished_count,
    cast(sum(tasks_least_count) filter (where event_date >= $from_date) as bigint)
        as tasks_least_count,
    cast(sum(tasks_most_count) filter (where event_date >= $from_date) as bigint)
        as tasks_most_count
from int_usage_days
where
    event_date between $before_date and $to_date
    and (cast($environment as varchar) is null or environment = $environment)
group by all
having sum(job_count) filter (where event_date >= $from_date) > 0
order by job_count desc, environment asc
