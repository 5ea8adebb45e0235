-- One row per step that came with a job, with the kind that counting rules go by.
-- grain:  event_date, event_id
-- reads:  stg_job_steps, utility_connectors
-- scope:  partition
-- note:   a step that carries an error did not finish and counts nowhere; one without a connector
--         is a control step (if, repeat, stop). Utilities are the connectors that Workato lists as
--         not eligible for business actions. An approximate time is as in int_usage_jobs.

select
    s.event_id,
    s.job_event_id,
    s.workspace_id,
    s.recipe_id,
    coalesce(s.adapter_name, 'control') as adapter_name,
    case
        when s.is_failed then 'failed'
        when s.adapter_name is null then 'control'
        when s.is_trigger and u.adapter_name is not null then 'utility_trigger'
        when s.is_trigger then 'trigger'
        when u.is_recipe_call and starts_with(s.adapter_operation, 'call') then 'call'
        when u.adapter_name is not null then 'utility'
        else 'connector'
    end as step_kind,
    s.total_seconds,
    s.execute_seconds,
    case
        when s.total_seconds <= 0 then 0
        when s.total_seconds > 0
            then round(exp(round(ln(s.total_seconds) / 9.6e-2) * 9.6e-2), 6)
    end as approximate_seconds,
    s.is_trigger,
    s.is_failed,
    s.event_date
from stg_job_steps as s
left join utility_connectors as u on s.adapter_name = u.adapter_name
