-- Errors between two UTC days by fingerprint, the most first, with trend and what came before.
-- grain:  workspace_id, fingerprint_id
-- reads:  error_fingerprints_daily, error_fingerprints, error_causes
-- scope:  global
-- note:   trend is as of the newest day of the lake. The change is what could explain the error's
--         start in one of its recipes, near in time and not proved: the best rank wins, then the
--         recipe that failed most, then the shortest time, as in the report. An error that may be
--         older than the lake has none.

with failing as (
    select
        workspace_id,
        fingerprint_id,
        recipe_id,
        coalesce(max(environment), 'unknown') as environment,
        sum(failed_count) as failed_count,
        min(first_failed_at) as first_failed_at,
        max(last_failed_at) as last_failed_at
    from error_fingerprints_daily
    where
        event_date between $from_date and $to_date
        and failed_count > 0
        and ($environment is null or coalesce(environment, 'unknown') = $environment)
        and ($recipe_id is null or recipe_id = $recipe_id)
    group by all
),

summed as (
    select
        workspace_id,
        fingerprint_id,
        max(environment) as environment,
        sum(failed_count) as failed_count,
        count(*) as recipe_count,
        min(first_failed_at) as first_failed_at,
        max(last_failed_at) as last_failed_at
    from failing
    group by all
),

ranked as (
    select
        *,
        row_number() over (
            order by failed_count desc, last_failed_at desc, workspace_id asc, fingerprint_id asc
        ) as position,
        count(*) over () as total_count
    from summed
),

ordered_causes as (
    select
        c.*,
        row_number() over (
            partition by c.workspace_id, c.fingerprint_id
            order by
                c.cause_rank asc, f.failed_count desc, c.seconds_before asc, c.recipe_id asc
        ) as position
    from failing as f
    inner join error_causes as c
        on
            f.workspace_id = c.workspace_id
            and f.recipe_id = c.recipe_id
            and f.fingerprint_id = c.fingerprint_id
    where c.cause_event_id is not null and c.is_start_known
)

select
    r.fingerprint_id,
    f.error_type,
    f.error_adapter,
    f.error_operation,
    f.error_text,
    f.sample_message,
    f.sample_job_id,
    r.environment,
    r.workspace_id,
    cast(r.failed_count as bigint) as failed_count,
    cast(r.recipe_count as bigint) as recipe_count,
    f.trend,
    f.first_seen_at,
    f.last_seen_at,
    r.first_failed_at,
    r.last_failed_at,
    c.recipe_id as cause_for_recipe_id,
    c.recipe_name as cause_for_recipe_name,
    c.cause_event_type,
    c.cause_resource_name,
    c.actor_name as cause_actor_name,
    c.actor_email as cause_actor_email,
    c.ip_address as cause_ip_address,
    c.changed_at as cause_changed_at,
    c.started_at as cause_started_at,
    c.seconds_before as cause_seconds_before,
    c.cause_rank,
    r.total_count
from ranked as r
inner join error_fingerprints as f
    on r.workspace_id = f.workspace_id and r.fingerprint_id = f.fingerprint_id
left join ordered_causes as c
    on r.workspace_id = c.workspace_id and r.fingerprint_id = c.fingerprint_id and c.position = 1
where $top = 0 or r.position <= $top
order by r.position asc
