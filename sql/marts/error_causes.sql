-- Fingerprint and recipe with the nearest earlier change that could explain why it began.
-- grain:  workspace_id, recipe_id, fingerprint_id
-- reads:  error_starts_daily, recipe_activity_monthly
-- scope:  global
-- note:   it began with its latest first failure after more than 7 days without; the ranks of
--         causes are those of error_starts_daily. In a workspace's first 7 days in the lake
--         an error may be older than they are: is_start_known is false.

with begun as (
    select
        workspace_id,
        cast(min(first_started_at) as date) as first_date
    from recipe_activity_monthly
    group by all
),

ranked as (
    select
        *,
        min(started_at) over (
            partition by workspace_id, recipe_id, fingerprint_id
        ) as first_seen_at,
        row_number() over (
            partition by workspace_id, recipe_id, fingerprint_id order by event_date desc
        ) as position
    from error_starts_daily
)

select
    r.workspace_id,
    r.recipe_id,
    r.fingerprint_id,
    r.recipe_name,
    r.error_type,
    r.error_adapter,
    r.error_operation,
    r.error_text,
    r.cause_event_id,
    r.cause_event_type,
    r.cause_reach,
    r.cause_resource_type,
    r.cause_resource_id,
    r.cause_resource_name,
    r.actor_id,
    r.actor_name,
    r.actor_email,
    r.ip_address,
    r.cause_rank,
    r.seconds_before,
    coalesce(date_diff('day', b.first_date, r.event_date) >= 7, false) as is_start_known,
    r.first_seen_at,
    r.started_at,
    r.changed_at
from ranked as r
left join begun as b on r.workspace_id = b.workspace_id
where r.position = 1
