"""Health: how a sink is, put into words, and the page about one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import typer

from pipelines.cli.context import print_json, print_table
from pipelines.cli.sending import Post, counted
from pipelines.questions import words as w

if TYPE_CHECKING:
    from pipelines.exports.health import Health
    from pipelines.notify.steps import Advice
    from pipelines.sinks.settings import SinkSettings

State = Literal[
    "well", "new", "failing", "broken", "recovering", "stopped", "off", "not in the settings"
]
ATTEMPTS = 10
"""Attempts on the page of a sink."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A sink as people see it; `settings` is None where only the ledger knows it still."""

    name: str
    settings: SinkSettings | None
    health: Health
    loads: int
    """Loads that are not sent yet or only in part, those included that the ledger has not met."""

    @property
    def kind(self) -> str | None:
        """Which protocol it speaks."""
        return self.settings.kind if self.settings else None

    @property
    def state(self) -> State:
        """How it is, in one or two words."""
        if self.settings is None:
            return "not in the settings"
        of_sink: dict[State, bool] = {
            "off": not self.settings.enabled,
            "new": not self.health.is_seen,
            "stopped": self.health.problem is not None,
            "recovering": self.health.breaker == "half_open",
            "broken": self.health.breaker == "open",
            "failing": self.health.cause is not None,
        }
        return next((state for state, holds in of_sink.items() if holds), "well")

    @property
    def error(self) -> str | None:
        """What stops it, or the last error while it fails."""
        if self.health.problem:
            return self.health.problem
        if self.health.cause is None:
            return None
        return f"{self.health.cause.replace('_', ' ')}: {self.health.response}"

    def as_dict(self) -> dict[str, Any]:
        """All facts, for JSON."""
        own = {"kind": self.kind, "state": self.state, "loads": self.loads, "error": self.error}
        return {"sink": self.name} | own | asdict(self.health)


def conditions(post: Post) -> list[Condition]:
    """How the sinks of the settings are, and those that the ledger alone still knows."""
    from pipelines.exports.health import health
    from pipelines.exports.states import known_sinks

    named = {sink.name: sink for sink in post.sinks()}
    with post.ledger.read() as connection:
        names = [*named, *(name for name in known_sinks(connection) if name not in named)]
    found = []
    for name, one in zip(names, health(post.ledger, names), strict=True):
        found.append(Condition(name, named.get(name), one, _loads(post, named.get(name), one)))
    return found


def _loads(post: Post, sink: SinkSettings | None, health: Health) -> int:
    from pipelines.exports.feed import missing_loads
    from pipelines.lake.history import newest_load

    if sink is None or not sink.enabled:
        return health.pending_loads
    if not health.is_seen:
        return newest_load(post.lake) if sink.start == "beginning" else 0
    return health.pending_loads + len(missing_loads(post.lake, post.ledger, sink))


def print_page(post: Post, sink: SinkSettings, as_json: bool) -> None:
    """Print all that is known about one sink."""
    from pipelines.exports.conservation import balance
    from pipelines.exports.due import untold
    from pipelines.exports.letters import count_letters
    from pipelines.exports.queue import list_attempts
    from pipelines.notify.steps import advise

    (one,) = (found for found in conditions(post) if found.name == sink.name)
    (books,) = balance(post.lake, post.ledger, [sink.name])
    attempts = list_attempts(post.ledger, sink=sink.name, limit=ATTEMPTS)
    dead = count_letters(post.ledger, [sink.name])[sink.name]
    advice = advise(one.health.cause, sink) if one.health.cause else None
    told = untold(post.ledger, sink.name)
    if as_json:
        page = {
            "books": asdict(books),
            "dead_by_reason": dead,
            "attempts": [asdict(attempt) for attempt in attempts],
            "advice": asdict(advice) if advice else None,
            "untold": told,
        }
        print_json(one.as_dict() | page)
        return
    title = f"{sink.name} ({sink.kind}; times are UTC)"
    print_table(title, ("fact", "value"), [*_facts(one, dead), *_admins(sink, told)])
    print_table("Books", _BOOKS, [[getattr(books, name) for name in _BOOKS]])
    for text in books.broken:
        typer.echo(text)
    if attempts:
        print_table(
            "Last attempts",
            ("at", "batch", "events", "outcome", "response", "seconds"),
            [
                (
                    attempt.attempted_at,
                    attempt.batch_id[:12],
                    attempt.event_count,
                    attempt.outcome or "on its way",
                    w.clip(attempt.response, 60),
                    attempt.seconds,
                )
                for attempt in attempts
            ],
        )
    _print_help(one, advice)


_BOOKS = ("selected", "delivered", "waiting", "dead", "filtered", "pending_loads")


def _facts(one: Condition, dead: dict[str, int]) -> Iterator[tuple[str, str]]:
    health = one.health
    yield "state", one.state
    if one.error:
        yield "last error", one.error
    for name in ("since", "next_attempt_at", "delivered_at", "oldest_at", "waiting_since"):
        if (moment := getattr(health, name)) is not None:
            yield _NAMES[name], w.moment(moment)
    waiting = counted(health.waiting_events, "event", "events")
    yield "waiting", f"{waiting} in {counted(health.waiting_batches, 'batch', 'batches')}"
    yield "loads to send", w.count(one.loads)
    yield "dead", ", ".join(f"{count:,} {reason}" for reason, count in dead.items()) or "0"
    yield "delivered", counted(health.delivered_events, "event", "events")


def _admins(sink: SinkSettings, untold: str | None) -> Iterator[tuple[str, str]]:
    """Who looks after it, and why they do not know how it is."""
    yield "admins", ", ".join(sink.admins) or "nobody"
    if untold:
        yield "not told", untold


_NAMES = {
    "since": "fails since",
    "next_attempt_at": "next try",
    "delivered_at": "last delivery",
    "oldest_at": "oldest event",
    "waiting_since": "waiting since",
}


def _print_help(one: Condition, advice: Advice | None) -> None:
    if advice:
        typer.echo(f"{advice.headline.capitalize()}: {advice.meaning}")
        for number, step in enumerate(advice.steps, 1):
            typer.echo(f"  {number}. {step}")
    elif one.state == "stopped":
        typer.echo("Correct it in the settings or the template; the next delivery goes on.")
