-- Failures per error and UTC day of the period.
-- grain:  fingerprint_id, event_date
-- reads:  error_fingerprints_daily
-- scope:  global

select
    fingerprint_id,
    cast(sum(failed_count) as bigint) as failed_count,
    event_date
from error_fingerprints_daily
where
    event_date between $from_date and $to_date
    and failed_count > 0
    and (cast($environment as varchar) is null or environment = $environment)
group by all
order by fingerprint_id asc, event_date asc
