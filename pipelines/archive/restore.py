"""Restore: a lake, or a DuckDB file, from the archive alone."""

from __future__ import annotations

import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pipelines.archive.appending import append
from pipelines.archive.log import open_log
from pipelines.archive.vouched import is_deleted, read_vouched
from pipelines.errors import LakeError
from pipelines.lake.schemas import LOADED_TABLES

if TYPE_CHECKING:
    from pipelines.archive.keys import Signer
    from pipelines.archive.log import Entry
    from pipelines.archive.manifest import Manifest, SealedObject
    from pipelines.archive.place import Place
    from pipelines.lake.tables import Lake

AHEAD = 4
"""Days that are fetched while one is written; bounds the disk that is used, not the memory."""
BLOCK = 2**20

Progress = Callable[[str, int, int], None]
"""Called with what is counted (rows restored), how many were added, and the total."""
Days = Iterator[tuple[date, Sequence[Path]]]
"""The days of a table in order, each with its sealed files, checked, on the local disk."""


class Target(Protocol):
    """Where rows are restored to."""

    @property
    def name(self) -> str:
        """What people call it: a URL or a path."""

    def is_done(self, table: str, rows: int) -> bool:
        """Whether an earlier attempt, cut off since, has restored the table.

        Raises:
            TrailhouseError: Something else is there.
        """

    def write(self, table: str, days: Days, rows: int, progress: Callable[[int], None]) -> None:
        """Write a table as a whole or not at all; `loads` comes last.

        Raises:
            LakeError: The files do not have so many rows; nothing of the table was kept.
        """

    def finish(self) -> None:
        """Make what was written the target."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored: rows per table, and through which UTC day.

    `left_out` has rows per table that the restored loads brought and the archive has not: of days
    that were not sealed yet, or that were deleted. `unknown_loads` are ids of loads that brought
    restored rows, and whose own rows of `loads` are not in the archive: they belong to the day of
    the load, which is sealed later than that of its events.
    """

    target: str
    tables: dict[str, int]
    through: date | None
    left_out: dict[str, int]
    unknown_loads: tuple[str, ...]
    skewed: tuple[str, ...] = ()
    """Entries whose times contradict each other."""

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON-ready values."""
        facts = {name: getattr(self, name) for name in self.__slots__}
        return facts | {"through": self.through.isoformat() if self.through else None}


def restore(
    archive: Place,
    target: Callable[[int], Target],
    *,
    trusted: Collection[str],
    work_dir: Path | None = None,
    progress: Progress = lambda what, added, total: None,
) -> Restored:
    """Restore every sealed row that was not deleted.

    Nothing but the archive is read. Each file is held against its signed manifest before a row of
    it is used. Tables appear whole, `loads` last; run again after it was cut off, it goes on.

    Args:
        archive: The archive, or a copy of it in a folder.
        target: Opens where to restore to, given the number of the newest sealed load.
        trusted: Key ids known from elsewhere; the archive's keys must hold one.
        work_dir: Where files lie while they are read; without it the system's.
        progress: Told what was done, and of how much.

    Raises:
        TrailhouseError: The archive is not sound, or the target holds something else.
        LakeError: A file is missing or not what was sealed; its table was not restored.
    """
    ledger = read_vouched(archive, trusted)
    seals = [s for s in ledger.manifests.values() if s.rows and not is_deleted(ledger, s)]
    total = sum(seal.rows for seal in seals)
    tables: dict[str, int] = {}
    with _fetching(archive, work_dir) as fetch:
        known = _loads(fetch, [s for s in seals if s.table == "loads"])
        opened = target(known.newest)
        for name in LOADED_TABLES:  # loads is the last
            of_table = [seal for seal in seals if seal.table == name]
            if not of_table:
                continue
            tables[name] = sum(seal.rows for seal in of_table)
            if not opened.is_done(name, tables[name]):
                days = fetch(of_table)
                told = lambda rows: progress("rows restored", rows, total)  # noqa: E731
                opened.write(name, days, tables[name], told)
    opened.finish()
    through = max((seal.event_date for seal in ledger.manifests.values()), default=None)
    named = {load.load_id for seal in seals for load in seal.loads}
    unknown = tuple(sorted(named - known.ids))
    skewed = tuple(one.where for one in ledger.skews)
    return Restored(opened.name, tables, through, _left_out(known.brought, seals), unknown, skewed)


Fetch = Callable[[Sequence["Manifest"]], Days]


@contextmanager
def _fetching(archive: Place, work_dir: Path | None) -> Iterator[Fetch]:
    """Fetches the files of seals a day at a time, some days ahead, and removes them afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="trailhouse-restore-", dir=work_dir) as folder,
        ThreadPoolExecutor(AHEAD, thread_name_prefix="fetch") as pool,
    ):

        def fetch(seals: Sequence[Manifest]) -> Days:
            pending: deque[tuple[date, Future[list[Path]]]] = deque()
            for day, of_day in sorted(_by_day(seals).items()):
                place = Path(tempfile.mkdtemp(dir=folder))
                files = [file for seal in of_day for file in seal.files]
                pending.append((day, pool.submit(_fetch_all, archive, files, place)))
                if len(pending) > AHEAD:
                    yield from _next(pending)
            while pending:
                yield from _next(pending)

        yield fetch


def _next(pending: deque[tuple[date, Future[list[Path]]]]) -> Days:
    day, job = pending.popleft()
    files = job.result()
    yield day, files
    shutil.rmtree(files[0].parent)


def _by_day(seals: Sequence[Manifest]) -> dict[date, list[Manifest]]:
    days: dict[date, list[Manifest]] = {}
    for seal in seals:
        days.setdefault(seal.event_date, []).append(seal)
    return days


def _fetch_all(archive: Place, files: Sequence[SealedObject], folder: Path) -> list[Path]:
    return [
        _fetch(archive, file, folder / f"{number:06d}.parquet") for number, file in enumerate(files)
    ]


def _fetch(archive: Place, file: SealedObject, local: Path) -> Path:
    """Copy a sealed file and hold it against its manifest.

    Raises:
        LakeError: It is missing or not what was sealed.
    """
    digest = sha256()
    try:
        with archive.open(file.path) as source, local.open("wb") as copy:
            while block := source.read(BLOCK):
                digest.update(block)
                copy.write(block)
    except FileNotFoundError as error:
        raise LakeError(_unsound(file, "is missing")) from error
    if digest.hexdigest() != file.sha256:
        raise LakeError(_unsound(file, "is not what was sealed"))
    return local


def _unsound(file: SealedObject, what: str) -> str:
    return (
        f"{file.path} of the archive {what}, so its table was not restored. Bring the object back "
        "from a version or copy of the bucket, and run it again; `trailhouse archive verify` names "
        "everything that was changed"
    )


Brought = Mapping[tuple[str, date, str], int]
"""Rows per table, day and load."""


@dataclass(frozen=True, slots=True)
class _Known:
    """The sealed loads: their ids, the number of the newest, and the rows that they brought."""

    ids: frozenset[str]
    newest: int
    brought: Brought


def _loads(fetch: Fetch, seals: Sequence[Manifest]) -> _Known:
    import pyarrow.parquet as pq

    ids, newest, brought = set[str](), 0, dict[tuple[str, date, str], int]()
    for _, files in fetch(seals):
        for file in files:
            with pq.ParquetFile(file) as parquet:
                rows = parquet.read(["load_id", "load_number", "outputs"]).to_pylist()
            for row in rows:
                ids.add(row["load_id"])
                newest = max(newest, row["load_number"])
                for output in row["outputs"]:
                    key = (output["table"], output["event_date"], row["load_id"])
                    brought[key] = brought.get(key, 0) + output["rows"]
    return _Known(frozenset(ids), newest, brought)


def _left_out(brought: Brought, seals: Sequence[Manifest]) -> dict[str, int]:
    lacking = dict(brought)
    for seal in seals:
        for load in seal.loads:
            key = (seal.table, seal.event_date, load.load_id)
            if key in lacking:
                lacking[key] -= load.rows
    left_out: dict[str, int] = {}
    for (table, _, _), rows in sorted(lacking.items()):
        if rows > 0:
            left_out[table] = left_out.get(table, 0) + rows
    return left_out


def record(
    lake: Lake, restored: Restored, *, clock: Callable[[], datetime], signer: Signer, by: str
) -> Entry:
    """Record a restore in the log of a lake's archive."""
    facts = {"target": restored.target, "tables": restored.tables}
    return append(open_log(lake), "restore", facts, clock=clock, signer=signer, by=by)
