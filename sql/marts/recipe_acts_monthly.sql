-- What people did to a recipe in a UTC month: its newest name, and who last owned it by an act.
-- grain:  month_date, workspace_id, recipe_id
-- reads:  int_activity_once
-- scope:  month
-- note:   owning acts are to create, edit, copy, rename, move or start. What recipe_owners is made of.

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
        cast(date_trunc('month', event_date) as date) as month_date,
        occurred_at
    from int_activity_once
    where
        event_date between $from_date and $to_date
        and lower(resource_type) = 'flow'
        and resource_id is not null
),

ranked as (
    select
        *,
        row_number() over (
            partition by month_date, workspace_id, recipe_id
            order by
                (case when is_owning then 0 else 1 end) asc, occurred_at desc, event_id desc
        ) as owner_position,
        row_number() over (
            partition by month_date, workspace_id, recipe_id
            order by
                (case when recipe_name is null then 1 else 0 end) asc,
                occurred_at desc, event_id desc
        ) as name_position
    from acts
)

select
    workspace_id,
    recipe_id,
    max(case when name_position = 1 then recipe_name end) as recipe_name,
    max(case when owner_position = 1 and is_owning then actor_id end) as owner_id,
    max(case when owner_position = 1 and is_owning then actor_name end) as owner_name,
    max(case when owner_position = 1 and is_owning then actor_email end) as owner_email,
    max(case when owner_position = 1 and is_owning then event_type end) as owner_event_type,
    cast(count(*) as bigint) as activity_count,
    month_date,
    min(event_date) as first_seen_date,
    max(event_date) as last_seen_date,
    max(case when recipe_name is not null then event_date end) as last_named_date,
    max(case when owner_position = 1 and is_owning then occurred_at end) as owned_since_at
from ranked
group by all
