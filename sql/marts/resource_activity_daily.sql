-- Which recipes, connections and people a UTC day holds, under which name.
-- grain:  event_date, resource_kind, workspace_id, resource_id, resource_name
-- reads:  int_activity_once, recipe_activity_daily
-- scope:  partition
-- note:   activity_count is what people did, to a recipe or connection or as that person;
--         mention_count is what was done to a person, and what failed to be a sign-in.

with seen as (
    select
        'recipe' as resource_kind,
        workspace_id,
        recipe_id as resource_id,
        resource_name,
        cast(null as varchar) as resource_email,
        1 as activity_count,
        0 as mention_count,
        0 as job_count,
        0 as failed_count,
        event_date,
        occurred_at as first_seen_at,
        occurred_at as last_seen_at
    from int_activity_once
    where event_date between $from_date and $to_date and recipe_id is not null
    union all
    select
        'connection' as resource_kind,
        workspace_id,
        connection_id as resource_id,
        resource_name,
        null as resource_email,
        1 as activity_count,
        0 as mention_count,
        0 as job_count,
        0 as failed_count,
        event_date,
        occurred_at as first_seen_at,
        occurred_at as last_seen_at
    from int_activity_once
    where event_date between $from_date and $to_date and connection_id is not null
    union all
    select
        'person' as resource_kind,
        workspace_id,
        coalesce(actor_id, lower(actor_email)) as resource_id,
        actor_name as resource_name,
        lower(actor_email) as resource_email,
        -- whoever failed to sign in may not be that person
        case when is_failed_sign_in then 0 else 1 end as activity_count,
        case when is_failed_sign_in then 1 else 0 end as mention_count,
        0 as job_count,
        0 as failed_count,
        event_date,
        occurred_at as first_seen_at,
        occurred_at as last_seen_at
    from int_activity_once
    where
        event_date between $from_date and $to_date
        and (actor_id is not null or actor_email is not null)
    union all
    select
        'person' as resource_kind,
        workspace_id,
        coalesce(member_id, lower(coalesce(member_email, resource_email))) as resource_id,
        coalesce(member_name, resource_name) as resource_name,
        lower(coalesce(member_email, resource_email)) as resource_email,
        0 as activity_count,
        1 as mention_count,
        0 as job_count,
        0 as failed_count,
        event_date,
        occurred_at as first_seen_at,
        occurred_at as last_seen_at
    from int_activity_once
    where
        event_date between $from_date and $to_date
        and event_category = 'team'
        and coalesce(member_id, member_email, resource_email) is not null
    union all
    select
        'recipe' as resource_kind,
        workspace_id,
        recipe_id as resource_id,
        recipe_name as resource_name,
        null as resource_email,
        0 as activity_count,
        0 as mention_count,
        job_count,
        failed_count,
        event_date,
        first_started_at as first_seen_at,
        last_started_at as last_seen_at
    from recipe_activity_daily
    where event_date between $from_date and $to_date
)

select
    resource_kind,
    workspace_id,
    resource_id,
    coalesce(resource_name, resource_id) as resource_name,
    max(resource_email) as resource_email,
    cast(sum(activity_count) as bigint) as activity_count,
    cast(sum(mention_count) as bigint) as mention_count,
    cast(sum(job_count) as bigint) as job_count,
    cast(sum(failed_count) as bigint) as failed_count,
    event_date,
    min(first_seen_at) as first_seen_at,
    max(last_seen_at) as last_seen_at
from seen
group by all
