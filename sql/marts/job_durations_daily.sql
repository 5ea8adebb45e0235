-- Jobs per run time, process, recipe and UTC day: what percentiles of any days are read from.
-- grain:  event_date, workspace_id, root_recipe_id, recipe_id, approximate_seconds
-- reads:  int_usage_jobs, int_job_roots, recipe_usage_daily
-- scope:  partition
-- note:   without test jobs, and jobs without an end. Run times are within 5 percent, so that there
--         are few, and counts of days, recipes and places can be summed.

select
    j.workspace_id,
    coalesce(r.root_recipe_id, j.root_recipe_id) as root_recipe_id,
    j.recipe_id,
    u.environment,
    u.folder,
    u.project,
    count(*) as job_count,
    j.approximate_seconds,
    j.event_date
from int_usage_jobs as j
left join int_job_roots as r on j.event_date = r.event_date and j.event_id = r.event_id
inner join recipe_usage_daily as u
    on
        j.event_date = u.event_date
        and j.workspace_id = u.workspace_id
        and j.recipe_id = u.recipe_id
where
    j.event_date between $from_date and $to_date
    and not j.is_test
    and j.approximate_seconds is not null
group by all
