"""Current: the log as people are shown it: its copy in the lake, held against the archive's own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelines.errors import ArchiveError

if TYPE_CHECKING:
    from pipelines.archive.log import Entry, Log

ENTRY = re.compile(r"log/([0-9]{8})\.json")


def current_entries(log: Log) -> list[Entry]:
    """All entries of a log, in order; of the archive only names and one entry are read.

    Who may not read the archive is shown the copy as it is.

    Raises:
        ArchiveError: The copy lacks entries that the archive has, such as a hold; or it has others.
    """
    entries = log.entries()
    if log.mirror is None:
        return entries
    try:
        found = (ENTRY.fullmatch(path) for path, _ in log.archive.list("log"))
        newest = max((int(one[1]) for one in found if one), default=-1)
        entries = log.entries()  # the copy is written first: now it has what the archive has
        common = min(newest, len(entries) - 1)
        archived = log.archive.get(entries[common].path) if common >= 0 else b""
    except (ArchiveError, FileNotFoundError):
        return entries
    if newest >= len(entries):
        raise ArchiveError(
            f"{log.mirror.url} lacks the newest {newest + 1 - len(entries)} entries of the "
            "archive's log, so it would not show all. `trailhouse archive verify` says what is "
            "wrong; whoever may read the archive fills the copy again with the next entry"
        )
    # each entry names the one before by its digest: where one is the same, all before it are
    if common >= 0 and archived != entries[common].content:
        raise ArchiveError(
            f"{log.mirror.url} has another entry {common} than the archive; "
            "`trailhouse archive verify` says what is wrong"
        )
    return entries
