-- Every name that recipes, connections and people went by.
-- grain:  resource_kind, workspace_id, resource_id, resource_name
-- reads:  resource_names_monthly
-- scope:  global
-- note:   what a name is looked up in, in one small file.

select
    resource_kind,
    workspace_id,
    resource_id,
    resource_name,
    max(resource_email) as resource_email,
    max(last_seen_date) as last_seen_date,
    max(last_seen_at) as last_seen_at
from resource_names_monthly
group by all
