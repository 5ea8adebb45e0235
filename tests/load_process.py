"""Load process: one load in a process of its own, which may end itself at a durable step."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4


def start(
    lake_url: str,
    path: str,
    *,
    die_at: str | None = None,
    how: str = "kill",
    meet_at: Path | None = None,
    copy_to_landing: bool = False,
) -> subprocess.Popen[str]:
    """Start a load in a new interpreter (never a fork: delta-rs does not survive one).

    Args:
        lake_url: The lake.
        path: The landing objects.
        die_at: Durable step at which the process ends.
        how: "kill" for SIGKILL, "exit" for `os._exit`.
        meet_at: A folder where two processes wait for each other once both have staged.
        copy_to_landing: Whether the source's objects are copied first.
    """
    asked = {
        "lake_url": lake_url,
        "path": path,
        "die_at": die_at,
        "how": how,
        "meet_at": str(meet_at) if meet_at else None,
        "copy_to_landing": copy_to_landing,
    }
    return subprocess.Popen(
        [sys.executable, __file__, json.dumps(asked)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent,
    )


def finish(process: subprocess.Popen[str]) -> dict[str, object]:
    """Wait for the process and return its report."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    report = json.loads(out)
    assert report["received"] == report["accepted"] + report["duplicate"] + report["rejected"]
    return dict(report)


def _main(asked: dict[str, str | None]) -> None:
    from lakes import NOW, lake_at

    from pipelines.lake.load import load
    from pipelines.sources.find import Source

    def fault(step: str) -> None:
        if step == "staged" and asked["meet_at"]:
            _meet(Path(asked["meet_at"]))
        if step == asked["die_at"]:
            if asked["how"] == "exit":
                os._exit(9)
            os.kill(os.getpid(), signal.SIGKILL)

    source = Source("path", str(asked["path"]), bool(asked["copy_to_landing"]))
    # the lake is looked at by who asked: Arrow's threads let go of what they read a moment later,
    # and one that does so while the interpreter ends takes the process down
    report = load(
        lake_at(str(asked["lake_url"])),
        [source],
        clock=lambda: NOW,
        unique=lambda: uuid4().hex,
        fault=fault,
    )
    print(json.dumps(report.as_dict()))


def _meet(folder: Path) -> None:
    (folder / str(os.getpid())).touch()
    deadline = time.monotonic() + 60
    while len(list(folder.iterdir())) < 2:
        if time.monotonic() > deadline:
            raise TimeoutError("the other load never came")
        time.sleep(0.01)


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]))
