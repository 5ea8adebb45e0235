-- Fingerprints of errors per recipe and UTC day, with a sample.
-- grain:  event_date, workspace_id, recipe_id, fingerprint_id
-- reads:  int_error_jobs
-- scope:  partition
-- files:  month
-- note:   the sample is the first failure of the day; test jobs only in their own column, and as a
--         sample only where nothing else failed like that.

with ranked as (
    select
        *,
        row_number() over (
            partition by event_date, workspace_id, recipe_id, fingerprint_id
            order by
                (case when is_test then 1 else 0 end) asc,
                occurred_at asc, started_at asc, event_id asc
        ) as position,
        row_number() over (
            partition by event_date, workspace_id, recipe_id, fingerprint_id
            order by
                (case when recipe_name is null then 1 else 0 end) asc,
                occurred_at desc, event_id asc
        ) as name_position
    from int_error_jobs
    where event_date between $from_date and $to_date
)

select
    workspace_id,
    recipe_id,
    fingerprint_id,
    max(environment) as environment,
    max(case when name_position = 1 then recipe_name end) as recipe_name,
    error_type,
    error_adapter,
    error_operation,
    error_text,
    max(case when position = 1 then job_id end) as sample_job_id,
    max(case when position = 1 then error_message end) as sample_message,
    cast(count(*) filter (where not is_test) as bigint) as failed_count,
    cast(count(distinct case when not is_test then family_id end) as bigint) as family_count,
    cast(count(*) filter (where is_test) as bigint) as test_failed_count,
    event_date,
    max(case when position = 1 and not is_test then started_at end) as first_started_at,
    min(case when not is_test then occurred_at end) as first_failed_at,
    max(case when not is_test then occurred_at end) as last_failed_at
from ranked
group by all
