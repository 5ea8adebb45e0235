-- Jobs that jobs of the period name as caller, root or first run, and that the lake lacks.
-- grain:  link
-- reads:  unseen_callers
-- scope:  global

select
    link,
    cast(count(distinct missing_job_id) as bigint) as missing_count,
    cast(sum(job_count) as bigint) as job_count
from unseen_callers
where event_date between $from_date and $to_date
group by all
order by missing_count desc, link asc
