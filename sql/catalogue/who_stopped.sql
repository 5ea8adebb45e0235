-- Who or what stopped a recipe, newest first; it is found by id, or by a part of any of its names.
-- grain:  event_id
-- reads:  recipe_stops, resource_names
-- scope:  global
-- macro:  who_stopped(recipe)
-- note:   Workato itself is the actor where no person is.

with wanted as (
    select distinct
        workspace_id,
        resource_id
    from resource_names
    where
        resource_kind = 'recipe'
        and (resource_id = recipe or contains(lower(resource_name), lower(recipe)))
)

select
    s.recipe_name,
    s.recipe_id,
    s.actor_name,
    s.actor_email,
    s.stopped_by,
    s.stop_reason,
    s.ip_address,
    s.workspace_id,
    s.environment,
    s.event_id,
    s.stopped_at,
    s.restarted_at,
    s.restarted_by_name,
    s.seen_running_at,
    s.downtime_seconds,
    s.is_open,
    s.last_error_message,
    s.failure_rate_before,
    s.failure_rate_after
from recipe_stops as s
inner join wanted as w on s.workspace_id = w.workspace_id and s.recipe_id = w.resource_id
order by s.stopped_at desc, s.event_id asc
