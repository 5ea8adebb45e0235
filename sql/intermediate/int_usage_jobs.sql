-- One row per job that ended, with what usage counts it by.
-- grain:  event_date, event_id
-- reads:  stg_jobs
-- scope:  partition
-- note:   a job may be sent more than once, with another status: the record that says how it ended
--         counts, of several the last of the day. One that has not ended counts on the day on which
--         it will, so that no day has to look at the next. A folder is the path of the recipe, a project the folder at the top of it, below the root
--         that Workato calls Home or All projects. The root recipe is the top of the chain of
--         calls; where it is not sent the recipe itself, and int_job_roots has it of called jobs. A job
--         without steps is known by its action count alone, and one without that not at all. An
--         approximate time is a power of e to 0.096, so that it is within 5 percent.

with placed as (
    select
        *,
        trim(recipe_path, '/') as path,
        split_part(trim(recipe_path, '/'), '/', 1) in ('Home', 'All projects') as is_below_root,
        row_number() over (
            partition by event_date, workspace_id, coalesce(job_id, event_id)
            order by
                (case when is_succeeded or is_failed then 0 else 1 end) asc,
                occurred_at desc, event_id asc
        ) as position
    from stg_jobs
    where
        is_succeeded
        or is_failed
        or (coalesce(outcome, 'unknown') <> 'pending' and duration_seconds is not null)
)

select
    event_id,
    job_id,
    family_id,
    workspace_id,
    recipe_id,
    calling_job_id,
    calling_recipe_id,
    root_recipe_id as sent_root_recipe_id,
    coalesce(root_recipe_id, recipe_id) as root_recipe_id,
    recipe_name,
    coalesce(environment, 'unknown') as environment,
    coalesce(nullif(path, ''), 'unknown') as folder,
    coalesce(
        case when is_below_root then nullif(split_part(path, '/', 2), '') end,
        nullif(split_part(path, '/', 1), ''),
        'unknown'
    ) as project,
    outcome,
    action_count,
    -- sums of whole numbers do not depend on their order
    cast(round(duration_seconds * 1000) as bigint) as duration_ms,
    duration_seconds,
    case
        when duration_seconds <= 0 then 0
        -- Workato tells whole seconds: short ones stay what they are
        when duration_seconds <= 20 and duration_seconds = floor(duration_seconds)
            then duration_seconds
        when duration_seconds > 0
            then round(exp(round(ln(duration_seconds) / 9.6e-2) * 9.6e-2), 6)
    end as approximate_seconds,
    lines_state = 'sent' as has_steps,
    lines_state = 'sent' or is_counted as is_countable,
    calling_job_id is not null or coalesce(root_job_id <> job_id, false) as is_called,
    is_test,
    is_repeat,
    is_succeeded,
    is_failed,
    event_date,
    started_at,
    occurred_at
from placed
where position = 1
