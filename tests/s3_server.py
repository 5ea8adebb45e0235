"""S3 server: a real one (SeaweedFS) on loopback, started and stopped by the tests."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from obstore.store import S3Store

REGION = "us-east-1"
START_SECONDS = 60
"""A generous deadline: the first PUT is answered after about one second on an idle machine."""


@dataclass(frozen=True)
class Identity:
    """An access key and its secret, made up for one run of the tests."""

    key_id: str
    secret: str


@dataclass
class S3Server:
    """A running server, its identities, and the policies of its buckets.

    Attributes:
        bearers: Identities whose rights are those of one policy document each, by its name.
    """

    endpoint_url: str
    admin: Identity
    reader: Identity
    writer: Identity
    """Writes and reads objects, and cannot make buckets."""
    bearers: Mapping[str, Identity] = field(default_factory=dict)
    _policies: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def client(self, identity: Identity | None = None) -> Any:
        """A boto3 client, of the administrator where no identity is named."""
        return _client(self.endpoint_url, identity or self.admin)

    def environment(self, identity: Identity | None = None) -> dict[str, str]:
        """The AWS_* variables with which the code under test reaches this server."""
        identity = identity or self.admin
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": identity.key_id,
            "AWS_SECRET_ACCESS_KEY": identity.secret,
            "AWS_REGION": REGION,
        }

    def make_bucket(self) -> str:
        """Create a bucket with a name of its own."""
        name = f"t-{uuid4().hex[:20]}"
        self.client().create_bucket(Bucket=name)
        return name

    def upload(self, folder: Path, bucket: str, prefix: str) -> None:
        """Put every file below a folder under a prefix."""
        store = S3Store(
            bucket,
            prefix=prefix,
            endpoint=self.endpoint_url,
            region=REGION,
            access_key_id=self.admin.key_id,
            secret_access_key=self.admin.secret,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )
        paths = [path for path in folder.rglob("*") if path.is_file()]
        with ThreadPoolExecutor(16) as pool:
            done = pool.map(
                lambda p: store.put(p.relative_to(folder).as_posix(), p.read_bytes()), paths
            )
            assert len(list(done)) == len(paths)

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """The keys under a prefix, in order."""
        pages = self.client().get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for page in found for item in page.get("Contents", [])]

    def deny(self, bucket: str, *actions: str) -> None:
        """Take rights on a bucket away from everybody, and wait until they are gone."""
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": list(actions),
                    "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                }
            ],
        }
        self.client().put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        self._policies[bucket] = actions
        _until(lambda: self._refuses(bucket, actions), "the policy to work")

    def restore(self, bucket: str) -> None:
        """Give the rights back, and wait until they are there."""
        self.client().delete_bucket_policy(Bucket=bucket)
        actions = self._policies.pop(bucket)
        _until(lambda: not self._refuses(bucket, actions), "the rights")

    def _refuses(self, bucket: str, actions: tuple[str, ...]) -> bool:
        """Whether what was denied is refused; of several actions, whether writing is."""
        if "s3:PutObject" not in actions:
            client, key = self.client(self.reader), self.keys(bucket)[0]
            return _refused(partial(client.get_object, Bucket=bucket, Key=key))
        if _refused(lambda: self.client(self.writer).put_object(Bucket=bucket, Key="allowed")):
            return True
        self.client().delete_object(Bucket=bucket, Key="allowed")
        return False


def serve(folder: Path, policies: Mapping[str, str] | None = None) -> Iterator[S3Server]:
    """Start a server whose data lies in `folder`; it is killed when the generator is closed.

    Args:
        folder: Empty, and the server's own.
        policies: Policy documents by name; for each there is an identity that has its rights alone.
    """
    policies = policies or {}
    executable = shutil.which("weed", path=str(Path(sys.executable).parent)) or "weed"
    admin, reader, writer = (Identity(uuid4().hex[:20], uuid4().hex) for _ in range(3))
    bearers = {name: Identity(uuid4().hex[:20], uuid4().hex) for name in policies}
    identities = folder / "identities.json"
    known = [_admin(admin), _reader(reader), _writer(writer)]
    known += [_bearer(name, identity) for name, identity in bearers.items()]
    named = [{"name": name, "content": text} for name, text in policies.items()]
    identities.write_text(json.dumps({"identities": known, "policies": named}))
    master, volume, filer, s3, console = _free_ports(5)
    data = folder / "data"
    data.mkdir()
    endpoint_url = f"http://127.0.0.1:{s3}"
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [
                executable,
                "-logtostderr=true",
                "mini",
                f"-dir={data}",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                f"-master.port={master}",
                f"-volume.port={volume}",
                f"-filer.port={filer}",
                f"-filer.localSocket={folder / 'filer.sock'}",
                f"-s3.port={s3}",
                f"-admin.port={console}",
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                # each bucket takes several volumes; by default the free disk decides how many
                "-volume.max=10000",
                "-admin.ui=false",
                "-webdav=false",
                f"-s3.config={identities}",
                "-master.telemetry=false",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        client = _client(endpoint_url, admin)
        _until(lambda: _answers(client, process), "the server's first PUT", START_SECONDS)
        yield S3Server(endpoint_url, admin, reader, writer, bearers)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _admin(identity: Identity) -> dict[str, Any]:
    return _identity("admin", identity, ["Admin", "Read", "Write", "List", "Tagging"])


def _reader(identity: Identity) -> dict[str, Any]:
    return _identity("reader", identity, ["Read", "List"])


def _bearer(name: str, identity: Identity) -> dict[str, Any]:
    return _identity(name, identity, []) | {"policyNames": [name]}


def _writer(identity: Identity) -> dict[str, Any]:
    return _identity("writer", identity, ["Read", "Write"])


def _identity(name: str, identity: Identity, actions: list[str]) -> dict[str, Any]:
    credentials = [{"accessKey": identity.key_id, "secretKey": identity.secret}]
    return {"name": name, "credentials": credentials, "actions": actions}


def _client(endpoint_url: str, identity: Identity) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id=identity.key_id,
        aws_secret_access_key=identity.secret,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def _answers(client: Any, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"the S3 server ended with code {process.returncode}")
    try:
        if "ready" not in {b["Name"] for b in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket="ready")
        client.put_object(Bucket="ready", Key="ready", Body=b"ready")
    except (BotoCoreError, ClientError):
        return False
    return True


def _refused(ask: Callable[[], Any]) -> bool:
    try:
        ask()
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return True
    return False


def _until(done: Any, what: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.05)


def _free_ports(count: int) -> list[int]:
    """Ports that are free and whose gRPC port, 10,000 higher, is free as well."""
    found: list[int] = []
    while len(found) < count:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        # below the range that the system gives to clients, so that nobody takes it meanwhile
        port = 10_000 + port % 12_000
        if port not in found and all(_is_free(p) for p in (port, port + 10_000)):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
