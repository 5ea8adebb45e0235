-- Connectors with the most steps in the period, of the jobs that sent their steps.
-- grain:  adapter_name
-- reads:  connector_usage_daily
-- scope:  global

select
    adapter_name,
    cast(sum(step_count) as bigint) as step_count,
    cast(sum(job_count) as bigint) as job_count,
    cast(sum(failed_step_count) as bigint) as failed_step_count
from connector_usage_daily
where
    event_date between $from_date and $to_date
    and adapter_name not in ('control', 'unknown')
    and (cast($environment as varchar) is null or environment = $environment)
group by all
order by step_count desc, adapter_name asc
limit $top
