-- What the lake holds: its days, its newest load, its newest arrival.
-- grain:  one row
-- reads:  recipe_usage_daily, lateness_daily, stg_loads
-- scope:  global

select
    (select min(event_date) from recipe_usage_daily) as first_job_date,
    (select max(event_date) from recipe_usage_daily) as last_job_date,
    (select max(event_date) from lateness_daily) as last_event_date,
    (select max(last_received_at) from lateness_daily) as last_received_at,
    (select max(load_number) from stg_loads) as load_number,
    (select max(committed_at) from stg_loads) as last_committed_at
