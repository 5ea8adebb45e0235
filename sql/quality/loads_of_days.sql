-- Loads and rejected records in the lake and in loads_daily, side by side.
-- grain:  event_date
-- reads:  loads, rejected, loads_daily
-- scope:  partition
-- note:   workspace_id is there for the shape of the relation: a load is of all workspaces.

with kept as (
    select
        count(*) as rejected_count,
        event_date
    from rejected
    group by all
),

expected as (
    select
        count(*) as load_count,
        event_date
    from loads
    group by all
)

select
    'all' as workspace_id,
    e.load_count as expected_load_count,
    f.load_count as found_load_count,
    coalesce(k.rejected_count, 0) as expected_rejected_count,
    coalesce(f.rejected_count, 0) as found_rejected_count,
    coalesce(e.event_date, f.event_date) as event_date
from expected as e
full outer join loads_daily as f on e.event_date = f.event_date
left join kept as k on coalesce(e.event_date, f.event_date) = k.event_date
