"""Object stores: Azurite and an emulator of Google Cloud Storage on loopback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.server import HTTPServer
from pathlib import Path
from urllib.error import URLError
from urllib.parse import unquote

import pytest
from gcp_storage_emulator.exceptions import NotFound
from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.storage import Storage
from s3_server import _free_ports, _until

START_SECONDS = 60
ACCOUNT = "devstoreaccount1"
VERSION = "2021-08-06"


@dataclass(frozen=True)
class Azurite:
    """A running Azurite, with one account whose key is made up for the run."""

    url: str
    key: str

    def make_container(self) -> str:
        """Create a container with a name of its own."""
        name = f"t-{secrets.token_hex(8)}"
        self._ask("PUT", name, {"restype": "container"})
        return name

    def blobs(self, container: str) -> list[str]:
        """The names in a container, in order."""
        body = self._ask("GET", container, {"restype": "container", "comp": "list"})
        return [found.text or "" for found in ET.fromstring(body.lstrip("\ufeff")).iter("Name")]

    def read(self, container: str, name: str) -> bytes:
        """What a blob holds."""
        with urllib.request.urlopen(self._signed("GET", f"{container}/{name}", {})) as answer:
            return bytes(answer.read())

    def _ask(self, method: str, path: str, query: dict[str, str]) -> str:
        with urllib.request.urlopen(self._signed(method, path, query)) as answer:
            return str(answer.read().decode())

    def _signed(self, method: str, path: str, query: dict[str, str]) -> urllib.request.Request:
        """A request with a shared key (learn.microsoft.com, "Authorize with Shared Key")."""
        date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        path = urllib.parse.quote(path)
        resource = [f"/{ACCOUNT}/{ACCOUNT}/{path}", *(f"{k}:{v}" for k, v in sorted(query.items()))]
        lines = [method, *[""] * 11, f"x-ms-date:{date}", f"x-ms-version:{VERSION}", *resource]
        digest = hmac.new(base64.b64decode(self.key), "\n".join(lines).encode(), hashlib.sha256)
        signature = base64.b64encode(digest.digest()).decode()
        return urllib.request.Request(
            f"{self.url}/{path}?{urllib.parse.urlencode(query)}",
            method=method,
            headers={
                "x-ms-date": date,
                "x-ms-version": VERSION,
                "Authorization": f"SharedKey {ACCOUNT}:{signature}",
            },
        )


@dataclass(frozen=True)
class GoogleStorage:
    """A running emulator; it asks for no credentials."""

    url: str

    def make_bucket(self) -> str:
        """Create a bucket with a name of its own."""
        name = f"t{secrets.token_hex(8)}"  # the emulator does not decode names of buckets
        request = urllib.request.Request(
            f"{self.url}/storage/v1/b?project=test",
            data=json.dumps({"name": name}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request):
            return name

    def objects(self, bucket: str) -> list[str]:
        """The names in a bucket, in order."""
        with urllib.request.urlopen(f"{self.url}/storage/v1/b/{bucket}/o") as answer:
            return sorted(found["name"] for found in json.load(answer)["items"])

    def read(self, bucket: str, name: str) -> bytes:
        """What an object holds."""
        path = urllib.parse.quote(name, safe="")
        url = f"{self.url}/storage/v1/b/{bucket}/o/{path}?alt=media"
        with urllib.request.urlopen(url) as answer:
            return bytes(answer.read())


def find_program(name: str, install: str) -> str:
    """A program of the tests; without it they are skipped, but fail where CI is set."""
    beside = str(Path(sys.executable).parent)
    places = os.pathsep.join([beside, os.environ.get("PATH", ""), "/usr/sbin"])
    found = shutil.which(name, path=places)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"no {name} on PATH; {install}")
    if found is None:
        pytest.skip(f"no {name} on PATH; {install}")
    return found


def azurite() -> Iterator[Azurite]:
    """Start Azurite; it is killed when the generator is closed."""
    program = find_program("azurite-blob", "npm install --global azurite")
    (port,) = _free_ports(1)
    key = base64.b64encode(secrets.token_bytes(64)).decode()
    arguments = ["--silent", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    arguments += ["--blobHost", "127.0.0.1", "--blobPort", str(port)]
    url = f"http://127.0.0.1:{port}"
    with running([program, *arguments], url, {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"}):
        yield Azurite(f"{url}/{ACCOUNT}", key)


class _GoogleApi(RequestHandler):  # type: ignore[misc]
    """The emulator's requests, and what it leaves out of Google's XML API: `ETag`, conditions."""

    def do_PUT(self) -> None:  # noqa: N802 (a name of http.server)
        bucket, _, name = unquote(self.path).lstrip("/").partition("/")
        if self.headers.get("x-goog-if-generation-match") == "0" and self._has(bucket, name):
            self.send_response(412)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        # of a type that it knows it would store what it parsed, and not what was sent
        self.headers.replace_header("Content-Type", "application/octet-stream")
        super().do_PUT()

    def end_headers(self) -> None:
        if self.command == "PUT":
            self.send_header("ETag", '"1"')
        super().end_headers()

    def _has(self, bucket: str, name: str) -> bool:
        try:
            self.storage.get_file_obj(bucket, name)
        except NotFound:
            return False
        return True


class _GoogleServer(HTTPServer):
    request_queue_size = 100


def google_storage() -> Iterator[GoogleStorage]:
    """Run the emulator in a thread, until the generator is closed."""
    server = _GoogleServer(("127.0.0.1", 0), partial(_GoogleApi, Storage(use_memory_fs=True)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield GoogleStorage(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def running(command: list[str], url: str, variables: dict[str, str]) -> Iterator[None]:
    """A program that listens at a URL; killed at the end."""
    process = subprocess.Popen(
        command,
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _until(lambda: _answers(url, process), f"{command[0]} to listen", START_SECONDS)
        yield
    finally:
        process.kill()
        process.wait()


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"{process.args!r} ended with code {process.returncode}")
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except URLError as error:
        return hasattr(error, "code")  # any answer is one
    return True
