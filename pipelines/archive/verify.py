"""Verify: checks a whole archive against its own signed log, and says by name what is wrong.

It needs the archive and the id of a key that is trusted: no lake, no settings, no service.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from threading import Lock
from typing import TYPE_CHECKING

from pipelines.archive.appending import append
from pipelines.archive.contents import Contents, Due
from pipelines.archive.copies import (
    Anchor,
    Witnessed,
    anchors_of,
    differing,
    forgotten,
    lacking,
    not_compared,
    noted,
    told,
)
from pipelines.archive.findings import Finding
from pipelines.archive.folder import INCOMING
from pipelines.archive.ledger import LOG, Ledger, judge, read_log
from pipelines.archive.manifest import Manifest
from pipelines.archive.verification import Checked, Sample, Scope, Verification

if TYPE_CHECKING:
    from pipelines.archive.entry import Entry
    from pipelines.archive.keys import Signer
    from pipelines.archive.log import Log
    from pipelines.archive.place import Place

Progress = Callable[[str, int, int], None]
"""What is counted (bytes, or seals of which every row is read), how much was added, of how much."""
Judged = Sequence[tuple[Due, Finding | None]]


def verify(
    archive: Place,
    *,
    trusted: Collection[str],
    from_date: date | None = None,
    to_date: date | None = None,
    anchors: Sequence[Anchor] = (),
    witnesses: Sequence[Witnessed] = (),
    mirror: Place | None = None,
    deep: bool = False,
    sample: Sample | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Check an archive: its log, its days, and the bytes of its objects; go on past findings.

    The log is always checked whole, and every object is looked for. A window or a sample narrows
    whose bytes are read; of the others sizes are compared. Sealing and deleting may go on
    meanwhile.

    Args:
        archive: The archive, or a copy of it in a folder.
        trusted: Key ids known from elsewhere; without one in the log nothing in it is proved.
        from_date: First UTC day whose objects are read.
        to_date: Last UTC day whose objects are read; that it is not sealed yet is a finding.
        anchors: Digests of entries, kept out of the writer's reach.
        witnesses: The places of the settings that keep entries, with what they keep.
        mirror: The lake's copy of the log.
        deep: Also read every row, and hold counts, times and the tree's root against them.
        sample: Read the bytes of so many seals only; of the others look at sizes.
        progress: Told what is read, as it is read.

    Returns:
        What was found and how much was checked; the same archive gives the same.
    """
    scope = Scope(from_date, to_date, deep, sample)
    # the mirror is written before the archive, files before the entry that names them: read in
    # this order, what is being sealed meanwhile looks neither cut off nor missing
    kept = _kept(mirror)
    outside = [*anchors, *(anchor for one in witnesses for anchor in one.anchors)]
    listed = {path: size for path, size in archive.list() if not path.startswith(LOG)}
    ledger = judge(read_log(archive), trusted)
    sealed = [one for seal in ledger.manifests.values() for one in seal.objects]
    contents = Contents(archive, listed, sealed)
    read = _drawn([seal for seal in ledger.manifests.values() if scope.holds(seal)], sample)
    due = list(_due(ledger, {seal.index for seal in read}))
    judged = _judged(contents, due, scope, progress or (lambda *_: None))
    if any(finding for _, finding in judged) or listed.keys() - ledger.named:
        ledger = judge(read_log(archive), trusted)  # what was sealed or deleted meanwhile
    entries, head = ledger.chain.entries, ledger.chain.head
    newest = told(entries[index] for index in sorted(ledger.chain.vouched))
    compared = {anchor.where for anchor in outside}
    findings = [
        *ledger.findings(),
        *_of_objects(contents, ledger, judged),
        *differing(entries, [*kept, *outside]),
        *forgotten(newest, witnesses),
        *_lost(entries, kept, mirror),
        *noted(entries),
        *_not_sealed_yet(ledger, to_date),
    ]
    return Verification(
        scope,
        tuple(findings),
        Checked(
            entries=len(entries),
            seals=len(read),
            objects=sum(one.in_full for one in due),
            bytes=sum(listed.get(one.sealed.path, 0) for one in due if one.in_full),
            rows=sum(one.sealed.rows for one in due if one.in_full),
        ),
        Anchor(head.index, head.digest, archive.url) if head else None,
        ledger.sealed_through,
        tuple(key.key_id for key in ledger.chain.keys),
        ledger.chain.behind,
        tuple(sorted(compared)),
        not_compared({at: n for at, n in newest.items() if at not in compared}, witnesses),
        tuple(sorted(path for path, _ in archive.list(INCOMING))),
    )


def _kept(mirror: Place | None) -> list[Anchor]:
    return anchors_of(read_log(mirror, ""), mirror.url) if mirror else []


def _lost(
    entries: Mapping[int, Entry], kept: Sequence[Anchor], mirror: Place | None
) -> Iterator[Finding]:
    """What the mirror lacks, but for what was appended since it was read."""
    if mirror and any(lacking(entries, kept)):
        yield from lacking(entries, _kept(mirror))


def _drawn(seals: Sequence[Manifest], sample: Sample | None) -> Sequence[Manifest]:
    """The seals whose bytes are read; empty days only where there is no sample."""
    if sample is None:
        return seals
    with_rows = [seal for seal in seals if seal.objects]
    # no secret: a draw that can be repeated is what is wanted
    draw = random.Random(sample.seed)  # noqa: S311
    return draw.sample(with_rows, min(sample.count, len(with_rows)))


def _due(ledger: Ledger, read: Collection[int]) -> Iterator[Due]:
    """The objects that are to be there, but for those that were deleted."""
    deleted = ledger.deleted
    for seal in ledger.manifests.values():
        for one in seal.objects:
            if one.path not in deleted:
                yield Due(one, seal, in_full=seal.index in read)


def _judged(contents: Contents, due: Sequence[Due], scope: Scope, progress: Progress) -> Judged:
    """Read what the scope asks for: bytes, and rows where those are as sealed."""
    total = sum(one.sealed.bytes for one in due if one.in_full)
    one_at_a_time = Lock()  # objects are read side by side

    def read(count: int) -> None:
        with one_at_a_time:
            progress("bytes read", count, total)

    judged = list(contents.check(due, read))
    if scope.deep:
        judged += _deep(contents, judged, progress)
    return judged


def _deep(contents: Contents, judged: Judged, progress: Progress) -> Iterator[tuple[Due, Finding]]:
    from pipelines.archive.rows import check_rows

    spoilt = {due.seal.index for due, finding in judged if finding}
    dues = {due.seal.index: due for due, _ in judged if due.in_full}
    sound = [due for index, due in dues.items() if index not in spoilt]
    for due in sound:
        for finding in check_rows(contents.place, due.seal):
            yield due, finding
        progress("seals read row by row", 1, len(sound))


def _of_objects(contents: Contents, ledger: Ledger, judged: Judged) -> Iterator[Finding]:
    """Findings about objects, but for what was sealed or deleted while they were read."""
    deleted, missing = ledger.deleted, set[str]()
    for due, finding in judged:
        if finding is None or (finding.name == "missing" and due.sealed.path in deleted):
            continue
        if finding.name == "missing":
            missing.add(due.sealed.path)
        yield finding
    for path in sorted(deleted & contents.listed.keys()):
        if contents.place.exists(path):
            yield Finding("undeleted", path, "its deletion is recorded; delete it again")
    unnamed = contents.listed.keys() - ledger.named - deleted
    yield from contents.unexpected(unnamed, missing)


def _not_sealed_yet(ledger: Ledger, to_date: date | None) -> Iterator[Finding]:
    if not ledger.chain.entries:
        yield Finding("missing", LOG, "there is no log: nothing is proved")
    through = ledger.sealed_through
    if to_date and (through is None or through < to_date):
        detail = f"asked for through {to_date}, sealed through {through or 'no day'}"
        yield Finding("truncated_tail", LOG, detail)


def record(
    log: Log,
    verification: Verification,
    *,
    clock: Callable[[], datetime],
    signer: Signer,
    by: str,
) -> Entry:
    """Append what a verification found to the log: that it ran is part of what is kept.

    Raises:
        LakeError: The entry could not be appended.
    """
    return append(log, "verify", verification.facts(), clock=clock, signer=signer, by=by)
