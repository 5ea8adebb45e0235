"""Cases: what is measured, against what, and the target that it is held to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from statistics import median

from bench import (
    archive_cases,
    archive_pull_case,
    archive_verify_case,
    data,
    day_cases,
    export_cases,
    model_cases,
    s3,
)
from bench.compare import Pairs, cpu_seconds, interleave, peak_mib, seconds
from bench.process import ROOT, Command, Measured, child, run, trailhouse
from bench.records import LAST_DAY
from bench.result import Result, Sizes

DLT = ROOT / "bench" / ".venv-dlt"


def load_ndjson(sizes: Sizes) -> list[Result]:
    """Loading NDJSON against a bare DuckDB copy of the same columns."""
    objects = data.days(30, sizes.jobs, LAST_DAY)
    pairs = interleave(
        lambda: _load(objects, expect=sizes.jobs), lambda: _bare(objects, sizes.jobs), sizes.repeats
    )
    speed, peak = median(1 / times for times in pairs.times), peak_mib(pairs.ours)
    question = f"{sizes.jobs:,} job records as NDJSON, against a bare DuckDB copy"
    return [
        Result(
            "load_ndjson",
            question,
            f"{speed:.2f} of its speed",
            "at least 0.50",
            speed >= 0.5,
            _details(pairs, "DuckDB"),
        ),
        Result(
            "load_ndjson",
            "Peak memory of that load",
            f"{peak:,.0f} MiB",
            "at most 1,536 MiB",
            peak <= 1536,
            (f"DuckDB alone: {peak_mib(pairs.reference):,.0f} MiB",),
        ),
    ]


def dlt(sizes: Sizes) -> list[Result]:
    """The same against dlt, which infers a schema and normalises in Python."""
    _dlt_venv()
    objects = data.days(30, sizes.dlt_jobs, LAST_DAY)
    pairs = interleave(
        lambda: _load(objects, expect=sizes.dlt_jobs),
        lambda: _dlt(objects, sizes.dlt_jobs),
        min(sizes.repeats, 2),
    )
    speed = median(1 / times for times in pairs.times)
    return [
        Result(
            "dlt",
            f"{sizes.dlt_jobs:,} job records as NDJSON, against dlt to Parquet in a folder",
            f"{speed:.1f} times its speed",
            "at least 8.0",
            speed >= 8,
            _details(pairs, "dlt"),
        )
    ]


def small_objects(sizes: Sizes) -> list[Result]:
    """Objects of one event each on S3, against a client that only lists and gets them."""
    folder = data.single(sizes.objects)
    with data.scratch() as scratch, s3.server(scratch) as access:
        url = f"s3://{s3.BUCKET}/landing"
        run(child("put_objects", url, folder, **access))
        pairs = interleave(
            lambda: _load(url, expect=sizes.objects, access=access),
            lambda: _expect(run(child("bare_client", url, **access)), sizes.objects),
            sizes.repeats,
        )
    rate = median(1 / times for times in pairs.times)
    return [
        Result(
            "small_objects",
            f"{sizes.objects:,} objects of one event on S3, against a bare client "
            "(both list, then get)",
            f"{rate:.2f} of its rate",
            "at least 0.60",
            rate >= 0.6,
            (
                *_details(pairs, "bare client"),
                f"{sizes.objects / seconds(pairs.ours):,.0f} objects a second, "
                f"bare client {sizes.objects / seconds(pairs.reference):,.0f}",
            ),
        )
    ]


def nothing_new(sizes: Sizes) -> list[Result]:
    """A run that finds every object loaded."""
    objects = data.single(sizes.known)
    loaded = data.kept_lake(
        f"known-{sizes.known}", lambda lake: _check_load(lake, objects, sizes.known)
    )
    runs = []
    for _ in range(sizes.repeats):
        measured = run(trailhouse(loaded, "load", objects, "--json"))
        assert json.loads(measured.output)["objects"] == 0, measured.output
        runs.append(measured)
    took = median(measured.seconds for measured in runs)
    return [
        Result(
            "nothing_new",
            f"A run with nothing new among {sizes.known:,} known objects",
            f"{took:.2f} s",
            "under 2 s",
            took < 2,
            (f"CPU {cpu_seconds(tuple(runs)):.2f} s, peak {peak_mib(tuple(runs)):,.0f} MiB",),
        )
    ]


def day_into_year(sizes: Sizes) -> list[Result]:
    """One more day into a lake that holds a year of daily loads, against an empty lake."""
    last = LAST_DAY - timedelta(days=1)
    year = data.days(sizes.year_days, sizes.year_jobs, last)
    lake = data.kept_lake(f"year-{sizes.year_days}", lambda target: _load_year(target, year))
    day = data.days(1, sizes.day_jobs, LAST_DAY)
    pairs = interleave(
        lambda: _load(day, expect=sizes.day_jobs, onto=lake),
        lambda: _load(day, expect=sizes.day_jobs),
        sizes.repeats,
    )
    times = median(pairs.times)
    return [
        Result(
            "day_into_year",
            f"A day of {sizes.day_jobs:,} jobs into a lake of {sizes.year_days} daily loads "
            f"({sizes.year_jobs:,} jobs), against an empty lake",
            f"{times:.2f} times",
            "at most 1.30",
            times <= 1.3,
            _details(pairs, "empty lake"),
        )
    ]


CASES: dict[str, Callable[[Sizes], list[Result]]] = {
    case.__name__: case
    for case in (
        load_ndjson,
        dlt,
        small_objects,
        nothing_new,
        day_into_year,
        day_cases.one_day,
        day_cases.sample,
        model_cases.rebuild,
        model_cases.build_day,
        model_cases.questions,
        archive_cases.seal,
        archive_verify_case.verify,
        archive_pull_case.pull,
        export_cases.deliver_http,
        export_cases.deliver_gzip,
        export_cases.deliver_fourteen,
    )
}


def _load(
    source: Path | str,
    *,
    expect: int,
    onto: Path | None = None,
    access: Mapping[str, str] | None = None,
) -> Measured:
    """Load into a lake of its own, empty or a copy of `onto`, which is removed afterwards."""
    with data.scratch() as folder:
        lake = data.linked(onto, folder) if onto is not None else folder / "lake"
        return _check_load(lake, source, expect, access)


def _check_load(
    lake: Path, source: Path | str, expect: int, access: Mapping[str, str] | None = None
) -> Measured:
    measured = run(trailhouse(lake, "load", source, "--json", **access or {}))
    report = json.loads(measured.output)
    assert report["accepted"] == report["received"] == expect, report
    return measured


def _load_year(lake: Path, objects: Path) -> None:
    run(child("load_each", objects, TRAILHOUSE_LAKE_URL=str(lake)))


def _bare(objects: Path, expect: int) -> Measured:
    with data.scratch() as folder:
        return _expect(run(child("bare_duckdb", folder, objects)), expect)


def _dlt(objects: Path, expect: int) -> Measured:
    with data.scratch() as folder:
        program = (str(DLT / "bin" / "python"), "bench/dlt_child.py", str(folder), str(objects))
        return _expect(run(Command(program, {"RUNTIME__DLTHUB_TELEMETRY": "false"})), expect)


def _dlt_venv() -> None:
    if not (DLT / "bin" / "dlt").exists():
        requirements = ROOT / "bench" / "requirements-dlt.txt"
        subprocess.run([sys.executable, "-m", "venv", str(DLT)], check=True)
        pip = [str(DLT / "bin" / "pip"), "install", "--quiet", "-r", str(requirements)]
        subprocess.run(pip, check=True, env=dict(os.environ))


def _expect(measured: Measured, count: int) -> Measured:
    assert measured.output == str(count), measured.output
    return measured


def _details(pairs: Pairs, reference: str) -> tuple[str, ...]:
    times = sorted(pairs.times)
    return (
        f"seconds {seconds(pairs.ours):.1f}, {reference} {seconds(pairs.reference):.1f}; "
        f"per pair {times[0]:.2f} to {times[-1]:.2f} times ({len(times)} pairs)",
        f"CPU seconds {cpu_seconds(pairs.ours):.1f}, {reference} "
        f"{cpu_seconds(pairs.reference):.1f} ({pairs.cpu_times:.2f} times)",
        f"peak {peak_mib(pairs.ours):,.0f} MiB, {reference} {peak_mib(pairs.reference):,.0f} MiB",
    )
