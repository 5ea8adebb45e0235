"""Command line: the `trailhouse` command in a process of its own, as a person runs it."""

from __future__ import annotations

import subprocess
import sys


def trailhouse(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the command with the settings of the environment, and wait for it."""
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli.main", *arguments],
        input=stdin,
        capture_output=True,
        timeout=120,
        check=False,
    )


def refusal(done: subprocess.CompletedProcess[bytes]) -> str:
    """What a command says that refused to go on: exit code 2, a message, and nothing besides."""
    message = done.stderr.decode()
    assert done.returncode == 2, message
    assert "Traceback" not in message
    assert done.stdout == b""
    assert message.strip()
    return message
