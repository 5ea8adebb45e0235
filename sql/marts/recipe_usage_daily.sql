-- Jobs, actions, steps, durations and wasted work per recipe and UTC day; test jobs stand apart.
-- grain:  event_date, workspace_id, recipe_id
-- reads:  int_usage_counts
-- scope:  partition
-- note:   all but test_* is without test jobs. action_count is what the stream sends: on failed
--         jobs it includes the failed step. Children count apart from their callers. Kinds of steps
--         are known of stepped jobs alone. Wasted is the work of jobs that failed or were reruns.

with counted as (
    select
        *,
        row_number() over (
            partition by event_date, workspace_id, recipe_id
            order by
                (case when recipe_name is null then 1 else 0 end) asc,
                (case when folder = 'unknown' then 1 else 0 end) asc,
                occurred_at desc, event_id asc
        ) as position
    from int_usage_counts
    where event_date between $from_date and $to_date
),

summed as (
    select
        workspace_id,
        recipe_id,
        max(environment) as environment,
        max(case when position = 1 then recipe_name end) as recipe_name,
        max(case when position = 1 then folder end) as folder,
        max(case when position = 1 then project end) as project,
        count(*) filter (where not is_test) as job_count,
        count(*) filter (where not is_test and is_succeeded) as succeeded_count,
        count(*) filter (where not is_test and is_failed) as failed_count,
        count(*) filter (where not is_test and is_repeat) as repeat_count,
        count(*) filter (where not is_test and is_called) as called_count,
        count(*) filter (where not is_test and has_steps) as stepped_job_count,
        count(*) filter (where not is_test and not is_countable) as uncountable_job_count,
        count(*) filter (where is_test) as test_job_count,
        coalesce(sum(action_count) filter (where not is_test), 0) as action_count,
        coalesce(sum(action_count) filter (where is_test), 0) as test_action_count,
        coalesce(sum(action_count) filter (where not is_test and is_failed), 0)
            as failed_action_count,
        coalesce(sum(action_count) filter (where not is_test and is_repeat), 0)
            as repeat_action_count,
        coalesce(sum(action_count) filter (where is_wasted), 0) as wasted_action_count,
        coalesce(sum(trigger_count) filter (where not is_test), 0) as trigger_count,
        coalesce(sum(utility_trigger_count) filter (where not is_test), 0) as utility_trigger_count,
        coalesce(sum(connector_step_count) filter (where not is_test), 0) as connector_step_count,
        coalesce(sum(utility_step_count) filter (where not is_test), 0) as utility_step_count,
        coalesce(sum(call_step_count) filter (where not is_test), 0) as call_step_count,
        coalesce(sum(failed_step_count) filter (where not is_test), 0) as failed_step_count,
        coalesce(sum(control_step_count) filter (where not is_test), 0) as control_step_count,
        coalesce(sum(hidden_least_count) filter (where not is_test), 0) as hidden_least_count,
        coalesce(sum(hidden_most_count) filter (where not is_test), 0) as hidden_most_count,
        coalesce(sum(trigger_count) filter (where is_wasted), 0)
            as wasted_trigger_count,
        coalesce(sum(utility_trigger_count) filter (where is_wasted), 0)
            as wasted_utility_trigger_count,
        coalesce(sum(connector_step_count) filter (where is_wasted), 0)
            as wasted_connector_step_count,
        coalesce(sum(utility_step_count) filter (where is_wasted), 0)
            as wasted_utility_step_count,
        coalesce(sum(call_step_count) filter (where is_wasted), 0)
            as wasted_call_step_count,
        coalesce(sum(failed_step_count) filter (where is_wasted), 0)
            as wasted_failed_step_count,
        coalesce(sum(control_step_count) filter (where is_wasted), 0)
            as wasted_control_step_count,
        coalesce(sum(hidden_least_count) filter (where is_wasted), 0)
            as wasted_hidden_least_count,
        coalesce(sum(hidden_most_count) filter (where is_wasted), 0)
            as wasted_hidden_most_count,
        count(*) filter (where is_wasted and not has_steps) as wasted_stepless_job_count,
        coalesce(sum(duration_ms) filter (where not is_test), 0) as total_ms,
        coalesce(sum(duration_ms) filter (where not is_test and is_failed), 0) as failed_ms,
        coalesce(sum(duration_ms) filter (where not is_test and is_repeat), 0) as repeat_ms,
        coalesce(sum(duration_ms) filter (where is_wasted), 0) as wasted_ms,
        median(duration_seconds) filter (where not is_test) as median_seconds,
        quantile_cont(duration_seconds, 0.95) filter (where not is_test) as p95_seconds,
        event_date
    from counted
    group by all
)

select
    workspace_id,
    recipe_id,
    environment,
    recipe_name,
    folder,
    project,
    cast(job_count as bigint) as job_count,
    cast(succeeded_count as bigint) as succeeded_count,
    cast(failed_count as bigint) as failed_count,
    cast(repeat_count as bigint) as repeat_count,
    cast(called_count as bigint) as called_count,
    cast(stepped_job_count as bigint) as stepped_job_count,
    cast(uncountable_job_count as bigint) as uncountable_job_count,
    cast(test_job_count as bigint) as test_job_count,
    cast(action_count as bigint) as action_count,
    cast(test_action_count as bigint) as test_action_count,
    cast(failed_action_count as bigint) as failed_action_count,
    cast(repeat_action_count as bigint) as repeat_action_count,
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
    cast(wasted_trigger_count as bigint) as wasted_trigger_count,
    cast(wasted_utility_trigger_count as bigint) as wasted_utility_trigger_count,
    cast(wasted_connector_step_count as bigint) as wasted_connector_step_count,
    cast(wasted_utility_step_count as bigint) as wasted_utility_step_count,
    cast(wasted_call_step_count as bigint) as wasted_call_step_count,
    cast(wasted_failed_step_count as bigint) as wasted_failed_step_count,
    cast(wasted_control_step_count as bigint) as wasted_control_step_count,
    cast(wasted_hidden_least_count as bigint) as wasted_hidden_least_count,
    cast(wasted_hidden_most_count as bigint) as wasted_hidden_most_count,
    cast(wasted_stepless_job_count as bigint) as wasted_stepless_job_count,
    cast(total_ms as double) / 1000 as total_seconds,
    cast(failed_ms as double) / 1000 as failed_seconds,
    cast(repeat_ms as double) / 1000 as repeat_seconds,
    cast(wasted_ms as double) / 1000 as wasted_seconds,
    cast(median_seconds as double) as median_seconds,
    cast(p95_seconds as double) as p95_seconds,
    event_date
from summed
