"""Model cases: what building and asking the models costs in a lake of a year."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from statistics import median

from bench import data
from bench.compare import cpu_seconds, interleave, peak_mib, seconds
from bench.process import Measured, child, run, trailhouse
from bench.records import LAST_DAY
from bench.result import Result, Sizes

MEASURED = "measured.json"
"""Beside a built lake: what building it took."""
RECIPE = "61413400"
"""A recipe of the tail, as most are: a few jobs a day, changed on some days of the year."""


def build_day(sizes: Sizes) -> list[Result]:
    """Building the models of one new day in a lake of a year, against a lake of a month."""
    year, month = _built(sizes, sizes.model_days), _built(sizes, 30)
    day = data.days(
        1, sizes.model_jobs // sizes.model_days, LAST_DAY, sizes.model_events // sizes.model_days
    )
    pairs = interleave(
        lambda: _one_day(year, day), lambda: _one_day(month, day), min(sizes.repeats, 3)
    )
    times = median(pairs.times)
    return [
        Result(
            "build_day",
            f"The models of one new day in a lake of {sizes.model_days} days "
            f"({sizes.model_jobs:,} jobs, {sizes.model_events:,} events), against one of 30 days",
            f"{times:.2f} times",
            "at most 1.30",
            times <= 1.3,
            (
                f"seconds {seconds(pairs.ours):.1f}, a month {seconds(pairs.reference):.1f}; "
                f"CPU seconds {cpu_seconds(pairs.ours):.1f}, "
                f"a month {cpu_seconds(pairs.reference):.1f}",
                f"peak {peak_mib(pairs.ours):,.0f} MiB",
            ),
        )
    ]


def rebuild(sizes: Sizes) -> list[Result]:
    """Every model of every day anew."""
    built = json.loads((_built(sizes, sizes.model_days) / MEASURED).read_text())
    peak = built["peak_bytes"] / 2**20
    return [
        Result(
            "rebuild",
            f"Peak memory of building every model from nothing, {sizes.model_jobs:,} jobs",
            f"{peak:,.0f} MiB",
            "at most 3,072 MiB",
            peak <= 3072,
            (f"{built['seconds']:,.0f} s, CPU {built['cpu_seconds']:,.0f} s",),
        )
    ]


def questions(sizes: Sizes) -> list[Result]:
    """Questions of an analyst, against scans that answer the same."""
    lake = _built(sizes, sizes.model_days)
    measured = run(child("ask", RECIPE, TRAILHOUSE_LAKE_URL=str(lake)))
    told = json.loads(measured.output)
    results = []
    for name, question, times, target in (
        ("who_stopped", "who_stopped of one recipe, against a full scan of activity", "scan", 20),
        ("timeline", "The timeline of one recipe, against a full scan of activity", "scan", 20),
        (
            "usage_year",
            "Usage of a year by recipe, against the same figures from jobs and steps",
            "jobs",
            50,
        ),
    ):
        ratio = told[times] / told[name]
        results.append(
            Result(
                name,
                question,
                f"{ratio:.0f} times as fast",
                f"at least {target}",
                ratio >= target,
                (
                    f"{told[name] * 1000:,.0f} ms against {told[times] * 1000:,.0f} ms",
                    *told["read"].get(name, ()),
                ),
            )
        )
    return results


def _days(sizes: Sizes) -> Path:
    last = LAST_DAY - timedelta(days=1)
    return data.days(sizes.model_days, sizes.model_jobs, last, sizes.model_events)


def loaded(sizes: Sizes, days: int) -> Path:
    """A lake of the newest `days` days."""
    objects = sorted(_days(sizes).iterdir())[-2 * days :]
    return data.kept_lake(
        f"loaded-{sizes.model_days}-{days}",
        lambda lake: run(trailhouse(lake, "load", *objects, "--json")),
    )


def _built(sizes: Sizes, days: int) -> Path:
    def make(lake: Path) -> None:
        data.linked(loaded(sizes, days), lake.parent, lake.name)
        measured = run(trailhouse(lake, "build", "--json"))
        (lake / MEASURED).write_text(json.dumps(asdict(replace(measured, output=""))))

    return data.kept_lake(f"built-{sizes.model_days}-{days}", make, models=True)


def _one_day(lake: Path, day: Path) -> Measured:
    with data.scratch() as folder:
        own = data.linked(lake, folder)
        # the catalogue names the folder of its lake, so that a copy needs its own, once
        run(trailhouse(own, "query", "select 1"))
        run(trailhouse(own, "load", day, "--json"))
        return run(trailhouse(own, "build", "--json"))
