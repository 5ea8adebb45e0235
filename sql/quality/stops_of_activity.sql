-- Stops of recipes in the lake and in recipe_stops_daily, side by side; either may lack the other.
-- grain:  event_date, expected_event_id, found_event_id
-- reads:  activity, activity_twins_daily, recipe_stops_daily
-- scope:  partition
-- note:   a stop that came through API and stream is the API's alone.

with expected as (
    select
        a.event_id,
        coalesce(a.workspace_id, 'unknown') as workspace_id,
        a.event_date
    from activity as a
    left join activity_twins_daily as t on a.event_date = t.event_date and a.event_id = t.event_id
    where
        t.event_id is null
        and regexp_extract(a.event_type, '_([a-z]+)$', 1) = 'stopped'
        and lower(a.resource_type) = 'flow'
        and a.resource_id is not null
)

select
    coalesce(e.workspace_id, f.workspace_id) as workspace_id,
    e.event_id as expected_event_id,
    f.event_id as found_event_id,
    coalesce(e.event_date, f.event_date) as event_date
from expected as e
full outer join recipe_stops_daily as f on e.event_date = f.event_date and e.event_id = f.event_id
