"""Succession: which key signs the log when; each is signed in by the one before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pipelines.archive.entry import Entry
from pipelines.archive.keys import PublicKey, parse_public_key


def current_key(entries: Iterable[Entry]) -> PublicKey | None:
    """The key that signs the next entry, None for an empty log."""
    newest = None
    for entry in entries:
        if entry.kind == "key":
            newest = entry
    return added_key(newest) if newest else None


def added_key(entry: Entry) -> PublicKey | None:
    """The key that an entry adds, None for entries of other kinds.

    Raises:
        ValueError: It holds no public key.
    """
    return parse_public_key(str(entry.body.get("public_key"))) if entry.kind == "key" else None


def key_facts(key: PublicKey, retires: str | None) -> dict[str, Any]:
    """The fields of the entry that adds a key, and retires the id of the one before."""
    return {"action": "add", "key_id": key.key_id, "public_key": key.pem, "retires": retires}


def first_unsigned(entries: Sequence[Entry], start: int) -> Entry | None:
    """The first entry from `start` on that the key in force did not sign, None if all are."""
    key = current_key(entries[:start])
    for entry in entries[start:]:
        added = added_key(entry)
        key = key or added  # the first key signs itself in
        by = entry.signatures[0]
        if key is None or by.key_id != key.key_id or not key.verify(by.signature, entry.signed):
            return entry
        key = added or key
    return None
