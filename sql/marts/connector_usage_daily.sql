-- Steps by kind per recipe, connector and UTC day, split by whether their jobs' work was wasted.
-- grain:  event_date, workspace_id, recipe_id, adapter_name, is_wasted
-- reads:  int_usage_counts, int_usage_steps
-- scope:  partition
-- note:   a job that sent no steps has the connector unknown, so that every job is in some row; a
--         job is in a row of each of its connectors. A step in a loop is sent once, with its last
--         iteration: hidden actions of the job may be of any connector that acted in it. Test jobs
--         are in test_job_count alone.

with jobs as (
    select
        *,
        trigger_count + utility_trigger_count + connector_step_count + utility_step_count
        + call_step_count + failed_step_count + control_step_count as sent_count
    from int_usage_counts
    where event_date between $from_date and $to_date
),

acted as (
    select
        job_event_id,
        adapter_name,
        count(*) as step_count,
        count(*) filter (where not is_trigger and step_kind <> 'control') as action_count,
        count(*) filter (where step_kind = 'trigger') as trigger_count,
        count(*) filter (where step_kind = 'utility_trigger') as utility_trigger_count,
        count(*) filter (where step_kind = 'connector') as connector_step_count,
        count(*) filter (where step_kind = 'utility') as utility_step_count,
        count(*) filter (where step_kind = 'call') as call_step_count,
        count(*) filter (where step_kind = 'failed') as failed_step_count,
        count(*) filter (where step_kind = 'control') as control_step_count,
        -- microseconds: sums of whole numbers do not depend on their order
        coalesce(sum(cast(round(total_seconds * 1000000) as bigint)), 0) as total_us,
        coalesce(sum(cast(round(execute_seconds * 1000000) as bigint)), 0) as execute_us,
        event_date
    from int_usage_steps
    where event_date between $from_date and $to_date
    group by all
),

parts as (
    select
        j.workspace_id,
        j.recipe_id,
        a.adapter_name,
        j.environment,
        a.step_count,
        a.action_count,
        a.trigger_count,
        a.utility_trigger_count,
        a.connector_step_count,
        a.utility_step_count,
        a.call_step_count,
        a.failed_step_count,
        a.control_step_count,
        0 as hidden_least_count,
        case when a.action_count > 0 then j.hidden_most_count else 0 end as hidden_most_count,
        a.total_us,
        a.execute_us,
        j.has_steps,
        j.is_test,
        j.is_repeat,
        j.is_wasted,
        j.event_date
    from acted as a
    inner join jobs as j on a.event_date = j.event_date and a.job_event_id = j.event_id
    union all
    select
        workspace_id,
        recipe_id,
        'unknown' as adapter_name,
        environment,
        0 as step_count,
        action_count,
        0 as trigger_count,
        0 as utility_trigger_count,
        0 as connector_step_count,
        0 as utility_step_count,
        0 as call_step_count,
        0 as failed_step_count,
        0 as control_step_count,
        hidden_least_count,
        hidden_most_count,
        0 as total_us,
        0 as execute_us,
        has_steps,
        is_test,
        is_repeat,
        is_wasted,
        event_date
    from jobs
    where sent_count = 0
)

select
    workspace_id,
    recipe_id,
    adapter_name,
    max(environment) as environment,
    cast(count(*) filter (where not is_test) as bigint) as job_count,
    cast(count(*) filter (where not is_test and is_repeat) as bigint) as repeat_count,
    cast(count(*) filter (where not is_test and has_steps) as bigint) as stepped_job_count,
    cast(count(*) filter (where is_test) as bigint) as test_job_count,
    cast(coalesce(sum(step_count) filter (where not is_test), 0) as bigint) as step_count,
    cast(coalesce(sum(action_count) filter (where not is_test), 0) as bigint) as action_count,
    cast(coalesce(sum(trigger_count) filter (where not is_test), 0) as bigint) as trigger_count,
    cast(coalesce(sum(utility_trigger_count) filter (where not is_test), 0) as bigint)
        as utility_trigger_count,
    cast(coalesce(sum(connector_step_count) filter (where not is_test), 0) as bigint)
        as connector_step_count,
    cast(coalesce(sum(utility_step_count) filter (where not is_test), 0) as bigint)
        as utility_step_count,
    cast(coalesce(sum(call_step_count) filter (where not is_test), 0) as bigint)
        as call_step_count,
    cast(coalesce(sum(failed_step_count) filter (where not is_test), 0) as bigint)
        as failed_step_count,
    cast(coalesce(sum(control_step_count) filter (where not is_test), 0) as bigint)
        as control_step_count,
    cast(coalesce(sum(hidden_least_count) filter (where not is_test), 0) as bigint)
        as hidden_least_count,
    cast(coalesce(sum(hidden_most_count) filter (where not is_test), 0) as bigint)
        as hidden_most_count,
    cast(coalesce(sum(total_us) filter (where not is_test), 0) as double) / 1000000
        as total_seconds,
    cast(coalesce(sum(execute_us) filter (where not is_test), 0) as double) / 1000000
        as execute_seconds,
    is_wasted,
    event_date
from parts
group by all
