-- Folders whose recipes ran most in the period.
-- grain:  folder
-- reads:  int_usage_days
-- scope:  global

select
    folder,
    cast(sum(job_count) filter (where event_date >= $from_date) as bigint) as job_count,
    cast(coalesce(sum(job_count) filter (where event_date < $from_date), 0) as bigint)
        as job_count_before,
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
order by job_count desc, folder asc
limit $top
