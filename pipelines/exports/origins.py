"""Origins: which keys of an event's own JSON each column of the lake was read from."""

from __future__ import annotations

from functools import cache

Path = tuple[str, ...]
"""Keys from the top of an event; lists on the way are passed through."""

_COMMON_JOB = """
recipe_id: recipe_id flow_id context.recipe_id
resource_id: recipe_id flow_id context.recipe_id
workspace_id: account_id environment_id context.user_id
environment: environment_type
"""
_ORIGINS = {
    "activity": """
actor_id: user.id
actor_name: user.name
actor_email: user.email
workspace_id: team.id workspace.id
workspace_name: team.name workspace.name
environment: team.environment workspace.environment
event_type: event event_type
resource_type: resource.type
resource_id: resource.id
resource_name: resource.name resource.file_name resource.member.name
resource_email: resource.email
resource_path: resource.path resource.folder_path
parent_id: resource.parent_id
member_id: resource.member.id
member_name: resource.member.name
member_email: resource.member.email
role: resource.role
activity: details.activity
sso_provider: details.sso_provider
stop_reason: details.stop_reason
is_forced: details.force
is_error: details.error
is_run_once: details.run_once
provider: resource.provider
is_authorized: resource.authorized
old_name: resource_changes.name.old_value
resource_changes: resource_changes
ip_address: details.request.ip_address
user_agent: details.request.user_agent
""",
    "job": _COMMON_JOB
    + """
parent_id: parent_id
recipe_name: context.recipe_name
recipe_path: context.recipe_path
calling_job_id: calling_job_id
calling_recipe_id: calling_recipe_id context.calling_recipe_id
root_job_id: root_job_handle root_job_id
root_recipe_id: root_recipe_id
title: title
event_type: status
outcome: status
status: status
is_repeat: is_repeat
repeat_count: repeat_count
is_test: is_test
is_poll_error: is_poll_error
started_at: started_at
completed_at: completed_at
action_count: action_count
account_name: account_name context.user_name
error_type: error_type error_parts.error_type
error_message: error error_parts.message lines.error
error_inner_message: error
error_raw: error
error_id: error_parts.error_id
report: report
""",
    "api_request": """
workspace_id: account_id
environment: environment_type
status_type: type
status_code: code status_code
gateway_code: gateway_code
status_details: status_details
ip_address: ip ip_address
timing_ms: timing timing_ms
delay_ms: delay delay_ms
api_collection: api_collection
endpoint: endpoint
resource_id: endpoint
client: client
job_id: job_id
""",
    "log_message": _COMMON_JOB
    + """
log_type: log_type
event_type: log_type
level: level
message: message
job_id: job_id
""",
}
IDENTITY = frozenset(
    """
    event_id event_kind event_date occurred_at received_at loaded_at load_id activity_id family_id
    source source_uri source_offset
    """.split()
)
"""Columns that cannot be masked: receivers know an event by them, and batches are made of them."""
IDENTITY_KEYS = frozenset({("id",), ("master_job_id",), ("timestamp",)})
"""Keys that those columns are read from."""
WORDS = frozenset(
    """
    event_type resource_type environment outcome role activity sso_provider stop_reason provider
    status lines_state error_type error_adapter error_operation status_type log_type level
    """.split()
)
"""Columns that hold words of Workato, not of people: a masked one hides itself and nothing else,
and nobody's name hides a part of one."""
WORD_KEYS: frozenset[Path] = frozenset(
    {("event",), ("event_type",), ("status",), ("type",), ("resource", "type"), ("log_type",)}
    | {("level",), ("environment_type",), ("timestamp",), ("started_at",), ("completed_at",)}
    | {("id",), ("master_job_id",)}
)
"""Keys of an event that hold such words, times, and its identity."""


@cache
def origins(kind: str) -> dict[str, tuple[Path, ...]]:
    """The paths that each column of a kind is read from, those of columns that have any."""
    lines = (line.split(": ") for line in _ORIGINS[kind].splitlines() if line)
    return {name: tuple(tuple(p.split(".")) for p in paths.split()) for name, paths in lines}


def related(one: Path, other: Path) -> bool:
    """Whether one path lies at or within the other."""
    length = min(len(one), len(other))
    return one[:length] == other[:length]
