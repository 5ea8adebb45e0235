"""`python -m bench`: run the benchmarks, print them, and write `docs/benchmarks.md`."""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import UTC, datetime

from bench.cases import CASES
from bench.result import QUICK, Result, Sizes


def main() -> None:
    """Run what was asked for. Results of full sizes are kept, and written on the page."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes; ratios mean little")
    parser.add_argument("--only", action="append", choices=sorted(CASES), metavar="NAME")
    parser.add_argument("--repeats", type=int, help="runs of each program")
    asked = parser.parse_args()
    sizes = QUICK if asked.quick else Sizes()
    if asked.repeats:
        sizes = replace(sizes, repeats=asked.repeats)
    measured: dict[str, list[Result]] = {}
    for name in asked.only or CASES:
        print(f"{name} …", flush=True)
        measured[name] = CASES[name](sizes)
        for result in measured[name]:
            print(f"  {result.measured} ({result.target})", *result.details, sep="\n    ")
    # after the measuring: the parent must stay small, see `bench.process.Measured`
    from bench import page

    page.show([result for results in measured.values() for result in results])
    if not asked.quick:
        for name, results in measured.items():
            page.keep(name, results, datetime.now(UTC).date())
        page.write(CASES)


if __name__ == "__main__":
    main()
