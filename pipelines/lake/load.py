"""Load: landing objects become rows of the lake, exactly once.

The `loads` table is the lake's log of loads. A load writes its data files first, where no reader
sees them, then commits one row to `loads` that names its inputs and its files: that commit is the
load. Afterwards the files are added to their tables. A load killed before its commit leaves
nothing; one killed after it is completed by the next, because the row says what is missing. Two
loads cannot commit at once: the second sees the first's inputs and events, and takes them out.
"""

from __future__ import annotations

import gc
import shutil
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.errors import LakeError
from pipelines.lake import event_types
from pipelines.lake.duck import connect, list_literal
from pipelines.lake.history import load_files
from pipelines.lake.judge import Judged, judge, note_unknown
from pipelines.lake.listing import Known
from pipelines.lake.schemas import KINDS, TABLES, TALLY
from pipelines.lake.stage import Stage
from pipelines.lake.storage import is_s3
from pipelines.lake.tables import (
    Concurrent,
    DataFile,
    Lake,
    applied_load,
    commit_files,
    describe_file,
    evolve,
    explained,
)
from pipelines.lake.write import Writer, put_file, tally
from pipelines.sources.fetch import Changed, fetch
from pipelines.sources.find import LandingObject, Source, find, join, listed
from pipelines.sources.landing import keep
from pipelines.sources.split import split

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from duckdb import DuckDBPyConnection

    from pipelines.settings import Settings

BATCH_BYTES = 12 * 2**20
"""Record bytes that are conformed at once, where the memory suffices: so few are still in a
processor's cache when they are, and so many that planning the statements costs next to nothing."""
BATCH_RECORDS = 40_000
ATTEMPTS = 20
"""Commits tried when other loads keep committing first."""

LEAST_BATCH_BYTES = 2**20
BATCH_SHARE = 1 / 12
"""Part of the memory of a thread that the records of a batch may take: conforming them takes
several times as much."""

Fault = Callable[[str], None]
"""Called with the name of each durable step, so that tests can stop a load there."""
Progress = Callable[[str, int, int], None]
"""Called with what is counted (bytes read, days written), how many were added, and the total."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a load did; `received = accepted + duplicate + rejected`, always.

    `partitions` has the rows that each table got per UTC day; `recovered` the numbers of earlier
    loads that this one completed.
    """

    load_id: str | None
    load_number: int
    objects: int = 0
    received: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    bytes: int = 0
    seconds: float = 0.0
    rejected_by_reason: dict[str, int] = field(default_factory=dict)
    accepted_by_kind: dict[str, int] = field(default_factory=dict)
    unknown_event_types: dict[str, int] = field(default_factory=dict)
    unknown_fields: dict[str, int] = field(default_factory=dict)
    partitions: dict[str, dict[str, int]] = field(default_factory=dict)
    recovered: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-ready values."""
        return {name: getattr(self, name) for name in self.__slots__}


def find_new(
    lake: Lake, sources: Sequence[Source], loads: DeltaTable | None
) -> list[LandingObject]:
    """The objects of the sources that no load has read, by key and ETag, in order of URI.

    An object that was replaced has another ETag and is new again. Of a source that is copied, a
    copy that no load has read counts too: a load was cut off, and the original may be gone.
    """
    new: dict[tuple[str, str], LandingObject] = {}
    work_dir = lake.storage.settings.work_dir
    with closing(connect(lake.storage, s3=lake.is_s3)) as connection:
        known = Known(connection, loads, work_dir)
        for source in sources:
            copies = join(lake.url, f"landing/{source.name}") if source.copy_to_landing else None
            found = known.unread(find(source, lake.storage), copies=copies)
            new |= {(o.uri, o.etag): o for o in found}
            if copies and (is_s3(copies) or Path(copies).exists()):
                # the copy's own ETag is not the original's, which its name holds
                met = {o.uri for o in found}
                kept = Known(connection, loads, work_dir, by_uri=True)
                left = kept.unread(find(Source(source.name, copies), lake.storage))
                new |= {(o.uri, o.etag): o for o in left if o.uri not in met}
    return [new[key] for key in sorted(new)]


def load(
    lake: Lake,
    sources: Sequence[Source],
    *,
    clock: Callable[[], datetime],
    unique: Callable[[], str],
    progress: Progress = lambda what, added, total: None,
    fault: Fault = lambda step: None,
    found: Sequence[LandingObject] | None = None,
) -> Report:
    """Load what is new in the sources into the lake, exactly once.

    Args:
        lake: The lake.
        sources: Where to look for landing objects.
        clock: The time now, timezone-aware UTC.
        unique: A text that no other call returns, for file names.
        progress: Told what was done, and of how much.
        fault: Told each durable step, for tests.
        found: The new objects, where the caller has looked already.

    Returns:
        The report. Calling again with nothing new changes nothing and reports no objects.

    Raises:
        SourceError: An object cannot be read; nothing was committed.
        LakeError: The lake cannot be read or written, or other loads committed first, again and
            again; what was committed before is intact.
    """
    with explained(lake.url):
        return _load(lake, sources, _Context(clock, unique, progress, fault), found)


@dataclass(frozen=True, slots=True)
class _Context:
    clock: Callable[[], datetime]
    unique: Callable[[], str]
    progress: Progress
    fault: Fault


def _load(
    lake: Lake,
    sources: Sequence[Source],
    context: _Context,
    found: Sequence[LandingObject] | None,
) -> Report:
    began = context.clock()
    loads = lake.find("loads")
    recovered = _roll_forward(lake, loads, context.fault)
    number = applied_load(loads) if loads is not None else 0
    objects = list(found) if found is not None else find_new(lake, sources, loads)
    if not objects:
        return Report(None, number, recovered=recovered)
    with ThreadPoolExecutor(lake.storage.settings.fetch_concurrency) as pool:
        kept = pool.map(lambda item: keep(item, lake.storage), objects)
        objects = [item for item in kept if item is not None]
    if not objects:
        return Report(None, number, recovered=recovered)
    work = Path(tempfile.mkdtemp(prefix="trailhouse-", dir=lake.storage.settings.work_dir))
    try:
        with closing(connect(lake.storage, s3=lake.is_s3)) as connection:
            stage = Stage(connection, work, began)
            read, unknown = _read(lake, objects, stage, context.progress)
            context.fault("staged")
            attempt = _Attempt(lake, connection, stage, objects, read, unknown, context)
            return _commit(attempt, recovered, number if found is None else None)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def complete(lake: Lake) -> tuple[int, ...]:
    """Complete a load that was cut off between its commit and its tables.

    Returns:
        The number of the load that was completed, or nothing.
    """
    with explained(lake.url):
        return _roll_forward(lake, lake.find("loads"), lambda step: None)


def _read(
    lake: Lake, objects: Sequence[LandingObject], stage: Stage, progress: Progress
) -> tuple[set[int], Counter[str]]:
    """Fetch, split, judge and stage; judging overlaps with the conforming of earlier batches.

    Batches are conformed side by side, each by one thread: a thread that shares a query with
    others spins while it waits for them, and asks for the lock of the interpreter all the time.

    Returns:
        The objects that were read (others changed meanwhile; the next load meets them anew), and
        how many events have each field that is unknown.
    """
    read: set[int] = set()
    unknown: Counter[str] = Counter()
    workers = lake.storage.settings.threads
    stage.connection.execute("set threads = 1")
    with (
        _interpreter_eased(),
        ThreadPoolExecutor(workers, thread_name_prefix="stage") as pool,
    ):
        pending: deque[Future[None]] = deque()
        first_row = 0
        for judged in _judged(lake, objects, progress, read):
            note_unknown(unknown, judged.unknown)
            if len(pending) >= workers:
                pending.popleft().result()
            pending.append(pool.submit(stage.add, judged, first_row))
            first_row += judged.received
        for last in pending:
            last.result()
    return read, unknown


def batch_bytes(settings: Settings) -> int:
    """Record bytes that a thread conforms at once; bounds memory whatever the size of the load."""
    share = settings.memory_limit_mb * 2**20 * BATCH_SHARE / settings.threads
    return int(min(BATCH_BYTES, max(LEAST_BATCH_BYTES, share)))


@contextmanager
def _interpreter_eased() -> Iterator[None]:
    """Let no cycle be looked for, and threads hand the interpreter over ten times as often.

    Records make millions of containers and no cycle among them; looking costs a third of the time
    that judging takes. Who conforms needs the interpreter for moments only, and would wait 5 ms for
    each while the judge has it.
    """
    was_enabled, interval = gc.isenabled(), sys.getswitchinterval()
    gc.disable()
    sys.setswitchinterval(interval / 10)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        if was_enabled:
            gc.enable()


def _judged(
    lake: Lake, objects: Sequence[LandingObject], progress: Progress, read: set[int]
) -> Iterator[Judged]:
    concurrency = lake.storage.settings.fetch_concurrency
    most = batch_bytes(lake.storage.settings)
    total = sum(item.bytes for item in objects)
    limit = lake.storage.settings.max_record_mb * 2**20
    judged = Judged()
    for number, pieces in fetch(objects, lake.storage, concurrency=concurrency):
        try:
            for records in split(pieces, limit):  # about 1 MiB at once, unless a record is larger
                judge(number, records, judged)
                if judged.bytes >= most or judged.received >= BATCH_RECORDS:
                    yield judged
                    judged = Judged(shape=judged.shape)
        except Changed:
            continue  # what was staged of it does not count
        read.add(number)
        progress("bytes read", objects[number].bytes, total)
    if judged.received:
        yield judged


@dataclass(frozen=True, slots=True)
class _Attempt:
    lake: Lake
    connection: DuckDBPyConnection
    stage: Stage
    objects: Sequence[LandingObject]
    read: set[int]
    unknown: Counter[str]
    context: _Context


def _commit(attempt: _Attempt, recovered: tuple[int, ...], seen: int | None) -> Report:
    """Write the data files and commit; where another load came first, look again and repeat.

    `seen` is the newest load when the objects were found; no later one, nothing to look at again.
    """
    lake, chosen = attempt.lake, sorted(attempt.read)
    for _ in range(ATTEMPTS):
        loads = lake.open("loads")
        if applied_load(loads) != seen:
            recovered += _roll_forward(lake, loads, attempt.context.fault)
            known = Known(attempt.connection, loads, lake.storage.settings.work_dir)
            left = {(o.uri, o.etag) for o in known.unread(listed(attempt.objects))}
            chosen = [
                number
                for number in chosen
                if (attempt.objects[number].uri, attempt.objects[number].etag) in left
            ]
            seen = applied_load(loads)
        if not chosen:
            return Report(None, applied_load(loads), recovered=recovered)
        files, report = _write(attempt, chosen, applied_load(loads) + 1)
        attempt.context.fault("written")
        inputs = [attempt.objects[i] for i in chosen]
        row = _describe_load(attempt, report, inputs, files)
        try:
            commit_files(loads, [row], report.load_number)
        except Concurrent:
            continue
        attempt.context.fault("committed")
        _apply(lake, files, report.load_number, attempt.context.fault)
        seconds = (attempt.context.clock() - attempt.stage.loaded_at).total_seconds()
        return replace(report, seconds=seconds, recovered=recovered)
    raise LakeError(
        f"{ATTEMPTS} other loads committed while this one tried to; nothing of it was committed. "
        "Run it again, with fewer loads at once"
    )


def _roll_forward(lake: Lake, loads: DeltaTable | None, fault: Fault) -> tuple[int, ...]:
    """Complete the newest load if it was cut off between its commit and its tables.

    Only the newest can be incomplete: every load does this before it commits its own.
    """
    if loads is None or not (number := applied_load(loads)):
        return ()
    files = _outputs(loads, number, lake)
    return (number,) if _apply(lake, files, number, fault) else ()


def _outputs(loads: DeltaTable, number: int, lake: Lake) -> list[DataFile]:
    """The data files of one load, as its row of `loads` names them."""
    files = load_files(lake, loads, number, number)
    with closing(connect(lake.storage, s3=lake.is_s3)) as connection:
        found = connection.execute(
            f"select outputs from read_parquet({list_literal(files)}) where load_number = {number}"
        ).fetchall()
    return [DataFile(**output) for output in found[0][0]]


def _apply(lake: Lake, files: Sequence[DataFile], number: int, fault: Fault) -> bool:
    """Add a committed load's files to their tables; what is there already is left alone."""
    changed = False
    for name in sorted({file.table for file in files}):
        if _apply_to(lake, name, [file for file in files if file.table == name], number):
            fault(f"applied {name}")
            changed = True
    return changed


def _apply_to(lake: Lake, name: str, files: Sequence[DataFile], number: int) -> bool:
    for _ in range(ATTEMPTS):
        table = lake.open(name)
        evolve(table, TABLES[name].schema)
        if applied_load(table) >= number:
            return False
        try:
            commit_files(table, files, number)
        except Concurrent:
            continue
        return True
    raise LakeError(
        f"{name}: {ATTEMPTS} other commits came first; the next load completes load {number}"
    )


def load_id_of(objects: Sequence[LandingObject]) -> str:
    """The load's id: a digest of its inputs, so that a load that is repeated has the same id."""
    digest = sha256()
    for item in sorted(objects, key=lambda o: (o.uri, o.etag)):
        digest.update(f"{item.uri}\0{item.etag}\0".encode())
    return digest.hexdigest()[:32]


def _write(attempt: _Attempt, chosen: Sequence[int], number: int) -> tuple[list[DataFile], Report]:
    """Write the rows that are new to the lake as sorted files, and count."""
    inputs = [attempt.objects[i] for i in chosen]
    load_id = load_id_of(inputs)
    _tell_objects(attempt.connection, chosen, inputs)
    writer = Writer(
        attempt.lake, attempt.connection, attempt.stage, load_id, attempt.context.unique
    )
    days = len(writer.days)
    written = []
    for parts in writer.write():
        written += parts
        attempt.context.progress("days written", 1, days)
    rejected = sum(part.met for part in written if part.table == "rejected")
    received = sum(part.met for part in written if part.table != "job_steps")
    kept = Counter[str]()
    types = Counter[str]()
    for part in written:
        kept[part.table] += part.kept
        types.update(part.event_types)
    by_kind = {kind: kept[name] for kind, name in KINDS.items() if kept[name]}
    accepted = sum(by_kind.values())
    report = Report(
        load_id=load_id,
        load_number=number,
        objects=len(inputs),
        received=received,
        accepted=accepted,
        duplicate=received - accepted - rejected,
        rejected=rejected,
        bytes=sum(o.bytes for o in inputs),
        seconds=(attempt.context.clock() - attempt.stage.loaded_at).total_seconds(),
        rejected_by_reason=_reasons(attempt.connection, attempt.stage),
        accepted_by_kind=by_kind,
        unknown_event_types={
            name: count for name, count in _ranked(types) if name not in event_types.KNOWN
        },
        unknown_fields=dict(_ranked(attempt.unknown)),
        partitions=tally(written),
    )
    return [file for part in written for file in part.files], report


def _tell_objects(
    connection: DuckDBPyConnection, chosen: Sequence[int], inputs: Sequence[LandingObject]
) -> None:
    """Make the table `objects`, which every cursor sees: the objects that count."""
    told = pa.table(
        {
            "object_index": pa.array(chosen, pa.int32()),
            "source": [o.source for o in inputs],
            "source_uri": [o.uri for o in inputs],
            "source_etag": [o.etag for o in inputs],
            "received_at": pa.array([o.modified_at for o in inputs], pa.timestamp("us", tz="UTC")),
        }
    )
    connection.register("told", told)
    connection.execute("create or replace table objects as from told")
    connection.unregister("told")


def _describe_load(
    attempt: _Attempt,
    report: Report,
    inputs: Sequence[LandingObject],
    files: Sequence[DataFile],
) -> DataFile:
    """Write the load's row of `loads` as a data file; committing it commits the load."""
    import pyarrow.parquet as pq

    day = attempt.stage.loaded_at.astimezone(UTC).date()
    values: dict[str, Any] = {
        **report.as_dict(),
        "loaded_at": attempt.stage.loaded_at,
        "committed_at": attempt.context.clock(),
        "inputs": [{"uri": o.uri, "etag": o.etag, "bytes": o.bytes} for o in inputs],
        "outputs": [file.as_dict() for file in files],
    }
    for name, kind, _ in TABLES["loads"].columns:
        if kind == TALLY:
            values[name] = [{"name": k, "count": v} for k, v in values[name].items()]
    schema = TABLES["loads"].schema
    schema = schema.remove(schema.get_field_index("event_date"))
    row = pa.Table.from_pylist([{name: values[name] for name in schema.names}], schema=schema)
    path = f"event_date={day.isoformat()}/{attempt.context.unique()}.parquet"
    with tempfile.TemporaryDirectory(dir=attempt.lake.storage.settings.work_dir) as folder:
        local = Path(folder) / "load.parquet"
        pq.write_table(row, local, compression="zstd")
        described = describe_file("loads", path, day, local)
        put_file(attempt.lake, local, join(attempt.lake.table_url("loads"), path))
    return described


def _reasons(connection: DuckDBPyConnection, stage: Stage) -> dict[str, int]:
    paths = [str(path) for path in stage.files.get("rejected", ())]
    if not paths:
        return {}
    return dict(
        connection.execute(
            f"select reason, count(*) from read_parquet({list_literal(paths)}) "
            "semi join objects using (object_index) group by all order by 2 desc, 1"
        ).fetchall()
    )


def _ranked(counted: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))
