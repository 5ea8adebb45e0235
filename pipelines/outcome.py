"""Outcome: what the main job did, in values that people and programs can read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pipelines.lake.history import Loaded


@dataclass(frozen=True, slots=True)
class MainRun:
    """What the main job did: loads, verdicts, the days built per mart, deliveries per sink."""

    loads: tuple[Loaded, ...]
    checks_passed: int
    checks_failed: tuple[str, ...]
    built: Mapping[str, tuple[date, ...]] = field(default_factory=dict)
    blocked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Marts left as they were, with the blocking checks that failed."""
    delivered: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What was delivered to each sink, and what waits for it."""

    @property
    def success(self) -> bool:
        """Whether nothing was blocked and no blocking check failed."""
        return not self.blocked and not self.checks_failed

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON-ready values; counts of loads are summed."""
        names = self.loads[0].facts if self.loads else ()
        return {
            "success": self.success,
            "loads": [load.load_number for load in self.loads],
            **{name: sum(load.facts[name] or 0 for load in self.loads) for name in names},
            "checks_passed": self.checks_passed,
            "checks_failed": list(self.checks_failed),
            "built": {name: [str(day) for day in days] for name, days in self.built.items()},
            "blocked": {name: list(checks) for name, checks in self.blocked.items()},
            "delivered": {name: dict(facts) for name, facts in self.delivered.items()},
        }
