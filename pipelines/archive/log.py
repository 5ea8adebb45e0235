"""Log: the archive's one append-only chain of signed entries, and its mirror in the lake.

An index is owned by who creates its object in the mirror first; the same bytes then go to the
archive. So whoever seals needs no right to read the archive.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from functools import cache
from getpass import getuser
from importlib.metadata import version
from socket import gethostname
from typing import TYPE_CHECKING, Any

from pipelines.archive.entry import (
    BEHIND,
    COMMON,
    Entry,
    Signature,
    entry_path,
    parse_entry,
    seconds_behind,
    sign_entry,
)
from pipelines.archive.keys import PublicKey, Signer
from pipelines.archive.place import Place, open_archive_place, open_place
from pipelines.archive.succession import added_key, first_unsigned, key_facts
from pipelines.errors import ArchiveError
from pipelines.sources.find import join

if TYPE_CHECKING:
    from pipelines.lake.tables import Lake

__all__ = ["Entry", "Log", "Overtaken", "Signature", "entry_path", "open_log", "parse_entry"]
MIRROR = "archive_log"
FETCHES = 16
"""Entries fetched at the same time; each is small, and an object store far."""
REPEATED = 16
"""Newest entries put again by who cannot see what the archive lacks; a crash leaves out one."""
ACCOUNT = "account"
"""Field with the user and machine that appended an entry; `by` is whatever somebody typed."""
HEALS = "`trailhouse archive verify` says what is wrong"


class Overtaken(Exception):
    """Another writer appended first; look at what it says, and append again."""


class Log:
    """The log of one archive, as one writer or reader sees it."""

    def __init__(self, archive: Place, mirror: Place | None = None) -> None:
        self.archive = archive
        self.mirror = mirror
        self._entries: list[Entry] = []
        self._key: PublicKey | None = None
        self._kept: date | None = None
        self._is_healed = mirror is None
        self._has_looked = False

    def entries(self) -> list[Entry]:
        """All entries in order, from the mirror where there is one, else from the archive.

        Raises:
            ArchiveError: An entry is missing, unreadable, or does not continue the one before.
        """
        place, self._has_looked = self._source(), True
        if not self._entries:
            try:
                paths = self._paths(place)
            except ArchiveError:
                if self.mirror is None or place is self.mirror:
                    raise
                return []  # who may only write begins; if it was begun, the store refuses entry 0
            with ThreadPoolExecutor(FETCHES) as pool:
                self._extend(pool.map(place.get, (paths[index] for index in sorted(paths))))
        while (content := _found(place, self._name(place, len(self._entries)))) is not None:
            self._extend([content])
        return list(self._entries)

    def append(
        self,
        kind: str,
        facts: Mapping[str, Any],
        *,
        clock: Callable[[], datetime],
        signer: Signer,
        by: str,
        cosigner: Signer | None = None,
    ) -> Entry:
        """Append an entry; before the first one of an archive, the entry of the key that signs.

        Args:
            kind: What act it records.
            facts: The fields of the kind; JSON values without floats.
            clock: The time now, UTC.
            signer: Holds the key that signs the log now.
            by: Who does it.
            cosigner: Signs as well: the new key, where one follows another.

        Returns:
            The entry, which is durable in the mirror and in the archive.

        Raises:
            Overtaken: Another writer appended first; nothing was appended, and `entries` has it.
            ArchiveError: The key is not the one that signs now, or a place refused.
        """
        seen = len(self._entries) if self._has_looked else None
        if not self._is_healed:
            self.heal()
        if not self._entries:
            self.entries()
        if seen is not None and len(self._entries) > seen:
            raise Overtaken(f"entry {seen} was appended by somebody else")
        if not self._entries and kind != "key":
            self.append("key", key_facts(signer.public, None), clock=clock, signer=signer, by=by)
        self._expect(signer)
        body = self._body(kind, facts, clock(), by)
        entry = sign_entry(body, [signer, *([cosigner] if cosigner else [])])
        self._put(entry)
        self._add(entry)
        return entry

    def heal(self) -> None:
        """Put into the archive and its mirror what one of them lacks after a crash or a loss.

        Raises:
            ArchiveError: They hold different entries, one is not signed, or a place refused.
        """
        if self.mirror is None:
            return
        entries = self.entries()
        try:
            archived = self._paths(self.archive)
        except ArchiveError:  # who may only write puts the newest again
            lacking = entries[-REPEATED:]
        else:
            lacking = [entry for entry in entries if entry.index not in archived]
            self._take_from_archive(archived)
        # whoever writes the lake, but has no key, shall not have us seal their words in
        unsigned = first_unsigned(entries, lacking[0].index) if lacking else None
        if unsigned is not None:
            raise ArchiveError(
                f"{self.mirror.url}/{_mirror_name(unsigned.index)} is not signed with the "
                "archive's key, so it was not put into the archive; find out who wrote it, and "
                "remove it from the mirror with every entry after it"
            )
        for entry in lacking:
            self.archive.put_new(entry.path, entry.content, retain_until=self._kept)
        self._is_healed = True

    def _take_from_archive(self, archived: Mapping[int, str]) -> None:
        """Fill a mirror that was lost, as after a restore, so that it does not begin anew."""
        assert self.mirror is not None  # noqa: S101 - heal made sure
        common = max((index for index in archived if index < len(self._entries)), default=None)
        if common is not None:
            self._compare(self._entries[common])
        lost = sorted(archived.keys() - self._paths(self.mirror).keys())
        if not lost:
            return
        self._extend(self.archive.get(archived[i]) for i in lost if i >= len(self._entries))
        # nobody without the key shall have us continue what they put into the archive
        if (unsigned := first_unsigned(self._entries, lost[0])) is not None:
            self._entries.clear()
            raise ArchiveError(
                f"{self.archive.url}/{unsigned.path} is not signed with the archive's key; {HEALS}"
            )
        for index in lost:
            self.mirror.put_new(_mirror_name(index), self._entries[index].content)

    def _source(self) -> Place:
        """Where entries are read: the mirror, unless it was lost or never was."""
        if self.mirror is None or self.mirror.exists(_mirror_name(0)):
            return self.mirror or self.archive
        return self.archive

    def _name(self, place: Place, index: int) -> str:
        return _mirror_name(index) if place is self.mirror else entry_path(index)

    def _paths(self, place: Place) -> dict[int, str]:
        """Index to path of the entries in the archive or in the mirror."""
        found = {}
        for path, _ in place.list("" if place is self.mirror else "log"):
            if matched := re.fullmatch(r"(?:log/)?([0-9]{8})\.json", path):
                found[int(matched[1])] = path
        return found

    def _extend(self, contents: Iterable[bytes]) -> None:
        for content in contents:
            index = len(self._entries)
            try:
                entry = parse_entry(content)
            except ValueError as error:
                raise ArchiveError(f"entry {index} of the log {error}; {HEALS}") from error
            before = self._entries[-1].digest if self._entries else None
            if entry.index != index or entry.body["previous"] != before:
                raise ArchiveError(
                    f"entry {index} of the log does not continue the one before it; {HEALS}"
                )
            self._add(entry)

    def _add(self, entry: Entry) -> None:
        self._entries.append(entry)
        if entry.kind == "key":
            self._key = added_key(entry)
        self._kept = self._kept_with(entry)

    def _body(self, kind: str, facts: Mapping[str, Any], now: datetime, by: str) -> dict[str, Any]:
        if taken := [name for name in (*COMMON, BEHIND, ACCOUNT) if name in facts]:
            raise ValueError(f"facts must not have {taken[0]!r}, which every entry has")
        return {
            **facts,
            **self._clock(now),
            "index": len(self._entries),
            "previous": self._entries[-1].digest if self._entries else None,
            "recorded_at": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "kind": kind,
            "software": _software(),
            "by": by,
            ACCOUNT: _account(),
        }

    def _clock(self, now: datetime) -> dict[str, int]:
        """What an entry says of a clock that contradicts the entry before.

        Times of an append-only log cannot be mended, and whose clock is wrong is not known here.
        So nothing is refused and no time made up: the entry itself says it, signed.
        """
        try:
            behind = seconds_behind(self._entries[-1].recorded_at, now) if self._entries else None
        except ValueError:  # `verify` finds an entry without a time
            behind = None
        return {} if behind is None else {BEHIND: behind}

    def _expect(self, signer: Signer) -> None:
        key = self._key
        if key is not None and key.key_id != signer.public.key_id:
            raise ArchiveError(
                f"archive.signing_key is key {signer.public.key_id[:12]}…, but the archive is "
                f"signed with {key.key_id[:12]}…; name that key, or hand over from it to the new "
                "one with `trailhouse archive key rotate`"
            )

    def _put(self, entry: Entry) -> None:
        owner = self.mirror or self.archive
        path = self._name(owner, entry.index)
        kept = self._kept_with(entry)
        # an object that exists may be ours, if the answer to an earlier try was lost
        is_new = owner.put_new(path, entry.content, retain_until=None if self.mirror else kept)
        if not is_new and owner.get(path) != entry.content:
            self.entries()
            raise Overtaken(f"entry {entry.index} was appended by somebody else")
        if self.mirror is not None and not self.archive.put_new(
            entry.path, entry.content, retain_until=kept
        ):
            self._compare(entry)

    def _compare(self, entry: Entry) -> None:
        """Hold an entry of ours against the one that the archive has under its name."""
        try:
            archived = self.archive.get(entry.path)
        except ArchiveError as error:
            # never taken for ours: whoever lost the mirror would go on in the mirror alone
            raise ArchiveError(
                f"{self.archive.url}/{entry.path} is there already, and this identity may not read "
                "whether it is the same entry. Run it again; if it says so again, the mirror "
                "in the lake was lost: run any archive command with an identity that may read it"
            ) from error
        if archived != entry.content:
            raise ArchiveError(
                f"{self.archive.url}/{entry.path} is another entry than the mirror's in the lake; "
                f"the mirror was lost or changed, or the archive was. {HEALS}. If the archive is "
                "right, remove the mirror (archive_log/ in the lake): whoever may read the archive "
                "fills it again with the next entry"
            )

    def _kept_with(self, entry: Entry) -> date | None:
        """Until when Object Lock keeps an entry: as long as any day that was sealed so far."""
        until = entry.body.get("retain_until")
        found = [day for day in (self._kept, date.fromisoformat(until) if until else None) if day]
        return max(found, default=None)


def open_log(lake: Lake) -> Log:
    """The log of the archive that the lake's settings name, mirrored in the lake."""
    return Log(open_archive_place(lake), open_mirror(lake))


def open_mirror(lake: Lake) -> Place:
    """The place of the log's mirror: `archive_log/` in the lake."""
    return open_place(join(lake.url, MIRROR), lake.storage)


def _mirror_name(index: int) -> str:
    return f"{index:08d}.json"


def _found(place: Place, path: str) -> bytes | None:
    try:
        return place.get(path)
    except FileNotFoundError:
        return None


@cache
def _software() -> str:
    return f"trailhouse {version('trailhouse')}"


@cache
def _account() -> str:
    try:
        user = getuser()
    except (KeyError, OSError):  # a container may run as a user that nobody named
        user = str(os.getuid())
    return f"{user}@{gethostname()}"
