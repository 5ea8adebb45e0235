-- One row per job that ended, with its steps counted by kind.
-- grain:  event_date, event_id
-- reads:  int_usage_jobs, int_usage_steps
-- scope:  partition
-- note:   hidden actions are those that the job counts beyond the steps that it sent: iterations of
--         a loop before the last, and all actions of a job without steps. Of those a failed job
--         may count one that did not finish.

with stepped as (
    select
        job_event_id,
        count(*) filter (where step_kind = 'trigger') as trigger_count,
        count(*) filter (where step_kind = 'utility_trigger') as utility_trigger_count,
        count(*) filter (where step_kind = 'connector') as connector_step_count,
        count(*) filter (where step_kind = 'utility') as utility_step_count,
        count(*) filter (where step_kind = 'call') as call_step_count,
        count(*) filter (where step_kind = 'failed') as failed_step_count,
        count(*) filter (where step_kind = 'control') as control_step_count,
        count(*) filter (where not is_trigger and step_kind <> 'control') as sent_action_count,
        event_date
    from int_usage_steps
    group by all
)

select
    j.event_id,
    j.workspace_id,
    j.recipe_id,
    j.root_recipe_id,
    j.recipe_name,
    j.environment,
    j.folder,
    j.project,
    j.action_count,
    coalesce(s.trigger_count, 0) as trigger_count,
    coalesce(s.utility_trigger_count, 0) as utility_trigger_count,
    coalesce(s.connector_step_count, 0) as connector_step_count,
    coalesce(s.utility_step_count, 0) as utility_step_count,
    coalesce(s.call_step_count, 0) as call_step_count,
    coalesce(s.failed_step_count, 0) as failed_step_count,
    coalesce(s.control_step_count, 0) as control_step_count,
    greatest(
        j.action_count - coalesce(s.sent_action_count, 0)
        - (case when j.is_failed and not j.has_steps then 1 else 0 end),
        0
    ) as hidden_least_count,
    greatest(j.action_count - coalesce(s.sent_action_count, 0), 0) as hidden_most_count,
    j.duration_ms,
    j.duration_seconds,
    j.has_steps,
    j.is_countable,
    j.is_called,
    j.is_test,
    j.is_repeat,
    j.is_succeeded,
    j.is_failed,
    not j.is_test and (j.is_failed or j.is_repeat) as is_wasted,
    j.event_date,
    j.occurred_at
from int_usage_jobs as j
left join stepped as s on j.event_date = s.event_date and j.event_id = s.job_event_id
