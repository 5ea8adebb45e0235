"""Detail: how much of a job is told, as Workato's own stream lets one choose."""

from __future__ import annotations

from pipelines.sources.split import fields

STATUS_FIELDS = frozenset(
    """
    id master_job_id parent_id recipe_id flow_id calling_job_id calling_recipe_id root_job_handle
    root_job_id root_recipe_id status is_repeat repeat_count is_test is_poll_error is_error
    started_at completed_at action_count error_type account_id account_name environment_id
    environment_type context
    """.split()
)
"""What a job record has at the level of its status: no step, no text of an error, no report, and
no title, which is made of business data. A field that is not known yet is left out too."""
STATUS_NULLS = frozenset(
    """
    title report error_message error_inner_message error_raw error_id error_line_number
    error_adapter error_operation error_http_status step_count lines_state
    """.split()
)
"""Columns of a job that are null at the level of its status."""


def status_only(message: str) -> str:
    """A job record with what tells its status, each value byte for byte as it was."""
    kept = (
        f'"{name}":{bytes(value).decode()}'
        for name, value in fields(message.encode()).items()
        if name in STATUS_FIELDS
    )
    return f"{{{','.join(kept)}}}"
