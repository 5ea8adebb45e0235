-- Recipes that failed for want of a connection that was lost in the period.
-- grain:  event_id, recipe_id
-- reads:  connection_outage_recipes
-- scope:  global

select
    event_id,
    recipe_id,
    recipe_name,
    error_message,
    failed_count
from connection_outage_recipes
where event_date between $from_date and $to_date
order by event_id asc, failed_count desc, recipe_id asc
