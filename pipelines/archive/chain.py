"""Chain: whether the log's entries continue each other and are signed by keys that are vouched for.

Pure: it is given the objects of the log as bytes, so that an archive, its mirror and a copy on a
laptop are judged alike. It never stops at a finding; what follows is judged as well.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pipelines.archive.entry import BEHIND, Entry, entry_path, parse_entry, seconds_behind
from pipelines.archive.findings import Finding, FindingName
from pipelines.archive.keys import PublicKey, parse_public_key

ENTRY_PATH = re.compile(r"log/[0-9]{8}\.json")
NAMED = 1000
"""Missing entries in a row that are named one by one: anybody can write an entry of any number."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A log that was judged: its readable entries by index, and what is wrong with it.

    `vouched` has the indexes of entries whose signatures hold: only they may excuse anything,
    such as a missing file by its deletion.
    """

    entries: Mapping[int, Entry]
    vouched: frozenset[int]
    keys: tuple[PublicKey, ...]
    findings: tuple[Finding, ...]

    @property
    def behind(self) -> tuple[int, ...]:
        """The entries that say that their writer's clock was behind the entry before."""
        return tuple(index for index in sorted(self.vouched) if BEHIND in self.entries[index].body)

    @property
    def head(self) -> Entry | None:
        """The newest entry."""
        return self.entries[max(self.entries)] if self.entries else None


def check_chain(objects: Mapping[str, bytes | None], trusted: Collection[str]) -> Chain:
    """Judge the objects of a log.

    Args:
        objects: Path to content of every object under `log/`; None where it cannot be read.
        trusted: Key ids that are known from elsewhere; the succession of keys must hold one.

    Returns:
        The entries, and findings in the order of the log.
    """
    entries, findings = _placed(objects)
    findings += _missing(entries)
    findings += _links(entries)
    keys = _Keys(trusted)
    for index in sorted(entries):
        findings += keys.check(entries[index])
    findings += keys.unanchored(entries)
    vouched = frozenset(keys.vouched) if keys.is_anchored else frozenset()
    return Chain(entries, vouched, tuple(keys.succession), tuple(findings))


def _placed(objects: Mapping[str, bytes | None]) -> tuple[dict[int, Entry], list[Finding]]:
    """Entries by the index that they say themselves; the one under its own name comes first."""
    entries: dict[int, Entry] = {}
    findings: list[Finding] = []
    misplaced: list[tuple[str, Entry]] = []
    for path in sorted(objects):
        content = objects[path]
        if content is None:
            findings.append(
                Finding("unreadable", path, "the store did not give it, or it is too large")
            )
            continue
        try:
            entry = parse_entry(content)
        except ValueError as error:
            name: FindingName = "modified" if ENTRY_PATH.fullmatch(path) else "added"
            findings.append(Finding(name, path, f"not an entry of a log: {error}"))
            continue
        if path == entry_path(entry.index):
            entries[entry.index] = entry
        else:
            misplaced.append((path, entry))
    for path, entry in misplaced:
        own = entry_path(entry.index)
        findings.append(Finding("reordered", path, f"holds the entry that belongs at {own}"))
        entries.setdefault(entry.index, entry)
    return entries, findings


def _missing(entries: Mapping[int, Entry]) -> Iterator[Finding]:
    """The numbers without an entry; of many in a row the last ones at once."""
    first = 0
    for index in sorted(entries):
        named = min(index, first + NAMED)
        for at in range(first, named):
            yield Finding("missing", entry_path(at), "the entry is not there, or unreadable")
        if named < index:
            detail = f"neither it nor any entry after it is there, up to {entry_path(index)}"
            yield Finding("missing", entry_path(named), detail)
        first = index + 1


def _links(entries: Mapping[int, Entry]) -> Iterator[Finding]:
    """Whether each entry names the one before it, and was not recorded before it."""
    for index in sorted(entries):
        entry, before = entries[index], entries.get(index - 1)
        named = entry.body.get("previous")
        if index and before is None:
            yield Finding(
                "broken_chain", entry_path(index), f"continues {named}, which is not there"
            )
        elif named != (before.digest if before else None):
            found = before.digest if before else "the beginning of the log"
            yield Finding("broken_chain", entry_path(index), f"continues {named}, not {found}")
        if before is not None:
            yield from _clock(before, entry)


def _clock(before: Entry, entry: Entry) -> Iterator[Finding]:
    """Whether a writer's clock was behind the entry before and the entry does not say so."""
    try:
        earlier, later = before.recorded_at, entry.recorded_at
    except ValueError:
        yield Finding("modified", entry_path(entry.index), "it, or the one before, has no time")
        return
    behind = seconds_behind(earlier, later)
    if entry.body.get(BEHIND) != behind:
        yield Finding(
            "clock_skew",
            entry_path(entry.index),
            f"recorded at {later.isoformat()}, its predecessor at {earlier.isoformat()}, and it "
            f"says that its clock was {entry.body.get(BEHIND, 0)} seconds behind",
        )


@dataclass
class _Keys:
    """The succession of keys, walked through entry by entry; one key signs at a time."""

    trusted: Collection[str]
    succession: list[PublicKey] = field(default_factory=list)
    vouched: set[int] = field(default_factory=set)

    @property
    def is_anchored(self) -> bool:
        """Whether a trusted key belongs to the succession.

        One is enough: what it signed names all before it by digest, and every later key was signed
        in by the one before.
        """
        return any(key.key_id in self.trusted for key in self.succession)

    def check(self, entry: Entry) -> list[Finding]:
        """Judge the signatures of one entry; a key that it adds signs from the next one on."""
        path = entry_path(entry.index)
        expected, added = list(self.succession[-1:]), None
        if entry.kind == "key":
            try:
                added = parse_public_key(entry.body["public_key"])
            except (AttributeError, KeyError, ValueError) as error:
                return [Finding("modified", path, f"its public key cannot be read: {error}")]
            if problem := self._of_addition(entry, added):
                return [Finding("wrong_manifest", path, problem)]
            expected.append(added)
        findings = list(self._signatures(entry, expected))
        if not findings:
            self.vouched.add(entry.index)
            if added is not None:
                self.succession.append(added)
        return findings

    def _of_addition(self, entry: Entry, added: PublicKey) -> str | None:
        body, current = entry.body, self.succession[-1].key_id if self.succession else None
        if body.get("action") != "add" or body.get("key_id") != added.key_id:
            return f"a key entry that does not add the key it holds, {added.key_id}"
        if body.get("retires") != current:
            return f"retires {body.get('retires')}, while {current} signs"
        if added.key_id in {key.key_id for key in self.succession}:
            return f"adds {added.key_id} a second time"
        return None

    def _signatures(self, entry: Entry, expected: list[PublicKey]) -> Iterable[Finding]:
        path, body = entry_path(entry.index), entry.signed
        found = entry.signatures
        if not expected:
            yield Finding("unknown_key", path, "no entry before it adds the key that signed it")
        elif len(found) != len(expected):
            wanted = f"{len(expected)} are due"
            yield Finding("bad_signature", path, f"{len(found)} signatures, {wanted}")
        for one, key in zip(found, expected, strict=False):
            if one.key_id != key.key_id:
                retired = one.key_id in {old.key_id for old in self.succession[:-1]}
                name: FindingName = "retired_key" if retired else "unknown_key"
                yield Finding(name, path, f"signed by {one.key_id}, while {key.key_id} signs")
            elif not key.verify(one.signature, body):
                yield Finding("bad_signature", path, f"not what {key.key_id} signed")

    def unanchored(self, entries: Mapping[int, Entry]) -> Iterator[Finding]:
        """A finding if no trusted key belongs to the succession: anybody could have written it."""
        if entries and not self.is_anchored:
            first = self.succession[0].key_id if self.succession else "no key"
            detail = f"the log begins with {first}; none of its keys is trusted"
            yield Finding("unknown_key", entry_path(min(entries)), detail)
