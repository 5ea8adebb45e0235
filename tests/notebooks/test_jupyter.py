"""Jupyter: `make notebooks` opens JupyterLab on the notebooks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 120


def listed(port: int) -> set[str] | None:
    """The notebooks that Jupyter serves, or None while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/contents", timeout=5) as answer:
            return {item["name"] for item in json.load(answer)["content"]}
    except OSError:
        return None


def test_make_notebooks_serves_the_notebooks(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = {"port": port, "allow_root": True, "open_browser": False}
    settings = {"ServerApp": server, "IdentityProvider": {"token": ""}}
    (tmp_path / "jupyter_server_config.json").write_text(json.dumps(settings))
    log = tmp_path / "log"
    # make notebooks, told by Jupyter's own settings which port to take, and to open no browser
    with log.open("wb") as output:
        process = subprocess.Popen(
            [shutil.which("make") or "make", "notebooks"],
            cwd=ROOT,
            env=os.environ | {"JUPYTER_CONFIG_DIR": str(tmp_path)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (found := listed(port)) is None:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    assert {path.name for path in (ROOT / "notebooks").glob("*.ipynb")} <= found
