-- The nearest change that could explain each error of the period, of all recipes that it is in.
-- grain:  fingerprint_id
-- reads:  error_fingerprints_daily, error_causes, recipe_owners
-- scope:  global
-- note:   an error that may be older than the lake has none; the best rank wins, then the recipe that failed most, then the shortest time.

with failing as (
    select
        fingerprint_id,
        workspace_id,
        recipe_id,
        sum(failed_count) as failed_count
    from error_fingerprints_daily
    where
        event_date between $from_date and $to_date
        and failed_count > 0
        and (cast($environment as varchar) is null or environment = $environment)
    group by all
),

ranked as (
    select
        f.fingerprint_id,
        coalesce(o.recipe_name, c.recipe_name) as recipe_name,
        c.recipe_id,
        c.cause_event_type,
        c.cause_reach,
        c.cause_resource_name,
        c.cause_resource_id,
        c.actor_name,
        c.cause_rank,
        c.seconds_before,
        c.changed_at,
        row_number() over (
            partition by f.fingerprint_id
            order by
                c.cause_rank asc, f.failed_count desc, c.seconds_before asc, c.workspace_id asc,
                c.recipe_id asc
        ) as position
    from failing as f
    inner join error_causes as c
        on
            f.workspace_id = c.workspace_id
            and f.recipe_id = c.recipe_id
            and f.fingerprint_id = c.fingerprint_id
    left join recipe_owners as o on c.workspace_id = o.workspace_id and c.recipe_id = o.recipe_id
    where c.cause_event_id is not null and c.is_start_known
)

select
    fingerprint_id,
    recipe_id,
    recipe_name,
    cause_event_type,
    cause_reach,
    cause_resource_name,
    cause_resource_id,
    actor_name,
    cause_rank,
    seconds_before,
    changed_at
from ranked
where position = 1
order by fingerprint_id asc
