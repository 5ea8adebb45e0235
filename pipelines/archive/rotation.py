"""Rotation: one key hands over to another, in an entry that both sign."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pipelines.archive.appending import append
from pipelines.archive.keys import Signer
from pipelines.archive.log import Entry, Log
from pipelines.archive.succession import key_facts
from pipelines.errors import ConfigurationError


def rotate(log: Log, old: Signer, new: Signer, *, clock: Callable[[], datetime], by: str) -> Entry:
    """Retire the key that signs the log for a new one.

    Args:
        log: The archive's log.
        old: Signs now, for the last time.
        new: Signs from the next entry on; its signature here shows that it can.
        clock: The time now, UTC.
        by: Who does it.

    Raises:
        ConfigurationError: The new key signed the log before, or does now.
        ArchiveError: The old key does not sign the log, or another writer retired it meanwhile.
    """
    used = {entry.body["key_id"] for entry in log.entries() if entry.kind == "key"}
    if new.public.key_id in used | {old.public.key_id}:
        raise ConfigurationError(
            f"key {new.public.key_id[:12]}… signs the log already, or did; make a new one with "
            "`trailhouse archive keygen`"
        )
    facts = key_facts(new.public, old.public.key_id)
    return append(log, "key", facts, clock=clock, signer=old, cosigner=new, by=by)
