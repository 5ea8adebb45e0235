"""Archive cases: what sealing costs, against writing the same rows as sorted Parquet."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from statistics import median

from bench import data
from bench.compare import cpu_seconds, interleave, peak_mib, seconds
from bench.process import Measured, child, run, trailhouse
from bench.records import LAST_DAY
from bench.result import Result, Sizes

LAST_SEALED = LAST_DAY + timedelta(days=1)
"""Jobs that end after midnight are of the next day."""


def seal(sizes: Sizes) -> list[Result]:
    """Sealing days that were never sealed, against a bare sorted copy of their rows."""
    lake = loaded(sizes)
    pairs = interleave(lambda: _sealed(lake), lambda: _copied(lake), min(sizes.repeats, 3))
    times, sealed = median(pairs.times), json.loads(pairs.ours[0].output)
    rows = sum(one["rows"] for one in sealed)
    assert all(int(copy.output) == rows for copy in pairs.reference), rows
    return [
        Result(
            "seal",
            f"Sealing {sizes.jobs:,} jobs of 30 days ({rows:,} rows with their steps), "
            "against a bare sorted Parquet copy of the same rows",
            f"{times:.2f} times",
            "at most 3.00",
            times <= 3,
            (
                f"seconds {seconds(pairs.ours):.1f}, copy {seconds(pairs.reference):.1f}; "
                f"CPU seconds {cpu_seconds(pairs.ours):.1f}, "
                f"copy {cpu_seconds(pairs.reference):.1f}",
                f"peak {peak_mib(pairs.ours):,.0f} MiB, copy {peak_mib(pairs.reference):,.0f} MiB",
                f"{len(sealed):,} seals",
            ),
        )
    ]


def loaded(sizes: Sizes) -> Path:
    """A lake of a month that nothing of is sealed."""
    objects = data.days(30, sizes.jobs, LAST_DAY)
    return data.kept_lake(
        f"unsealed-{sizes.jobs}", lambda lake: run(trailhouse(lake, "load", objects, "--json"))
    )


def _sealed(lake: Path) -> Measured:
    with data.scratch() as folder:
        own, key = data.linked(lake, folder), folder / "seal.pem"
        run(trailhouse(own, "archive", "keygen", key))
        signing = {"TRAILHOUSE_ARCHIVE__SIGNING_KEY": f"file:{key}"}
        return run(trailhouse(own, "archive", "seal", "--to", LAST_SEALED, "--json", **signing))


def _copied(lake: Path) -> Measured:
    with data.scratch() as folder:
        return run(child("bare_sorted_copy", lake, folder))
