"""Verification: what was asked of a verification, how much it read, and what it found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pipelines.archive.copies import Anchor
from pipelines.archive.findings import Finding, tally
from pipelines.archive.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Sample:
    """As many seals as `count`, drawn with `seed`: the same seed draws the same."""

    count: int
    seed: int


@dataclass(frozen=True, slots=True)
class Scope:
    """What of the archive is read: always the whole log; of the days those asked for."""

    from_date: date | None = None
    to_date: date | None = None
    deep: bool = False
    sample: Sample | None = None

    def holds(self, seal: Manifest) -> bool:
        """Whether the day was asked for."""
        return (self.from_date is None or seal.event_date >= self.from_date) and (
            self.to_date is None or seal.event_date <= self.to_date
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready facts, days as ISO dates."""
        return {
            "from": self.from_date.isoformat() if self.from_date else None,
            "to": self.to_date.isoformat() if self.to_date else None,
            "deep": self.deep,
            "sample": {"count": self.sample.count, "seed": self.sample.seed}
            if self.sample
            else None,
        }


@dataclass(frozen=True, slots=True)
class Checked:
    """How much was checked; rows are those of the seals whose files were read."""

    entries: int
    seals: int
    objects: int
    bytes: int
    rows: int

    def as_dict(self) -> dict[str, int]:
        """JSON-ready facts."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification found; `head` names the newest entry, to be compared with an anchor."""

    scope: Scope
    findings: tuple[Finding, ...]
    checked: Checked
    head: Anchor | None
    sealed_through: date | None
    keys: tuple[str, ...]
    behind: tuple[int, ...] = ()
    """Entries that say that their writer's clock was behind the entry before."""
    compared: tuple[str, ...] = ()
    """The witnesses whose entries the log was held against; without any, a cut end is not seen."""
    not_compared: Mapping[str, str] = field(default_factory=dict)
    """The witnesses that there are besides, each with why it was not asked."""

    leftovers: tuple[str, ...] = ()
    """What lies where objects are written before they get their names; nobody reads it."""

    @property
    def clean(self) -> bool:
        """Whether nothing at all was found."""
        return not self.findings

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready facts, every finding included."""
        head = self.head
        return {
            "clean": self.clean,
            "scope": self.scope.as_dict(),
            "checked": self.checked.as_dict(),
            "head": {"index": head.index, "digest": head.digest} if head else None,
            "sealed_through": self.sealed_through.isoformat() if self.sealed_through else None,
            "keys": list(self.keys),
            "leftovers": list(self.leftovers),
            "clock_behind": list(self.behind),
            "witnesses_compared": list(self.compared),
            "witnesses_not_compared": dict(self.not_compared),
            "found": tally(self.findings),
            "findings": [finding.as_dict() for finding in self.findings],
        }

    def facts(self) -> dict[str, Any]:
        """The facts of the log's entry of kind `verify`; the findings by name alone."""
        return {
            "scope": self.scope.as_dict(),
            "checked": self.checked.as_dict(),
            "clean": self.clean,
            "witnesses_compared": list(self.compared),
            "findings": len(self.findings),
            "found": tally(self.findings),
        }
