"""Notice: what is said about a sink to those who look after it, whatever carries it to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pipelines.errors import TrailhouseError
from pipelines.sinks.sink import Cause

NoticeState = Literal["broken", "still_broken", "giving_up", "recovered", "refused", "stopped"]
Why = Cause | Literal["stopped"]
"""Why there is something to say: a cause, or a template, filter or file that cannot be used."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to say: what failed and why, since when, and how much waits.

    Moments are aware and UTC. `cause` and `since` are of the failure, also in a recovery.
    """

    sink: str
    state: NoticeState
    cause: Why
    since: datetime
    waiting_events: int
    oldest_at: datetime | None
    """When the oldest waiting event happened."""
    response: str
    """What the service said last, shortened, without secrets."""
    give_up_at: datetime | None = None
    """When the oldest waiting batch will be parked."""
    waiting_loads: int = 0
    """Loads that wait in the lake, since they could not be rendered."""
    dead_events: int = 0
    """Events that are kept as dead letters."""
    refused_events: int = 0
    """Those of them that were refused since the last notice."""


Notify = Callable[[Notice], None]
"""Carries a notice; raises what went wrong, which never stops a delivery."""


class NotToldError(TrailhouseError):
    """Nobody was told; the notice may be sent again."""


class PartlyToldError(TrailhouseError):
    """Somebody was told, and somebody was not; the notice is not sent again."""
