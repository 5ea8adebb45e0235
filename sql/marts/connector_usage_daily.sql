-- Steps per recipe, connector and UTC day, of the jobs that sent their steps.
-- grain:  event_date, workspace_id, recipe_id, adapter_name
-- reads:  int_usage_jobs, int_usage_steps
-- scope:  partition
-- note:   without test jobs. Jobs of a status-only stream send no steps: recipe_usage_daily says
--         how many did. A step in a loop is sent once, with its last iteration.

with real_jobs as (
    select
        event_id,
        environment,
        event_date
    from int_usage_jobs
    where event_date between $from_date and $to_date and not is_test
),

summed as (
    select
        s.workspace_id,
        s.recipe_id,
        s.adapter_name,
        max(j.environment) as environment,
        count(distinct s.job_event_id) as job_count,
        count(*) as step_count,
        count(*) filter (where s.is_trigger) as trigger_count,
        count(*) filter (where s.is_failed) as failed_step_count,
        -- microseconds: sums of whole numbers do not depend on their order
        coalesce(sum(cast(round(s.total_seconds * 1000000) as bigint)), 0) as total_us,
        coalesce(sum(cast(round(s.execute_seconds * 1000000) as bigint)), 0) as execute_us,
        s.event_date
    from int_usage_steps as s
    inner join real_jobs as j on s.event_date = j.event_date and s.job_event_id = j.event_id
    group by all
)

select
    workspace_id,
    recipe_id,
    adapter_name,
    environment,
    cast(job_count as bigint) as job_count,
    cast(step_count as bigint) as step_count,
    cast(trigger_count as bigint) as trigger_count,
    cast(failed_step_count as bigint) as failed_step_count,
    cast(total_us as double) / 1000000 as total_seconds,
    cast(execute_us as double) / 1000000 as execute_seconds,
    event_date
from summed
