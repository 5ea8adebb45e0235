"""Archiving: seals, and verdicts about them, as events of Dagster's catalogue.

The log of the archive knows what was sealed; Dagster is told. What it was told last stands in the
newest materialisation of the asset `sealed_days`.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from pipelines.errors import TrailhouseError
from pipelines.lake.tables import Lake
from pipelines.partitions import known_days
from pipelines.resources import now, user

if TYPE_CHECKING:
    from pipelines.archive.log import Entry
    from pipelines.archive.verification import Verification

SEALED_DAYS = "sealed_days"
KEEPS_EVERY_ROW = "archive_keeps_every_row"
SAMPLE_VERIFIES = "archive_sample_verifies"
ENTRY = "entry"
"""Metadata that says up to which entry of the log a materialisation reports."""
SAMPLED = 20
"""Seals whose files are read again every day."""
SHOWN = 20
"""Days or findings that a verdict lists."""


def last_reported(instance: dg.DagsterInstance) -> int:
    """Number of the newest entry that Dagster was told of, -1 for none."""
    event = instance.get_latest_materialization_event(dg.AssetKey(SEALED_DAYS))
    found = event.asset_materialization if event else None
    if found is None or ENTRY not in found.metadata:
        return -1
    return int(str(found.metadata[ENTRY].value))


def sealed_materializations(
    entries: Sequence["Entry"], after: int
) -> Iterator[dg.AssetMaterialization]:
    """One materialisation per day that an entry after `after` seals, with all seals of that day.

    Days that are no partitions of Dagster's are left out; the newest entry comes last.
    """
    seals = [entry for entry in entries if entry.kind == "seal"]
    newest: dict[date, int] = {}
    for seal in seals:
        if seal.index > after:
            newest[date.fromisoformat(seal.body["event_date"])] = seal.index
    of_day: dict[str, list[Entry]] = {}
    for seal in seals:
        of_day.setdefault(seal.body["event_date"], []).append(seal)
    known = set(known_days(list(newest)))
    for day, index in sorted(newest.items(), key=lambda item: item[1]):
        if day in known:
            yield _materialization(day, index, of_day[day.isoformat()])


def _materialization(day: date, index: int, seals: Sequence["Entry"]) -> dg.AssetMaterialization:
    rows: dict[str, int] = {}
    for seal in seals:
        rows[seal.body["table"]] = rows.get(seal.body["table"], 0) + seal.body["rows"]
    total = sum(rows.values())
    return dg.AssetMaterialization(
        SEALED_DAYS,
        partition=day.isoformat(),
        metadata={
            "rows": total,
            "dagster/partition_row_count": total,
            "seals": len(seals),
            "rows_by_table": dg.MetadataValue.json(rows),
            "roots": dg.MetadataValue.json({_name(seal): seal.body["root"] for seal in seals}),
            "digests": dg.MetadataValue.json({_name(seal): seal.digest for seal in seals}),
            ENTRY: index,
        },
    )


def _name(seal: "Entry") -> str:
    """A seal's name among those of its day, such as `jobs/prod` or `jobs/prod+1`."""
    body = seal.body
    supplement = f"+{body['supplement']}" if body["supplement"] else ""
    return f"{body['table']}/{body['environment'] or ''}{supplement}"


def judge_rows(lake: Lake) -> dg.AssetCheckEvaluation:
    """Whether the archive has the rows of each sealed day that the lake has."""
    from pipelines.archive.log import open_log
    from pipelines.archive.reconcile import reconcile

    found = reconcile(lake, open_log(lake).entries(), seed=now().date().toordinal())
    return _verdict(
        KEEPS_EVERY_ROW,
        passed=not found.differences,
        days=found.days,
        rows=found.rows,
        days_read=found.days_read,
        seals_that_differ=len(found.differences),
        differences=[one.as_dict() for one in found.differences[:SHOWN]],
    )


def judge_sample(lake: Lake, seed: int) -> dg.AssetCheckEvaluation:
    """Whether the log, and files of seals drawn with `seed`, are as they were signed.

    Whoever knows the seed beforehand knows what is not looked at: it is to be a new one every
    time. It is recorded, so that the same draw can be made again. The verification is recorded in
    the log where a key is set that signs. An archive that nothing was ever sealed into is in order.
    """
    from pipelines.archive.log import open_mirror
    from pipelines.archive.place import open_archive_place
    from pipelines.archive.trust import trusted_keys, witnesses_of
    from pipelines.archive.verification import Sample
    from pipelines.archive.verify import verify

    mirror, witnesses = open_mirror(lake), witnesses_of(lake)
    found = verify(
        open_archive_place(lake),
        trusted=trusted_keys(lake),
        witnesses=witnesses,
        mirror=mirror,
        deep=True,
        sample=Sample(SAMPLED, seed),
    )
    is_new = found.head is None and not found.compared and not any(mirror.list())
    return _verdict(
        SAMPLE_VERIFIES,
        passed=found.clean or is_new,
        **found.checked.as_dict(),
        seed=str(seed),
        findings=0 if is_new else len(found.findings),
        found=[] if is_new else [finding.as_dict() for finding in found.findings[:SHOWN]],
        witnesses_compared=list(found.compared),
        witnesses_not_compared=[f"{at}: {why}" for at, why in found.not_compared.items()],
        recorded="nothing is sealed yet" if is_new else _recorded(lake, found),
    )


def _recorded(lake: Lake, found: "Verification") -> str:
    """Append the verification to the log; says by which entry, or why it could not be."""
    from pipelines.archive.keys import open_signer
    from pipelines.archive.log import open_log
    from pipelines.archive.verify import record

    try:
        signer = open_signer(lake.storage.settings)
        entry = record(open_log(lake), found, clock=now, signer=signer, by=user())
    except TrailhouseError as error:
        return f"not recorded: {error}"
    return f"entry {entry.index}"


def _verdict(name: str, *, passed: bool, **facts: Any) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(SEALED_DAYS),
        check_name=name,
        passed=passed,
        severity=dg.AssetCheckSeverity.ERROR,
        blocking=False,
        metadata={
            key: dg.MetadataValue.json(value) if isinstance(value, list) else value
            for key, value in facts.items()
        },
    )
