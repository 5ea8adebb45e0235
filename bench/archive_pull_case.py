"""Archive pull case: how much of an archive is read to pull one person, and with what memory."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench import data, model_cases
from bench.process import Measured, run, trailhouse
from bench.records import LAST_DAY
from bench.result import Result, Sizes

PERSON = "seldom@example.com"
"""Somebody who acts on three days of the year, among forty who act on every day."""
LAST_SEALED = LAST_DAY - timedelta(days=1)


def pull(sizes: Sizes) -> list[Result]:
    """Pulling what one person did, and every row of a month."""
    lake = sealed_year(sizes)
    return [_person(lake, sizes), _month(lake)]


def _person(lake: Path, sizes: Sizes) -> Result:
    measured, facts = _pulled(lake, "--from", "2000-01-01", "--person", PERSON)
    assert facts["rows"] == 3, facts
    read, held = facts["read"]["bytes"], _bytes(lake)
    return Result(
        "pull",
        f"Pulling one person out of {sizes.model_jobs + sizes.model_events:,} jobs and events of "
        f"{sizes.model_days} days: bytes read, of those of every sealed file",
        f"{read / held:.1%}",
        "at most 10 %",
        read <= held / 10,
        (
            f"{read / 2**20:,.1f} MiB of {held / 2**20:,.1f} MiB, in "
            f"{facts['read']['files']:,} files of activity, the only table of what people do",
            f"{measured.seconds:.1f} s, peak {measured.peak_bytes / 2**20:,.0f} MiB",
        ),
    )


def _month(lake: Path) -> Result:
    since = LAST_SEALED - timedelta(days=29)
    measured, facts = _pulled(lake, "--from", since, "--format", "csv")
    peak = measured.peak_bytes / 2**20
    return Result(
        "pull",
        f"Peak memory of pulling every row of 30 days as CSV, {facts['rows']:,} rows",
        f"{peak:,.0f} MiB",
        "at most 1,024 MiB",
        peak <= 1024,
        (
            f"{measured.seconds:.1f} s, {facts['rows'] / measured.seconds:,.0f} rows a second, "
            f"each with its proof; a pack of {facts['bytes'] / 2**20:,.0f} MiB",
        ),
    )


def _pulled(lake: Path, *arguments: object) -> tuple[Measured, dict[str, Any]]:
    with data.scratch() as folder:
        own = data.linked(lake, folder)
        out = ("--to", LAST_SEALED, "--out", folder / "pack.zip", "--json")
        measured = run(trailhouse(own, "archive", "pull", *arguments, *out, **_signing(lake)))
    return measured, json.loads(measured.output)


def _bytes(lake: Path) -> int:
    return sum(path.stat().st_size for path in (lake / "archive").rglob("*.parquet"))


def _signing(lake: Path) -> dict[str, str]:
    return {"TRAILHOUSE_ARCHIVE__SIGNING_KEY": f"file:{lake / 'seal.pem'}"}


def sealed_year(sizes: Sizes) -> Path:
    """A year of jobs and activity, sealed, and in it three acts of one person."""

    def make(lake: Path) -> None:
        data.linked(model_cases.loaded(sizes, sizes.model_days), lake.parent, lake.name)
        with data.scratch() as folder:
            (folder / "seldom.ndjson").write_text("\n".join(map(_act, range(3))))
            run(trailhouse(lake, "load", folder, "--json"))
        run(trailhouse(lake, "archive", "keygen", lake / "seal.pem"))
        seal = ("archive", "seal", "--to", LAST_SEALED, "--json")
        run(trailhouse(lake, *seal, **_signing(lake)))

    return data.kept_lake(f"seldom-{sizes.model_days}-{sizes.model_jobs}", make)


def _act(number: int) -> str:
    day = LAST_SEALED - timedelta(days=7 * number)
    event = {
        "event": "recipe_stopped",
        "timestamp": f"{day} 09:15:27 UTC",
        "team": {"id": 70121, "name": "Larkfield Ops", "email": "ops@larkfield.example"},
        "user": {"id": 990_001, "name": "Seldom Seen", "email": PERSON},
        "resource": {"type": "Flow", "id": 61_413_400, "name": "Orders to ledger"},
        "details": {"stop_reason": "user", "force": False, "error": False},
    }
    return json.dumps(event)
