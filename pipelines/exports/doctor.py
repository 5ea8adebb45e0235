"""Doctor: the ledger is held against the lake and the cache, and what differs is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa

from pipelines.errors import LakeError, TrailhouseError
from pipelines.exports import schema
from pipelines.exports.cache import Cache
from pipelines.exports.conservation import balance
from pipelines.exports.feed import feed, missing_loads
from pipelines.exports.outbox import waiting_rows
from pipelines.exports.rebuild import rebuild
from pipelines.exports.recovery import recover
from pipelines.exports.sweep import find_stray

if TYPE_CHECKING:
    from pipelines.exports.ledger import Ledger
    from pipelines.lake.tables import Lake
    from pipelines.sinks.settings import SinkSettings

BATCHES, LETTERS, ATTEMPTS = schema.batches, schema.dead_letters, schema.attempts
Kind = Literal[
    "load_not_fed",
    "run_interrupted",
    "waiting_file_missing",
    "dead_file_missing",
    "file_of_nothing",
    "waiting_file_unreadable",
    "dead_file_unreadable",
    "file_of_unknown_batch",
    "books_differ",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that differs, and the repair that is planned; none where a person must look."""

    sink: str
    kind: Kind
    subject: str
    """The load, batch or file that it is about."""
    what: str
    """One sentence for people."""
    repair: str | None


@dataclass(frozen=True, slots=True)
class _Sink:
    lake: Lake
    ledger: Ledger
    settings: SinkSettings
    cache: Cache
    now: datetime

    @property
    def name(self) -> str:
        return self.settings.name


def examine(
    lake: Lake, ledger: Ledger, sinks: Sequence[SinkSettings], *, now: datetime
) -> list[Finding]:
    """What differs between ledger, lake and cache; changes nothing.

    Raises:
        SinkBusyError: A run is delivering to one of the sinks; what is on its way would differ.
    """
    found: list[Finding] = []
    for settings in sinks:
        with ledger.hold(settings.name):
            sink = _Sink(lake, ledger, settings, Cache(lake, settings.name), now)
            for look in LOOKS:
                found += look(sink)
    return found


def repair(
    lake: Lake, ledger: Ledger, sinks: Sequence[SinkSettings], *, now: datetime
) -> list[Finding]:
    """Mend what can be mended without losing anything.

    Loads are fed, interrupted runs put in order, missing files rendered again from the lake, and
    files of batches that are settled removed. Files of batches that the ledger never heard of stay:
    where it was lost, they may be all that is left of events. A repair that fails stops no other.

    Returns:
        What differs afterwards, and why; repairing again changes nothing.

    Raises:
        SinkBusyError: A run is delivering to one of the sinks.
    """
    feed(lake, ledger, [sink for sink in sinks if sink.enabled], now)
    failed: dict[tuple[str, str], str] = {}
    for settings in sinks:
        with ledger.hold(settings.name):
            sink = _Sink(lake, ledger, settings, Cache(lake, settings.name), now)
            recover(ledger, sink.cache)
            lost = {f.subject for look in (_waiting, _dead) for f in look(sink) if f.repair}
            for batch_id in sorted(lost):
                try:
                    rebuild(lake, ledger, settings, sink.cache, batch_id)
                except TrailhouseError as error:
                    failed[settings.name, batch_id] = str(error)
    left = examine(lake, ledger, sinks, now=now)
    return [_with_reason(one, failed.get((one.sink, one.subject))) for one in left]


def _with_reason(finding: Finding, reason: str | None) -> Finding:
    """The finding, with why its repair was not possible."""
    return replace(finding, what=f"{finding.what}: {reason}") if reason else finding


def _unfed(sink: _Sink) -> Iterator[Finding]:
    for number in sorted(missing_loads(sink.lake, sink.ledger, sink.settings)):
        yield Finding(
            sink.name,
            "load_not_fed",
            str(number),
            f"load {number} has no entry for the sink",
            "enter it; the next delivery sends it",
        )


def _interrupted(sink: _Sink) -> Iterator[Finding]:
    query = sa.select(ATTEMPTS.c.batch_id).where(
        ATTEMPTS.c.sink == sink.name, ATTEMPTS.c.outcome.is_(None)
    )
    with sink.ledger.read() as connection:
        batches = list(connection.scalars(query.distinct()))
    for batch_id in batches:
        yield Finding(
            sink.name,
            "run_interrupted",
            batch_id,
            f"nobody knows whether batch {batch_id} arrived; the run that sent it ended",
            "send it again with the next delivery, under the same id",
        )


def _waiting(sink: _Sink) -> Iterator[Finding]:
    stored = set(sink.cache.stored("waiting"))
    with sink.ledger.read() as connection:
        rows = waiting_rows(connection, sink.name)
    for row in rows:
        path, repair = row["cached_path"], f"render its {row['event_count']} events again"
        if path not in stored:
            what = f"batch {row['batch_id']} waits, but {path} is not there"
            yield Finding(sink.name, "waiting_file_missing", row["batch_id"], what, repair)
        elif problem := _unreadable(sink.cache, path):
            what = f"batch {row['batch_id']} waits, but {problem}"
            yield Finding(sink.name, "waiting_file_unreadable", row["batch_id"], what, repair)


def _dead(sink: _Sink) -> Iterator[Finding]:
    stored = set(sink.cache.stored("dead"))
    query = (
        sa.select(BATCHES.c.batch_id, BATCHES.c.dead_path)
        .join(LETTERS, LETTERS.c.batch_id == BATCHES.c.batch_id)
        .where(BATCHES.c.sink == sink.name, LETTERS.c.redriven_at.is_(None))
        .distinct()
    )
    with sink.ledger.read() as connection:
        rows = list(connection.execute(query))
    for batch_id, path in rows:
        what, repair = f"dead letters of batch {batch_id} are kept, but", "render them again"
        if path not in stored:
            what = f"{what} {path} is not there"
            yield Finding(sink.name, "dead_file_missing", batch_id, what, repair)
        elif problem := _unreadable(sink.cache, path):
            yield Finding(sink.name, "dead_file_unreadable", batch_id, f"{what} {problem}", repair)


def _unreadable(cache: Cache, path: str) -> str | None:
    """What is wrong with a file, read as a delivery reads it; None where nothing is."""
    try:
        cache.read(path)
    except LakeError as error:
        return str(error)
    return None


def _strays(sink: _Sink) -> Iterator[Finding]:
    stray, unknown = find_stray(sink.ledger, sink.cache)
    for path in stray:
        what = f"{path} belongs to no batch that waits or is dead"
        yield Finding(sink.name, "file_of_nothing", path, what, "remove it")
    for path in unknown:
        yield Finding(
            sink.name,
            "file_of_unknown_batch",
            path,
            f"{path} is of a batch that the ledger never heard of, as when a ledger was lost: "
            "put the ledger back from a copy, or send the days of its events again with "
            f"`trailhouse replay {sink.name}`, then remove it",
            None,
        )


def _books(sink: _Sink) -> Iterator[Finding]:
    (books,) = balance(sink.lake, sink.ledger, [sink.name])
    for text in books.broken:
        yield Finding(sink.name, "books_differ", sink.name, text, None)


LOOKS: tuple[Callable[[_Sink], Iterator[Finding]], ...] = (
    _unfed,
    _interrupted,
    _waiting,
    _dead,
    _strays,
    _books,
)
