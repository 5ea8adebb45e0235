-- Jobs, actions and milliseconds in recipe_usage_daily and process_usage_daily, side by side.
-- grain:  event_date, workspace_id
-- reads:  recipe_usage_daily, process_usage_daily
-- scope:  partition

with expected as (
    select
        workspace_id,
        sum(job_count) as job_count,
        sum(action_count) as action_count,
        sum(cast(round(total_seconds * 1000) as bigint)) as ms,
        event_date
    from recipe_usage_daily
    group by all
),

found as (
    select
        workspace_id,
        sum(job_count) as job_count,
        sum(action_count) as action_count,
        sum(cast(round(total_seconds * 1000) as bigint)) as ms,
        event_date
    from process_usage_daily
    group by all
)

select
    coalesce(e.workspace_id, f.workspace_id) as workspace_id,
    e.job_count as expected_job_count,
    f.job_count as found_job_count,
    e.action_count as expected_action_count,
    f.action_count as found_action_count,
    e.ms as expected_ms,
    f.ms as found_ms,
    coalesce(e.event_date, f.event_date) as event_date
from expected as e
full outer join found as f on e.event_date = f.event_date and e.workspace_id = f.workspace_id
