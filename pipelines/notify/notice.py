"""Notice: what is said about a sink to those who look after it, whatever carries it to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pipelines.errors import TrailhouseError
from pipelines.sinks.sink import Cause

NoticeState = Literal["broken", "still_broken", "giving_up", "recovered"]


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to say: what failed and why, since when, and how much waits.

    Moments are aware and UTC. `cause` and `since` are of the failure, also in a recovery.
    """

    sink: str
    state: NoticeState
    cause: Cause
    since: datetime
    waiting_events: int
    oldest_at: datetime | None
    """When the oldest waiting event happened."""
    response: str
    """What the service said last, shortened, without secrets."""
    give_up_at: datetime | None = None
    """When the oldest waiting batch will be parked."""


Notify = Callable[[Notice], None]
"""Carries a notice; raises what went wrong, which never stops a delivery."""


class NotToldError(TrailhouseError):
    """Nobody was told; the notice may be sent again."""


class PartlyToldError(TrailhouseError):
    """Somebody was told, and somebody was not; the notice is not sent again."""
