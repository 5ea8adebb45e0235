-- Errors of the period and of the one before, how often, in how many recipes, and since when.
-- grain:  fingerprint_id
-- reads:  error_fingerprints_daily, error_fingerprints
-- scope:  global

with summed as (
    select
        fingerprint_id,
        max(error_type) as error_type,
        max(error_adapter) as error_adapter,
        max(error_operation) as error_operation,
        max(error_text) as error_text,
        coalesce(sum(failed_count) filter (where event_date >= $from_date), 0) as failed_count,
        coalesce(sum(failed_count) filter (where event_date < $from_date), 0)
            as failed_count_before,
        count(
            distinct case when event_date >= $from_date then workspace_id || ' ' || recipe_id end
        ) as recipe_count
    from error_fingerprints_daily
    where
        event_date between $before_date and $to_date
        and failed_count > 0
        and (cast($environment as varchar) is null or environment = $environment)
    group by all
),

seen as (
    select
        fingerprint_id,
        min(first_seen_date) as first_seen_date
    from error_fingerprints
    where cast($environment as varchar) is null or environment = $environment
    group by all
)

select
    s.fingerprint_id,
    s.error_type,
    s.error_adapter,
    s.error_operation,
    s.error_text,
    cast(s.failed_count as bigint) as failed_count,
    cast(s.failed_count_before as bigint) as failed_count_before,
    cast(s.recipe_count as bigint) as recipe_count,
    e.first_seen_date
from summed as s
left join seen as e on s.fingerprint_id = e.fingerprint_id
order by s.failed_count desc, s.failed_count_before desc, s.fingerprint_id asc
