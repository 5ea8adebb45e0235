"""Export children: what the benchmarks of deliveries run: `python -m bench.export_children NAME …`.

Each imports what it needs itself, so that a run pays for its own imports and no others.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BATCH_EVENTS = 1_000


def deliver(lake_url: str, folder: str, url: str, gzip: str, days_later: str = "0") -> None:
    """Deliver all of a lake to a URL, with a ledger in a folder; says how many events arrived."""
    from datetime import UTC, datetime, timedelta
    from random import random
    from uuid import uuid4

    from pipelines.exports.deliver import deliver
    from pipelines.exports.ledger import open_url

    later = timedelta(days=int(days_later))
    done = deliver(
        _lake(lake_url),
        open_url(f"sqlite:///{folder}/ledger.sqlite"),
        [_sink(url, gzip=bool(gzip))],
        clock=lambda: datetime.now(UTC) + later,
        random=random,
        unique=lambda: uuid4().hex,
    )
    for one in done:
        print(one.delivered or one.waiting)


def deliver_to_many(lake_url: str, folder: str, awaited: str, *urls: str) -> None:
    """Deliver all of a lake to a sink a URL; ends when the last of them have it all.

    Says how many seconds that took.
    """
    import os
    import time
    from collections import Counter
    from datetime import UTC, datetime
    from random import random
    from uuid import uuid4

    from pipelines.exports.deliver import deliver
    from pipelines.exports.ledger import open_url

    lake, begun = _lake(lake_url), time.perf_counter()
    count = lake.open("jobs").to_pyarrow_dataset().count_rows()
    arrived: Counter[str] = Counter()
    sinks = [_sink(url, name=f"sink{number}") for number, url in enumerate(urls)]
    well = [sink.name for sink in sinks[-int(awaited) :]]

    def progress(sink: str, events: int) -> None:
        arrived[sink] += events
        if all(arrived[name] == count for name in well):
            print(time.perf_counter() - begun, flush=True)
            os._exit(0)  # the others may take for ever

    ledger = open_url(f"sqlite:///{folder}/ledger.sqlite")
    given = {"clock": lambda: datetime.now(UTC), "random": random, "unique": lambda: uuid4().hex}
    list(deliver(lake, ledger, sinks, progress=progress, **given))
    raise SystemExit(f"these did not get everything: {arrived}")


def write_bodies(lake_url: str, folder: str) -> None:
    """Write the bodies of all batches of a lake, one file each."""
    for number, body in enumerate(_bodies(lake_url)):
        (Path(folder) / f"{number:06d}").write_bytes(body)


def compress_bodies(lake_url: str) -> None:
    """Render the batches of a lake and compress them, without sending any."""
    from gzip import compress

    print(sum(len(compress(body, 1, mtime=0)) for body in _bodies(lake_url)))


def post_bodies(folder: str, url: str) -> None:
    """POST bodies that lie rendered in a folder, by httpx as it is, in a bare loop."""
    import httpx

    with httpx.Client() as client:
        for path in sorted(Path(folder).iterdir()):
            client.post(url, content=path.read_bytes()).raise_for_status()


def _bodies(lake_url: str) -> Iterator[bytes]:
    from datetime import UTC, datetime

    from pipelines.exports.batches import OCCURRED, Origin, cut
    from pipelines.exports.render import load_renderer
    from pipelines.exports.select import condition_of, select, time_scope

    sink = _sink("http://127.0.0.1/", gzip=False)
    renderer = load_renderer(sink)
    lake = _lake(lake_url)
    days = sorted(path.name for path in Path(lake.url).glob("lake/jobs/event_date=*"))
    first, last = (datetime.fromisoformat(f"{name[11:]}T00:00:00Z") for name in (days[0], days[-1]))
    now = datetime.now(UTC)
    rows = select(lake, time_scope(first, last.replace(hour=23, minute=59, second=59))).rows(
        condition_of(sink), renderer.columns
    )
    rendered = (renderer.render(batch, now=now) for batch in rows)
    facts = (
        (messages, {name: list(columns[name]) for name in ("event_id", OCCURRED)})
        for messages, columns in rendered
    )
    origin = Origin("siem", 1, 1, "load", renderer.digest, renderer.content_type)
    for outgoing in cut(facts, sink.limits(), origin):
        yield "\n".join(outgoing.batch.messages).encode()


def _lake(url: str) -> Any:
    from pipelines.lake.storage import Storage
    from pipelines.lake.tables import Lake
    from pipelines.settings import load_settings

    return Lake(Storage(load_settings(lake_url=url)))


def _sink(url: str, *, gzip: bool = False, name: str = "siem") -> Any:
    from pipelines.sinks.http import HttpSettings

    return HttpSettings(
        name=name,
        kind="http",
        url=url,
        start="beginning",
        batch_events=BATCH_EVENTS,
        gzip=gzip,
    )


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
