"""Appending: one entry at the end of the log, whoever else appends at the same time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipelines.archive.log import Overtaken
from pipelines.errors import LakeError

if TYPE_CHECKING:
    from pipelines.archive.keys import Signer
    from pipelines.archive.log import Entry, Log

ATTEMPTS = 20
"""Appends tried when others keep coming first."""


def append(
    log: Log,
    kind: str,
    facts: Mapping[str, Any],
    *,
    clock: Callable[[], datetime],
    signer: Signer,
    by: str,
    recheck: Callable[[], None] = lambda: None,
    cosigner: Signer | None = None,
) -> Entry:
    """Append an entry; where another writer came first, look again and repeat.

    Args:
        log: The archive's log.
        kind: What is recorded.
        facts: The fields of its own.
        clock: The time now, UTC.
        signer: Signs the entry.
        by: Who did it.
        recheck: Called after another writer came first; it raises if the entry must no longer be
            made, now that the log has another entry.
        cosigner: Signs as well: the new key, where one follows another.

    Raises:
        LakeError: Others came first, again and again; nothing was appended.
    """
    for _ in range(ATTEMPTS):
        try:
            return log.append(
                kind, dict(facts), clock=clock, signer=signer, by=by, cosigner=cosigner
            )
        except Overtaken:
            recheck()
    raise LakeError(
        f"{ATTEMPTS} other entries were appended to the archive's log while this one tried to be; "
        "it was not. Run it again, with fewer writers at once"
    )
