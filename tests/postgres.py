"""PostgreSQL: a real server on a socket in a folder, started and stopped by the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
"""Where Debian puts them."""


def _binary(name: str) -> str:
    return shutil.which(name) or str(BINARIES[-1] / name)


def require() -> None:
    """See that there is a server to start; without one the test is skipped, but fails in CI."""
    if BINARIES or shutil.which("initdb"):
        return
    told = "PostgreSQL is not installed; apt-get install postgresql"
    if os.environ.get("CI"):
        pytest.fail(told)
    pytest.skip(told)


def serve() -> Iterator[str]:
    """Start a server; yields the URL of it, without a database. It refuses to run as root."""
    # a socket's path has at most 107 bytes, so the folder is not pytest's
    folder = Path(tempfile.mkdtemp(prefix="th-pg-"))
    root = os.getuid() == 0
    if root:
        shutil.chown(folder, "nobody")
    user = pwd.getpwnam("nobody").pw_uid if root else None
    data = folder / "data"
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}

    def call(*command: str) -> None:
        subprocess.run(
            command, check=True, user=user, cwd=folder, env=environment, stdout=subprocess.DEVNULL
        )

    try:
        call(_binary("initdb"), "-D", str(data), "-U", "tests", "-A", "trust", "--no-sync")
        options = f"-k {folder} -c listen_addresses='' -c shared_buffers=16MB"
        log = str(folder / "log")
        call(_binary("pg_ctl"), "-D", str(data), "-w", "-o", options, "-l", log, "start")
        try:
            yield f"postgresql://tests@/{{name}}?host={folder}"
        finally:
            call(_binary("pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_database(server: str) -> str:
    """The URL of a new, empty database."""
    name = f"t{uuid4().hex[:20]}"
    url = server.format(name="postgres").replace("postgresql:", "postgresql+psycopg:")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"create database {name}"))
    engine.dispose()
    return server.format(name=name)
