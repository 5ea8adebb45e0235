"""Day cases: a UTC day of a million jobs, loaded and checked; and what writing a sample costs."""

from __future__ import annotations

import json
from statistics import median

from bench import data
from bench.compare import cpu_seconds, peak_mib
from bench.process import run, trailhouse
from bench.records import LAST_DAY
from bench.result import Result, Sizes

SAMPLE_JOBS = 250_000


def one_day(sizes: Sizes) -> list[Result]:
    """Loading a day that does not fit into memory, and checking it, against loading it."""
    objects = data.days(1, sizes.jobs, LAST_DAY)
    with data.scratch() as folder:
        lake = folder / "lake"
        loaded = run(trailhouse(lake, "load", objects, "--json"))
        report = json.loads(loaded.output)
        assert report["accepted"] == report["received"] == sizes.jobs, report
        checked = run(
            trailhouse(
                lake, "check", "--table", "jobs", "--from", LAST_DAY, "--to", LAST_DAY, "--json"
            )
        )
    peak, times = loaded.peak_bytes / 2**20, checked.seconds / loaded.seconds
    return [
        Result(
            "one_day",
            f"Peak memory of loading {sizes.jobs:,} job records of one UTC day",
            f"{peak:,.0f} MiB",
            "at most 1,536 MiB",
            peak <= 1536,
            (f"{loaded.seconds:.1f} s, CPU {loaded.cpu_seconds:.1f} s",),
        ),
        Result(
            "one_day",
            "Checking the jobs of that day, against loading it",
            f"{times:.2f} times",
            "less than 1.00",
            times < 1,
            (
                f"{checked.seconds:.1f} s, CPU {checked.cpu_seconds:.1f} s, "
                f"peak {checked.peak_bytes / 2**20:,.0f} MiB",
            ),
        ),
    ]


def sample(sizes: Sizes) -> list[Result]:
    """Writing a believable workspace as NDJSON."""
    jobs = min(SAMPLE_JOBS, sizes.jobs)
    runs, rates = [], []
    for _ in range(sizes.repeats):
        with data.scratch() as folder:
            measured = run(
                trailhouse(
                    folder / "lake", "sample", "--days", 30, "--jobs", jobs, "--ndjson",
                    "--out", folder / "sample", "--json",
                )
            )  # fmt: skip
            truth = json.loads((folder / "sample" / "truth.json").read_text())
        runs.append(measured)
        rates.append(truth["counts"]["received"] / measured.seconds)
    rate = median(rates)
    return [
        Result(
            "sample",
            f"Writing a sample workspace of {jobs:,} jobs as NDJSON",
            f"{rate:,.0f} events a second",
            "at least 50,000",
            rate >= 50_000,
            (f"CPU {cpu_seconds(tuple(runs)):.1f} s, peak {peak_mib(tuple(runs)):,.0f} MiB",),
        )
    ]
