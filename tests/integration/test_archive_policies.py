"""Policies: the texts of `docs/policies` on a real S3 server: what their bearers can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from lakes import NOW, activity, count_of, encode, job, lake_at, rows, run_load
from s3_server import S3Server, serve
from typer.testing import CliRunner

from pipelines.archive.keys import make_key, open_signer, signer_from_file
from pipelines.archive.layout import Format
from pipelines.archive.log import open_log
from pipelines.archive.place import open_archive_place
from pipelines.archive.pull import pull
from pipelines.archive.retention import delete, due
from pipelines.archive.seal import seal
from pipelines.archive.selection import Selection
from pipelines.archive.verify import verify
from pipelines.cli.main import app
from pipelines.errors import ArchiveError
from pipelines.lake.tables import Lake

POLICIES = Path(__file__).parents[2] / "docs" / "policies"
BEARERS = ("archive-writer", "archive-reader", "archive-auditor", "archive-custodian")
LAKE, ARCHIVE = "s3://my-bucket/trailhouse", "s3://my-archive/trailhouse"
DAY = date(2020, 2, 3)
"""The only day with events, long enough ago for a retention to pass."""
Client = Any


@dataclass(frozen=True)
class Guarded:
    """A server on which each policy has a bearer, and a lake that was sealed by the writer."""

    server: S3Server
    key: Path
    sealed_rows: int

    def client(self, bearer: str) -> Client:
        return self.server.client(self.server.bearers[bearer])

    @contextmanager
    def as_bearer(self, name: str) -> Iterator[Lake]:
        """The lake and its archive as one bearer sees them."""
        with acting(self.server, name):
            yield archived_lake(self.key)


@contextmanager
def acting(server: S3Server, bearer: str | None) -> Iterator[None]:
    identity = server.bearers[bearer] if bearer else None
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment(identity).items():
            patch.setenv(name, value)
        yield


def archived_lake(key: Path) -> Lake:
    kept = [{"table": "jobs", "environment": "*", "years": 1}]
    return lake_at(LAKE, archive={"url": ARCHIVE, "signing_key": f"file:{key}", "retention": kept})


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    texts = {name: (POLICIES / f"{name}.json").read_text() for name in BEARERS}
    for server in serve(folder, texts):
        for name in ("my-bucket", "my-archive", "my-anchors"):
            server.client().create_bucket(Bucket=name)
        stopped = activity(timestamp=f"{DAY} 09:15:27 UTC")
        ran = job(started_at=f"{DAY}T09:20:05Z", completed_at=f"{DAY}T09:20:07Z")
        (folder / "events.ndjson").write_bytes(encode(stopped) + b"\n" + encode(ran))
        make_key(folder / "seal.pem")
        with acting(server, None):
            lake = archived_lake(folder / "seal.pem")
            report = run_load(lake, [folder / "events.ndjson"])
            assert count_of(lake, "activity", report.load_id) == 1
        yield Guarded(server, folder / "seal.pem", seal_as_writer(server, folder / "seal.pem"))


def seal_as_writer(
    server: S3Server, key: Path, fault: Callable[[str], None] = lambda step: None
) -> int:
    with acting(server, "archive-writer"):
        lake = archived_lake(key)
        signer = open_signer(lake.storage.settings)
        return sum(
            day.rows
            for day in seal(
                lake, clock=lambda: NOW, signer=signer, by="sealer", through=DAY, fault=fault
            )
        )


def keys(guarded: Guarded, prefix: str) -> list[str]:
    return guarded.server.keys("my-archive", f"trailhouse/{prefix}")


def denied(call: Callable[[], object]) -> bool:
    """Whether the server refuses a call for want of rights; any other error is an error."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"AccessDenied", "403"}:
            raise
        return True
    return False


def test_a_writer_seals_a_lake_without_reading_the_archive(guarded: Guarded) -> None:
    with acting(guarded.server, None):
        lake = archived_lake(guarded.key)
        closed = [row for name in ("activity", "jobs", "job_steps") for row in rows(lake, name)]

    assert guarded.sealed_rows == len(closed) == 4
    assert len([k for k in keys(guarded, "activity/") if k.endswith(".parquet")]) == 1


def test_what_a_writer_sealed_is_clean_to_an_auditor(guarded: Guarded) -> None:
    with guarded.as_bearer("archive-auditor") as lake:
        trusted = {open_signer(lake.storage.settings).public.key_id}
        verification = verify(open_archive_place(lake), trusted=trusted, deep=True)

    assert verification.findings == ()


def test_an_auditor_verifies_with_the_command_and_writes_nothing(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted = signer_from_file(guarded.key).public.key_id
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", LAKE)
    monkeypatch.setenv("TRAILHOUSE_ARCHIVE__URL", ARCHIVE)
    before = keys(guarded, LOG)

    with acting(guarded.server, "archive-auditor"):
        done = CliRunner().invoke(app, ["archive", "verify", "--key", trusted])

    assert done.exit_code == 0, f"{done.output}{done.exception!r}"
    assert "Clean." in done.stdout
    assert keys(guarded, LOG) == before


OPERATIONS: dict[str, Callable[[Client, str, str], object]] = {
    "get": lambda c, bucket, key: c.get_object(Bucket=bucket, Key=key),
    "head": lambda c, bucket, key: c.head_object(Bucket=bucket, Key=key),
    "delete": lambda c, bucket, key: c.delete_object(Bucket=bucket, Key=key),
    "list": lambda c, bucket, key: c.list_objects_v2(Bucket=bucket, Prefix=key),
    "put": lambda c, bucket, key: c.put_object(
        Bucket=bucket, Key=f"{key}.new", Body=b"", IfNoneMatch="*"
    ),
    "copy": lambda c, bucket, key: c.copy_object(
        Bucket=bucket, Key=f"{key}.copy", CopySource={"Bucket": bucket, "Key": key}
    ),
    "policy": lambda c, bucket, key: c.delete_bucket_policy(Bucket=bucket),
}
FILES, LOG = "activity/", "log/"
MIRROR, TABLE = "archive_log/", "lake/activity/"


@pytest.mark.parametrize(
    ("bearer", "bucket", "prefix", "allowed"),
    [
        pytest.param("archive-writer", "my-archive", FILES, {"put"}, id="writer-on-days"),
        pytest.param("archive-writer", "my-archive", LOG, {"put"}, id="writer-on-log"),
        pytest.param(
            "archive-writer",
            "my-bucket",
            MIRROR,
            {"get", "head", "list", "put", "copy"},
            id="writer-on-mirror",
        ),
        pytest.param(
            "archive-writer", "my-bucket", TABLE, {"get", "head", "list"}, id="writer-on-lake"
        ),
        pytest.param(
            "archive-reader", "my-archive", FILES, {"get", "head", "list"}, id="reader-on-days"
        ),
        pytest.param(
            "archive-reader",
            "my-archive",
            LOG,
            {"get", "head", "list", "put", "copy"},
            id="reader-on-log",
        ),
        pytest.param("archive-reader", "my-bucket", TABLE, set(), id="reader-on-lake"),
        pytest.param(
            "archive-auditor", "my-archive", FILES, {"get", "head", "list"}, id="auditor-on-days"
        ),
        pytest.param(
            "archive-auditor", "my-archive", LOG, {"get", "head", "list"}, id="auditor-on-log"
        ),
        pytest.param(
            "archive-auditor", "my-bucket", MIRROR, {"get", "head", "list"}, id="auditor-on-mirror"
        ),
        pytest.param("archive-auditor", "my-bucket", TABLE, set(), id="auditor-on-lake"),
        pytest.param(
            "archive-custodian",
            "my-archive",
            LOG,
            {"get", "head", "list", "put", "copy"},
            id="custodian-on-log",
        ),
        pytest.param("archive-custodian", "my-bucket", TABLE, set(), id="custodian-on-lake"),
    ],
)
def test_a_bearer_can_do_what_its_policy_allows_and_nothing_else(
    guarded: Guarded, bearer: str, bucket: str, prefix: str, allowed: set[str]
) -> None:
    client = guarded.client(bearer)
    key = guarded.server.keys(bucket, f"trailhouse/{prefix}")[0]

    done = {
        name
        for name, call in OPERATIONS.items()
        if not denied(lambda call=call: call(client, bucket, key))
    }

    for made in (f"{key}.new", f"{key}.copy"):
        guarded.server.client().delete_object(Bucket=bucket, Key=made)
    assert done == allowed
    assert key in guarded.server.keys(bucket, f"trailhouse/{prefix}")


def test_a_custodian_deletes_what_is_due_but_never_the_log(guarded: Guarded) -> None:
    entry = keys(guarded, LOG)[0]
    client = guarded.client("archive-custodian")

    with guarded.as_bearer("archive-custodian") as lake:
        signer = open_signer(lake.storage.settings)
        expired = [one.index for one in due(open_log(lake).entries(), NOW.date())]
        done = delete(
            lake, expired, reason="Expired", clock=lambda: NOW, signer=signer, by="custodian"
        )

    assert {path.partition("/")[0] for path in done.paths} == {"jobs"}
    assert keys(guarded, "jobs/") == []
    assert denied(lambda: client.delete_object(Bucket="my-archive", Key=entry))


def test_a_reader_draws_evidence_and_the_log_says_so(guarded: Guarded, tmp_path: Path) -> None:
    with guarded.as_bearer("archive-reader") as lake:
        pulled = pull(
            lake,
            Selection(DAY, DAY, tables=("activity",)),
            tmp_path / "pack.zip",
            as_format=Format.CSV,
            clock=lambda: NOW,
            signer=open_signer(lake.storage.settings),
            by="reader",
        )

    assert pulled.rows == 1
    assert f"trailhouse/log/{pulled.index:08d}.json" in keys(guarded, LOG)


class CutOff(Exception):
    """Ends a sealing at a durable step."""


def test_a_writer_that_was_cut_off_goes_on_without_reading_what_it_wrote(guarded: Guarded) -> None:
    with acting(guarded.server, None):
        events = guarded.key.parent / "late.ndjson"
        events.write_bytes(encode(activity(timestamp=f"{DAY - timedelta(days=1)} 09:15:27 UTC")))
        run_load(archived_lake(guarded.key), [events])

    def cut_off(_: str) -> None:
        raise CutOff

    with pytest.raises(CutOff):
        seal_as_writer(guarded.server, guarded.key, cut_off)
    left = keys(guarded, "activity/")
    sealed = seal_as_writer(guarded.server, guarded.key)

    assert sealed == 1
    assert keys(guarded, "activity/") == left


@pytest.fixture
def without_mirror(guarded: Guarded) -> Iterator[None]:
    """The lake's copy of the log is lost, until the test is over."""
    admin, prefix = guarded.server.client(), "trailhouse/archive_log/"
    lost = {
        key: admin.get_object(Bucket="my-bucket", Key=key)["Body"].read()
        for key in guarded.server.keys("my-bucket", prefix)
    }
    for key in lost:
        admin.delete_object(Bucket="my-bucket", Key=key)
    yield
    for key in guarded.server.keys("my-bucket", prefix):
        admin.delete_object(Bucket="my-bucket", Key=key)
    for key, content in lost.items():
        admin.put_object(Bucket="my-bucket", Key=key, Body=content)


@pytest.mark.usefixtures("without_mirror")
def test_a_writer_whose_copy_of_the_log_was_lost_does_not_begin_another(guarded: Guarded) -> None:
    before = keys(guarded, "log/")

    for _ in range(2):  # the second meets what the first left in the mirror
        with pytest.raises(ArchiveError, match="is there already"):
            seal_as_writer(guarded.server, guarded.key)

    assert keys(guarded, "log/") == before
