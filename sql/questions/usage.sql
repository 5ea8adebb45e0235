-- Usage between two UTC days, per recipe, folder, project, owner or environment, most jobs first.
-- grain:  period_start_date, environment, id
-- reads:  recipe_usage_daily, recipe_usage_monthly, job_durations_daily, job_durations_monthly,
--         int_periods, counting_rules, recipe_owners
-- scope:  global
-- note:   $period may be null: then the days are summed. Names and owners are today's. The
--         median and the 95th percentile are within 5 percent. Owners are one row for all
--         environments. Whole months are read as such, where no period is asked for, and the days
--         before $head_to_date and after $tail_from_date as days. Rules are those of
--         int_usage_tasks.

with pieces as (
    select
        workspace_id,
        recipe_id,
        recipe_name,
        environment,
        folder,
        project,
        job_count,
        succeeded_count,
        failed_count,
        repeat_count,
        test_job_count,
        action_count,
        wasted_action_count,
        uncountable_job_count,
        stepped_job_count,
        trigger_count,
        utility_trigger_count,
        connector_step_count,
        utility_step_count,
        call_step_count,
        failed_step_count,
        control_step_count,
        hidden_least_count,
        hidden_most_count,
        wasted_trigger_count,
        wasted_utility_trigger_count,
        wasted_connector_step_count,
        wasted_utility_step_count,
        wasted_call_step_count,
        wasted_failed_step_count,
        wasted_control_step_count,
        wasted_hidden_least_count,
        wasted_hidden_most_count,
        wasted_stepless_job_count,
        total_seconds,
        wasted_seconds,
        event_date
    from recipe_usage_daily
    where
        (
            event_date between $from_date and $head_to_date
            or event_date between $tail_from_date and $to_date
        )
        and ($environment is null or environment = $environment)
    union all
    select
        workspace_id,
        recipe_id,
        recipe_name,
        environment,
        folder,
        project,
        job_count,
        succeeded_count,
        failed_count,
        repeat_count,
        test_job_count,
        action_count,
        wasted_action_count,
        uncountable_job_count,
        stepped_job_count,
        trigger_count,
        utility_trigger_count,
        connector_step_count,
        utility_step_count,
        call_step_count,
        failed_step_count,
        control_step_count,
        hidden_least_count,
        hidden_most_count,
        wasted_trigger_count,
        wasted_utility_trigger_count,
        wasted_connector_step_count,
        wasted_utility_step_count,
        wasted_call_step_count,
        wasted_failed_step_count,
        wasted_control_step_count,
        wasted_hidden_least_count,
        wasted_hidden_most_count,
        wasted_stepless_job_count,
        total_seconds,
        wasted_seconds,
        month_date as event_date
    from recipe_usage_monthly
    where
        month_date between $from_month and $to_month
        and ($environment is null or environment = $environment)
),

-- without a period nobody asks for the days' periods
periods as (
    select
        event_date,
        period_start_date
    from int_periods
    where period = $period and event_date between $from_date and $to_date
),

-- summed before names are looked up and rules applied: a rule weighs sums as it weighs days
recipes as (
    select
        coalesce(p.period_start_date, cast($from_date as date)) as period_start_date,
        u.workspace_id,
        u.recipe_id,
        max(u.recipe_name) as recipe_name,
        u.environment,
        u.folder,
        u.project,
        sum(u.job_count) as job_count,
        sum(u.succeeded_count) as succeeded_count,
        sum(u.failed_count) as failed_count,
        sum(u.repeat_count) as repeat_count,
        sum(u.test_job_count) as test_job_count,
        sum(u.action_count) as action_count,
        sum(u.wasted_action_count) as wasted_action_count,
        sum(u.uncountable_job_count) as uncountable_job_count,
        sum(u.stepped_job_count) as stepped_job_count,
        sum(u.trigger_count) as trigger_count,
        sum(u.utility_trigger_count) as utility_trigger_count,
        sum(u.connector_step_count) as connector_step_count,
        sum(u.utility_step_count) as utility_step_count,
        sum(u.call_step_count) as call_step_count,
        sum(u.failed_step_count) as failed_step_count,
        sum(u.control_step_count) as control_step_count,
        sum(u.hidden_least_count) as hidden_least_count,
        sum(u.hidden_most_count) as hidden_most_count,
        sum(u.wasted_trigger_count) as wasted_trigger_count,
        sum(u.wasted_utility_trigger_count) as wasted_utility_trigger_count,
        sum(u.wasted_connector_step_count) as wasted_connector_step_count,
        sum(u.wasted_utility_step_count) as wasted_utility_step_count,
        sum(u.wasted_call_step_count) as wasted_call_step_count,
        sum(u.wasted_failed_step_count) as wasted_failed_step_count,
        sum(u.wasted_control_step_count) as wasted_control_step_count,
        sum(u.wasted_hidden_least_count) as wasted_hidden_least_count,
        sum(u.wasted_hidden_most_count) as wasted_hidden_most_count,
        sum(u.wasted_stepless_job_count) as wasted_stepless_job_count,
        sum(u.total_seconds) as total_seconds,
        sum(u.wasted_seconds) as wasted_seconds
    from pieces as u
    left join periods as p on u.event_date = p.event_date
    group by all
),

weighed as (
    select
        u.*,
        r.counting_rule,
        u.trigger_count * r.trigger_tasks
        + u.utility_trigger_count * r.utility_trigger_tasks
        + u.connector_step_count * r.connector_tasks
        + u.utility_step_count * r.utility_tasks
        + u.call_step_count * r.call_tasks
        + u.failed_step_count * r.failed_step_tasks
        + u.control_step_count * r.control_step_tasks as known_count,
        u.hidden_least_count * least(r.connector_tasks, r.utility_tasks, r.call_tasks)
        + (u.job_count - u.stepped_job_count) * least(r.trigger_tasks, r.utility_trigger_tasks)
            as hidden_least_tasks,
        u.hidden_most_count * greatest(r.connector_tasks, r.utility_tasks, r.call_tasks)
        + (u.job_count - u.stepped_job_count) * greatest(r.trigger_tasks, r.utility_trigger_tasks)
            as hidden_most_tasks,
        u.wasted_trigger_count * r.trigger_tasks
        + u.wasted_utility_trigger_count * r.utility_trigger_tasks
        + u.wasted_connector_step_count * r.connector_tasks
        + u.wasted_utility_step_count * r.utility_tasks
        + u.wasted_call_step_count * r.call_tasks
        + u.wasted_failed_step_count * r.failed_step_tasks
        + u.wasted_control_step_count * r.control_step_tasks as wasted_known_count,
        u.wasted_hidden_least_count * least(r.connector_tasks, r.utility_tasks, r.call_tasks)
        + u.wasted_stepless_job_count * least(r.trigger_tasks, r.utility_trigger_tasks)
            as wasted_hidden_least_tasks,
        u.wasted_hidden_most_count * greatest(r.connector_tasks, r.utility_tasks, r.call_tasks)
        + u.wasted_stepless_job_count * greatest(r.trigger_tasks, r.utility_trigger_tasks)
            as wasted_hidden_most_tasks
    from recipes as u
    inner join counting_rules as r on r.counting_rule = $counting_rule
),

named as (
    select
        u.*,
        case $by
            when 'recipe' then u.recipe_id
            when 'folder' then u.folder
            when 'project' then u.project
            when 'owner' then coalesce(o.owner_id, 'unknown')
            else u.environment
        end as id,
        case $by
            when 'recipe' then coalesce(o.recipe_name, u.recipe_name, u.recipe_id)
            when 'folder' then u.folder
            when 'project' then u.project
            when 'owner' then coalesce(o.owner_name, 'unknown')
            else u.environment
        end as name,
        case when $by <> 'owner' then u.environment end as group_environment
    from weighed as u
    left join recipe_owners as o
        on u.workspace_id = o.workspace_id and u.recipe_id = o.recipe_id
),

summed as (
    select
        period_start_date,
        group_environment,
        id,
        max(name) as name,
        counting_rule,
        count(distinct recipe_id) as recipe_count,
        sum(job_count) as job_count,
        sum(succeeded_count) as succeeded_count,
        sum(failed_count) as failed_count,
        sum(repeat_count) as repeat_count,
        sum(test_job_count) as test_job_count,
        sum(action_count) as action_count,
        sum(wasted_action_count) as wasted_action_count,
        sum(known_count + hidden_least_tasks) as tasks_least_count,
        sum(known_count + hidden_most_tasks) as tasks_most_count,
        sum(wasted_known_count + wasted_hidden_least_tasks) as wasted_tasks_least_count,
        sum(wasted_known_count + wasted_hidden_most_tasks) as wasted_tasks_most_count,
        sum(uncountable_job_count) as uncountable_job_count,
        -- whole milliseconds, so that the order of the sum does not show
        round(sum(total_seconds), 3) as total_seconds,
        round(sum(wasted_seconds), 3) as wasted_seconds
    from named
    group by all
),

duration_pieces as (
    select
        workspace_id,
        recipe_id,
        environment,
        folder,
        project,
        job_count,
        approximate_seconds,
        event_date
    from job_durations_daily
    where
        (
            event_date between $from_date and $head_to_date
            or event_date between $tail_from_date and $to_date
        )
        and ($environment is null or environment = $environment)
    union all
    select
        workspace_id,
        recipe_id,
        environment,
        folder,
        project,
        job_count,
        approximate_seconds,
        month_date as event_date
    from job_durations_monthly
    where
        month_date between $from_month and $to_month
        and ($environment is null or environment = $environment)
),

durations as (
    select
        coalesce(p.period_start_date, cast($from_date as date)) as period_start_date,
        case when $by <> 'owner' then u.environment end as group_environment,
        case $by
            when 'recipe' then u.recipe_id
            when 'folder' then u.folder
            when 'project' then u.project
            when 'owner' then coalesce(o.owner_id, 'unknown')
            else u.environment
        end as id,
        u.approximate_seconds,
        sum(u.job_count) as run_count
    from duration_pieces as u
    left join periods as p on u.event_date = p.event_date
    left join recipe_owners as o
        on $by = 'owner' and u.workspace_id = o.workspace_id and u.recipe_id = o.recipe_id
    group by all
),

timed as (
    select
        *,
        sum(run_count) over (
            partition by period_start_date, group_environment, id
            order by approximate_seconds asc
        ) as upto_count,
        sum(run_count) over (partition by period_start_date, group_environment, id) as whole_count
    from durations
),

-- the two jobs that a percentile lies between, counted from 0
between_runs as (
    select
        period_start_date,
        group_environment,
        id,
        max(whole_count) as whole_count,
        min(case when upto_count > floor((whole_count - 1) / 2) then approximate_seconds end)
            as median_low_seconds,
        min(case when upto_count > floor(whole_count / 2) then approximate_seconds end)
            as median_high_seconds,
        min(case when upto_count > floor((whole_count - 1) * 19 / 20) then approximate_seconds end)
            as p95_low_seconds,
        min(case when upto_count > floor((whole_count - 1) * 19 / 20) + 1 then approximate_seconds end)
            as p95_high_seconds
    from timed
    group by all
),

percentiles as (
    select
        period_start_date,
        group_environment,
        id,
        (median_low_seconds + median_high_seconds) / 2 as approximate_median_seconds,
        p95_low_seconds
        + cast((whole_count - 1) * 19 / 20 - floor((whole_count - 1) * 19 / 20) as double)
        * (coalesce(p95_high_seconds, p95_low_seconds) - p95_low_seconds)
            as approximate_p95_seconds
    from between_runs
),

shared as (
    select
        *,
        sum(job_count) over (partition by group_environment, id) as whole_job_count,
        sum(job_count) over () as all_job_count
    from summed
),

ranked as (
    select
        *,
        dense_rank() over (
            order by
                whole_job_count desc, try_cast(id as bigint) asc, id asc, group_environment asc
        ) as position
    from shared
),

counted as (
    select
        r.*,
        d.approximate_median_seconds,
        d.approximate_p95_seconds,
        max(r.position) over () as total_count
    from ranked as r
    left join percentiles as d
        on
            r.period_start_date = d.period_start_date
            and r.id = d.id
            and r.group_environment is not distinct from d.group_environment
)

select
    period_start_date,
    id,
    name,
    group_environment as environment,
    counting_rule,
    cast(recipe_count as bigint) as recipe_count,
    cast(job_count as bigint) as job_count,
    cast(job_count as double) / nullif(all_job_count, 0) as job_share,
    cast(succeeded_count as bigint) as succeeded_count,
    cast(failed_count as bigint) as failed_count,
    cast(failed_count as double) / nullif(succeeded_count + failed_count, 0) as failed_share,
    cast(repeat_count as bigint) as repeat_count,
    cast(repeat_count as double) / nullif(job_count, 0) as repeat_share,
    cast(test_job_count as bigint) as test_job_count,
    cast(test_job_count as double) / nullif(job_count + test_job_count, 0) as test_share,
    cast(action_count as bigint) as action_count,
    cast(wasted_action_count as bigint) as wasted_action_count,
    cast(tasks_least_count as bigint) as tasks_least_count,
    cast(tasks_most_count as bigint) as tasks_most_count,
    cast(wasted_tasks_least_count as bigint) as wasted_tasks_least_count,
    cast(wasted_tasks_most_count as bigint) as wasted_tasks_most_count,
    cast(uncountable_job_count as bigint) as uncountable_job_count,
    total_seconds,
    wasted_seconds,
    wasted_seconds / nullif(total_seconds, 0) as wasted_share,
    approximate_median_seconds,
    approximate_p95_seconds,
    total_count
from counted
where $top = 0 or position <= $top
order by period_start_date asc, position asc
