"""Result: what a case measures, and how much it reads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table: what was measured, the ratio, and whether it meets its target."""

    name: str
    question: str
    measured: str
    target: str
    passed: bool
    details: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much data each case reads, and how often it runs."""

    jobs: int = 1_000_000
    dlt_jobs: int = 1_000_000
    objects: int = 20_000
    known: int = 100_000
    year_days: int = 365
    year_jobs: int = 365 * 3_000
    day_jobs: int = 30_000
    model_days: int = 365
    model_jobs: int = 10_000_000
    model_events: int = 2_000_000
    repeats: int = 5


QUICK = Sizes(50_000, 20_000, 1_000, 3_000, 20, 20 * 1_000, 5_000, 40, 40_000, 8_000, 2)
