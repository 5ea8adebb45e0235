"""Dev: `make dev` serves the code location in Dagster's UI, without warnings."""

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

import pytest

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 180
QUERY = '{"query": "{ assetNodes { assetKey { path } } }"}'


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(port: int) -> set[str] | None:
    """The assets that the UI knows, or None while it does not answer."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        QUERY.encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            nodes = json.load(answer)["data"]["assetNodes"]
    except OSError:
        return None
    return {node["assetKey"]["path"][0] for node in nodes} or None


@pytest.mark.daemon
def test_make_dev_shows_the_assets_and_warns_of_nothing(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    environment = os.environ | {
        "DAGSTER_HOME": str(tmp_path / "home"),
        "TRAILHOUSE_LAKE_URL": str(tmp_path / "lake"),
    }
    make = shutil.which("make")
    assert make
    with log.open("wb") as output:
        process = subprocess.Popen(
            [make, "dev", f"PORT={port}"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (assets := ask(port)) is None:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    assert {"landing", "activity", "jobs", "rejected", "recipe_usage_daily"} <= assets
    said = log.read_text()
    assert "deprecat" not in said.lower(), said
    assert "BetaWarning" not in said, said
