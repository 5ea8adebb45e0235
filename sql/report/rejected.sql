-- Inputs that could not be read, by reason, of the loads that began in the period or brought it.
-- grain:  source, reason
-- reads:  stg_rejected, stg_loads, loads
-- scope:  global

with bringing as (
    select distinct l.load_number
    from loads as l, unnest(l.outputs) as brought (output)
    where
        brought.output.event_date between $from_date and $to_date
        and brought.output.table <> 'rejected'
),

chosen as (
    select
        load_id,
        event_date
    from stg_loads
    where
        event_date between $from_date and $to_date
        or load_number in (select load_number from bringing)
)

select
    source,
    reason,
    min(detail) as example_detail,
    cast(count(*) as bigint) as rejected_count
from stg_rejected
where load_id in (select load_id from chosen)
group by all
order by rejected_count desc, source asc, reason asc
