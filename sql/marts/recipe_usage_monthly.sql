-- Jobs, actions, steps, durations and wasted work per recipe and UTC month, by where it lay.
-- grain:  month_date, workspace_id, recipe_id, environment, folder, project
-- reads:  recipe_usage_daily
-- scope:  month
-- note:   the sums of recipe_usage_daily, so that a year is 12 files; a recipe that moved within
--         the month has a row for each place. Percentiles cannot be summed: job_durations_monthly
--         has what they are read from.

with days as (
    select
        *,
        cast(date_trunc('month', event_date) as date) as month_date,
        row_number() over (
            partition by
                date_trunc('month', event_date), workspace_id, recipe_id, environment, folder, project
            order by (case when recipe_name is null then 1 else 0 end) asc, event_date desc
        ) as position
    from recipe_usage_daily
)

select
    workspace_id,
    recipe_id,
    environment,
    max(case when position = 1 then recipe_name end) as recipe_name,
    folder,
    project,
    cast(sum(job_count) as bigint) as job_count,
    cast(sum(succeeded_count) as bigint) as succeeded_count,
    cast(sum(failed_count) as bigint) as failed_count,
    cast(sum(repeat_count) as bigint) as repeat_count,
    cast(sum(called_count) as bigint) as called_count,
    cast(sum(stepped_job_count) as bigint) as stepped_job_count,
    cast(sum(uncountable_job_count) as bigint) as uncountable_job_count,
    cast(sum(test_job_count) as bigint) as test_job_count,
    cast(sum(action_count) as bigint) as action_count,
    cast(sum(test_action_count) as bigint) as test_action_count,
    cast(sum(failed_action_count) as bigint) as failed_action_count,
    cast(sum(repeat_action_count) as bigint) as repeat_action_count,
    cast(sum(wasted_action_count) as bigint) as wasted_action_count,
    cast(sum(trigger_count) as bigint) as trigger_count,
    cast(sum(utility_trigger_count) as bigint) as utility_trigger_count,
    cast(sum(connector_step_count) as bigint) as connector_step_count,
    cast(sum(utility_step_count) as bigint) as utility_step_count,
    cast(sum(call_step_count) as bigint) as call_step_count,
    cast(sum(failed_step_count) as bigint) as failed_step_count,
    cast(sum(control_step_count) as bigint) as control_step_count,
    cast(sum(hidden_least_count) as bigint) as hidden_least_count,
    cast(sum(hidden_most_count) as bigint) as hidden_most_count,
    cast(sum(wasted_trigger_count) as bigint) as wasted_trigger_count,
    cast(sum(wasted_utility_trigger_count) as bigint) as wasted_utility_trigger_count,
    cast(sum(wasted_connector_step_count) as bigint) as wasted_connector_step_count,
    cast(sum(wasted_utility_step_count) as bigint) as wasted_utility_step_count,
    cast(sum(wasted_call_step_count) as bigint) as wasted_call_step_count,
    cast(sum(wasted_failed_step_count) as bigint) as wasted_failed_step_count,
    cast(sum(wasted_control_step_count) as bigint) as wasted_control_step_count,
    cast(sum(wasted_hidden_least_count) as bigint) as wasted_hidden_least_count,
    cast(sum(wasted_hidden_most_count) as bigint) as wasted_hidden_most_count,
    cast(sum(wasted_stepless_job_count) as bigint) as wasted_stepless_job_count,
    round(cast(sum(total_seconds) as double), 3) as total_seconds,
    round(cast(sum(failed_seconds) as double), 3) as failed_seconds,
    round(cast(sum(repeat_seconds) as double), 3) as repeat_seconds,
    round(cast(sum(wasted_seconds) as double), 3) as wasted_seconds,
    month_date,
    min(event_date) as first_seen_date,
    max(event_date) as last_seen_date,
    max(case when recipe_name is not null then event_date end) as last_named_date
from days
group by all
