"""Sinks that store objects, against real stores: what is stored where, and what refusals mean."""

from __future__ import annotations

import fcntl
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import stores
import trustme
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from receivers import Answer, Fault, Receiver, Request, receiving, server_context
from s3_server import S3Server
from stores import Azurite, GoogleStorage

from pipelines.lake.storage import Storage
from pipelines.settings import load_settings
from pipelines.sinks.file import FileWriter
from pipelines.sinks.objects import Item
from pipelines.sinks.registry import open_sink
from pipelines.sinks.sink import (
    Batch,
    ConfigurationSinkError,
    PayloadSinkError,
    Sink,
    SinkError,
    TransientSinkError,
)

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
STRINGS: list[str] = json.loads(
    (Path(__file__).parents[1] / "vectors/strings/blns.json").read_text(encoding="utf-8")
)
EXTRA = ["../../etc/passwd", "..", "/", "\r\nX-Forged: 1", "a\nb", "\x00", "a" * 2_000, "%2e%2e"]
NAUGHTY = [*STRINGS, *EXTRA]


@pytest.fixture(scope="module")
def azurite() -> Iterator[Azurite]:
    """A real server of Azure's blob protocol."""
    yield from stores.azurite()


@pytest.fixture(scope="module")
def google_storage() -> Iterator[GoogleStorage]:
    """An emulator of Google Cloud Storage."""
    yield from stores.google_storage()


@dataclass(frozen=True)
class Target:
    """Somewhere that a sink stores objects, and how the test looks at it."""

    fields: dict[str, Any]
    names: Callable[[], list[str]]
    read: Callable[[str], bytes]

    def sink(self, **more: Any) -> Sink:
        """The sink, as the settings would give it."""
        return sink_of(**self.fields, **more)

    def stored(self) -> dict[str, bytes]:
        """Everything that lies there."""
        names = self.names()
        with ThreadPoolExecutor(8) as pool:
            return dict(zip(names, pool.map(self.read, names), strict=True))


def sink_of(**fields: Any) -> Sink:
    """A sink as the settings would give it."""
    settings = load_settings(sink=({"name": "out"} | fields,))
    return open_sink(settings.sink[0], Storage(settings))


@cache
def service_account() -> str:
    """The key of a service account that does not exist."""
    key = generate_private_key(65_537, 2_048)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    found = {
        "type": "service_account",
        "private_key": text,
        "private_key_id": "1",
        "client_email": "trailhouse@example.iam.gserviceaccount.com",
    }
    return json.dumps(found)


def s3_target(request: pytest.FixtureRequest) -> Target:
    """A bucket, and an identity that may write to it."""
    server: S3Server = request.getfixturevalue("s3_server")
    bucket = server.make_bucket()
    os.environ["SINK_ID"], os.environ["SINK_KEY"] = server.writer.key_id, server.writer.secret
    client = server.client()
    fields = {
        "kind": "s3",
        "bucket": bucket,
        "endpoint_url": server.endpoint_url,
        "access_key_id": "env:SINK_ID",
        "secret_access_key": "env:SINK_KEY",
    }
    return Target(
        fields,
        lambda: server.keys(bucket),
        lambda name: client.get_object(Bucket=bucket, Key=name)["Body"].read(),
    )


def azure_target(request: pytest.FixtureRequest) -> Target:
    """A container."""
    server: Azurite = request.getfixturevalue("azurite")
    container = server.make_container()
    os.environ["SINK_KEY"] = server.key
    fields = {
        "kind": "azure_blob",
        "account": stores.ACCOUNT,
        "container": container,
        "endpoint_url": server.url,
        "account_key": "env:SINK_KEY",
    }
    return Target(
        fields, lambda: server.blobs(container), lambda name: server.read(container, name)
    )


def google_target(request: pytest.FixtureRequest) -> Target:
    """A bucket of the emulator."""
    server: GoogleStorage = request.getfixturevalue("google_storage")
    bucket = server.make_bucket()
    os.environ["SINK_KEY"] = service_account()
    fields = {
        "kind": "gcs",
        "bucket": bucket,
        "endpoint_url": server.url,
        "service_account_key": "env:SINK_KEY",
    }
    return Target(fields, lambda: server.objects(bucket), lambda name: server.read(bucket, name))


def file_target(request: pytest.FixtureRequest) -> Target:
    """A folder."""
    folder: Path = request.getfixturevalue("tmp_path") / "out"
    folder.mkdir()
    return Target(
        {"kind": "file", "path": str(folder)},
        lambda: sorted(
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        ),
        lambda name: (folder / name).read_bytes(),
    )


TARGETS = {
    "s3": s3_target,
    "azure_blob": azure_target,
    "gcs": google_target,
    "file": file_target,
}


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Target:
    """Each kind of store in turn."""
    for name in ("SINK_ID", "SINK_KEY"):
        monkeypatch.setenv(name, "")  # so that what is set below is forgotten afterwards
    return TARGETS[request.param](request)


@pytest.fixture
def s3_out(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A bucket of the S3 server."""
    for name in ("SINK_ID", "SINK_KEY"):
        monkeypatch.setenv(name, "")
    return s3_target(request)


def batch(*messages: str, content_type: str = "application/json", **columns: Any) -> Batch:
    """A batch of jobs that ended a minute apart around midnight."""
    count = len(messages)
    facts: dict[str, list[Any]] = {
        "event_id": [f"job:j-A{n}-B:succeeded" for n in range(count)],
        "event_kind": ["job"] * count,
        "event_type": ["succeeded"] * count,
        "occurred_at": [NOON + timedelta(hours=11, minutes=59 + n) for n in range(count)],
        "started_at": [NOON + timedelta(hours=11, minutes=59 + n) for n in range(count)],
        "workspace_id": ["1"] * count,
        "environment": ["prod"] * count,
        "recipe_id": ["22"] * count,
        "job_id": [f"j-A{n}-B" for n in range(count)],
        "status": ["succeeded"] * count,
    }
    return Batch("out", "5f" * 32, messages, facts | columns, content_type)


def failure_of(sink: Sink, *messages: str) -> SinkError:
    """How sending fails."""
    with pytest.raises(SinkError) as failure:
        sink.send(batch(*(messages or ("{}",))))
    return failure.value


def test_single_events_lie_where_workato_would_put_them(target: Target) -> None:
    target.sink(format="single", prefix="stream").send(batch('{"a": 1}', '{"b": 2}'))

    assert target.stored() == {
        "stream/1/jobs/22/20260320/j-A0-B/1-22-j-A0-B-20260320235900-succeeded.json": b'{"a": 1}',
        "stream/1/jobs/22/20260321/j-A1-B/1-22-j-A1-B-20260321000000-succeeded.json": b'{"b": 2}',
    }


def test_lines_are_compressed_by_day(target: Target) -> None:
    target.sink().send(batch('{"a":\n1}', '{"b": 2}', '{"c": 3}'))

    stored = target.stored()

    days = [name.rpartition("/")[0] for name in stored]
    assert days == ["event_date=2026-03-20", "event_date=2026-03-21"]
    assert all(name.endswith(".ndjson.gz") for name in stored)
    assert [gzip.decompress(body) for body in stored.values()] == [
        b'{"a": 1}\n',
        b'{"b": 2}\n{"c": 3}\n',
    ]


def test_parquet_has_messages_beside_what_they_are_of(target: Target) -> None:
    key = "{sink}/{event_kind}/{digest}.{extension}"
    target.sink(format="parquet", key=key).send(batch('{"a": 1}', "two"))

    ((name, body),) = target.stored().items()

    table = pq.read_table(io.BytesIO(body))
    assert name.startswith("out/job/")
    assert name.endswith(".parquet")
    assert table.column("message").to_pylist() == ['{"a": 1}', "two"]
    assert table.column("event_id").to_pylist() == [
        "job:j-A0-B:succeeded",
        "job:j-A1-B:succeeded",
    ]
    assert table.column("occurred_at").to_pylist()[1] == NOON + timedelta(hours=12)


@pytest.mark.parametrize("form", ["single", "lines", "parquet"])
def test_a_repeat_overwrites_itself(target: Target, form: str) -> None:
    sent = batch('{"a": 1}', '{"b": 2}')
    sink = target.sink(format=form)

    sink.send(sent)
    before = target.stored()
    sink.send(sent)

    assert target.stored() == before
    assert len(before) == 2


def test_an_event_that_is_rendered_anew_replaces_what_was_stored_of_it(target: Target) -> None:
    sink = target.sink(format="single")

    sink.send(batch("old"))
    sink.send(batch("new"))

    assert list(target.stored().values()) == [b"new"]


def test_a_probe_stores_no_event(target: Target) -> None:
    sink = target.sink()

    sink.probe()
    sink.probe()

    assert set(target.stored()) <= {".trailhouse-probe"}
    sink.send(batch("{}"))
    assert gzip.compress(b"{}\n", 6, mtime=0) in target.stored().values()


@pytest.mark.parametrize("form", ["single", "lines"])
def test_naughty_strings_arrive_and_lead_nowhere(target: Target, form: str) -> None:
    keys = {"single": "a/{event_id}/{event_type}.json", "lines": "{environment}/{digest}.json"}
    sink = target.sink(format=form, key=keys[form], prefix="in", gzip=False)
    texts = [json.dumps({"naughty": text}, ensure_ascii=False) for text in NAUGHTY]
    count = len(texts)
    places = ["..", *["a/../../b"] * (count - 1)]

    receipt = sink.send(
        batch(
            *texts,
            event_id=[f"{text}{n}" for n, text in enumerate(NAUGHTY)],
            event_type=NAUGHTY,
            environment=places,
            occurred_at=[NOON] * count,
        )
    )

    assert not {**receipt.refused, **receipt.retry}
    stored = target.stored()
    assert all(name.startswith("in/") and name.count("/") <= 3 for name in stored)
    assert len(stored) == (count if form == "single" else 2)
    found = [json.loads(line) for body in stored.values() for line in body.split(b"\n") if line]
    assert sorted(one["naughty"] for one in found) == sorted(NAUGHTY)


def test_a_message_that_is_no_text_is_refused(target: Target) -> None:
    failure = failure_of(target.sink(format="single"), "\ud800")

    assert isinstance(failure, PayloadSinkError)
    assert not target.stored()


def test_an_identity_that_lost_the_right_to_write_gets_it_back(
    s3_server: S3Server, s3_out: Target
) -> None:
    sink = s3_out.sink(key="{digest}.json", gzip=False)
    bucket = s3_out.fields["bucket"]
    s3_server.deny(bucket, "s3:PutObject")

    failure = failure_of(sink)
    with pytest.raises(ConfigurationSinkError) as probed:
        sink.probe()

    assert isinstance(failure, ConfigurationSinkError)
    assert (failure.cause, probed.value.cause) == ("access_denied", "access_denied")
    assert failure.response.startswith("403 AccessDenied")
    assert "right to write" in str(failure)
    assert bucket in str(failure)
    s3_server.restore(bucket)
    sink.probe()
    sink.send(batch("{}"))
    assert b"{}\n" in s3_out.stored().values()


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        pytest.param({"access_key_id": "AKIAUNKNOWN"}, "bad_credentials", id="unknown key"),
        pytest.param({"secret_access_key": "env:WRONG"}, "bad_credentials", id="wrong secret"),
    ],
)
def test_what_s3_refuses_says_why(
    s3_out: Target, fields: dict[str, Any], cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRONG", "hunter2-hunter2")
    sink = sink_of(**s3_out.fields | fields)

    failure = failure_of(sink)

    assert isinstance(failure, ConfigurationSinkError)
    assert failure.cause == cause
    assert "hunter2" not in f"{failure}{failure.response}"


def test_a_container_that_is_gone_and_a_wrong_key_are_told_apart(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SINK_KEY", azurite.key)
    monkeypatch.setenv("WRONG", "aHVudGVyMg==")
    fields = {"kind": "azure_blob", "account": stores.ACCOUNT, "endpoint_url": azurite.url}
    container = azurite.make_container()

    gone = failure_of(sink_of(**fields, container="gone", account_key="env:SINK_KEY"))
    wrong = failure_of(sink_of(**fields, container=container, account_key="env:WRONG"))

    assert (type(gone), gone.cause) == (ConfigurationSinkError, "not_found")
    assert (type(wrong), wrong.cause) == (ConfigurationSinkError, "access_denied")


def test_a_bucket_of_google_that_is_gone_is_told(
    google_storage: GoogleStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SINK_KEY", service_account())
    fields = {"kind": "gcs", "endpoint_url": google_storage.url, "bucket": "gone"}

    failure = failure_of(sink_of(**fields, service_account_key="env:SINK_KEY"))

    assert (type(failure), failure.cause) == (ConfigurationSinkError, "not_found")


@pytest.mark.parametrize("key", ["hunter2", "{}", '{"private_key": "hunter2"}'])
def test_a_wrong_key_of_a_service_account_is_not_repeated(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SINK_KEY", key)

    with pytest.raises(ConfigurationSinkError) as failure:
        sink_of(kind="gcs", bucket="audit", service_account_key="env:SINK_KEY")

    assert "env:SINK_KEY" in str(failure.value)
    assert "hunter2" not in str(failure.value)


def error(code: str, more: str = "") -> str:
    """How S3 says it."""
    return f"<Error><Code>{code}</Code><Message>because</Message>{more}</Error>"


REGION = error("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>")
STORED = Answer(200, "", {"ETag": '"1"'})


@pytest.mark.parametrize(
    ("answer", "kind", "cause"),
    [
        pytest.param(Answer(400, REGION), ConfigurationSinkError, "region_mismatch", id="region"),
        pytest.param(
            Answer(301, error("PermanentRedirect")),
            ConfigurationSinkError,
            "region_mismatch",
            id="redirect to a region",
        ),
        pytest.param(
            Answer(404, error("NoSuchBucket")), ConfigurationSinkError, "not_found", id="gone"
        ),
        pytest.param(
            Answer(400, error("ExpiredToken")),
            ConfigurationSinkError,
            "bad_credentials",
            id="expired",
        ),
        pytest.param(Answer(503, error("SlowDown")), TransientSinkError, "throttled", id="slow"),
        pytest.param(
            Answer(500, error("InternalError")), TransientSinkError, "server_error", id="error"
        ),
        pytest.param(Answer(429), TransientSinkError, "throttled", id="too many"),
        pytest.param(Answer(400, "?"), ConfigurationSinkError, "wrong_answer", id="unknown"),
        pytest.param(
            Answer(400, error("EntityTooLarge")), PayloadSinkError, "too_large", id="too large"
        ),
        pytest.param(Answer(200, "<html>"), TransientSinkError, "wrong_answer", id="not S3"),
        pytest.param(Fault.DROP, TransientSinkError, "network", id="dropped"),
        pytest.param(Fault.HANG, TransientSinkError, "timeout", id="silent"),
    ],
)
def test_each_answer_of_a_store_has_its_cause(
    answer: Answer | Fault,
    kind: type[SinkError],
    cause: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with receiving(lambda _: answer) as receiver:
        failure = failure_of(s3_at(receiver, monkeypatch, timeout_seconds=1))

        assert (type(failure), failure.cause) == (kind, cause), str(failure)
        assert len(receiver.requests) == 1
        if answer == Answer(400, REGION):
            assert "set region" in str(failure)
            assert "eu-west-1" in str(failure)


def s3_at(receiver: Receiver, monkeypatch: pytest.MonkeyPatch, **fields: Any) -> Sink:
    """An S3 sink at a receiver."""
    monkeypatch.setenv("SINK_KEY", "hunter2-hunter2")
    own = {"access_key_id": "AKIA1", "secret_access_key": "env:SINK_KEY"}
    return sink_of(
        **({"kind": "s3", "bucket": "audit", "endpoint_url": receiver.url} | own | fields)
    )


def test_objects_are_not_sent_where_a_store_redirects_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as other, receiving() as receiver:
        receiver.rule = lambda _: Answer(307, "", {"Location": f"{other.url}/audit/a"})

        failure = failure_of(s3_at(receiver, monkeypatch))

        assert (type(failure), failure.cause) == (ConfigurationSinkError, "redirect")
        assert not other.requests


def test_a_store_with_another_certificate_is_not_spoken_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with receiving(lambda _: STORED, tls=server_context(ca)) as receiver:
        failure = failure_of(s3_at(receiver, monkeypatch))
        s3_at(receiver, monkeypatch, ca_file=str(tmp_path / "ca.pem")).send(batch("{}"))

        assert (type(failure), failure.cause) == (ConfigurationSinkError, "tls")
        assert len(receiver.requests) == 1


def test_a_host_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver:
        failure = failure_of(s3_at(receiver, monkeypatch, endpoint_url="http://nobody.invalid"))

    assert failure.cause == "dns"


def test_events_whose_objects_were_not_stored_wait_and_refused_ones_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def rule(request: Request) -> Answer:
        if "j-A2-B" in request.path:
            return Answer(503, error("SlowDown"))
        return Answer(400, error("KeyTooLongError")) if "j-A3-B" in request.path else STORED

    with receiving(rule) as receiver:
        receipt = s3_at(receiver, monkeypatch, format="single").send(batch(*"abcde"))

    assert list(receipt.retry) == [2]
    assert "SlowDown" in receipt.retry[2]
    assert receipt.refused == {3: "400 KeyTooLongError: because"}
    assert receipt.postponement.cause == "throttled"


def test_a_right_that_is_lost_half_way_is_no_throttling(monkeypatch: pytest.MonkeyPatch) -> None:
    def rule(request: Request) -> Answer:
        if "j-A2-B" in request.path:
            return Answer(503, error("SlowDown"))
        return Answer(403, error("AccessDenied")) if "j-A4-B" in request.path else STORED

    with receiving(rule) as receiver:
        receipt = s3_at(receiver, monkeypatch, format="single").send(batch(*"abcde"))

    assert list(receipt.retry) == [2, 4]
    assert isinstance(receipt.failure, ConfigurationSinkError)
    assert receipt.failure.cause == "access_denied"


def test_a_store_that_refuses_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving(lambda _: Answer(403, error("AccessDenied"))) as receiver:
        failure = failure_of(s3_at(receiver, monkeypatch, format="single"), *"abcde")

        assert failure.cause == "access_denied"
        assert len(receiver.requests) == 1


def test_the_credentials_of_the_lake_serve_a_sink_without_its_own(
    s3: S3Server, bucket: str
) -> None:
    sink_of(kind="s3", bucket=bucket, format="single").send(batch("{}"))

    assert len(s3.keys(bucket)) == 1


def test_no_token_of_the_environment_is_mixed_with_own_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-somebody-else")
    monkeypatch.setenv("TOKEN", "own")
    with receiving(lambda _: STORED) as receiver:
        s3_at(receiver, monkeypatch).send(batch("{}"))
        s3_at(receiver, monkeypatch, session_token="env:TOKEN", kms_key_id="k").send(batch("{}"))

        first, second = (request.headers for request in receiver.requests)
        assert "x-amz-security-token" not in first
        assert second["x-amz-security-token"] == "own"
        assert second["x-amz-server-side-encryption-aws-kms-key-id"] == "k"
        assert second["x-amz-meta-batchid"] == "5f" * 32


def test_an_identity_that_may_not_overwrite_is_no_reason_to_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def rule(request: Request) -> Answer:
        exists = request.headers.get("x-goog-if-generation-match") == "0"
        return Answer(412, error("PreconditionFailed")) if exists else Answer(403)

    with receiving(rule) as receiver:
        monkeypatch.setenv("SINK_KEY", service_account())
        fields = {"kind": "gcs", "bucket": "audit", "endpoint_url": receiver.url}

        receipt = sink_of(**fields, service_account_key="env:SINK_KEY").send(batch("{}"))

    assert "was there already" in receipt.response


def test_single_events_have_objects_of_their_own_by_digest(tmp_path: Path) -> None:
    sink = sink_of(kind="file", path=str(tmp_path), format="single", key="{event_date}/{digest}")

    for _ in range(2):
        sink.send(batch("a", "b", "a"))

    assert sorted(path.read_text() for path in tmp_path.glob("*/*")) == ["a", "a", "b"]


def test_a_folder_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    sink = sink_of(kind="file", path=str(tmp_path / "mount" / "audit"))

    failure = failure_of(sink)

    assert (type(failure), failure.cause) == (ConfigurationSinkError, "not_found")
    assert "mount it again" in str(failure)
    assert not list(tmp_path.iterdir())


KILLED_WRITER = """
import os, signal, sys
from datetime import UTC, datetime
from pipelines.lake.storage import Storage
from pipelines.settings import load_settings
from pipelines.sinks.registry import open_sink
from pipelines.sinks.sink import Batch

os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
table = {"name": "out", "kind": "file", "path": sys.argv[1], "key": "{digest}"}
settings = load_settings(sink=(table,))
facts = {"event_id": ["job:1"], "occurred_at": [datetime.now(UTC)]}
open_sink(settings.sink[0], Storage(settings)).send(Batch("out", "5f" * 32, ["half"], facts))
"""


def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    folder.mkdir()
    sink = {"kind": "file", "path": str(folder), "key": "{digest}"}
    killed = subprocess.run([sys.executable, "-c", KILLED_WRITER, str(folder)], check=False)
    (left,) = folder.iterdir()
    theirs = folder / ".upload.partial"
    theirs.touch()
    running = folder / ".trailhouse-1-1.partial"

    with running.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        sink_of(**sink).send(batch("whole"))
        hidden = {path for path in folder.iterdir() if path.name.startswith(".")}

    assert killed.returncode == -signal.SIGKILL
    assert left.name.endswith(".partial")
    assert hidden == {theirs, running}
    assert len(list(folder.iterdir())) == 3


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "taken.json").mkdir()
    sink = sink_of(kind="file", path=str(tmp_path), format="single", key="{job_id}{event_id}.json")
    sink.send(batch("{}"))
    (name,) = (path.name for path in tmp_path.iterdir() if path.is_file())
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()

    failure = failure_of(sink)

    assert isinstance(failure, SinkError)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "taken.json"])


def test_files_that_are_being_written_are_never_taken_for_abandoned(tmp_path: Path) -> None:
    def item(name: str) -> Item:
        return Item(f"day/{name}", b"whole", "text/plain", "", (), is_named_by_content=True)

    writer = FileWriter(tmp_path)
    done = threading.Event()

    def sweep() -> None:
        while not done.is_set():
            FileWriter(tmp_path).put(item("other"))

    with ThreadPoolExecutor(2) as pool:
        sweepers = [pool.submit(sweep) for _ in range(2)]
        try:
            for _ in range(500):
                writer.put(item("one"))
        finally:
            done.set()

    assert [sweeper.result() for sweeper in sweepers] == [None, None]
    assert (tmp_path / "day" / "one").read_bytes() == b"whole"
