"""Verdict: what the status of an HTTP answer means for delivery."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from email.utils import parsedate_to_datetime

from pipelines.sinks.http_client import Answer
from pipelines.sinks.settings import Clock
from pipelines.sinks.sink import (
    Cause,
    ConfigurationSinkError,
    PayloadSinkError,
    SinkError,
    TransientSinkError,
)

TRANSIENT: dict[int, Cause] = {
    408: "timeout",
    409: "server_error",  # a request with the same Idempotency-Key is under way
    425: "server_error",
    429: "throttled",
}
PAYLOAD: dict[int, Cause] = {400: "payload", 413: "too_large", 422: "payload"}
CONFIGURATION: dict[int, Cause] = {
    401: "bad_credentials",
    402: "access_denied",
    403: "access_denied",
    404: "not_found",
    407: "bad_credentials",
    410: "not_found",
}
"""Every other 4xx is configuration as well, so that events wait for somebody to look at it."""
LONGEST_WAIT_SECONDS = 7 * 86_400.0


def accepted(answer: Answer) -> bool:
    """Whether the status says that what was sent was taken."""
    return answer.status // 100 == 2


def check(
    answer: Answer, service: str, clock: Clock, *, success: int, bodies: Collection[str] = ("",)
) -> None:
    """See that an answer is the one by which the service says that it has everything.

    Anything else with 2xx comes from elsewhere, such as the page of a login, or from a service
    that says in words that it failed; either way the events may be nowhere.

    Args:
        answer: What was said.
        service: What to call it in messages.
        clock: For a `Retry-After` that names a date.
        success: The status that the service documents.
        bodies: What it may say with it.

    Raises:
        SinkError: It says something else.
    """
    if answer.status == success and answer.text.strip() in bodies:
        return
    if accepted(answer):
        raise TransientSinkError(
            f"{service} answered {answer.summary[:300]}; once it has the events it says {success} "
            "and no more: see what answers in its place, such as a proxy or a login",
            cause="wrong_answer",
            response=answer.summary,
        )
    raise refusal(answer, service, clock)


def refusal(answer: Answer, service: str, clock: Clock) -> SinkError:
    """The error that an answer other than 2xx stands for.

    Args:
        answer: What the service said.
        service: What to call it in the message.
        clock: For a `Retry-After` that names a date.
    """
    status = answer.status
    said = f"{service} answered {answer.summary[:300]}"
    if status in PAYLOAD:
        return PayloadSinkError(said, cause=PAYLOAD[status], response=answer.summary)
    if status in TRANSIENT or status // 100 == 5:
        return TransientSinkError(
            said,
            cause=TRANSIENT.get(status, "server_error"),
            response=answer.summary,
            retry_after_seconds=retry_after(answer, clock()),
        )
    cause = CONFIGURATION.get(status, "wrong_answer")
    return ConfigurationSinkError(said, cause=cause, response=answer.summary)


def retry_after(answer: Answer, now: datetime) -> float | None:
    """Seconds that `Retry-After` asks to wait, by number or by date (RFC 9110, 10.2.3).

    Nothing where it says nothing sensible; never less than 0 and never more than a week, so that
    a wrong clock on the other side cannot stop a sink for ever.
    """
    text = answer.headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text) if text.isdecimal() else _until(text, now)
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS)


def _until(text: str, now: datetime) -> float:
    return (parsedate_to_datetime(text) - now).total_seconds()
