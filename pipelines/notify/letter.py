"""Letter: what is said in a notice, in words; how it looks is left to templates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from pipelines.notify.notice import Notice, NoticeState
from pipelines.notify.steps import advise, place_of
from pipelines.sinks.settings import SinkSettings

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
"""What no reader sees, or what turns a line round, so that it reads as another."""
SAFE = {
    "broken": "Nothing is lost: events wait in the persistent cache and are sent in their order, "
    "without any command, as soon as the service takes them.",
    "giving_up": "Nothing is deleted: what is parked is kept, and `trailhouse dead redrive {sink}` "
    "sends it again once the sink works.",
    "refused": "Nothing is deleted: what was refused is kept as it was rendered, and goes on by "
    "one command once the cause is mended; all other events went on.",
    "stopped": "Nothing is lost: events wait in the lake and in the persistent cache, and are sent "
    "without any command once it is corrected.",
    "recovered": "There is nothing to do. If it was broken for very long, `trailhouse dead list "
    "{sink}` shows what was parked meanwhile.",
}

_TITLES: dict[NoticeState, str] = {
    "recovered": "What the service had answered",
    "stopped": "What is wrong",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice in words. Everything is plain text; `code` stands between backquotes in `steps`."""

    id: str
    """The same for a sink, state and UTC day."""
    thread: str
    """The same for all letters about one failure."""
    state: NoticeState
    sink: str
    subject: str
    headline: str
    summary: str
    facts: tuple[tuple[str, str], ...]
    response_title: str
    """What to write above the response."""
    response: str
    steps: tuple[str, ...]
    closing: str
    written_at: datetime


def compose(notice: Notice, sink: SinkSettings, now: datetime) -> Letter:
    """Put a notice into words.

    Args:
        notice: What is to be said.
        sink: The settings of its sink.
        now: When it is said; equal arguments give equal letters.

    Returns:
        The letter, without control characters and marks that turn text round.
    """
    advice = advise(notice.cause, sink)
    is_over = notice.state == "recovered"
    headline, summary = _words(notice, advice.headline, advice.meaning, now)
    closing = SAFE.get(notice.state, SAFE["broken"]).format(sink=notice.sink)
    return Letter(
        id=_digest(notice.sink, notice.state, now.astimezone(UTC).date().isoformat()),
        thread=_digest(notice.sink, notice.since.isoformat()),
        state=notice.state,
        sink=notice.sink,
        subject=f"[Trailhouse] {headline}",
        headline=headline,
        summary=summary,
        facts=tuple(_facts(notice, sink, advice.headline, now)),
        response_title=_TITLES.get(notice.state, "Last response of the service"),
        response=visible(notice.response),
        steps=() if is_over else advice.steps,
        closing=closing,
        written_at=now,
    )


def _words(notice: Notice, cause: str, meaning: str, now: datetime) -> tuple[str, str]:
    sink, lasted = notice.sink, span(now - notice.since)
    count = counted(notice.waiting_events)
    if notice.state == "broken":
        return f"{sink} is broken: {cause}", meaning
    if notice.state == "still_broken":
        return f"{sink} is still broken after {lasted}: {cause}", meaning
    if notice.state == "giving_up":
        return (
            f"{sink}: events will be parked, it is broken for {lasted}: {cause}",
            f"{count} waited for so long that the oldest are parked soon. {meaning}",
        )
    if notice.state == "refused":
        return f"{sink} refused {counted(notice.refused_events)}: {cause}", meaning
    if notice.state == "stopped":
        return f"{sink} is stopped: {cause}", meaning
    return f"{sink} works again", f"It was broken for {lasted} ({cause}); no event waits any more."


def _facts(notice: Notice, sink: SinkSettings, cause: str, now: datetime) -> list[tuple[str, str]]:
    is_over = notice.state == "recovered"
    facts = [
        ("Sink", f"{notice.sink} ({sink.kind}, {place_of(sink)})"),
        ("What was wrong" if is_over else "What is wrong", cause),
        ("Since", f"{moment(notice.since)}, {span(now - notice.since)} ago"),
        ("Waiting", _waiting(notice)),
    ]
    if notice.dead_events:
        facts.append(("Dead letters", counted(notice.dead_events)))
    if notice.oldest_at is not None:
        age = span(now - notice.oldest_at)
        facts.append(("Oldest event", f"{moment(notice.oldest_at)}, {age} old"))
    if notice.give_up_at is not None and not is_over:
        facts.append(("Parked from", moment(notice.give_up_at)))
    return [(name, visible(value)) for name, value in facts]


def _waiting(notice: Notice) -> str:
    """What waits: events in the cache, and loads in the lake, whose events nobody counted yet."""
    events, loads = notice.waiting_events, notice.waiting_loads
    in_lake = f"{loads:,} load{'' if loads == 1 else 's'} in the lake" if loads else ""
    return " and ".join(filter(None, [counted(events) if events or not loads else "", in_lake]))


def visible(text: str) -> str:
    """Text without what a reader cannot see, each such character shown as one sign."""
    return _UNSEEN.sub("�", text.replace("\r\n", "\n"))


def counted(events: int) -> str:
    """A number of events."""
    return f"{events:,} event{'' if events == 1 else 's'}"


def moment(at: datetime) -> str:
    """A moment, UTC, to the minute."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def span(time: timedelta) -> str:
    """A length of time in its two largest units: `2 days 4 h`, `2 h 5 min`, `5 min`."""
    minutes = max(0, int(time.total_seconds() // 60))
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        unit = "day" if days == 1 else "days"
        return f"{days} {unit} {hours} h" if hours and days < 3 else f"{days} {unit}"
    if hours:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{minutes} min" if minutes else "less than a minute"


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode()).hexdigest()[:32]
