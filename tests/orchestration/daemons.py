"""Daemons: the real one, on the project's workspace, and waiting for what it does by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 600


@dataclass(frozen=True)
class Daemon:
    """A running daemon and what it writes."""

    process: subprocess.Popen[bytes]
    log: Path

    def wait(self, done: Callable[[], bool], instance: dg.DagsterInstance, seconds: float) -> None:
        """Wait until something is so; a daemon that ends, or the deadline, shows its log."""
        deadline = time.monotonic() + seconds
        while not done():
            assert self.process.poll() is None, self.log.read_text()[-4_000:]
            assert time.monotonic() < deadline, (
                [(run.job_name, run.status.value) for run in instance.get_runs()],
                self.log.read_text()[-4_000:],
            )
            time.sleep(0.5)


@contextmanager
def daemon(home: Path, log: Path) -> Iterator[Daemon]:
    """A daemon on the project's workspace; stopped, with all that it started, at the end."""
    program = Path(sys.executable).with_name("dagster-daemon")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(program), "run", "-w", str(ROOT / "workspace.yaml")],
            env={**os.environ, "DAGSTER_HOME": str(home)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield Daemon(process, log)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
