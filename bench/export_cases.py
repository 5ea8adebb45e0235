"""Export cases: what rendering, writing down and caching cost, against bare loops."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median

from bench import data, receiver
from bench.compare import Pairs, cpu_seconds, interleave, peak_mib, seconds
from bench.process import Command, Measured, run, trailhouse
from bench.records import LAST_DAY
from bench.result import Result, Sizes

SLOW_SECONDS = 2.0
NOBODY = "http://127.0.0.1:9/"
"""Port 9 takes no connection: everything goes to the cache."""


def deliver_http(sizes: Sizes) -> list[Result]:
    """Delivering in batches of 1,000 against POSTs of the same bodies, rendered beforehand."""
    lake = _lake(sizes)
    with data.scratch() as folder, receiver.running() as url:
        bodies = folder / "bodies"
        bodies.mkdir()
        run(_child("write_bodies", lake, bodies))
        pairs = interleave(
            lambda: _deliver(lake, url, sizes.jobs),
            lambda: run(_child("post_bodies", bodies, url)),
            sizes.repeats,
        )
        drained = interleave(
            lambda: _drain(lake, url, sizes.jobs),
            lambda: run(_child("post_bodies", bodies, url)),
            min(sizes.repeats, 3),
        )
    question = f"{sizes.jobs:,} events through a template to a local HTTP receiver"
    return [
        _rate("deliver_http", f"{question}, against a bare loop of POSTs", pairs, 0.35, "bare"),
        _rate(
            "deliver_http", f"A backlog of {sizes.jobs:,} events, drained", drained, 0.35, "bare"
        ),
    ]


def deliver_gzip(sizes: Sizes) -> list[Result]:
    """Delivering compressed bodies against rendering and compressing them alone."""
    lake = _lake(sizes)
    with receiver.running() as url:
        pairs = interleave(
            lambda: _deliver(lake, url, sizes.jobs, gzip="gzip"),
            lambda: run(_child("compress_bodies", lake)),
            min(sizes.repeats, 3),
        )
    question = f"{sizes.jobs:,} events to it with gzip, against rendering and compressing alone"
    return [_rate("deliver_gzip", question, pairs, 0.7, "alone")]


def deliver_fourteen(sizes: Sizes) -> list[Result]:
    """Twelve sinks that are well, beside a dead and a slow one, against beside two more."""
    events = max(sizes.jobs // 20, 1)
    lake = _lake(replace(sizes, jobs=events))
    with ExitStack() as stack:
        urls = [stack.enter_context(receiver.running()) for _ in range(14)]
        slow = stack.enter_context(receiver.running(SLOW_SECONDS))
        pairs = interleave(
            lambda: _to_many(lake, [NOBODY, slow, *urls[2:]]),
            lambda: _to_many(lake, urls),
            min(sizes.repeats, 3),
        )
    rate = median(1 / times for times in pairs.times)
    return [
        Result(
            "deliver_fourteen",
            f"{events:,} events to each of twelve sinks, with a dead one and one that takes "
            f"{SLOW_SECONDS:g} s a batch beside them, against with two more that are well",
            f"{rate:.2f} of its rate",
            "at least 0.90",
            rate >= 0.9,
            (
                f"seconds {seconds(pairs.ours):.1f}, all well {seconds(pairs.reference):.1f}",
                f"peak {peak_mib(pairs.ours):,.0f} MiB",
            ),
        )
    ]


def _to_many(lake: Path, urls: Sequence[str]) -> Measured:
    """Deliver until the last twelve have everything; seconds are those that this took."""
    with data.scratch() as folder:
        copy = data.linked(lake, folder)
        measured = run(_child("deliver_to_many", copy, folder, 12, *urls))
        return replace(measured, seconds=float(measured.output))


def _rate(name: str, question: str, pairs: Pairs, target: float, other: str) -> Result:
    rate = median(1 / times for times in pairs.times)
    return Result(
        name,
        question,
        f"{rate:.2f} of its rate",
        f"at least {target:.2f}",
        rate >= target,
        (
            f"seconds {seconds(pairs.ours):.1f}, {other} {seconds(pairs.reference):.1f}; "
            f"CPU seconds {cpu_seconds(pairs.ours):.1f}, {other} "
            f"{cpu_seconds(pairs.reference):.1f}",
            f"peak {peak_mib(pairs.ours):,.0f} MiB",
        ),
    )


def _lake(sizes: Sizes) -> Path:
    objects = data.days(30, sizes.jobs, LAST_DAY)
    return data.kept_lake(
        f"exports-{sizes.jobs}", lambda lake: run(trailhouse(lake, "load", objects, "--json"))
    )


def _deliver(lake: Path, url: str, expect: int, *, gzip: str = "") -> Measured:
    with data.scratch() as folder:
        copy = data.linked(lake, folder)
        return _expect(run(_child("deliver", copy, folder, url, gzip)), expect)


def _drain(lake: Path, url: str, expect: int) -> Measured:
    """Let everything go to the cache, then deliver it a day later; only that is measured."""
    with data.scratch() as folder:
        copy = data.linked(lake, folder)
        _expect(run(_child("deliver", copy, folder, NOBODY, "")), expect)
        return _expect(run(_child("deliver", copy, folder, url, "", 1)), expect)


def _expect(measured: Measured, expect: int) -> Measured:
    assert int(measured.output) == expect, measured.output
    return measured


def _child(name: str, *arguments: object) -> Command:
    return Command((sys.executable, "-m", "bench.export_children", name, *map(str, arguments)))
