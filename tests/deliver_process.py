"""Deliver process: one delivery in a process of its own, which may be killed at a durable step."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from desk import Desk, Service
from lakes import lake_at


def run(lake_url: str, ledger_url: str, taken: Path, *, die_at: str) -> int:
    """Deliver in a new interpreter (never a fork: delta-rs does not survive one).

    Args:
        lake_url: The lake.
        ledger_url: The ledger.
        taken: File of what the service took, half of each batch.
        die_at: Durable step at which the process kills itself.

    Returns:
        The exit code: 0, or that of the signal.
    """
    done = subprocess.run(
        [sys.executable, __file__, json.dumps([lake_url, ledger_url, str(taken), die_at])],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=Path(__file__).parent,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def poison_of(desk: Desk) -> frozenset[str]:
    """The event that the service refuses."""
    return frozenset(sorted(desk.event_ids())[:1])


def _main(lake_url: str, ledger_url: str, taken: str, die_at: str) -> None:
    def fault(step: str) -> None:
        if step == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    desk = Desk(lake_at(lake_url), ledger_url, Service(Path(taken), ["half"]))
    desk.service.poison = poison_of(desk)
    desk.deliver(fault=fault)


if __name__ == "__main__":
    _main(*json.loads(sys.argv[1]))
