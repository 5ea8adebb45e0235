"""Data: what the benchmarks read, generated once and kept in `bench/.data`."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from hashlib import sha256
from pathlib import Path

from bench.process import ROOT, child, run

DATA = ROOT / "bench" / ".data"


def kept(name: str, make: Callable[[Path], object]) -> Path:
    """`bench/.data/<name>`, made once; a making that was cut off leaves nothing behind."""
    target = DATA / name
    if not target.exists():
        DATA.mkdir(exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=DATA))
        try:
            make(partial / "made")
            (partial / "made").rename(target)
        finally:
            shutil.rmtree(partial)
    return target


def days(count: int, jobs: int, last: date, events: int = 0) -> Path:
    """`jobs` records, and activity events, an NDJSON object per UTC day, the last day `last`."""
    name = f"days-{count}-{jobs}-{last}" + (f"-{events}" if events else "")
    return kept(name, lambda folder: _make("write_days", folder, count, jobs, last, events))


def single(count: int) -> Path:
    """`count` records, one object each."""
    return kept(f"single-{count}", lambda folder: _make("write_single", folder, count))


def _make(name: str, *arguments: object) -> None:
    run(child(name, *arguments))


def linked(lake: Path, folder: Path, name: str = "lake") -> Path:
    """A copy of a lake: files of a lake are never written to again, so that links serve."""
    subprocess.run(["cp", "-al", str(lake), str(folder / name)], check=True)
    return folder / name


LOADING = ("pipelines/lake/*.py", "pipelines/sources/*.py", "sql/conform/*.sql")
MODELLING = ("pipelines/models/*.py", "sql/*/*.sql")


def kept_lake(name: str, make: Callable[[Path], object], *, models: bool = False) -> Path:
    """A lake, kept for as long as the code that loads (and models) is the same."""
    digest = sha256()
    for pattern in LOADING + (MODELLING if models else ()):
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.read_bytes())
    current = f"lake-{name}-{digest.hexdigest()[:12]}"
    for stale in DATA.glob(f"lake-{name}-*"):
        if stale.name != current:
            shutil.rmtree(stale)
    return kept(current, make)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for one run, on the disk where the data is; removed afterwards."""
    DATA.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=DATA))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
