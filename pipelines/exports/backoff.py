"""Back-off: how long a sink is left alone after a failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Random = Callable[[], float]
"""A number from 0 up to but not 1, as `random.random` returns it."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off with full jitter, which spreads callers out best.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """

    base_seconds: float = 30.0
    cap_seconds: float = 6 * 3600.0
    probe_cap_seconds: float = 300.0
    """Cap for a sink that somebody has to mend: a probe is cheap, and mended should be seen."""

    def seconds(self, failures: int, *, random: Random, retry_after: float | None = None) -> float:
        """How long to wait after a number of failures in a row.

        Args:
            failures: 1 after the first.
            random: Draws the jitter.
            retry_after: What the service asked for; never less than this.

        Returns:
            Seconds, at least what was asked for, and drawn from the whole range otherwise.
        """
        return max(self._drawn(failures, self.cap_seconds, random), retry_after or 0.0)

    def probe_seconds(self, failures: int, *, random: Random) -> float:
        """How long to wait before a broken sink is probed again."""
        return self._drawn(failures, self.probe_cap_seconds, random)

    def _drawn(self, failures: int, cap: float, random: Random) -> float:
        # 2.0 ** 1024 is no number any more
        return random() * min(cap, self.base_seconds * 2.0 ** min(failures - 1, 60))
