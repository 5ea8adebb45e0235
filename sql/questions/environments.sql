-- The environments that jobs ran in.
-- grain:  environment
-- reads:  recipe_owners
-- scope:  global

select distinct environment
from recipe_owners
order by environment asc
