-- Recipes that are silent against their own rhythm, as of the lake's newest day.
-- grain:  workspace_id, recipe_id
-- reads:  recipe_silence
-- scope:  global

select
    workspace_id,
    recipe_id,
    environment,
    recipe_name,
    usual_gap_seconds,
    silent_seconds,
    last_started_at
from recipe_silence
where is_silent and (cast($environment as varchar) is null or environment = $environment)
order by silent_seconds desc, workspace_id asc, recipe_id asc
