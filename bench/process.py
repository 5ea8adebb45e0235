"""Process: run a child to its end and measure all of it: wall time, CPU, peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one program, its start and end included.

    `peak_bytes` is the largest resident set of the child. The kernel starts that count from the
    parent's own size, which is why the parent imports nothing large.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run: its arguments, and variables besides those that are set."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def run(command: Command) -> Measured:
    """Run a command from the project's folder, alone and to its end.

    Raises:
        RuntimeError: It failed; the message has the end of what it said.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("TRAILHOUSE_", "AWS_"))}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        began = time.perf_counter()
        process = subprocess.Popen(
            command.arguments,
            stdout=out,
            stderr=err,
            cwd=ROOT,
            env=inherited | dict(command.environment),
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command.arguments)} failed:\n{err.read()[-2000:]}")
        return Measured(
            seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, out.read().strip()
        )


def child(name: str, *arguments: object, **environment: str) -> Command:
    """One function of `bench.children`."""
    return Command(
        (sys.executable, "-m", "bench.children", name, *map(str, arguments)), environment
    )


def trailhouse(lake: Path, *arguments: object, **environment: str) -> Command:
    """The command line of the project, on a lake in a folder."""
    return Command(
        (sys.executable, "-m", "pipelines.cli.main", *map(str, arguments)),
        environment | {"TRAILHOUSE_LAKE_URL": str(lake)},
    )
