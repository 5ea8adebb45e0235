"""Archive verify case: what verifying costs, against hashing the same files."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median

from bench import archive_pull_case
from bench.compare import cpu_seconds, interleave, peak_mib, seconds
from bench.process import Command, Measured, run, trailhouse
from bench.result import Result, Sizes


def verify(sizes: Sizes) -> list[Result]:
    """Verifying the archive of a year, against `sha256sum` of every file of it."""
    archive = archive_pull_case.sealed_year(sizes)
    pairs = interleave(lambda: _verified(archive), lambda: _summed(archive), sizes.repeats)
    checked = json.loads(pairs.ours[0].output)["checked"]
    rate, size = median(1 / times for times in pairs.times), checked["bytes"] / 2**20
    return [
        Result(
            "verify",
            f"Verifying an archive of {size:,.0f} MiB ({checked['rows']:,} rows, "
            f"{checked['entries']:,} entries), against sha256sum of the same files",
            f"{rate:.2f} of its rate",
            "at least 0.50",
            rate >= 0.5,
            (
                f"seconds {seconds(pairs.ours):.2f}, sha256sum {seconds(pairs.reference):.2f}; "
                f"CPU seconds {cpu_seconds(pairs.ours):.2f}, "
                f"sha256sum {cpu_seconds(pairs.reference):.2f}",
                f"{size / seconds(pairs.ours):,.0f} MiB a second; "
                f"peak {peak_mib(pairs.ours):,.0f} MiB",
            ),
        )
    ]


def _verified(lake: Path) -> Measured:
    measured = run(
        trailhouse(
            *(lake, "archive", "verify", "--json"),
            *("--offline", lake / "archive", "--key", lake / "seal.pub.pem"),
        )
    )
    assert json.loads(measured.output)["clean"], measured.output[:500]
    return measured


def _summed(lake: Path) -> Measured:
    """What a careful person would run by hand, on one core as it does."""
    hashing = "find archive -type f -print0 | xargs -0 sha256sum | wc -l"
    measured = run(Command(("bash", "-c", f"cd {str(lake)!r} && {hashing}")))
    assert int(measured.output) > 0
    return measured
