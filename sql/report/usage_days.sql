-- Jobs per UTC day of the period, test jobs aside.
-- grain:  event_date
-- reads:  int_usage_days
-- scope:  global

select
    cast(sum(job_count) as bigint) as job_count,
    cast(sum(succeeded_count) as bigint) as succeeded_count,
    cast(sum(failed_count) as bigint) as failed_count,
    event_date
from int_usage_days
where
    event_date between $from_date and $to_date
    and (cast($environment as varchar) is null or environment = $environment)
group by all
order by event_date asc
