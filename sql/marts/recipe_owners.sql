-- Recipes with their newest name and place, and the person who last created, edited or started each.
-- grain:  workspace_id, recipe_id
-- reads:  recipe_usage_monthly, recipe_acts_monthly
-- scope:  global
-- note:   the account of a job is a workspace, never a person, so that the owner is known from
--         activity alone; where nobody is on record the owner is unknown. A name is the newest of
--         those that jobs and activity carry, activity first on the same day.

with ranked_owners as (
    select
        *,
        row_number() over (
            partition by workspace_id, recipe_id order by month_date desc
        ) as position
    from recipe_acts_monthly
    where owner_id is not null
),

-- a person whose name or address changed has the newest with every recipe
ranked_people as (
    select
        *,
        row_number() over (
            partition by owner_id
            order by
                (case when owner_name is null then 1 else 0 end) asc,
                owned_since_at desc, workspace_id asc, recipe_id asc, month_date desc
        ) as position
    from recipe_acts_monthly
    where owner_id is not null
),

ranked_places as (
    select
        *,
        row_number() over (
            partition by workspace_id, recipe_id
            order by
                (case when folder = 'unknown' then 1 else 0 end) asc,
                last_seen_date desc, environment asc, folder asc, project asc, month_date asc
        ) as position
    from recipe_usage_monthly
),

names as (
    select
        workspace_id,
        recipe_id,
        recipe_name,
        recipe_id as event_id,
        0 as is_activity,
        last_named_date as event_date
    from recipe_usage_monthly
    where recipe_name is not null
    union all
    select
        workspace_id,
        recipe_id,
        recipe_name,
        recipe_id as event_id,
        1 as is_activity,
        last_named_date as event_date
    from recipe_acts_monthly
    where recipe_name is not null
),

ranked_names as (
    select
        *,
        row_number() over (
            partition by workspace_id, recipe_id
            order by event_date desc, is_activity desc, event_id asc
        ) as position
    from names
),

seen as (
    select
        workspace_id,
        recipe_id,
        first_seen_date,
        last_seen_date
    from recipe_usage_monthly
    union all
    select
        workspace_id,
        recipe_id,
        first_seen_date,
        last_seen_date
    from recipe_acts_monthly
),

recipes as (
    select
        workspace_id,
        recipe_id,
        min(first_seen_date) as first_seen_date,
        max(last_seen_date) as last_seen_date
    from seen
    group by all
)

select
    r.workspace_id,
    r.recipe_id,
    n.recipe_name,
    coalesce(l.environment, 'unknown') as environment,
    coalesce(l.folder, 'unknown') as folder,
    coalesce(l.project, 'unknown') as project,
    coalesce(o.owner_id, 'unknown') as owner_id,
    coalesce(p.owner_name, 'unknown') as owner_name,
    p.owner_email,
    o.owner_event_type,
    r.first_seen_date,
    r.last_seen_date,
    o.owned_since_at
from recipes as r
left join ranked_owners as o
    on r.workspace_id = o.workspace_id and r.recipe_id = o.recipe_id and o.position = 1
left join ranked_people as p on o.owner_id = p.owner_id and p.position = 1
left join ranked_places as l
    on r.workspace_id = l.workspace_id and r.recipe_id = l.recipe_id and l.position = 1
left join ranked_names as n
    on r.workspace_id = n.workspace_id and r.recipe_id = n.recipe_id and n.position = 1
