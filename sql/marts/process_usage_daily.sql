-- Usage per calling process and UTC day: each recipe's jobs under the recipe that began the calls.
-- grain:  event_date, workspace_id, root_recipe_id, recipe_id, is_wasted
-- reads:  int_usage_counts, int_job_roots
-- scope:  partition
-- note:   a caller's own numbers never include its children, so that the sum over a root recipe is
--         what its process costs; a job that nobody called is its own root. Where jobs do not name
--         their root it is looked up, and guessed_root_count says how often that ended at a caller
--         that is not there. Rows are split by
--         whether the work was wasted, on jobs that failed or were reruns. Test jobs are in
--         test_job_count alone.

with counted as (
    select
        c.*,
        coalesce(r.root_recipe_id, c.root_recipe_id) as top_recipe_id,
        coalesce(r.is_guessed, false) as is_guessed
    from int_usage_counts as c
    left join int_job_roots as r on c.event_date = r.event_date and c.event_id = r.event_id
    where c.event_date between $from_date and $to_date
),

summed as (
    select
        workspace_id,
        top_recipe_id as root_recipe_id,
        recipe_id,
        max(environment) as environment,
        count(*) filter (where not is_test) as job_count,
        count(*) filter (where not is_test and is_succeeded) as succeeded_count,
        count(*) filter (where not is_test and is_failed) as failed_count,
        count(*) filter (where not is_test and is_repeat) as repeat_count,
        count(*) filter (where not is_test and not is_called) as root_job_count,
        count(*) filter (where not is_test and is_guessed) as guessed_root_count,
        count(*) filter (where not is_test and has_steps) as stepped_job_count,
        count(*) filter (where not is_test and not is_countable) as uncountable_job_count,
        count(*) filter (where is_test) as test_job_count,
        sum(action_count) filter (where not is_test) as action_count,
        sum(trigger_count) filter (where not is_test) as trigger_count,
        sum(utility_trigger_count) filter (where not is_test) as utility_trigger_count,
        sum(connector_step_count) filter (where not is_test) as connector_step_count,
        sum(utility_step_count) filter (where not is_test) as utility_step_count,
        sum(call_step_count) filter (where not is_test) as call_step_count,
        sum(failed_step_count) filter (where not is_test) as failed_step_count,
        sum(control_step_count) filter (where not is_test) as control_step_count,
        sum(hidden_least_count) filter (where not is_test) as hidden_least_count,
        sum(hidden_most_count) filter (where not is_test) as hidden_most_count,
        sum(duration_ms) filter (where not is_test) as total_ms,
        is_wasted,
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
    cast(guessed_root_count as bigint) as guessed_root_count,
    cast(stepped_job_count as bigint) as stepped_job_count,
    cast(uncountable_job_count as bigint) as uncountable_job_count,
    cast(test_job_count as bigint) as test_job_count,
    cast(coalesce(action_count, 0) as bigint) as action_count,
    cast(coalesce(trigger_count, 0) as bigint) as trigger_count,
    cast(coalesce(utility_trigger_count, 0) as bigint) as utility_trigger_count,
    cast(coalesce(connector_step_count, 0) as bigint) as connector_step_count,
    cast(coalesce(utility_step_count, 0) as bigint) as utility_step_count,
    cast(coalesce(call_step_count, 0) as bigint) as call_step_count,
    cast(coalesce(failed_step_count, 0) as bigint) as failed_step_count,
    cast(coalesce(control_step_count, 0) as bigint) as control_step_count,
    cast(coalesce(hidden_least_count, 0) as bigint) as hidden_least_count,
    cast(coalesce(hidden_most_count, 0) as bigint) as hidden_most_count,
    cast(coalesce(total_ms, 0) as double) / 1000 as total_seconds,
    is_wasted,
    event_date
from summed
