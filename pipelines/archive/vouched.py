"""Vouched: the log of an archive for those who rely on it: sound as a whole, or refused."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from pipelines.archive.ledger import Ledger, judge, read_log
from pipelines.errors import TrailhouseError

if TYPE_CHECKING:
    from pipelines.archive.manifest import Manifest
    from pipelines.archive.place import Place


def read_vouched(archive: Place, trusted: Collection[str]) -> Ledger:
    """Read the archive's own log and hold it against the keys that are trusted.

    Args:
        archive: The archive; no copy of its log is asked.
        trusted: Key ids known from elsewhere; its succession of keys must hold one.

    Clocks that contradict each other do not make a log unsound: `Ledger.skews` has them.

    Raises:
        TrailhouseError: There is no log, or it is not sound; nobody should rely on it.
    """
    objects = read_log(archive)
    if not objects:
        raise TrailhouseError(
            f"{archive.url} holds no archive; correct archive.url, or seal closed days first: "
            "`trailhouse archive seal`"
        )
    ledger = judge(objects, trusted)
    skews = ledger.skews
    if wrong := [one for one in (*ledger.chain.findings, *ledger.malformed) if one not in skews]:
        raise TrailhouseError(
            f"{archive.url}: the archive's log is not sound: {wrong[0].name}, {wrong[0].where}: "
            f"{wrong[0].detail}; {len(wrong)} findings in all, which `trailhouse archive verify` "
            "names"
        )
    return ledger


def is_deleted(ledger: Ledger, manifest: Manifest) -> bool:
    """Whether the rows of a seal were deleted, as an entry of the log says."""
    return any(one.path in ledger.deleted for one in manifest.objects)
