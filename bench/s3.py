"""S3: SeaweedFS on this machine, a real server with signed keys."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUCKET = "bench"
KEY_ID = "bench"
SECRET = "bench-secret"


@contextmanager
def server(folder: Path) -> Iterator[dict[str, str]]:
    """Run a server that keeps its objects in `folder`; yields the variables of a client.

    Raises:
        RuntimeError: The server did not come up within 30 seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rights = {
        "name": "bench",
        "credentials": [{"accessKey": KEY_ID, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [rights]}))
    master, volume, filer, s3, admin = _free_ports(5)
    weed = shutil.which("weed", path=Path(sys.executable).parent) or "weed"
    command = [
        weed, "-logtostderr=true", "mini", f"-dir={folder / 'objects'}",
        "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}",
        f"-s3.port={s3}", f"-admin.port={admin}", "-s3.port.iceberg=0", "-s3.port.lance=0",
        "-admin.ui=false", "-webdav=false", f"-s3.config={config}", "-master.telemetry=false",
        f"-bucket={BUCKET}",
    ]  # fmt: skip
    (folder / "objects").mkdir(exist_ok=True)
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            variables = {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3}",
                "AWS_ACCESS_KEY_ID": KEY_ID,
                "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_REGION": "us-east-1",
            }
            _await_ready(process, s3, folder)
            yield variables
        finally:
            process.terminate()
            process.wait(60)


def _free_ports(count: int) -> list[int]:
    """Free ports whose gRPC ports, 10,000 above, are free too."""
    found: list[int] = []
    for port in range(21_300, 25_000):
        if all(_is_free(number) for number in (port, port + 10_000)):
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError("no free ports between 21300 and 25000")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _await_ready(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    """Ready means that a PUT succeeded; the port is open before that."""
    from bench.process import Command, run

    code = (
        "import sys, obstore; from obstore.store import S3Store; "
        f"obstore.put(S3Store.from_url('s3://{BUCKET}', endpoint='http://127.0.0.1:{port}', "
        f"region='us-east-1', access_key_id='{KEY_ID}', secret_access_key='{SECRET}', "
        "virtual_hosted_style_request=False, client_options={'allow_http': True}, "
        "retry_config={'max_retries': 0}), 'ready.txt', b'ready')"
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            run(Command((sys.executable, "-c", code)))
        except RuntimeError:
            time.sleep(0.3)
        else:
            return
    log = (folder / "server.log").read_text()[-1500:]
    raise RuntimeError(f"the S3 server did not come up:\n{log}")
