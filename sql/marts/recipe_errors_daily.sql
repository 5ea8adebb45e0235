-- Failed jobs per recipe, kind of error, step and UTC day, with a message as an example.
-- grain:  event_date, workspace_id, recipe_id, error_type, error_adapter, error_operation,
--         error_line_number, error_http_status
-- reads:  stg_jobs
-- scope:  partition
-- note:   failed by outcome, never by an error's presence; test jobs only in their own column. A
--         family is a job with all its reruns; its last run of the day decides. The name is the
--         recipe's newest of the day.

with finished as (
    select
        *,
        row_number() over (
            partition by event_date, workspace_id, recipe_id, family_id, is_test
            order by occurred_at desc, started_at desc, is_repeat desc, event_id desc
        ) = 1 as is_last_run,
        row_number() over (
            partition by event_date, workspace_id, recipe_id
            order by
                (case when recipe_name is null then 1 else 0 end) asc,
                occurred_at desc, event_id asc
        ) as name_position
    from stg_jobs
    where event_date between $from_date and $to_date and (is_failed or is_succeeded)
),

recipes as (
    select
        workspace_id,
        recipe_id,
        max(case when name_position = 1 then recipe_name end) as recipe_name,
        count(*) filter (where not is_test) as finished_count,
        event_date
    from finished
    group by all
),

errors as (
    select
        workspace_id,
        recipe_id,
        max(environment) as environment,
        coalesce(error_type, 'unknown') as error_type,
        coalesce(error_adapter, 'unknown') as error_adapter,
        coalesce(error_operation, 'unknown') as error_operation,
        coalesce(
            min(error_message) filter (where not is_test), min(error_message)
        ) as example_message,
        error_line_number,
        error_http_status,
        count(*) filter (where not is_test) as failed_count,
        count(distinct case when not is_test then family_id end) as family_count,
        count(*) filter (where not is_test and is_last_run) as failed_family_count,
        count(*) filter (where is_test) as test_failed_count,
        event_date,
        min(occurred_at) filter (where not is_test) as first_failed_at,
        max(occurred_at) filter (where not is_test) as last_failed_at
    from finished
    where is_failed
    group by all
)

select
    e.workspace_id,
    e.recipe_id,
    e.environment,
    r.recipe_name,
    e.error_type,
    e.error_adapter,
    e.error_operation,
    e.example_message,
    e.error_line_number,
    e.error_http_status,
    cast(e.failed_count as bigint) as failed_count,
    cast(e.family_count as bigint) as family_count,
    cast(e.failed_family_count as bigint) as failed_family_count,
    cast(e.test_failed_count as bigint) as test_failed_count,
    cast(r.finished_count as bigint) as finished_count,
    cast(e.failed_count as double) / nullif(r.finished_count, 0) as error_rate,
    e.event_date,
    e.first_failed_at,
    e.last_failed_at
from errors as e
inner join recipes as r
    on
        e.event_date = r.event_date
        and e.workspace_id = r.workspace_id
        and e.recipe_id = r.recipe_id
