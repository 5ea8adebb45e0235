-- Failed jobs per recipe, kind of error and UTC day, with a message as an example.
-- grain:  event_date, workspace_id, recipe_id, error_type, error_adapter, error_operation
-- reads:  stg_jobs
-- scope:  partition
-- note:   test jobs are left out; a family is a job with all its reruns.

with failed as (
    select
        workspace_id,
        recipe_id,
        family_id,
        environment,
        recipe_name,
        coalesce(error_type, 'unknown') as error_type,
        coalesce(error_adapter, 'unknown') as error_adapter,
        coalesce(error_operation, 'unknown') as error_operation,
        error_message,
        event_date,
        occurred_at
    from stg_jobs
    where event_date between $from_date and $to_date and is_failed and not is_test
)

select
    workspace_id,
    recipe_id,
    max(environment) as environment,
    max(recipe_name) as recipe_name,
    error_type,
    error_adapter,
    error_operation,
    min(error_message) as example_message,
    count(*) as failed_count,
    count(distinct family_id) as family_count,
    event_date,
    min(occurred_at) as first_failed_at,
    max(occurred_at) as last_failed_at
from failed
group by all
