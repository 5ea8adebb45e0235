"""Rejected: list, show and load again what could not be read."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.errors import TrailhouseError
from pipelines.lake.duck import connect
from pipelines.lake.judge import Judged, judge
from pipelines.lake.load import Report, load
from pipelines.lake.stage import Stage
from pipelines.lake.tables import Lake
from pipelines.sources.find import LandingObject
from pipelines.sources.split import split

ORIGIN = "rejected:"
"""Prefix of the URI under which a rejected input is known once it was loaded again."""


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

    Returns:
        The load's report, and the inputs that are refused still; they stay as they were.
    """
    with tempfile.TemporaryDirectory(prefix="trailhouse-reload-") as folder:
        connection = connect(lake.storage)
        stage = Stage(connection, Path(folder), clock())
        ready, refused = [], []
        first_row = 0
        for number, item in enumerate(inputs):
            _, content = rejected_bytes(lake, item.rejected_id)
            path = Path(folder) / f"{number}.json"
            path.write_bytes(content)
            judged = Judged()
            for records in split(iter((content,))):
                judge(0, records, judged)
            before = sum(map(len, stage.files.get("rejected", {}).values()))
            stage.add(judged, first_row)
            first_row += judged.received
            if sum(map(len, stage.files.get("rejected", {}).values())) > before:
                refused.append(item)
                continue
            ready.append(
                LandingObject(
                    source=item.source,
                    uri=f"{ORIGIN}{item.rejected_id}",
                    etag=item.rejected_id,
                    bytes=len(content),
                    modified_at=item.received_at,
                    content_path=str(path),
                )
            )
        connection.close()
        return load(lake, [], clock=clock, unique=unique, found=ready), refused


def _reloaded(lake: Lake) -> set[str]:
    rows = _query(
        lake,
        "select i.etag from (select unnest(inputs) as i from loads) where starts_with(i.uri, $at)",
        {"at": ORIGIN},
        table="loads",
    )
    return {row[0] for row in rows}


def _query(
    lake: Lake, sql: str, parameters: dict[str, str | None], *, table: str = "rejected"
) -> list[tuple[Any, ...]]:
    delta = lake.find(table)
    files = delta.file_uris() if delta is not None else []
    if not files:
        return []
    connection = connect(lake.storage, s3=lake.is_s3)
    try:
        connection.execute("set variable files = $files", {"files": files})
        connection.execute(
            f"create temp view {table} as select * from read_parquet(getvariable('files'))"
        )
        return connection.execute(sql, parameters).fetchall()
    finally:
        connection.close()
