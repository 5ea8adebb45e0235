-- Fingerprints of errors per workspace, with how often, since when, in how many recipes, and trend.
-- grain:  workspace_id, fingerprint_id
-- reads:  error_fingerprints_daily, recipe_activity_monthly
-- scope:  global
-- note:   weeks are 7 days, the last ends on the newest day of the lake. Trend, first that holds:
--         gone (none in the last week); new (first seen in it); returned (none in the week before);
--         growing (at least twice the failures of the week before, and 5 more); steady. Null where
--         the workspace is too young in the lake: new needs 7 days of its jobs before, the last two
--         14 in all.

with begun as (
    select
        workspace_id,
        cast(min(first_started_at) as date) as first_date
    from recipe_activity_monthly
    group by all
),

aged as (
    select
        *,
        date_diff('day', event_date, $as_of) as days_ago
    from error_fingerprints_daily
    where failed_count > 0 and event_date <= $as_of
),

firsts as (
    select
        workspace_id,
        fingerprint_id,
        min(first_failed_at) as first_seen_at
    from aged
    group by workspace_id, fingerprint_id
),

-- a join where a window would sort every day of every recipe
samples as (
    select
        a.workspace_id,
        a.fingerprint_id,
        a.sample_job_id,
        a.sample_message,
        f.first_seen_at,
        row_number() over (
            partition by a.workspace_id, a.fingerprint_id
            order by a.event_date asc, a.recipe_id asc
        ) as position
    from aged as a
    left join firsts as f
        on
            a.workspace_id = f.workspace_id
            and a.fingerprint_id = f.fingerprint_id
            and a.first_failed_at = f.first_seen_at
    where f.fingerprint_id is not null
),

counted as (
    select
        workspace_id,
        fingerprint_id,
        max(environment) as environment,
        error_type,
        error_adapter,
        error_operation,
        error_text,
        sum(failed_count) as failed_count,
        coalesce(sum(failed_count) filter (where days_ago < 7), 0) as last_week_failed_count,
        coalesce(sum(failed_count) filter (where days_ago between 7 and 13), 0)
            as week_before_failed_count,
        count(distinct recipe_id) as recipe_count,
        count(distinct event_date) as day_count,
        max(days_ago) as first_days_ago,
        min(event_date) as first_seen_date,
        max(event_date) as last_seen_date,
        max(last_failed_at) as last_seen_at
    from aged
    group by workspace_id, fingerprint_id, error_type, error_adapter, error_operation, error_text
),

placed as (
    select
        c.*,
        s.sample_job_id,
        s.sample_message,
        s.first_seen_at,
        date_diff('day', b.first_date, c.first_seen_date) as days_before_it,
        date_diff('day', b.first_date, $as_of) as days_before_now
    from counted as c
    inner join samples as s
        on
            c.workspace_id = s.workspace_id
            and c.fingerprint_id = s.fingerprint_id
            and s.position = 1
    left join begun as b on c.workspace_id = b.workspace_id
)

select
    workspace_id,
    fingerprint_id,
    environment,
    error_type,
    error_adapter,
    error_operation,
    error_text,
    sample_job_id,
    sample_message,
    case
        when last_week_failed_count = 0 then 'gone'
        when first_days_ago < 7 then case when days_before_it >= 7 then 'new' end
        when days_before_now < 13 then null
        when week_before_failed_count = 0 then 'returned'
        when
            last_week_failed_count >= 2 * week_before_failed_count
            and last_week_failed_count >= week_before_failed_count + 5
            then 'growing'
        else 'steady'
    end as trend,
    cast(failed_count as bigint) as failed_count,
    cast(last_week_failed_count as bigint) as last_week_failed_count,
    cast(week_before_failed_count as bigint) as week_before_failed_count,
    cast(recipe_count as bigint) as recipe_count,
    cast(day_count as bigint) as day_count,
    first_seen_date,
    last_seen_date,
    first_seen_at,
    last_seen_at
from placed
