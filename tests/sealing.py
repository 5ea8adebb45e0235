"""Sealing: lakes that are sealed in tests, in one way."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from lakes import Place, activity, encode, job, run_load

from pipelines.archive.keys import Signer, make_key, open_signer
from pipelines.archive.log import Entry, open_log
from pipelines.archive.place import open_archive_place
from pipelines.archive.seal import Sealed, seal
from pipelines.lake.duck import connect, text_literal
from pipelines.lake.tables import Lake

DAY = date(2026, 2, 3)
"""The UTC day of most events of the tests."""
AT = "2026-02-03 09:15:27 UTC"
NOW = datetime(2026, 2, 14, 12, tzinfo=UTC)
"""The clock of the tests: the last closed day is the 5th of February."""
LOADED = datetime(2026, 2, 4, 6, tzinfo=UTC)
"""When the first loads begin: their rows of `loads` and `rejected` are closed as well."""


def lake_with_key(place: Place, folder: Path, **settings: Any) -> Lake:
    """A lake whose archive is signed by a key of its own."""
    key = folder / "seal.pem"
    if not key.exists():
        make_key(key)
    archive = {"signing_key": f"file:{key}"} | settings.pop("archive", {})
    return place.lake(archive=archive, **settings)


def signer_of(lake: Lake) -> Signer:
    """The signer of the lake's settings."""
    return open_signer(lake.storage.settings)


def events(number: int = 0) -> list[dict[str, Any]]:
    """An event of every kind on the day; a number tells them from others."""
    return [
        activity(timestamp=AT, details={"a": f"naïve\u2028\\u0000 {number}"}),
        job(),
        {"timestamp": AT, "endpoint": f"/orders/{number}", "code": 200 + number},
        {"timestamp": AT, "level": "info", "message": f"hello {number}"},
    ]


def land(place: Place, name: str, lines: Sequence[Any], broken: bytes = b"") -> None:
    """Put one object with the events, and something that is none."""
    place.put(f"{name}.ndjson", b"\n".join([*(encode(line) for line in lines), broken]))


def fill(place: Place, lake: Lake, *, now: datetime = LOADED) -> None:
    """One load of every kind of row."""
    land(place, "fill", events(), b"{broken")
    run_load(lake, [place.landing], now=now)


def seal_all(lake: Lake, *, now: datetime = NOW, by: str = "test", **more: Any) -> list[Sealed]:
    """Seal what is closed."""
    return list(seal(lake, clock=lambda: now, signer=signer_of(lake), by=by, **more))


def entries_of(lake: Lake) -> list[Entry]:
    """The log of the lake's archive."""
    return open_log(lake).entries()


def seals_of(lake: Lake, table: str) -> list[dict[str, Any]]:
    """The manifests of a table, in the order of the log."""
    return [
        entry.body
        for entry in entries_of(lake)
        if entry.kind == "seal" and entry.body["table"] == table
    ]


def objects_of(lake: Lake) -> dict[str, bytes]:
    """Every object of the archive but its log."""
    place = open_archive_place(lake)
    return {path: place.get(path) for path, _ in place.list() if not path.startswith("log/")}


def sealed_rows(lake: Lake, folder: Path, manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a seal as a reader gets them who has the file alone, in its order."""
    place, found = open_archive_place(lake), list[dict[str, Any]]()
    with closing(connect(lake.storage)) as connection:
        for number, file in enumerate(manifest["files"]):
            local = folder / f"{number}.parquet"
            local.write_bytes(place.get(file["path"]))
            read = connection.execute(
                f"from read_parquet({text_literal(str(local))}, hive_partitioning = false)"
            )
            names = [column[0] for column in read.description]
            found += [dict(zip(names, row, strict=True)) for row in read.fetchall()]
    return found
