"""Ledger: the log of an archive, read and judged: what is sealed, what was deleted, what is wrong.

Nothing here reads an object of the days; `contents` and `rows` do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pipelines.archive.chain import Chain, check_chain
from pipelines.archive.days import Deletion, deletions, gaps, unlawful
from pipelines.archive.entry import entry_path
from pipelines.archive.findings import Finding
from pipelines.archive.manifest import Manifest, by_index, contradictions, skewed
from pipelines.errors import ArchiveError

if TYPE_CHECKING:
    from pipelines.archive.place import Place

LOG = "log/"
LARGEST = 2**26
"""Bytes of the largest object of a log that is read; a deletion of 100,000 seals has half."""
THREADS = 16
"""Entries fetched at the same time; they are small, and an object store far."""


def read_log(place: Place, prefix: str = LOG) -> dict[str, bytes | None]:
    """The objects of a log: path to content, None where it cannot be read or is no entry's size.

    It can be read while entries are appended.

    Raises:
        ArchiveError: The objects cannot be listed.
    """

    def content(listed: tuple[str, int]) -> tuple[str, bytes | None]:
        path, size = listed
        try:
            return path, place.get(path) if size <= LARGEST else None
        except (OSError, ArchiveError):
            return path, None

    with ThreadPoolExecutor(THREADS) as pool:
        return dict(pool.map(content, place.list(prefix)))


@dataclass(frozen=True, slots=True)
class Ledger:
    """A judged log; `malformed` has findings for signed entries that do not say what they must."""

    chain: Chain
    manifests: Mapping[int, Manifest]
    deletions: tuple[Deletion, ...]
    malformed: tuple[Finding, ...]

    @property
    def named(self) -> set[str]:
        """Every object that a seal names, deleted or not."""
        return {one.path for seal in self.manifests.values() for one in seal.objects}

    @property
    def deleted(self) -> set[str]:
        """Every object whose deletion is recorded and vouched for."""
        return {path for deletion in self.deletions for path in deletion.paths}

    @property
    def sealed_through(self) -> date | None:
        """The newest day that was sealed of anything."""
        return max((seal.event_date for seal in self.manifests.values()), default=None)

    @property
    def skews(self) -> tuple[Finding, ...]:
        """Entries whose clocks contradict those before: every one is signed and in its place."""
        return tuple(one for one in self.chain.findings if one.name == "clock_skew")

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong with the log itself, in the order of its checks."""
        yield from self.chain.findings
        yield from self.malformed
        for index, seal in self.manifests.items():
            for text in contradictions(seal):
                yield Finding("wrong_manifest", entry_path(index), f"{seal.name}: {text}")
            for text in skewed(seal):
                yield Finding("clock_skew", entry_path(index), f"{seal.name}: {text}")
        yield from gaps(self.manifests.values())
        yield from unlawful(self.chain, self.manifests, self.deletions)


def judge(objects: Mapping[str, bytes | None], trusted: Collection[str]) -> Ledger:
    """Judge the objects of a log (path to content), with the key ids that are trusted."""
    chain = check_chain(objects, trusted)
    manifests, unreadable = by_index(chain.entries)
    malformed = [
        Finding("wrong_manifest", entry_path(index), text) for index, text in unreadable.items()
    ]
    deleted: list[Deletion] = []
    try:
        deleted = deletions(chain.entries, chain.vouched)
    except ValueError as error:
        malformed.append(Finding("wrong_manifest", LOG, str(error)))
    return Ledger(chain, manifests, tuple(deleted), tuple(malformed))
