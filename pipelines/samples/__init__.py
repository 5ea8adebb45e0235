"""Samples: a believable workspace, written exactly as Workato streams one, with known answers.

The company and its people are invented. Object names of jobs follow the published form; those of
user activity, API platform logs and log events are not published, and the ones used here
(`<account_id>/user_activity/<YYYYMMDD>/<account_id>-<event>-<YYYYMMDDHHMMSS>-<n>.json` and the
like) are our assumption, as are the key names of the last two. Nothing outside this package may
rely on such a name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.samples.truth import Truth as Truth
    from pipelines.samples.write import write_sample as write_sample

__all__ = ["Truth", "write_sample"]


def __getattr__(name: str) -> object:
    """Import on first use: numpy costs more than the rest of the command line."""
    if name == "write_sample":
        from pipelines.samples.write import write_sample

        return write_sample
    if name == "Truth":
        from pipelines.samples.truth import Truth

        return Truth
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
