-- Usage per calling process and UTC day: each recipe's jobs under the recipe that began the calls.
-- grain:  event_date, workspace_id, root_recipe_id, recipe_id
-- reads:  int_usage_counts
-- scope:  partition
-- note:   without test jobs. A caller's own numbers never include its children, so that the sum
--         over a root recipe is what its process costs; a job that nobody called is its own root.

with counted as (
    select *
    from int_usage_counts
    where event_date between $from_date and $to_date and not is_test
),

summed as (
    select
        workspace_id,
        root_recipe_id,
        recipe_id,
        max(environment) as environment,
        count(*) as job_count,
        count(*) filter (where is_succeeded) as succeeded_count,
        count(*) filter (where is_failed) as failed_count,
        count(*) filter (where is_repeat) as repeat_count,
        count(*) filter (where not is_called) as root_job_count,
        count(*) filter (where has_steps) as stepped_job_count,
        count(*) filter (where not is_countable) as uncountable_job_count,
        sum(action_count) as action_count,
        coalesce(sum(action_count) filter (where is_failed or is_repeat), 0)
            as wasted_action_count,
        sum(trigger_count) as trigger_count,
        sum(utility_trigger_count) as utility_trigger_count,
        sum(connector_step_count) as connector_step_count,
        sum(utility_step_count) as utility_step_count,
        sum(call_step_count) as call_step_count,
        sum(failed_step_count) as failed_step_count,
        sum(control_step_count) as control_step_count,
        sum(hidden_least_count) as hidden_least_count,
        sum(hidden_most_count) as hidden_most_count,
        coalesce(sum(duration_ms), 0) as total_ms,
        coalesce(sum(duration_ms) filter (where is_failed or is_repeat), 0) as wasted_ms,
        event_date
    from counted
    group by all
)

select
    workspace_id,
    root_recipe_id,
    recipe_id,
    environment,
    cast(job_count as bigint) as job_count,
    cast(succeeded_count as bigint) as succeeded_count,
    cast(failed_count as bigint) as failed_count,
    cast(repeat_count as bigint) as repeat_count,
    cast(root_job_count as bigint) as root_job_count,
    cast(stepped_job_count as bigint) as stepped_job_count,
    cast(uncountable_job_count as bigint) as uncountable_job_count,
    cast(action_count as bigint) as action_count,
    cast(wasted_action_count as bigint) as wasted_action_count,
    cast(trigger_count as bigint) as trigger_count,
    cast(utility_trigger_count as bigint) as utility_trigger_count,
    cast(connector_step_count as bigint) as connector_step_count,
    cast(utility_step_count as bigint) as utility_step_count,
    cast(call_step_count as bigint) as call_step_count,
    cast(failed_step_count as bigint) as failed_step_count,
    cast(control_step_count as bigint) as control_step_count,
    cast(hidden_least_count as bigint) as hidden_least_count,
    cast(hidden_most_count as bigint) as hidden_most_count,
    cast(total_ms as double) / 1000 as total_seconds,
    cast(wasted_ms as double) / 1000 as wasted_seconds,
    event_date
from summed
