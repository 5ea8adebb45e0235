"""`python -m bench`: run the benchmarks, print them, and write `docs/benchmarks.md`."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from bench.cases import CASES
from bench.result import QUICK, Result, Sizes


def main() -> None:
    """Run what was asked for. Only a whole run with full sizes is written down."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes; ratios mean little")
    parser.add_argument("--only", action="append", choices=sorted(CASES), metavar="NAME")
    parser.add_argument("--repeats", type=int, help="runs of each program")
    asked = parser.parse_args()
    sizes = QUICK if asked.quick else Sizes()
    if asked.repeats:
        from dataclasses import replace

        sizes = replace(sizes, repeats=asked.repeats)
    results: list[Result] = []
    for name in asked.only or CASES:
        print(f"{name} …", flush=True)
        results += CASES[name](sizes)
        for result in results:
            if result.name == name:
                print(f"  {result.measured} ({result.target})", *result.details, sep="\n    ")
    # after the measuring: the parent must stay small, see `bench.process.Measured`
    from bench import page

    page.show(results)
    if not asked.quick and not asked.only:
        page.write(results, datetime.now(UTC).date())


if __name__ == "__main__":
    main()
