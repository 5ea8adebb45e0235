-- Jobs that name their caller but not the top of the chain of calls, with the recipe at the top.
-- grain:  event_date, event_id
-- reads:  int_usage_jobs
-- scope:  partition
-- note:   looked up caller by caller, four times at most, among the jobs that ended on the same day.
--         Where that does not end at a job that nobody called, the recipe that was named last is
--         the best guess.

with unrooted as (
    select
        event_id,
        workspace_id,
        recipe_id,
        calling_job_id,
        calling_recipe_id,
        event_date
    from int_usage_jobs
    where sent_root_recipe_id is null and calling_job_id is not null
),

-- where every job names its root, nothing is kept of the day
looked_at as (
    select distinct
        event_date,
        workspace_id
    from unrooted
),

callers as (
    select
        j.job_id,
        j.workspace_id,
        j.sent_root_recipe_id,
        -- not a condition of the joins, which would compare every job with every other then
        case when j.sent_root_recipe_id is null then j.calling_job_id end as next_job_id,
        j.event_date,
        coalesce(j.sent_root_recipe_id, j.calling_recipe_id, j.recipe_id) as top_recipe_id,
        j.sent_root_recipe_id is null and j.calling_job_id is not null as is_open
    from int_usage_jobs as j
    inner join looked_at as l on j.event_date = l.event_date and j.workspace_id = l.workspace_id
    where j.job_id is not null
)

select
    u.event_id,
    u.workspace_id,
    coalesce(
        d.top_recipe_id,
        c.top_recipe_id,
        b.top_recipe_id,
        a.top_recipe_id,
        u.calling_recipe_id,
        u.recipe_id
    ) as root_recipe_id,
    coalesce(d.is_open, c.is_open, b.is_open, a.is_open, true) as is_guessed,
    u.event_date
from unrooted as u
left join callers as a
    on u.event_date = a.event_date and u.workspace_id = a.workspace_id and u.calling_job_id = a.job_id
left join callers as b
    on
        a.event_date = b.event_date
        and a.workspace_id = b.workspace_id
        and a.next_job_id = b.job_id
left join callers as c
    on
        b.event_date = c.event_date
        and b.workspace_id = c.workspace_id
        and b.next_job_id = c.job_id
left join callers as d
    on
        c.event_date = d.event_date
        and c.workspace_id = d.workspace_id
        and c.next_job_id = d.job_id
