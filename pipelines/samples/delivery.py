"""Delivery: a batch of records on its way into the landing zone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["activity", "jobs", "api_requests", "log_messages"]

KINDS: tuple[Kind, ...] = ("activity", "jobs", "api_requests", "log_messages")

FOLDERS: dict[Kind, str] = {
    "activity": "user_activity",
    "jobs": "jobs",
    "api_requests": "api_platform",
    "log_messages": "log_events",
}
"""The folder of each kind below the account. Only that of jobs is published; the others, and
the names of the objects in them, are our assumption."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one kind and one account, all of one UTC day.

    Attributes:
        kind: What the records are.
        account_id: The account of the environment, first part of every object's name.
        texts: The records, one JSON text each, without line ends.
        seconds: When each happened, UTC epoch seconds.
        key: Names the object of a record, given its place in `texts` and the epoch second at
            which it was delivered; unique over the whole sample.
    """

    kind: Kind
    account_id: int
    texts: list[str]
    seconds: list[int]
    key: Callable[[int, int], str]
