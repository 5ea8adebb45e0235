"""Desk: a lake, a ledger and a service with moods, which writes down what it took."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from lakes import NOW, activity, encode, folder_place, job, rows, run_load

from pipelines.exports.backoff import Backoff
from pipelines.exports.conservation import Balance, balance
from pipelines.exports.deliver import deliver
from pipelines.exports.ledger import Ledger, open_url
from pipelines.exports.letters import list_letters
from pipelines.exports.visit import Delivered
from pipelines.lake.schemas import KINDS
from pipelines.lake.tables import Lake
from pipelines.notify.notice import Notice
from pipelines.sinks.http import HttpSettings
from pipelines.sinks.settings import SinkSettings
from pipelines.sinks.sink import (
    Batch,
    ConfigurationSinkError,
    Limits,
    PayloadSinkError,
    Receipt,
    SinkError,
    TransientSinkError,
)

FAILURES: dict[str, Callable[[], SinkError]] = {
    "away": lambda: TransientSinkError("no answer", cause="network", response="no route"),
    "denied": lambda: ConfigurationSinkError(
        "denied", cause="access_denied", response="403 denied"
    ),
    "redirects": lambda: ConfigurationSinkError("redirects", cause="redirect", response="302"),
    "error_body": lambda: ConfigurationSinkError(
        "answered 200", cause="wrong_answer", response='200 {"error": "quota"}'
    ),
}
MOODS = (
    *("well", "well", "accepts_and_times_out", "half", "partly", "throttled", "too_large"),
    *FAILURES,
)


@dataclass
class Service:
    """Takes batches in a mood, drawn anew for each where it has several; keeps what it took.

    What it takes goes to a file, line by line, so that it outlives the process that sent it.
    """

    taken: Path
    moods: Sequence[str] = ("well",)
    poison: frozenset[str] = frozenset()
    draw: random.Random = field(default_factory=lambda: random.Random(0))
    limits: Limits = field(default_factory=lambda: Limits(4, 20_000, 10_000))
    needs: tuple[str, ...] = ()
    sends: int = 0
    retry_after: float | None = None

    def send(self, batch: Batch) -> Receipt:
        self.sends += 1
        mood = self.draw.choice(self.moods)
        if mood in FAILURES:
            raise FAILURES[mood]()
        if mood == "throttled":
            raise TransientSinkError(
                "slow down",
                cause="throttled",
                response="429",
                retry_after_seconds=self.retry_after,
            )
        if mood == "too_large" and len(batch) > 1:
            raise PayloadSinkError("too much at once", cause="too_large", response="413")
        ids = batch.events["event_id"]
        poisoned = [n for n, event_id in enumerate(ids) if event_id in self.poison]
        if mood != "partly" and poisoned:
            raise PayloadSinkError("bad event in it", cause="payload", response="400 bad")
        return self._take(batch, mood, poisoned)

    def _take(self, batch: Batch, mood: str, poisoned: Sequence[int]) -> Receipt:
        chosen = [n for n in range(len(batch)) if n not in poisoned]
        again: list[int] = []
        if mood == "half":
            chosen, again = chosen[: len(chosen) // 2], chosen[len(chosen) // 2 :]
        with self.taken.open("a") as file:
            line = {
                "batch_id": batch.batch_id,
                "events": [batch.events["event_id"][n] for n in chosen],
                "messages": [batch.messages[n] for n in chosen],
            }
            file.write(json.dumps(line) + "\n")
        if mood == "accepts_and_times_out":
            raise TransientSinkError("no answer in time", cause="timeout")
        return Receipt(
            "200 ok",
            refused=dict.fromkeys(poisoned, "bad event"),
            retry=dict.fromkeys(again, "busy"),
        )

    def probe(self) -> None:
        if self.draw.choice(self.moods) == "denied":
            raise FAILURES["denied"]()

    def close(self) -> None:
        pass

    def deliveries(self) -> list[dict[str, Any]]:
        """What it took: batch by batch, with ids of events and messages."""
        if not self.taken.exists():
            return []
        return [json.loads(line) for line in self.taken.read_text().splitlines()]

    def events(self) -> list[str]:
        """The ids of the events that it took, repeats included."""
        return [event_id for taken in self.deliveries() for event_id in taken["events"]]


def load_fourteen(folder: Path) -> Path:
    """The lake of one load of 14 events, made in a folder."""
    place = folder_place(folder)
    events = [activity() for _ in range(11)] + [job() for _ in range(3)]
    place.put("a.ndjson", b"\n".join(encode(event) for event in events))
    with contextlib.chdir(folder):
        run_load(place.lake(), [place.landing])
    return folder / "lake-1"


class Killed(BaseException):
    """Ends a run where it stands, as a signal would."""


def kill_at(step: str, after: int = 0) -> Callable[[str], None]:
    """A fault that ends the run when it comes to a durable step, or passes it again."""
    left = after

    def fault(name: str) -> None:
        nonlocal left
        if name == step:
            left -= 1
            if left < 0:
                raise Killed(step)

    return fault


def settings(name: str = "siem", **more: Any) -> SinkSettings:
    """The settings of a sink that takes everything in the lake."""
    return HttpSettings(
        name=name, kind="http", url="https://siem.example/", **{"start": "beginning", **more}
    )


@dataclass
class Desk:
    """A lake, a ledger, a service, and a clock that only moves when it is told to."""

    lake: Lake
    ledger_url: str
    service: Service
    sinks: Sequence[SinkSettings] = field(default_factory=lambda: [settings()])
    now: datetime = NOW
    notices: list[Notice] = field(default_factory=list)
    chance: Callable[[], float] = lambda: 0.5
    backoff: Backoff = field(default_factory=Backoff)
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = open_url(self.ledger_url)

    def deliver(self, **more: Any) -> Delivered:
        """Deliver to all sinks; what was done for the first."""
        return self.deliver_all(**more)[0]

    def deliver_all(self, **more: Any) -> list[Delivered]:
        """Deliver to all sinks."""
        given: dict[str, Any] = {
            "clock": lambda: self.now,
            "random": self.chance,
            "unique": lambda: uuid4().hex,
            "notify": self.notices.append,
            "backoff": self.backoff,
            "open_sink": lambda sink, storage, *, clock: self.service,
        }
        return list(deliver(self.lake, self.ledger, self.sinks, **(given | more)))

    def later(self, **by: float) -> None:
        """Let time pass."""
        self.now += timedelta(**by)

    def balance(self) -> Balance:
        """The books of the first sink."""
        return balance(self.lake, self.ledger, [self.sinks[0].name])[0]

    def files(self) -> list[str]:
        """What lies in the cache of the first sink, waiting or dead."""
        folder = Path(self.lake.url) / "exports" / self.sinks[0].name
        found = [path for path in folder.rglob("*") if path.is_file()]
        return sorted(f"{path.parent.name}/{path.name}" for path in found)

    def states(self) -> list[str]:
        """What was told, in order."""
        return [notice.state for notice in self.notices]

    def waiting_files(self) -> list[str]:
        """What waits in the cache of the first sink."""
        return [name for name in self.files() if name.startswith("waiting/")]

    def event_ids(self) -> set[str]:
        """All events of the lake."""
        return {row["event_id"] for table in KINDS.values() for row in rows(self.lake, table)}


def nothing_is_lost(desk: Desk, *, dead: frozenset[str] = frozenset()) -> None:
    """Hold that all events but the dead ones arrived, repeats are equal, and the books agree."""
    arrived = desk.service.events()
    assert set(arrived) == desk.event_ids() - dead
    by_batch: dict[str, set[tuple[str, str]]] = {}
    for taken in desk.service.deliveries():
        pairs = set(zip(taken["events"], taken["messages"], strict=True))
        by_batch.setdefault(taken["batch_id"], set()).update(pairs)
    for pairs in by_batch.values():
        assert len(pairs) == len({event_id for event_id, _ in pairs}), "repeats are equal"
    books = desk.balance()
    assert books.broken == ()
    assert (books.waiting, books.dead, books.pending_loads) == (0, len(dead), 0)
    assert books.delivered + books.filtered == len(desk.event_ids()) - len(dead)
    # the cache is empty, and no file of dead letters is there that nobody needs
    letters = list_letters(desk.ledger, [desk.sinks[0].name])
    batches = {one.batch_id for one in letters}
    assert {Path(name).stem.rpartition("-")[2] for name in desk.files()} == batches
    assert all(name.startswith("dead/") for name in desk.files())
