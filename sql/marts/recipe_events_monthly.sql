-- What happened to recipes in a UTC month: changes, failed jobs and the first after one; by recipe.
-- grain:  month_date, event_id
-- reads:  int_activity_once, recipe_runs_daily
-- scope:  month
-- note:   what recipe_timeline reads: one file a month, sorted by recipe, so that most of it is
--         skipped. A recipe's first job of the month is kept because it may follow a failure of an
--         earlier month; of what the month leaves out, no job follows a failure.

with runs as (
    select
        *,
        cast(date_trunc('month', event_date) as date) as month_date
    from recipe_runs_daily
    where event_date between $from_date and $to_date
),

placed as (
    select
        *,
        row_number() over (
            partition by month_date, workspace_id, recipe_id, is_test
            order by occurred_at asc, event_id asc
        ) as position,
        lag(outcome) over (
            partition by month_date, workspace_id, recipe_id, is_test
            order by occurred_at asc, event_id asc
        ) as outcome_before
    from runs
),

told as (
    select
        event_id,
        'activity' as event_kind,
        workspace_id,
        environment,
        recipe_id,
        resource_name as recipe_name,
        event_type,
        coalesce(actor_name, actor_email, actor_id, 'Workato') as actor_name,
        outcome,
        coalesce(stop_reason, 'was named ' || old_name, 'copy of ' || parent_id) as detail,
        ip_address,
        cast(null as varchar) as job_id,
        false as is_test,
        cast(date_trunc('month', event_date) as date) as month_date,
        occurred_at
    from int_activity_once
    where event_date between $from_date and $to_date and recipe_id is not null
    union all
    select
        event_id,
        'job' as event_kind,
        workspace_id,
        environment,
        recipe_id,
        recipe_name,
        outcome as event_type,
        cast(null as varchar) as actor_name,
        outcome,
        coalesce(error_message, error_type) as detail,
        cast(null as varchar) as ip_address,
        job_id,
        is_test,
        month_date,
        occurred_at
    from placed
    where outcome = 'failed' or outcome_before = 'failed' or position = 1
)

select
    event_id,
    event_kind,
    workspace_id,
    environment,
    recipe_id,
    recipe_name,
    event_type,
    actor_name,
    outcome,
    detail,
    ip_address,
    job_id,
    is_test,
    month_date,
    occurred_at
from told
order by recipe_id asc, occurred_at asc, event_kind asc, event_id asc
