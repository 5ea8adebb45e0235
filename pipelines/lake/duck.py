"""DuckDB: connections with pinned extensions, UTC, bounded memory, and access to the lake's S3."""

from __future__ import annotations

import importlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

import duckdb

if TYPE_CHECKING:
    from pipelines.lake.storage import S3Access, Storage

EXTENSIONS = ("httpfs", "delta")

_CHECKED: set[str] = set()
"""Extensions whose signature was checked: half a second for one of 80 MB, once a process."""


def extension_path(name: str) -> str:
    """The extension's file inside its pinned wheel, so that nothing is downloaded at run time."""
    package = importlib.import_module(f"duckdb_extension_{name}")
    folder = files(package) / "extensions" / f"v{duckdb.__version__}"
    return str(folder / f"{name}.duckdb_extension")


def connect(
    storage: Storage, *, database: str = ":memory:", s3: bool = False, delta: bool = False
) -> duckdb.DuckDBPyConnection:
    """Open a connection: UTC, bounded memory and threads, no downloads.

    Args:
        storage: Gives the limits, and the access to S3 where `s3` is set.
        database: `:memory:` or a file, to write.
        s3: Load `httpfs` and create a secret from the resolved access.
        delta: Load the `delta` reader.
    """
    settings = storage.settings
    folder = settings.work_dir or Path(gettempdir())
    wanted = [name for name, is_wanted in (("httpfs", s3), ("delta", delta)) if is_wanted]
    is_checked = bool(wanted) and _CHECKED.issuperset(wanted)
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_unsigned_extensions": is_checked,
        "memory_limit": f"{settings.memory_limit_mb}MiB",
        "threads": settings.threads,
        # DuckDB makes the folder when it spills and removes it again; two processes must not share
        "temp_directory": str(folder / f"trailhouse-spill-{uuid4().hex}"),
    }
    connection = duckdb.connect(database, config=config)
    connection.execute("set global timezone = 'UTC'")
    # off already in Jupyter without ipywidgets, where DuckDB refuses even to turn it off
    shown = connection.execute("select current_setting('enable_progress_bar')").fetchone()
    if shown != (False,):
        connection.execute("set enable_progress_bar = false")
    for name in wanted:
        load_extension(connection, name)
    if is_checked:  # DuckDB lets nobody turn it on again
        connection.execute("set allow_unsigned_extensions = false")
    if s3:
        create_secret(connection, storage.s3)
    return connection


@cache
def empty_database() -> duckdb.DuckDBPyConnection:
    """One database a process to ask for the columns of statements, each by a cursor of its own.

    A cursor costs next to nothing, a database of its own twenty milliseconds.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "threads": 1,
    }
    connection = duckdb.connect(config=config)
    connection.execute("set global timezone = 'UTC'")
    return connection


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load one pinned extension from its wheel."""
    connection.execute(f"load {text_literal(extension_path(name))}")
    _CHECKED.add(name)


def create_secret(connection: duckdb.DuckDBPyConnection, access: S3Access) -> None:
    """Give the connection the access to S3 for its lifetime; nothing is written to disk."""
    options = {
        "key_id": text_literal(access.access_key_id),
        "secret": text_literal(access.secret_access_key),
        "region": text_literal(access.region),
    }
    if access.session_token:
        options["session_token"] = text_literal(access.session_token)
    if access.endpoint_url:
        endpoint = urlsplit(access.endpoint_url)
        options["endpoint"] = text_literal(endpoint.netloc)
        options["use_ssl"] = str(endpoint.scheme == "https").lower()
        options["url_style"] = "'path'"
    listed = ", ".join(f"{name} {value}" for name, value in options.items())
    connection.execute(f"create or replace secret lake (type s3, {listed})")


def text_literal(text: str) -> str:
    """`text` as an SQL literal, for the statements that take no parameters (load, secret, copy)."""
    return "'" + text.replace("'", "''") + "'"


def list_literal(texts: list[str]) -> str:
    """`texts` as an SQL list literal, for views, which take no parameters."""
    return "[" + ", ".join(text_literal(text) for text in texts) + "]"
