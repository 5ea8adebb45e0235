-- Loads that began in the period or brought events of it, as one row.
-- grain:  one row
-- reads:  stg_loads, loads
-- scope:  global
-- note:   their counts are of the whole load, other days included.

with bringing as (
    select distinct l.load_number
    from loads as l, unnest(l.outputs) as brought (output)
    where
        brought.output.event_date between $from_date and $to_date
        and brought.output.table <> 'rejected'
)

select
    cast(count(*) as bigint) as load_count,
    cast(coalesce(sum(object_count), 0) as bigint) as object_count,
    cast(coalesce(sum(received_count), 0) as bigint) as received_count,
    cast(coalesce(sum(accepted_count), 0) as bigint) as accepted_count,
    cast(coalesce(sum(duplicate_count), 0) as bigint) as duplicate_count,
    cast(coalesce(sum(rejected_count), 0) as bigint) as rejected_count,
    cast(coalesce(sum(landing_bytes), 0) as bigint) as landing_bytes,
    max(load_seconds) as longest_seconds,
    max(committed_at) as last_committed_at
from stg_loads
where
    event_date between $from_date and $to_date
    or load_number in (select load_number from bringing)
