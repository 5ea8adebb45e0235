"""Findings: what a verification can find wrong with an archive, each by a name of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

FindingName = Literal[
    "modified",
    "missing",
    "added",
    "reordered",
    "truncated_tail",
    "broken_chain",
    "bad_signature",
    "unknown_key",
    "retired_key",
    "rewritten",
    "gap_of_days",
    "repeated_seal",
    "clock_skew",
    "wrong_manifest",
    "deleted_early",
    "deleted_while_held",
    "undeleted",
    "unreadable",
]
MEANINGS: Mapping[FindingName, str] = {
    "modified": "The bytes are not those that were sealed.",
    "missing": "An object that the log names, or an entry of the log, is not there.",
    "added": "An object lies in the archive that no entry of the log names.",
    "reordered": "The bytes are intact, but stand at another place than they were sealed at.",
    "truncated_tail": "The newest entries of the log were cut off, or the days end too early.",
    "broken_chain": "An entry does not continue the one before it.",
    "bad_signature": "A signature does not fit the entry that it stands under.",
    "unknown_key": "An entry is signed by a key that nobody vouches for.",
    "retired_key": "An entry is signed by a key after it was retired.",
    "rewritten": "A copy kept elsewhere has another entry: history was written anew.",
    "gap_of_days": "A table and environment has days that were never sealed.",
    "repeated_seal": "A day, or a supplement to it, was sealed twice.",
    "clock_skew": "Times contradict each other: of entries, of a day and its seal or its events.",
    "wrong_manifest": "What a manifest says of its rows is not what its files hold.",
    "deleted_early": "A sealed day was deleted before the end of its retention, or "
    "although it was to be kept for ever.",
    "deleted_while_held": "A sealed day was deleted although a legal hold covered it.",
    "undeleted": "An object is still there although its deletion is recorded.",
    "unreadable": "An object could not be read; whether it is intact is not known.",
}


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong: its name, the object or stream it concerns, and what was found."""

    name: FindingName
    where: str
    detail: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready facts."""
        return {"name": self.name, "where": self.where, "detail": self.detail}


def tally(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings there are of each name, in the order of the names."""
    return dict(sorted(Counter(finding.name for finding in findings).items()))
