-- Runs of a recipe per UTC month: how many, and from when to when; with its newest name.
-- grain:  month_date, workspace_id, recipe_id
-- reads:  recipe_activity_daily
-- scope:  month
-- note:   what is asked of a recipe's whole past reads months, not days; test jobs are left out of
--         all but the environment.

with days as (
    select
        *,
        cast(date_trunc('month', event_date) as date) as month_date,
        row_number() over (
            partition by date_trunc('month', event_date), workspace_id, recipe_id
            order by (case when job_count > 0 then 0 else 1 end) asc, event_date desc
        ) as position
    from recipe_activity_daily
)

select
    workspace_id,
    recipe_id,
    max(environment) as environment,
    max(case when position = 1 then environment end) as last_environment,
    max(case when position = 1 then recipe_name end) as recipe_name,
    cast(sum(job_count) as bigint) as job_count,
    month_date,
    min(first_started_at) as first_started_at,
    max(last_started_at) as last_started_at,
    min(first_triggered_at) as first_triggered_at,
    max(last_triggered_at) as last_triggered_at
from days
group by all
