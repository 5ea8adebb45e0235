-- Inputs that could not be read in the lake and in rejected_daily, side by side.
-- grain:  event_date
-- reads:  rejected, rejected_daily
-- scope:  partition
-- note:   workspace_id is there for the shape of the relation: what cannot be read is of none.

with expected as (
    select
        count(*) as rejected_count,
        event_date
    from rejected
    group by all
),

found as (
    select
        sum(rejected_count) as rejected_count,
        event_date
    from rejected_daily
    group by all
)

select
    'all' as workspace_id,
    e.rejected_count as expected_rejected_count,
    f.rejected_count as found_rejected_count,
    coalesce(e.event_date, f.event_date) as event_date
from expected as e
full outer join found as f on e.event_date = f.event_date
