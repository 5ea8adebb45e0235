"""Breaker: what a failure or a success makes of a sink, and when it is tried again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from pipelines.exports.backoff import Backoff, Random
from pipelines.sinks.sink import Cause, ConfigurationSinkError, SinkError, TransientSinkError

Breaker = Literal["closed", "open", "half_open"]
REFUSALS: tuple[Cause, ...] = ("payload", "too_large")
"""Causes by which a service refuses what it is sent, and not us."""
LONGEST_WAIT_SECONDS = 24 * 3600.0
"""However long a service asks us to wait."""


@dataclass(frozen=True, slots=True)
class SinkState:
    """A sink as the ledger knows it; moments are aware and UTC.

    closed: it takes batches, or (with failures) is left alone until `next_attempt_at`.
    open: somebody has to mend something; nothing is sent until a probe succeeds.
    half_open: a probe succeeded, and one batch is on its way.
    """

    sink: str
    first_seen_at: datetime
    base_load: int
    """Loads up to this number were there before the sink, and are not for it."""
    breaker: Breaker = "closed"
    cause: Cause | None = None
    response: str | None = None
    since: datetime | None = None
    """When it began to fail; None while it does not."""
    failure_count: int = 0
    decided_at: datetime | None = None
    next_attempt_at: datetime | None = None
    told_at: datetime | None = None
    """When its admins were told that it is broken; None while they need not know."""
    delivered_at: datetime | None = None
    problem: str | None = None
    """What is wrong with its template or filter, so that its events wait."""

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt failed."""
        return self.failure_count > 0


def is_due(state: SinkState, now: datetime) -> bool:
    """Whether the sink may be tried now.

    A decision of the future was made before the clock was set back; it does not bind.
    """
    if state.next_attempt_at is None or now >= state.next_attempt_at:
        return True
    return state.decided_at is not None and state.decided_at > now


def failed(
    state: SinkState, error: SinkError, now: datetime, *, backoff: Backoff, random: Random
) -> SinkState:
    """The state after an attempt or a probe failed: backing off, or open."""
    failures = state.failure_count + 1
    breaker: Breaker
    if isinstance(error, ConfigurationSinkError):
        wait, breaker = backoff.probe_seconds(failures, random=random), "open"
    else:
        asked = error.retry_after_seconds if isinstance(error, TransientSinkError) else None
        asked = min(asked, LONGEST_WAIT_SECONDS) if asked is not None else None
        wait = backoff.seconds(failures, random=random, retry_after=asked)
        # what does not answer does not say either that it was mended
        breaker = "open" if state.breaker != "closed" else "closed"
    since = state.since if state.is_failing and state.since is not None else now
    return replace(
        state,
        breaker=breaker,
        cause=error.cause,
        response=said(error),
        since=min(since, now),
        failure_count=failures,
        decided_at=now,
        next_attempt_at=now + timedelta(seconds=wait),
    )


def probed(state: SinkState) -> SinkState:
    """The state after a probe of a broken sink succeeded: one batch may go."""
    return replace(state, breaker="half_open")


def answered(state: SinkState, now: datetime) -> SinkState:
    """The state after the service refused events, but not us: what else was wrong is over.

    A sink that was left alone for refusing whatever it is sent stays so until it takes something.
    """
    if not state.is_failing or state.cause in REFUSALS:
        return state
    return replace(state, breaker="closed", failure_count=0, decided_at=now, next_attempt_at=None)


def said(error: SinkError) -> str:
    """What is kept of an error: what the service said, else what we say about it.

    Of a redirect both: where it leads to stands in no text of the answer.
    """
    if error.cause == "redirect" and error.response:
        return f"{error.response}: {error}"[:1_000]
    return error.response or str(error)[:1_000]


def succeeded(state: SinkState, now: datetime) -> SinkState:
    """The state after the service took a batch."""
    return replace(
        state,
        breaker="closed",
        failure_count=0,
        decided_at=now,
        next_attempt_at=None,
        delivered_at=now,
    )
