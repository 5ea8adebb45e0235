"""Rejected: list, show and load again what could not be read."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.errors import TrailhouseError
from pipelines.lake.duck import connect, list_literal
from pipelines.lake.judge import Judged, judge
from pipelines.lake.load import BATCH_BYTES, Report, batch_bytes, load
from pipelines.lake.stage import Stage
from pipelines.lake.tables import Lake, data_files, explained
from pipelines.sources.fetch import fetch
from pipelines.sources.find import LandingObject
from pipelines.sources.split import split

ORIGIN = "rejected:"
"""Prefix of the URI under which a rejected input is known once it was loaded again."""
BATCH_INPUTS = 1_000
"""Inputs whose bytes are read from the lake at once."""


@dataclass(frozen=True, slots=True)
class RejectedInput:
    """One row of `rejected`, without its bytes; `received_at` is UTC."""

    rejected_id: str
    reason: str
    detail: str
    source: str
    source_uri: str
    source_offset: int
    received_at: datetime
    load_id: str
    size_bytes: int


def list_rejected(
    lake: Lake, *, reason: str | None = None, load_id: str | None = None
) -> list[RejectedInput]:
    """The rejected inputs, newest load first, without those that were loaded again since."""
    rows = _query(
        lake,
        """
        select rejected_id, reason, detail, source, source_uri, source_offset, received_at,
            load_id, octet_length(bytes)
        from rejected
        where ($reason is null or reason = $reason) and ($load_id is null or load_id = $load_id)
        order by loaded_at desc, source_uri, source_offset
        """,
        {"reason": reason, "load_id": load_id},
    )
    done = _reloaded(lake)
    return [RejectedInput(*row) for row in rows if row[0] not in done]


def rejected_bytes(lake: Lake, rejected_id: str) -> tuple[str, bytes]:
    """The whole id and the bytes of one rejected input; any unambiguous start of the id will do.

    Raises:
        TrailhouseError: No rejected input, or more than one, has that id.
    """
    found = _query(
        lake,
        "select rejected_id, bytes from rejected where starts_with(rejected_id, $id) limit 2",
        {"id": rejected_id},
    )
    if len(found) != 1:
        what = "no rejected input" if not found else "more than one rejected input"
        raise TrailhouseError(
            f"{what} has an id that starts with {rejected_id!r}; "
            "`trailhouse rejected list` shows the ids"
        )
    return str(found[0][0]), bytes(found[0][1])


def reload_rejected(
    lake: Lake,
    inputs: Sequence[RejectedInput],
    *,
    clock: Callable[[], datetime],
    unique: Callable[[], str],
) -> tuple[Report, list[RejectedInput]]:
    """Load rejected inputs again, after what refused them was mended.

    They are judged first, so that what is refused still adds no second row to `rejected`.

    Returns:
        The load's report, and the inputs that are refused still; they stay as they were.
    """
    work_dir = lake.storage.settings.work_dir
    with tempfile.TemporaryDirectory(prefix="trailhouse-reload-", dir=work_dir) as folder:
        objects = _objects(lake, inputs, Path(folder))
        refused = _refused(lake, objects, Path(folder), clock())
        ready = [item for number, item in enumerate(objects) if number not in refused]
        report = load(lake, [], clock=clock, unique=unique, found=ready)
    return report, [inputs[number] for number in sorted(refused)]


def _objects(lake: Lake, inputs: Sequence[RejectedInput], folder: Path) -> list[LandingObject]:
    """The inputs as objects that a load reads, their bytes in files of the folder."""
    for batch in _batches(inputs):
        ids = list_literal([item.rejected_id for item in batch])
        query = f"from rejected semi join (select unnest({ids}) as rejected_id) using (rejected_id)"
        for rejected_id, content in _query(lake, f"select rejected_id, bytes {query}", {}):
            (folder / f"{rejected_id}.json").write_bytes(content)
    return [
        LandingObject(
            source=item.source,
            uri=f"{ORIGIN}{item.rejected_id}",
            etag=item.rejected_id,
            bytes=item.size_bytes,
            modified_at=item.received_at,
            content_path=str(folder / f"{item.rejected_id}.json"),
        )
        for item in inputs
    ]


def _batches(inputs: Sequence[RejectedInput]) -> Iterator[list[RejectedInput]]:
    batch: list[RejectedInput] = []
    size = 0
    for item in inputs:
        batch.append(item)
        size += item.size_bytes
        if size >= BATCH_BYTES or len(batch) == BATCH_INPUTS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _refused(lake: Lake, objects: Sequence[LandingObject], folder: Path, now: datetime) -> set[int]:
    """Which of the objects a load would reject, by number; it judges and stages as a load does."""
    with closing(connect(lake.storage)) as connection:
        stage = Stage(connection, folder, now)
        judged, first_row = Judged(), 0
        most = min(BATCH_BYTES, batch_bytes(lake.storage.settings))
        for number, pieces in fetch(objects, lake.storage, concurrency=1):
            for records in split(pieces, lake.storage.settings.max_record_mb * 2**20):
                judge(number, records, judged)
            if judged.bytes >= most:
                stage.add(judged, first_row)
                judged, first_row = Judged(), first_row + judged.received
        stage.add(judged, first_row)
        files = [str(path) for path in stage.files.get("rejected", ())]
        if not files:
            return set()
        query = f"select distinct object_index from read_parquet({list_literal(files)})"
        return {number for (number,) in connection.execute(query).fetchall()}


def _reloaded(lake: Lake) -> set[str]:
    rows = _query(
        lake,
        "select i.etag from (select unnest(inputs) as i from loads) where starts_with(i.uri, $at)",
        {"at": ORIGIN},
        table="loads",
    )
    return {row[0] for row in rows}


def _query(
    lake: Lake, sql: str, parameters: Mapping[str, object], *, table: str = "rejected"
) -> list[tuple[Any, ...]]:
    with explained(lake.url):
        files = data_files(lake.find(table))
        if not files:
            return []
        with closing(connect(lake.storage, s3=lake.is_s3)) as connection:
            connection.execute(
                f"create temp view {table} as select * from read_parquet({list_literal(files)})"
            )
            return connection.execute(sql, parameters).fetchall()
