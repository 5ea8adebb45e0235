-- Fingerprint and recipe with the nearest earlier change that could explain why it began.
-- grain:  workspace_id, recipe_id, fingerprint_id
-- reads:  error_starts_daily
-- scope:  global
-- note:   it began with its latest first failure after more than 7 days without; the ranks of
--         causes are those of error_starts_daily.

with ranked as (
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
    workspace_id,
    recipe_id,
    fingerprint_id,
    recipe_name,
    error_type,
    error_adapter,
    error_operation,
    error_text,
    cause_event_id,
    cause_event_type,
    cause_reach,
    cause_resource_type,
    cause_resource_id,
    cause_resource_name,
    actor_id,
    actor_name,
    actor_email,
    ip_address,
    cause_rank,
    seconds_before,
    first_seen_at,
    started_at,
    changed_at
from ranked
where position = 1
