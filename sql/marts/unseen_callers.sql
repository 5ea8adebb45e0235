-- Jobs that other jobs name as caller, root or first run, and that the lake has never seen.
-- grain:  event_date, workspace_id, link, missing_job_id
-- reads:  stg_job_links
-- scope:  window(-7d,+1d)
-- files:  month
-- note:   looked for from 7 days before the naming job to the day after it: a caller that ends
--         later, or a first run longer ago, counts as unseen.

with named as (
    select
        workspace_id,
        'caller' as link,
        calling_job_id as missing_job_id,
        calling_recipe_id as missing_recipe_id,
        recipe_id,
        event_date,
        occurred_at
    from stg_job_links
    where event_date between $from_date and $to_date and calling_job_id is not null
    union all
    select
        workspace_id,
        'root' as link,
        root_job_id as missing_job_id,
        root_recipe_id as missing_recipe_id,
        recipe_id,
        event_date,
        occurred_at
    from stg_job_links
    where event_date between $from_date and $to_date and root_job_id is not null
    union all
    select
        workspace_id,
        'first run' as link,
        first_job_id as missing_job_id,
        recipe_id as missing_recipe_id,
        recipe_id,
        event_date,
        occurred_at
    from stg_job_links
    where event_date between $from_date and $to_date and first_job_id is not null
),

grouped as (
    select
        workspace_id,
        link,
        missing_job_id,
        max(missing_recipe_id) as missing_recipe_id,
        min(recipe_id) as naming_recipe_id,
        count(*) as job_count,
        event_date,
        min(occurred_at) as first_named_at,
        max(occurred_at) as last_named_at
    from named
    group by all
),

seen as (
    select distinct
        job_id,
        event_date
    from stg_job_links
)

select
    workspace_id,
    link,
    missing_job_id,
    missing_recipe_id,
    naming_recipe_id,
    cast(job_count as bigint) as job_count,
    event_date,
    first_named_at,
    last_named_at
from grouped as g
where not exists (
    select 1
    from seen as s
    where
        s.job_id = g.missing_job_id
        -- the days of a build may hold more than the window of one day
        and date_diff('day', g.event_date, s.event_date) between -7 and 1
)
