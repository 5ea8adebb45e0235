"""Load: landing objects become rows of the lake, exactly once.

The `loads` table is the lake's log of loads. A load writes its data files first, where no reader
sees them, then commits one row to `loads` that names its inputs and its files: that commit is the
load. Afterwards the files are added to their tables. A load killed before its commit leaves
nothing; one killed after it is completed by the next, because the row says what is missing. Two
loads cannot commit at once: the second sees the first's inputs and events, and takes them out.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.errors import LakeError
from pipelines.lake import event_types
from pipelines.lake.duck import connect, list_literal, text_literal
from pipelines.lake.judge import Judged, judge
from pipelines.lake.schemas import EVENT_TABLES, KINDS, TABLES
from pipelines.lake.stage import Stage
from pipelines.lake.tables import (
    Concurrent,
    DataFile,
    Lake,
    applied_load,
    commit_files,
    describe_file,
    evolve,
    partition_files,
)
from pipelines.sources.fetch import fetch
from pipelines.sources.find import LandingObject, Source, find, join
from pipelines.sources.landing import keep, landing_copy
from pipelines.sources.split import split

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from duckdb import DuckDBPyConnection

BATCH_BYTES = 24 * 2**20
"""Record bytes that are conformed at once; bounds memory whatever the size of the load."""
BATCH_RECORDS = 40_000
FILE_BYTES = 256 * 2**20
"""Size at which a data file is full."""
ROW_GROUP_ROWS = 16_384
"""Small enough that a question about one recipe skips most of a day."""
ATTEMPTS = 20
"""Commits tried when other loads keep committing first."""

Fault = Callable[[str], None]
"""Called with the name of each durable step, so that tests can stop a load there."""
Progress = Callable[[int, int], None]
"""Called with the objects and bytes read since the last call."""


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

    An object that was replaced has another ETag and is new again.
    """
    connection = connect(lake.storage, s3=lake.is_s3)
    try:
        known = _known(connection, loads)
        new: dict[tuple[str, str], LandingObject] = {}
        for source in sources:
            root = join(lake.url, f"landing/{source.name}")
            for page in find(source, lake.storage):
                copied = source.copy_to_landing
                listed = [landing_copy(item, root) for item in page] if copied else page
                new |= {(o.uri, o.etag): o for o in listed if (o.uri, o.etag) not in known}
        return [new[key] for key in sorted(new)]
    finally:
        connection.close()


def _known(connection: DuckDBPyConnection, loads: DeltaTable | None) -> set[tuple[str, str]]:
    files = loads.file_uris() if loads is not None else []
    if not files:
        return set()
    # a literal, not a parameter: DuckDB imports pandas, for a second, to look at a Python list
    query = f"select unnest(inputs, recursive := true) from read_parquet({list_literal(files)})"
    return {(uri, etag) for uri, etag, _ in connection.execute(query).fetchall()}


def load(
    lake: Lake,
    sources: Sequence[Source],
    *,
    clock: Callable[[], datetime],
    unique: Callable[[], str],
    progress: Progress = lambda objects, size: None,
    fault: Fault = lambda step: None,
    found: Sequence[LandingObject] | None = None,
) -> Report:
    """Load what is new in the sources into the lake, exactly once.

    Args:
        lake: The lake.
        sources: Where to look for landing objects.
        clock: The time now, timezone-aware UTC.
        unique: A text that no other call returns, for file names.
        progress: Told what was read.
        fault: Told each durable step, for tests.
        found: The new objects, where the caller has looked already.

    Returns:
        The report. Calling again with nothing new changes nothing and reports no objects.

    Raises:
        SourceError: An object cannot be read; nothing was committed.
        LakeError: Other loads committed first, again and again.
    """
    began = clock()
    loads = lake.find("loads")
    recovered = _roll_forward(lake, loads, fault)
    objects = list(found) if found is not None else find_new(lake, sources, loads)
    if not objects:
        number = applied_load(loads) if loads is not None else 0
        return Report(None, number, recovered=recovered)
    objects = [keep(item, lake.storage) for item in objects]
    work = Path(tempfile.mkdtemp(prefix="trailhouse-", dir=lake.storage.settings.work_dir))
    connection = connect(lake.storage, s3=lake.is_s3)
    try:
        connection.execute(f"set temp_directory = {text_literal(str(work / 'spill'))}")
        connection.execute("set preserve_insertion_order = true")
        stage = Stage(connection, work, began)
        read: set[int] = set()
        shapes = _read(lake, objects, stage, progress, read)
        fault("staged")
        return _commit(
            _Attempt(lake, connection, stage, objects, read, shapes, began, clock, unique, fault),
            recovered,
        )
    finally:
        connection.close()
        shutil.rmtree(work, ignore_errors=True)


def _read(
    lake: Lake,
    objects: Sequence[LandingObject],
    stage: Stage,
    progress: Progress,
    read: set[int],
) -> Counter[tuple[str, tuple[str, ...]]]:
    """Fetch, split, judge and stage; judging overlaps with the conforming of the batch before."""
    from concurrent.futures import Future, ThreadPoolExecutor

    shapes: Counter[tuple[str, tuple[str, ...]]] = Counter()
    with ThreadPoolExecutor(1, thread_name_prefix="stage") as pool:
        pending: Future[None] | None = None
        for judged in _judged(lake, objects, progress, read):
            shapes.update(judged.shapes)
            if pending:
                pending.result()
            pending = pool.submit(stage.add, judged)
        if pending:
            pending.result()
    return shapes


def _judged(
    lake: Lake, objects: Sequence[LandingObject], progress: Progress, read: set[int]
) -> Iterator[Judged]:
    concurrency = lake.storage.settings.fetch_concurrency
    judged = Judged()
    for number, pieces in fetch(objects, lake.storage, concurrency=concurrency):
        for records in split(pieces):
            for part in _parts(records):
                judge(number, part, judged)
                if judged.bytes >= BATCH_BYTES or judged.received >= BATCH_RECORDS:
                    yield judged
                    judged = Judged()
        read.add(number)
        progress(1, objects[number].bytes)
    if judged.received:
        yield judged


def _parts(records: list[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    part: list[tuple[int, bytes]] = []
    size = 0
    for record in records:
        part.append(record)
        size += len(record[1])
        if size >= BATCH_BYTES:
            yield part
            part, size = [], 0
    yield part


@dataclass(slots=True)
class _Attempt:
    lake: Lake
    connection: DuckDBPyConnection
    stage: Stage
    objects: Sequence[LandingObject]
    read: set[int]
    """Objects that were read; the others changed meanwhile, and the next load meets them anew."""
    shapes: Counter[tuple[str, tuple[str, ...]]]
    began: datetime
    clock: Callable[[], datetime]
    unique: Callable[[], str]
    fault: Fault


def _commit(attempt: _Attempt, recovered: tuple[int, ...]) -> Report:
    """Write the data files and commit; where another load came first, look again and repeat."""
    lake = attempt.lake
    for _ in range(ATTEMPTS):
        loads = lake.open("loads")
        recovered += _roll_forward(lake, loads, attempt.fault)
        known = _known(attempt.connection, loads)
        chosen = [
            number
            for number, item in enumerate(attempt.objects)
            if number in attempt.read and (item.uri, item.etag) not in known
        ]
        if not chosen:
            return Report(None, applied_load(loads), recovered=recovered)
        files, report = _write(attempt, chosen, applied_load(loads) + 1)
        attempt.fault("written")
        inputs = [attempt.objects[i] for i in chosen]
        row = _describe_load(attempt, report, inputs, files)
        try:
            commit_files(loads, [row], report.load_number)
        except Concurrent:
            continue
        attempt.fault("committed")
        _apply(lake, files, report.load_number, attempt.fault)
        seconds = (attempt.clock() - attempt.began).total_seconds()
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
    rows = read_load(loads, number, lake)
    files = [DataFile(**output) for output in rows["outputs"]]
    return (number,) if _apply(lake, files, number, fault) else ()


def read_load(loads: DeltaTable, number: int, lake: Lake) -> dict[str, Any]:
    """One row of `loads` by its number, as Python values."""
    actions = pa.table(loads.get_add_actions(flatten=True))
    low, high = (actions.column(f"{side}.load_number").to_pylist() for side in ("min", "max"))
    paths = actions.column("path").to_pylist()
    files = [
        join(lake.table_url("loads"), path)
        for path, a, b in zip(paths, low, high, strict=True)
        if a is None or a <= number <= b
    ]
    connection = connect(lake.storage, s3=lake.is_s3)
    try:
        found = connection.execute(
            "select * from read_parquet($files, hive_partitioning = true) "
            "where load_number = $number",
            {"files": files, "number": number},
        )
        names = [column[0] for column in found.description]
        return dict(zip(names, found.fetchall()[0], strict=True))
    finally:
        connection.close()


def _apply(lake: Lake, files: Sequence[DataFile], number: int, fault: Fault) -> bool:
    """Add a committed load's files to their tables; what is there already is left alone."""
    changed = False
    for name in sorted({file.table for file in files}):
        table = lake.open(name)
        evolve(table, TABLES[name].schema)
        if applied_load(table) >= number:
            continue
        try:
            commit_files(table, [file for file in files if file.table == name], number)
        except Concurrent:
            if applied_load(lake.open(name)) < number:
                raise
            continue
        fault(f"applied {name}")
        changed = True
    return changed


def load_id_of(objects: Sequence[LandingObject]) -> str:
    """The load's id: a digest of its inputs, so that a load that is repeated has the same id."""
    digest = sha256()
    for item in sorted(objects, key=lambda o: (o.uri, o.etag)):
        digest.update(f"{item.uri}\0{item.etag}\0".encode())
    return digest.hexdigest()[:32]


def _write(attempt: _Attempt, chosen: Sequence[int], number: int) -> tuple[list[DataFile], Report]:
    """Write the rows that are new to the lake as sorted files, and count."""
    connection, stage = attempt.connection, attempt.stage
    inputs = [attempt.objects[i] for i in chosen]
    load_id = load_id_of(inputs)
    connection.register(
        "objects",
        pa.table(
            {
                "object_index": pa.array(chosen, pa.int32()),
                "source": [o.source for o in inputs],
                "source_uri": [o.uri for o in inputs],
                "source_etag": [o.etag for o in inputs],
                "received_at": pa.array(
                    [o.modified_at for o in inputs], pa.timestamp("us", tz="UTC")
                ),
            }
        ),
    )
    connection.execute("create or replace temp table accepted_jobs (row_id bigint)")
    connection.execute("create or replace temp table new_types (event_type varchar, events bigint)")
    files: list[DataFile] = []
    received = rejected = 0
    accepted: Counter[str] = Counter()
    partitions: dict[str, dict[str, int]] = {}
    for name in (*EVENT_TABLES, "rejected"):
        staged = stage.files.get(name)
        if not staged:
            continue
        table = attempt.lake.open(name)
        for day in sorted({day for days in staged.values() for day in days}):
            paths = [str(path) for path, days in staged.items() if day in days]
            met, kept, written = _write_day(attempt, table, name, day, paths, load_id)
            files.extend(written)
            if name != "job_steps":
                received += met
            if name == "rejected":
                rejected += met
            else:
                accepted[name] += kept
            if kept:
                partitions.setdefault(name, {})[day.isoformat()] = kept
    events = sum(count for name, count in accepted.items() if name != "job_steps")
    reasons = _count(connection, stage, "rejected", "reason")
    report = Report(
        load_id=load_id,
        load_number=number,
        objects=len(inputs),
        received=received,
        accepted=events,
        duplicate=received - events - rejected,
        rejected=rejected,
        bytes=sum(o.bytes for o in inputs),
        seconds=(attempt.clock() - attempt.began).total_seconds(),
        rejected_by_reason=reasons,
        accepted_by_kind={kind: accepted[name] for kind, name in KINDS.items() if accepted[name]},
        unknown_event_types=_unknown_types(connection),
        unknown_fields=_unknown_fields(attempt.shapes),
        partitions=partitions,
    )
    return files, report


def _write_day(
    attempt: _Attempt,
    table: DeltaTable,
    name: str,
    day: date,
    staged: list[str],
    load_id: str,
) -> tuple[int, int, list[DataFile]]:
    """Write one UTC day of one table: the first of each event that the lake does not have.

    Returns:
        The rows met, the rows kept, and the files written.
    """
    connection = attempt.connection
    sound = "" if name == "rejected" else "and problem is null"
    chosen = (
        f"select row_id{', event_id' if name not in ('rejected', 'job_steps') else ''} "
        f"from read_parquet({list_literal(staged)}) "
        "semi join objects using (object_index) "
        f"where event_date = date '{day.isoformat()}' {sound}"
    )
    if name == "rejected":
        connection.execute(f"create or replace temp table kept as {chosen}")
        met = _one(connection, "select count(*) from kept")
    elif name == "job_steps":
        connection.execute(
            f"create or replace temp table kept as {chosen} and row_id in "
            "(select row_id from accepted_jobs)"
        )
        met = _one(connection, "select count(*) from kept")
    else:
        existing = partition_files(table, [day])
        lacking = (
            f"anti join read_parquet({list_literal(existing)}) as e using (event_id)"
            if existing
            else ""
        )
        connection.execute(f"create or replace temp table met as {chosen}")
        connection.execute(
            "create or replace temp table kept as "
            f"select min(m.row_id) as row_id from met as m {lacking} group by m.event_id"
        )
        met = _one(connection, "select count(*) from met")
        if name == "jobs":
            connection.execute("insert into accepted_jobs select row_id from kept")
    kept = _one(connection, "select count(*) from kept")
    if not kept:
        return met, 0, []
    if name == "job_steps":
        connection.execute("create or replace temp table kept as select distinct row_id from kept")
    rows = (
        f"select * from read_parquet({list_literal(staged)}) "
        "semi join kept using (row_id) "
        f"where event_date = date '{day.isoformat()}' {sound}"
    )
    if name == "activity":
        connection.execute(
            f"insert into new_types select event_type, count(*) from ({rows}) group by event_type"
        )
    added = {
        "loaded_at": f"timestamptz '{attempt.began.isoformat()}'",
        "load_id": text_literal(load_id),
        "received_at": "o.received_at",
        "source": "o.source",
        "source_uri": "o.source_uri",
        "source_etag": "o.source_etag",
        "rejected_id": (
            "sha256(concat_ws(chr(10), o.source_uri, o.source_etag, s.source_offset, "
            "sha256(s.bytes)))"
        ),
    }
    listed = ", ".join(
        f"{added[column]} as {column}" if column in added else f"s.{column}"
        for column in TABLES[name].names
        if column != "event_date"
    )
    order = ", ".join(TABLES[name].sort)
    query = (
        f"select {listed} from ({rows}) as s "
        f"inner join objects as o using (object_index) order by {order}"
    )
    return met, kept, write_files(attempt.lake, connection, name, day, query, attempt.unique())


def write_files(
    lake: Lake,
    connection: DuckDBPyConnection,
    table: str,
    day: date,
    query: str,
    unique: str,
) -> list[DataFile]:
    """Write a query's rows as data files of one partition, durable but not committed.

    Args:
        lake: The lake.
        connection: Has whatever the query reads.
        table: Lake table that the files are for.
        day: UTC day of all rows.
        query: The rows, sorted, without the partition column.
        unique: Part of the files' names that no other file has.
    """
    with tempfile.TemporaryDirectory(
        prefix="trailhouse-files-", dir=lake.storage.settings.work_dir
    ) as folder:
        connection.execute(
            f"copy ({query}) to {text_literal(folder)} (format parquet, compression zstd, "
            f"row_group_size {ROW_GROUP_ROWS}, file_size_bytes {FILE_BYTES}, "
            "overwrite_or_ignore true)"
        )
        files = []
        for number, local in enumerate(sorted(Path(folder).glob("*.parquet"))):
            path = f"event_date={day.isoformat()}/{unique}-{number:03d}.parquet"
            files.append(describe_file(table, path, day, local))
            put_file(lake, local, join(lake.table_url(table), path))
        return files


def put_file(lake: Lake, local: Path, url: str) -> None:
    """Move a local file to where the lake keeps it; durable when this returns."""
    import os

    if lake.is_s3:
        import obstore

        root, _, name = url.rpartition("/")
        with local.open("rb") as file:
            obstore.put(lake.storage.store(root), name, file)
        return
    target = Path(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(local, target)
    for path in (target, target.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _describe_load(
    attempt: _Attempt,
    report: Report,
    inputs: Sequence[LandingObject],
    files: Sequence[DataFile],
) -> DataFile:
    """Write the load's row of `loads` as a data file; committing it commits the load."""
    import pyarrow.parquet as pq

    day = attempt.began.astimezone(UTC).date()
    values: dict[str, Any] = {
        **report.as_dict(),
        "loaded_at": attempt.began,
        "committed_at": attempt.clock(),
        "inputs": [{"uri": o.uri, "etag": o.etag, "bytes": o.bytes} for o in inputs],
        "outputs": [file.as_dict() for file in files],
    }
    for tally in (
        "rejected_by_reason",
        "accepted_by_kind",
        "unknown_event_types",
        "unknown_fields",
    ):
        values[tally] = [{"name": k, "count": v} for k, v in values[tally].items()]
    schema = TABLES["loads"].schema
    schema = schema.remove(schema.get_field_index("event_date"))
    row = pa.Table.from_pylist([{name: values[name] for name in schema.names}], schema=schema)
    path = f"event_date={day.isoformat()}/{attempt.unique()}.parquet"
    with tempfile.TemporaryDirectory(dir=attempt.lake.storage.settings.work_dir) as folder:
        local = Path(folder) / "load.parquet"
        pq.write_table(row, local, compression="zstd")
        described = describe_file("loads", path, day, local)
        put_file(attempt.lake, local, join(attempt.lake.table_url("loads"), path))
    return described


def _one(connection: DuckDBPyConnection, query: str) -> int:
    return int(connection.execute(query).fetchall()[0][0])


def _count(connection: DuckDBPyConnection, stage: Stage, table: str, column: str) -> dict[str, int]:
    paths = [str(path) for path in stage.files.get(table, ())]
    if not paths:
        return {}
    return dict(
        connection.execute(
            f"select {column}, count(*) from read_parquet($paths) "
            "semi join objects using (object_index) group by all order by 2 desc, 1",
            {"paths": paths},
        ).fetchall()
    )


def _unknown_types(connection: DuckDBPyConnection) -> dict[str, int]:
    counted = connection.execute(
        "select event_type, cast(sum(events) as bigint) from new_types group by all "
        "order by 2 desc, 1"
    ).fetchall()
    return {name: count for name, count in counted if name not in event_types.KNOWN}


def _unknown_fields(shapes: Counter[tuple[str, tuple[str, ...]]]) -> dict[str, int]:
    unknown: Counter[str] = Counter()
    for (kind, names), count in shapes.items():
        for name in names:
            if name not in event_types.FIELDS[kind]:
                unknown[f"{kind}.{name}"] += count
    return dict(sorted(unknown.items(), key=lambda item: (-item[1], item[0])))
