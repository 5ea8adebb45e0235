"""Sink: the one shape of all sinks: what they are given, what they answer, how they fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pipelines.errors import TrailhouseError

Cause = Literal[
    "access_denied",
    "bad_credentials",
    "disk_full",
    "dns",
    "network",
    "not_found",
    "payload",
    "redirect",
    "region_mismatch",
    "server_error",
    "throttled",
    "timeout",
    "tls",
    "too_large",
    "wrong_answer",
]
"""Why a delivery failed, in one word; each has its troubleshooting steps."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a sink takes in one request, by the rules of the service behind it."""

    events: int
    """Most events in a batch."""
    bytes: int
    """Most bytes of all messages of a batch, UTF-8, before compression."""
    event_bytes: int
    """Most bytes of one message."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rendered events on their way to one sink.

    `events` has facts of the events by column, each as long as `messages`: always `event_id`,
    besides whatever the sink's `needs` names. Rendering the same events with the same template
    gives the same `batch_id`.
    """

    sink: str
    batch_id: str
    messages: Sequence[str]
    events: Mapping[str, Sequence[Any]]
    content_type: str = "application/json"

    def __len__(self) -> int:
        """How many events it has."""
        return len(self.messages)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a service answered to a batch that it took, at least in part.

    `refused` names the events that it will never take, by position, with its reason; the others
    are delivered. `retry` names those that it asks to send again later, and `failure` says why.
    """

    response: str
    refused: Mapping[int, str] = field(default_factory=dict)
    retry: Mapping[int, str] = field(default_factory=dict)
    failure: SinkError | None = None
    """What keeps those to be sent again; without it, they are too many at once."""

    @property
    def postponement(self) -> SinkError:
        """What keeps the events that are to be sent again."""
        reason = next(iter(self.retry.values()), "")
        return self.failure or TransientSinkError(reason, cause="throttled", response=self.response)


class Sink(Protocol):
    """A destination. It keeps no state of deliveries, and is used by one thread at a time."""

    limits: Limits
    needs: tuple[str, ...]
    """Columns of the event that it needs besides the message, such as `occurred_at`."""

    def send(self, batch: Batch) -> Receipt:
        """Deliver a batch; when it returns, the service has acknowledged what it took.

        Raises:
            TransientSinkError: The same batch may be accepted later.
            ConfigurationSinkError: Nothing will be accepted until somebody mends something.
            PayloadSinkError: This batch, or an event in it, will always be refused.
        """

    def probe(self) -> None:
        """Ask, within two seconds and without sending an event, whether the service would answer.

        Raises:
            TransientSinkError: It would not, for now.
            ConfigurationSinkError: It would refuse us.
        """

    def close(self) -> None:
        """Let go of connections."""


class SinkError(TrailhouseError):
    """A delivery failed: why, in one word, and what the service said (shortened, no secrets)."""

    def __init__(self, message: str, *, cause: Cause, response: str = "") -> None:
        super().__init__(message)
        self.cause = cause
        self.response = response[:1_000]


class TransientSinkError(SinkError):
    """The same batch may be accepted later."""

    def __init__(
        self,
        message: str,
        *,
        cause: Cause,
        response: str = "",
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message, cause=cause, response=response)
        self.retry_after_seconds = retry_after_seconds


class ConfigurationSinkError(SinkError):
    """Nothing will be accepted until somebody mends something; the sink's breaker opens."""


class PayloadSinkError(SinkError):
    """The batch, or an event in it, will always be refused; it is split to find which."""
