-- Recipes with their newest name and place, and the person who last created, edited or started each.
-- grain:  workspace_id, recipe_id
-- reads:  recipe_usage_daily, stg_activity
-- scope:  global
-- note:   the account of a job is a workspace, never a person, so that the owner is known from
--         activity alone; where nobody is on record the owner is unknown. A name is the newest of
--         those that jobs and activity carry, activity first on the same day.

with acts as (
    select
        workspace_id,
        resource_id as recipe_id,
        resource_name as recipe_name,
        actor_id,
        actor_name,
        actor_email,
        event_type,
        event_type in (
            'recipe_created', 'recipe_updated', 'recipe_copied', 'recipe_renamed', 'recipe_moved',
            'recipe_started'
        ) and actor_id is not null as is_owning,
        event_id,
        event_date,
        occurred_at
    from stg_activity
    where lower(resource_type) = 'flow' and resource_id is not null
),

ranked_owners as (
    select
        *,
        row_number() over (
            partition by workspace_id, recipe_id
            order by occurred_at desc, event_id desc
        ) as position
    from acts
    where is_owning
),

ranked_places as (
    select
        *,
        row_number() over (
            partition by workspace_id, recipe_id
            order by
                (case when folder = 'unknown' then 1 else 0 end) asc,
                event_date desc
        ) as position
    from recipe_usage_daily
),

names as (
    select
        workspace_id,
        recipe_id,
        recipe_name,
        recipe_id as event_id,
        0 as is_activity,
        event_date,
        cast(event_date as timestamp) as named_at
    from recipe_usage_daily
    where recipe_name is not null
    union all
    select
        workspace_id,
        recipe_id,
        recipe_name,
        event_id,
        1 as is_activity,
        event_date,
        occurred_at as named_at
    from acts
    where recipe_name is not null
),

ranked_names as (
    select
        *,
        row_number() over (
            partition by workspace_id, recipe_id
            order by event_date desc, is_activity desc, named_at desc, event_id desc
        ) as position
    from names
),

seen as (
    select
        workspace_id,
        recipe_id,
        event_date
    from recipe_usage_daily
    union all
    select
        workspace_id,
        recipe_id,
        event_date
    from acts
),

recipes as (
    select
        workspace_id,
        recipe_id,
        min(event_date) as first_seen_date,
        max(event_date) as last_seen_date
    from seen
    group by all
)

select
    r.workspace_id,
    r.recipe_id,
    n.recipe_name,
    coalesce(p.environment, 'unknown') as environment,
    coalesce(p.folder, 'unknown') as folder,
    coalesce(p.project, 'unknown') as project,
    coalesce(o.actor_id, 'unknown') as owner_id,
    coalesce(o.actor_name, 'unknown') as owner_name,
    o.actor_email as owner_email,
    o.event_type as owner_event_type,
    r.first_seen_date,
    r.last_seen_date,
    o.occurred_at as owned_since_at
from recipes as r
left join ranked_owners as o
    on r.workspace_id = o.workspace_id and r.recipe_id = o.recipe_id and o.position = 1
left join ranked_places as p
    on r.workspace_id = p.workspace_id and r.recipe_id = p.recipe_id and p.position = 1
left join ranked_names as n
    on r.workspace_id = n.workspace_id and r.recipe_id = n.recipe_id and n.position = 1
