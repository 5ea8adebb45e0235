"""Deliver process: one delivery in a process of its own, which may be killed at a durable step."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random


def run(
    lake_url: str, ledger_url: str, taken: Path, *, seed: int, die_at: str | None, after: int = 0
) -> int:
    """Deliver in a new interpreter (never a fork: delta-rs does not survive one).

    Args:
        lake_url: The lake.
        ledger_url: The ledger.
        taken: File of what the service took.
        seed: Of the service's moods.
        die_at: Durable step at which the process kills itself.
        after: How many times it passes the step before.

    Returns:
        The exit code: 0, or that of the signal.
    """
    asked = {
        "lake_url": lake_url,
        "ledger_url": ledger_url,
        "taken": str(taken),
        "seed": seed,
        "die_at": die_at,
        "after": after,
    }
    done = subprocess.run(
        [sys.executable, __file__, json.dumps(asked)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=Path(__file__).parent,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def _main(asked: dict[str, str | int | None]) -> None:
    from desk import MOODS, Desk, Service
    from lakes import lake_at

    left = int(asked["after"] or 0)

    def fault(step: str) -> None:
        nonlocal left
        if step == asked["die_at"]:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    draw = Random(int(asked["seed"] or 0))
    service = Service(Path(str(asked["taken"])), MOODS, draw=draw)
    desk = Desk(lake_at(str(asked["lake_url"])), str(asked["ledger_url"]), service)
    service.poison = frozenset(sorted(desk.event_ids())[:1])
    desk.later(days=int(asked["seed"] or 0) % 6)
    desk.deliver(fault=fault)


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]))
