"""Drain: what waits in the cache is sent again, oldest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

from pipelines.exports.ahead import ahead
from pipelines.exports.batches import Outgoing
from pipelines.exports.courier import Courier
from pipelines.exports.outbox import origin_of, waiting_rows
from pipelines.exports.outcomes import stored_batch

if TYPE_CHECKING:
    import sqlalchemy as sa

    from pipelines.exports.cache import Cache, Content

WINDOW_BYTES = 16 * 2**20
"""Bytes of a window; what is read ahead, sent and settled at once is a few of them."""
PARALLEL = 8
"""Files of an object store that are read at once; more threads on a disk only delay the sender."""
MOST_ROWS = 4_096
"""Rows of the ledger that are held at once, however much waits."""
Renew = Callable[["sa.RowMapping", "Content"], Mapping[str, Any]]
"""Renders a waiting batch again where it cannot go as it was stored; what changed of its row."""


def drain(courier: Courier, progress: Callable[[int], None], renew: Renew) -> None:
    """Send what waits, in order, until all of it is delivered or the sink fails."""
    while not courier.is_blocked:
        with courier.ledger.read() as connection:
            rows = waiting_rows(
                connection, courier.cache.sink, limit=1 if courier.window == 1 else MOST_ROWS
            )
        if not rows:
            break
        with closing(ahead(_windows(courier.cache, rows, renew))) as windows:
            for window in windows:
                if courier.is_blocked:
                    break
                courier.redeliver(window)
                progress(sum(len(outgoing.batch) for outgoing in window))


def _windows(cache: Cache, rows: Sequence[sa.RowMapping], renew: Renew) -> Iterator[list[Outgoing]]:
    with ThreadPoolExecutor(PARALLEL if cache.lake.is_s3 else 1) as pool:
        for part in _parts(rows):
            yield list(pool.map(lambda row: _read(cache, row, renew), part))


def _parts(rows: Sequence[sa.RowMapping]) -> Iterator[list[sa.RowMapping]]:
    part: list[sa.RowMapping] = []
    size = 0
    for row in rows:
        part.append(row)
        size += row["bytes"]
        if size >= WINDOW_BYTES or len(part) >= 256:
            yield part
            part, size = [], 0
    if part:
        yield part


def _read(cache: Cache, found: sa.RowMapping, renew: Renew) -> Outgoing:
    content = cache.read(found["cached_path"])
    row: sa.RowMapping | Mapping[str, Any] = found
    if changed := renew(found, content):
        row, content = {**found, **changed}, cache.read(found["cached_path"])
    return Outgoing(
        origin_of(row),
        row["ordinal"],
        stored_batch(content, row),
        row["bytes"],
        position=row["position"],
        parent_id=row["parent_id"],
        attempt_count=row["attempt_count"],
        first_failed_at=row["first_failed_at"],
        cached_path=row["cached_path"],
    )
