"""Seal: closed days become signed entries of the archive's log, each exactly once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pipelines.archive.appending import append
from pipelines.archive.begun import Begun, open_begun
from pipelines.archive.comparison import open_compared, seals_by_day
from pipelines.archive.log import HEAL, open_log
from pipelines.archive.place import open_archive_place
from pipelines.archive.refusal import refuse
from pipelines.archive.retention import retain_until
from pipelines.archive.sealed_files import FILE_BYTES, FILE_ROWS, SealedFiles
from pipelines.archive.streams import Plan, Planned, plan, sealed_days
from pipelines.errors import TrailhouseError
from pipelines.lake.duck import connect
from pipelines.lake.load import complete
from pipelines.lake.tables import Lake, explained

if TYPE_CHECKING:
    from pipelines.archive.comparison import Compared
    from pipelines.archive.keys import Signer
    from pipelines.archive.log import Entry, Log

Progress = Callable[[str, int, int], None]
"""Called with what is counted (days sealed), how many were added, and the total."""
Fault = Callable[[str], None]
"""Called with the name of each durable step, so that tests can stop a sealing there."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A seal that was made: a UTC day of a table and environment, or a supplement to it.

    `root` is the Merkle root over its events in hex, `index` the entry of the log.
    """

    table: str
    environment: str | None
    event_date: date
    supplement: int
    rows: int
    root: str
    index: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready facts, the day as ISO date."""
        facts = {name: getattr(self, name) for name in self.__slots__}
        return facts | {"event_date": self.event_date.isoformat()}


class _SealedByOther(Exception):
    """Another writer sealed the same rows in the meantime."""


def last_closed_day(lake: Lake, today: date) -> date:
    """The newest UTC day whose lateness window has passed."""
    return today - timedelta(days=lake.storage.settings.closed_after_days + 1)


def seal(
    lake: Lake,
    *,
    clock: Callable[[], datetime],
    signer: Signer,
    by: str,
    through: date | None = None,
    progress: Progress | None = None,
    fault: Fault = lambda step: None,
    file_rows: int = FILE_ROWS,
    file_bytes: int = FILE_BYTES,
) -> Iterator[Sealed]:
    """Seal every closed day of every stream that is not sealed, and late rows of sealed days.

    A seal exists once its entry is in the log; its files are durable before. Cut off at any moment
    and run again, it goes on where it was; rows that came since are then a supplement. Run twice at
    once, each seal is made once. Days whose
    rows differ from what was sealed, or from what the lake's loads wrote, are left alone; all
    others are sealed before the error. A load that was cut off is completed first.

    Args:
        lake: The lake.
        clock: The time now, UTC.
        signer: Signs the entries.
        by: Who seals.
        through: Last UTC day to seal; without it the last closed one.
        progress: Told what was done, and of how much.
        fault: Told each durable step, for tests.
        file_rows: Rows at which a sealed file is full.
        file_bytes: Bytes at which it is, about.

    Yields:
        The seals, in the order of the log.

    Raises:
        TrailhouseError: `through` is not closed; or days were refused over a difference; or the
            archive had lost entries of its log, which were put back.
        LakeError: The lake or archive cannot be read or written.
    """
    last = last_closed_day(lake, clock().date())
    if through is not None and through > last:
        raise TrailhouseError(
            f"{through} is not closed: late events are awaited for closed_after_days, "
            f"{lake.storage.settings.closed_after_days} days; the last closed day is {last}"
        )
    complete(lake)
    with explained(lake.url), closing(connect(lake.storage, s3=lake.is_s3)) as connection:
        log = open_log(lake)
        log.heal()
        put_back = log.put_back
        if put_back:  # said in the log even if there is nothing to seal
            append(log, HEAL, log.healed(), clock=clock, signer=signer, by=by)
        begun = open_begun(lake)
        begun.sweep(log.entries())
        compared = open_compared(lake)
        for is_last in (False, True):
            planned = plan(lake, connection, log.entries(), through or last, compared)
            writer = SealedFiles(
                open_archive_place(lake),
                connection,
                planned.tables,
                lake.storage.settings.work_dir,
                signer.sign,
                file_rows,
                file_bytes,
            )
            begun.met = 0
            sealing = _Sealing(lake, log, writer, clock, signer, by, fault, _Others(log), begun)
            for sealed in sealing.run(planned.seals, is_last=is_last):
                if progress is not None:
                    progress("days sealed", 1, len(planned.seals))
                if sealed is not None:
                    yield sealed
            if not begun.met:
                break
        _note_equal(planned, log, compared)
    refuse(planned.differences, put_back)


def _note_equal(planned: Plan, log: Log, compared: Compared) -> None:
    """Note the days that are equal now: read and found so, or sealed from what was read."""
    sealed = seals_by_day(log.entries())
    made = {(one.stream.table, one.event_date) for one in planned.seals if one.rows}
    for name, day in sealed.keys() & (planned.equal | made):
        compared.add(planned.tables[name], day, sealed[name, day])


class _Others:
    """What other writers sealed since the plan was made."""

    def __init__(self, log: Log) -> None:
        self._log, self._first, self._are_met = log, len(log.entries()), False
        self._next = self._first

    def appended(self, entry: Entry) -> None:
        """Know an entry as our own."""
        self._next = entry.index + 1

    def meet(self, planned: Planned) -> None:
        """Check now and from now on: who came first once may be ahead with the next as well."""
        self._are_met = True
        self.check(planned)

    def check(self, planned: Planned) -> None:
        """Raise `_SealedByOther` if another writer made this seal."""
        entries = self._log.entries()
        if not self._are_met and len(entries) <= self._next:
            return
        made = sealed_days(entries[self._first :]).get(planned.stream, {})
        day = made.get(planned.event_date)
        if day is not None and day.supplement >= planned.supplement:
            raise _SealedByOther


@dataclass(frozen=True, slots=True)
class _Sealing:
    lake: Lake
    log: Log
    writer: SealedFiles
    clock: Callable[[], datetime]
    signer: Signer
    by: str
    fault: Fault
    others: _Others
    begun: Begun

    def run(self, seals: Iterable[Planned], *, is_last: bool) -> Iterator[Sealed | None]:
        """Write files of several days side by side, and append their entries in order."""
        workers = self.lake.storage.settings.threads
        waiting: deque[tuple[Planned, Future[dict[str, Any]]]] = deque()
        pool = ThreadPoolExecutor(workers, thread_name_prefix="seal")
        try:
            for planned in seals:
                # an error keeps what was started from being sealed, and leaves files that the
                # next sealing meets again: only so many
                if len(waiting) > workers:
                    yield self._append(*waiting.popleft())
                begun = self._begin(planned, is_last)
                if begun is None:
                    yield None
                else:
                    waiting.append((begun, pool.submit(self._write, begun)))
            while waiting:
                yield self._append(*waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def _begin(self, planned: Planned, is_last: bool) -> Planned | None:
        begun = self.begun.begin(planned, is_last=is_last)
        try:
            self.others.check(planned)  # now that others would meet our note
        except _SealedByOther:
            self.begun.end(planned)
            return None
        return begun

    def _write(self, planned: Planned) -> dict[str, Any]:
        settings = self.lake.storage.settings
        until = retain_until(settings, *planned.stream, planned.event_date)
        return self.writer.write(planned, until)

    def _append(self, planned: Planned, written: Future[dict[str, Any]]) -> Sealed | None:
        facts = written.result()
        self.fault("written")
        try:
            self.others.check(planned)
            entry = append(
                self.log,
                "seal",
                facts,
                clock=self.clock,
                signer=self.signer,
                by=self.by,
                recheck=lambda: self.others.meet(planned),
            )
        except _SealedByOther:
            self.begun.end(planned)
            return None
        self.others.appended(entry)
        self.fault("sealed")
        self.begun.end(planned)
        return Sealed(
            *planned.stream,
            planned.event_date,
            planned.supplement,
            facts["rows"],
            facts["root"],
            entry.index,
        )
