"""Object Lock: what is sealed with it cannot go before its time, whoever deletes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from lakes import NOW, activity, encode, lake_at, run_load
from s3_server import S3Server

from pipelines.archive.keys import make_key, open_signer
from pipelines.archive.limits import limit
from pipelines.archive.log import open_log
from pipelines.archive.retention import delete, due
from pipelines.archive.seal import seal
from pipelines.errors import TrailhouseError
from pipelines.lake.tables import Lake

YEARS = 20
DAY, OLD = "2026-02-03", "2020-02-03"


@dataclass(frozen=True)
class Locked:
    """A lake that was sealed into a bucket with Object Lock, and that bucket."""

    lake: Lake
    client: Any
    bucket: str

    def versions(self, prefix: str) -> list[tuple[str, str]]:
        """Key and version of every object under a prefix of the archive."""
        found = self.client.list_object_versions(Bucket=self.bucket, Prefix=f"archive/{prefix}")
        return [(one["Key"], one["VersionId"]) for one in found.get("Versions", ())]

    def lock(self, key: str, version: str) -> tuple[str, datetime]:
        """Mode and end of an object's lock."""
        facts = self.client.head_object(Bucket=self.bucket, Key=key, VersionId=version)
        return facts["ObjectLockMode"], facts["ObjectLockRetainUntilDate"]

    def is_held(self, key: str, version: str) -> bool:
        """Whether the store has a legal hold on an object."""
        facts = self.client.head_object(Bucket=self.bucket, Key=key, VersionId=version)
        return bool(facts.get("ObjectLockLegalHoldStatus") == "ON")

    def delete(self, key: str, version: str, **how: Any) -> None:
        """Delete one version for ever."""
        self.client.delete_object(Bucket=self.bucket, Key=key, VersionId=version, **how)


@pytest.fixture
def locked(s3: S3Server, tmp_path: Path) -> Callable[..., Locked]:
    """Seals days with events into a bucket with Object Lock of a mode, kept for some years."""
    client, bucket = s3.client(), f"locked-{tmp_path.name.replace('_', '-').lower()[-40:]}"
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    old, new = activity(timestamp=f"{OLD} 09:15:27 UTC"), activity()
    (tmp_path / "old.ndjson").write_bytes(encode(old))
    (tmp_path / "new.ndjson").write_bytes(encode(new))
    make_key(tmp_path / "seal.pem")

    def make(
        mode: str, events: str = "new.ndjson", years: int = YEARS, environment: str = "*"
    ) -> Locked:
        lake = lake_at(
            tmp_path / "lake",
            archive={
                "url": f"s3://{bucket}/archive",
                "signing_key": f"file:{tmp_path / 'seal.pem'}",
                "object_lock": mode,
                "retention": [{"table": "*", "environment": environment, "years": years}],
            },
        )
        run_load(lake, [tmp_path / events])
        signer = open_signer(lake.storage.settings)
        day = OLD if events == "old.ndjson" else DAY
        assert list(
            seal(
                lake,
                clock=lambda: NOW,
                signer=signer,
                by="sealer",
                through=date.fromisoformat(day),
            )
        )
        return Locked(lake, client, bucket)

    return make


def refused(call: Callable[[], object]) -> bool:
    """Whether the store refuses a call; any other error is an error."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return True
    return False


@pytest.mark.parametrize("mode", ["governance", "compliance"])
def test_sealed_files_are_locked_until_the_end_of_their_retention(
    locked: Callable[..., Locked], mode: str
) -> None:
    archive = locked(mode)

    files = archive.versions("activity/")

    assert {key.rpartition("/")[0].rpartition("/")[2] for key, _ in files} == {f"event_date={DAY}"}
    end = datetime(2026 + YEARS, 2, 3, tzinfo=UTC)
    assert {archive.lock(*file) for file in files} == {(mode.upper(), end)}


def test_in_compliance_mode_nobody_deletes_or_shortens(locked: Callable[..., Locked]) -> None:
    archive = locked("compliance")
    key, version = archive.versions("activity/")[0]
    sooner = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime(2027, 1, 1, tzinfo=UTC)}

    assert refused(lambda: archive.delete(key, version))
    assert refused(lambda: archive.delete(key, version, BypassGovernanceRetention=True))
    assert refused(
        lambda: archive.client.put_object_retention(
            Bucket=archive.bucket, Key=key, VersionId=version, Retention=sooner
        )
    )
    assert archive.versions("activity/")[0] == (key, version)


def test_in_governance_mode_only_who_may_bypass_it_deletes(locked: Callable[..., Locked]) -> None:
    archive = locked("governance")
    key, version = archive.versions("activity/")[0]

    assert refused(lambda: archive.delete(key, version))
    archive.delete(key, version, BypassGovernanceRetention=True)

    assert (key, version) not in archive.versions("activity/")


def test_an_overwritten_file_is_still_there_as_it_was_sealed(
    locked: Callable[..., Locked],
) -> None:
    archive = locked("compliance")
    key, version = archive.versions("activity/")[0]
    sealed = archive.client.get_object(Bucket=archive.bucket, Key=key)["Body"].read()

    archive.client.put_object(Bucket=archive.bucket, Key=key, Body=b"forged")

    found = archive.client.get_object(Bucket=archive.bucket, Key=key, VersionId=version)
    assert found["Body"].read() == sealed


def test_a_deletion_before_its_time_is_refused_before_the_store_is_asked(
    locked: Callable[..., Locked],
) -> None:
    archive = locked("governance")
    entries = open_log(archive.lake).entries()
    (sealed,) = (
        e.index
        for e in entries
        if e.kind == "seal" and e.body["rows"] and e.body["table"] == "activity"
    )
    signer = open_signer(archive.lake.storage.settings)

    with pytest.raises(TrailhouseError, match="no seal that is due"):
        delete(
            archive.lake, [sealed], reason="early", clock=lambda: NOW, signer=signer, by="custodian"
        )

    assert due(entries, NOW.date()) == []
    assert open_log(archive.lake).entries() == entries


def test_a_day_whose_retention_has_passed_is_sealed_and_can_be_deleted(
    locked: Callable[..., Locked],
) -> None:
    archive = locked("compliance", "old.ndjson", 1)
    expired = due(open_log(archive.lake).entries(), NOW.date())
    signer = open_signer(archive.lake.storage.settings)

    done = delete(
        archive.lake,
        [one.index for one in expired],
        reason="Expired",
        clock=lambda: NOW,
        signer=signer,
        by="custodian",
    )

    assert len(done.paths) == 2
    assert archive.versions("activity/") == []


def test_what_is_kept_for_ever_is_held_by_the_store_until_it_is_limited(
    locked: Callable[..., Locked],
) -> None:
    """There is no date that it could be locked until."""
    archive = locked("compliance", "old.ndjson", 1, "prod")  # a rule that does not fit
    log, signer = open_log(archive.lake), open_signer(archive.lake.storage.settings)
    signed: Any = {"clock": lambda: NOW, "signer": signer, "by": "custodian"}
    files = archive.versions("activity/")

    held = {archive.is_held(*file) for file in files}
    stopped = all(refused(lambda file=file: archive.delete(*file)) for file in files)
    before = due(log.entries(), NOW.date())
    limit(log, years=1, reason="Policy 7", owner="Legal", **signed)
    expired = [one.index for one in due(log.entries(), NOW.date())]
    delete(archive.lake, expired, reason="Expired", **signed)

    assert (len(files), held, stopped, before) == (2, {True}, True, [])
    assert archive.versions("activity/") == []


def test_every_entry_of_the_log_is_held_and_locked_by_the_longest_rule(
    locked: Callable[..., Locked],
) -> None:
    """The first holds the key that everything else is checked with."""
    archive = locked("compliance")

    entries = archive.versions("log/")

    assert entries[0][0].endswith("log/00000000.json")
    assert {archive.is_held(*one) for one in entries} == {True}
    ends = {archive.lock(*one)[1].date() for one in entries}
    assert min(ends) == date(NOW.year + YEARS, NOW.month, NOW.day)
    assert all(refused(lambda one=one: archive.delete(*one)) for one in entries)
