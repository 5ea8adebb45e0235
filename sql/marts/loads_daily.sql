-- Loads per UTC day on which they began, with what they received and became of it.
-- grain:  event_date
-- reads:  stg_loads
-- scope:  partition
-- files:  month
-- note:   received is accepted, duplicate and rejected together, always.

select
    cast(count(*) as bigint) as load_count,
    cast(sum(object_count) as bigint) as object_count,
    cast(sum(received_count) as bigint) as received_count,
    cast(sum(accepted_count) as bigint) as accepted_count,
    cast(sum(duplicate_count) as bigint) as duplicate_count,
    cast(sum(rejected_count) as bigint) as rejected_count,
    cast(sum(landing_bytes) as bigint) as landing_bytes,
    cast(sum(cast(round(load_seconds * 1000) as bigint)) as double) / 1000 as total_seconds,
    cast(max(load_seconds) as double) as longest_seconds,
    cast(sum(rejected_count) as double) / nullif(sum(received_count), 0) as rejected_share,
    event_date,
    min(loaded_at) as first_loaded_at,
    max(committed_at) as last_committed_at
from stg_loads
where event_date between $from_date and $to_date
group by all
