-- Inputs that could not be read, per UTC day of loading, source and reason, with an example.
-- grain:  event_date, source, reason
-- reads:  stg_rejected
-- scope:  partition
-- files:  month
-- note:   the bytes stay in rejected; a fix makes them loadable again.

select
    coalesce(source, 'unknown') as source,
    reason,
    min(detail) as example_detail,
    min(source_uri) as example_source_uri,
    cast(count(*) as bigint) as rejected_count,
    cast(count(distinct source_uri) as bigint) as object_count,
    cast(coalesce(sum(input_bytes), 0) as bigint) as input_bytes,
    event_date,
    max(loaded_at) as last_loaded_at
from stg_rejected
where event_date between $from_date and $to_date
group by all
