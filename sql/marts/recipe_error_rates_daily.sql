-- Error rate per recipe and UTC day, by job and by retry family; test jobs stand apart.
-- grain:  event_date, workspace_id, recipe_id
-- reads:  stg_jobs
-- scope:  partition
-- note:   a rate is failed over failed and succeeded; other outcomes (pending, cancelled) count in
--         job_count alone. A family counts on every day on which it ran, with its last run of that
--         day; int_error_families_by_recipe has the end of families that span days.

-- a job that was sent with several statuses counts once, by how it ended
with ranked as (
    select
        *,
        row_number() over (
            partition by event_date, workspace_id, coalesce(job_id, event_id)
            order by
                (case when is_failed or is_succeeded then 0 else 1 end) asc,
                occurred_at desc, event_id asc
        ) as record_position
    from stg_jobs
    where event_date between $from_date and $to_date
),

runs as (
    select
        *,
        is_failed or is_succeeded as is_finished,
        not is_repeat and coalesce(family_id = job_id, true) as is_first_run,
        row_number() over (
            partition by event_date, workspace_id, recipe_id, family_id, is_test
            order by
                (case when is_failed or is_succeeded then 0 else 1 end) asc,
                occurred_at desc, started_at desc, is_repeat desc, event_id desc
        ) as position,
        row_number() over (
            partition by event_date, workspace_id, recipe_id
            order by
                (case when recipe_name is null then 1 else 0 end) asc,
                occurred_at desc, event_id asc
        ) as name_position,
        max(case when is_failed then 1 else 0 end) over (
            partition by event_date, workspace_id, recipe_id, family_id, is_test
        ) as failed_before
    from ranked
    where record_position = 1
),

counted as (
    select
        workspace_id,
        recipe_id,
        max(environment) as environment,
        max(case when name_position = 1 then recipe_name end) as recipe_name,
        count(*) filter (where not is_test) as job_count,
        count(*) filter (where not is_test and is_succeeded) as succeeded_count,
        count(*) filter (where not is_test and is_failed) as failed_count,
        count(*) filter (where not is_test and is_finished) as finished_count,
        count(*) filter (where not is_test and is_finished and position = 1) as family_count,
        count(*) filter (where not is_test and is_failed and position = 1) as failed_family_count,
        count(*) filter (
            where not is_test and is_succeeded and position = 1 and failed_before = 1
        ) as recovered_family_count,
        count(distinct case when not is_test and is_finished and is_first_run then family_id end)
            as started_family_count,
        count(*) filter (where is_test) as test_job_count,
        count(*) filter (where is_test and is_failed) as test_failed_count,
        event_date
    from runs
    group by all
)

select
    workspace_id,
    recipe_id,
    environment,
    recipe_name,
    cast(job_count as bigint) as job_count,
    cast(succeeded_count as bigint) as succeeded_count,
    cast(failed_count as bigint) as failed_count,
    cast(family_count as bigint) as family_count,
    cast(failed_family_count as bigint) as failed_family_count,
    cast(recovered_family_count as bigint) as recovered_family_count,
    cast(started_family_count as bigint) as started_family_count,
    cast(test_job_count as bigint) as test_job_count,
    cast(test_failed_count as bigint) as test_failed_count,
    cast(failed_count as double) / nullif(finished_count, 0) as error_rate,
    cast(failed_family_count as double) / nullif(family_count, 0) as family_error_rate,
    event_date
from counted
