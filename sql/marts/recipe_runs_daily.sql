-- The jobs of a UTC day that tell how a recipe fares: failures, the first after one, the day's first.
-- grain:  event_date, event_id
-- reads:  stg_jobs
-- scope:  partition
-- note:   the day's first is kept because it may follow a failure of an earlier day. Test jobs are a
--         run of their own. Of what the day leaves out, no job follows a failure.

with runs as (
    select
        event_id,
        job_id,
        workspace_id,
        environment,
        recipe_id,
        recipe_name,
        outcome,
        error_type,
        error_message,
        is_test,
        is_failed,
        event_date,
        occurred_at,
        row_number() over (
            partition by event_date, workspace_id, recipe_id, is_test
            order by occurred_at asc, event_id asc
        ) as position,
        lag(is_failed) over (
            partition by event_date, workspace_id, recipe_id, is_test
            order by occurred_at asc, event_id asc
        ) as is_after_failure
    from stg_jobs
    where event_date between $from_date and $to_date
)

select
    event_id,
    job_id,
    workspace_id,
    environment,
    recipe_id,
    recipe_name,
    outcome,
    case when is_failed then error_type end as error_type,
    case when is_failed then error_message end as error_message,
    is_test,
    event_date,
    occurred_at
from runs
where is_failed or is_after_failure or position = 1
