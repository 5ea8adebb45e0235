-- Jobs per run time, recipe and UTC month, by where the recipe lay.
-- grain:  month_date, workspace_id, recipe_id, environment, folder, project, approximate_seconds
-- reads:  job_durations_daily
-- scope:  month
-- note:   the sums of job_durations_daily, so that a year is 12 files.

select
    workspace_id,
    recipe_id,
    environment,
    folder,
    project,
    cast(sum(job_count) as bigint) as job_count,
    approximate_seconds,
    cast(date_trunc('month', event_date) as date) as month_date
from job_durations_daily
group by all
