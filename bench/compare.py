"""Compare: two programs in turns, and what the one costs in terms of the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.process import Measured

Run = Callable[[], Measured]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Runs of ours and of a reference, in the order A B A B; a pair ran next to each other."""

    ours: tuple[Measured, ...]
    reference: tuple[Measured, ...]

    @property
    def times(self) -> list[float]:
        """Pair by pair, how many times the seconds of the reference ours took."""
        return [a.seconds / b.seconds for a, b in zip(self.ours, self.reference, strict=True)]

    @property
    def cpu_times(self) -> float:
        """Median over the pairs of the CPU seconds of ours to those of the reference."""
        pairs = zip(self.ours, self.reference, strict=True)
        return median(a.cpu_seconds / b.cpu_seconds for a, b in pairs)


def interleave(ours: Run, reference: Run, repeats: int) -> Pairs:
    """Run both in turns, so that what else the machine does falls on both alike."""
    pairs = [(ours(), reference()) for _ in range(repeats)]
    return Pairs(tuple(a for a, _ in pairs), tuple(b for _, b in pairs))


def seconds(runs: tuple[Measured, ...]) -> float:
    """Median wall seconds."""
    return median(run.seconds for run in runs)


def cpu_seconds(runs: tuple[Measured, ...]) -> float:
    """Median CPU seconds, user and system."""
    return median(run.cpu_seconds for run in runs)


def peak_mib(runs: tuple[Measured, ...]) -> float:
    """The highest peak of memory of any run, in MiB."""
    return max(run.peak_bytes for run in runs) / 2**20
