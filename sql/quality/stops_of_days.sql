-- Stops of recipes in recipe_stops_daily and recipe_stops, side by side; either may lack the other.
-- grain:  event_date, expected_event_id, found_event_id
-- reads:  recipe_stops_daily, recipe_stops
-- scope:  global

select
    coalesce(e.workspace_id, f.workspace_id) as workspace_id,
    e.event_id as expected_event_id,
    f.event_id as found_event_id,
    coalesce(e.event_date, f.event_date) as event_date
from recipe_stops_daily as e
full outer join recipe_stops as f on e.event_date = f.event_date and e.event_id = f.event_id
