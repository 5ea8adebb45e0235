-- One row per job record, with the jobs that it names: its caller, its root and its first run.
-- grain:  event_date, event_id
-- reads:  jobs
-- scope:  partition
-- note:   a job that names itself as its root or first run names nobody.

select
    event_id,
    job_id,
    coalesce(workspace_id, 'unknown') as workspace_id,
    coalesce(recipe_id, 'unknown') as recipe_id,
    nullif(calling_job_id, job_id) as calling_job_id,
    calling_recipe_id,
    nullif(root_job_id, job_id) as root_job_id,
    root_recipe_id,
    nullif(family_id, job_id) as first_job_id,
    event_date,
    occurred_at at time zone 'UTC' as occurred_at
from jobs
where job_id is not null
