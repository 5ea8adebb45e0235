-- Who or what stopped a recipe, newest first; the name is matched without regard to case.
-- grain:  event_id
-- reads:  activity
-- scope:  global
-- note:   Workato itself is the actor where no person is named.

select
    resource_name as recipe_name,
    resource_id as recipe_id,
    coalesce(actor_name, 'Workato') as actor_name,
    actor_email,
    stop_reason,
    ip_address,
    workspace_id,
    event_id,
    occurred_at as stopped_at
from activity
where
    event_type = 'recipe_stopped'
    and (resource_id = recipe or contains(lower(resource_name), lower(recipe)))
order by occurred_at desc, event_id asc
