"""Settings of a sink: what every `[[sink]]` table of `trailhouse.toml` may say.

What only one kind of sink knows stands in that sink's module, in a subclass.
"""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipelines.sinks.sink import Limits, Sink

if TYPE_CHECKING:
    from pipelines.lake.storage import Storage

LIMITS = Path(__file__).with_name("limits.csv")

Clock = Callable[[], datetime]
"""Says the time, UTC."""
Text = Annotated[str, Field(min_length=1)]
Address = Annotated[str, Field(pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$")]
EventKind = Literal["activity", "job", "api_request", "log_message"]


class Mask(BaseModel):
    """What becomes of one field before anything is rendered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: Text
    """A column of the event, or a key of its JSON."""
    action: Literal["drop", "hash", "mask"]
    """Leave it out, put a digest in its place, or put asterisks in its place."""


class SinkSettings(BaseModel, ABC):
    """One destination: a `[[sink]]` table; each kind of sink adds its own fields."""

    # a validator of one kind takes ten milliseconds to build; tables are read by one for all kinds
    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True
    )

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
    """Short name; lower-case letters, digits, `_` and `-`. Its ledger and cache go by it."""
    kind: str
    """Which protocol it speaks."""
    enabled: bool = True
    """Whether loads are fed to it; what waits for a sink that is off stays where it is."""
    start: Literal["now", "beginning"] = "now"
    """Loads after the sink was first seen, or all that are in the lake."""
    template: Text = "workato"
    """Name of a ready template, or the path of one."""
    template_by_kind: Mapping[EventKind, Text] = {}
    """Templates of kinds of events that want their own."""
    kinds: tuple[EventKind, ...] = ()
    """Kinds of events to send; without any, all. The filters below hold all at once."""
    event_types: tuple[Text, ...] = ()
    """Event types to send, such as `user_login`."""
    resource_types: tuple[Text, ...] = ()
    """Resource types to send, such as `Flow`."""
    workspaces: tuple[Text, ...] = ()
    """Ids of the workspaces whose events are sent."""
    environments: tuple[Text, ...] = ()
    """Environments whose events are sent."""
    failed_jobs_only: bool = False
    """Of jobs, send those that failed; other events are not concerned."""
    where: Text | None = None
    """SQL predicate over the columns of the lake, such as `actor_email like '%@example.com'`."""
    detail: Literal["status", "full"] = "full"
    """What a job is sent with: its status alone, or its steps, report and error as well."""
    mask: tuple[Mask, ...] = ()
    """Fields that leave only dropped, hashed or masked."""
    batch_events: Annotated[int, Field(ge=1)] | None = None
    """Most events in a batch; at most, and by default, what the service takes."""
    batch_bytes: Annotated[int, Field(ge=1)] | None = None
    """Most bytes of messages in a batch; at most, and by default, what the service takes."""
    give_up_after_days: Annotated[int, Field(ge=1, le=365)] = 7
    """Days after which what could not be delivered is parked, where it can be replayed from."""
    admins: tuple[Address, ...] = ()
    """Who gets an e-mail when the sink breaks, gives up and recovers."""

    def __hash__(self) -> int:
        """By what tells sinks apart: tables such as `template_by_kind` have no hash."""
        return hash((self.kind, self.name))

    @abstractmethod
    def open(self, storage: Storage, clock: Clock) -> Sink:
        """Open the sink; secrets are read now, the network is not touched yet.

        Raises:
            ConfigurationError: A secret or file that the settings name cannot be read.
        """

    @model_validator(mode="after")
    def _batches_are_within_the_limits(self) -> SinkSettings:
        most = limits_of(self.kind)
        for name, limit in (("batch_events", most.events), ("batch_bytes", most.bytes)):
            if (getattr(self, name) or 0) > limit:
                raise ValueError(f"{name} is more than the {limit:,} that {self.kind} takes")
        return self

    def limits(self, envelope_bytes: int = 0) -> Limits:
        """The limits of the service, or the lower ones that the settings ask for.

        Args:
            envelope_bytes: What the sink adds to each message, which the service counts too.
        """
        most = limits_of(self.kind)
        events = min(self.batch_events or most.events, most.events)
        if envelope_bytes:
            # so that envelopes take a quarter of a request at most, however short the messages are
            events = min(events, most.bytes // (4 * envelope_bytes))
        room = most.bytes - envelope_bytes * events
        return Limits(
            events=events,
            bytes=min(self.batch_bytes or room, room),
            event_bytes=most.event_bytes - envelope_bytes,
        )


@cache
def _limits() -> dict[str, Limits]:
    with LIMITS.open(encoding="utf-8", newline="") as file:
        return {
            row["kind"]: Limits(int(row["events"]), int(row["bytes"]), int(row["event_bytes"]))
            for row in csv.DictReader(file)
        }


def limits_of(kind: str) -> Limits:
    """What the service behind a kind of sink takes in one request: a row of `limits.csv`."""
    return _limits()[kind]
