"""Fixtures that every kind of test may use: lakes in folders and on a real S3 server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from lakes import Place, folder_place, s3_place
from s3_server import S3Server, serve

settings.register_profile(
    "project", max_examples=60, deadline=None, database=None
)  # the machine is shared
settings.load_profile("project")


@pytest.fixture(autouse=True)
def _own_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No test reads the settings or the credentials of the machine that it runs on."""
    import os

    for name in list(os.environ):
        if name.startswith(("TRAILHOUSE_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path_factory.mktemp("working-folder"))


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server for the whole session."""
    yield from serve(tmp_path_factory.mktemp("s3"))


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The S3 server, with AWS_* variables that name it and its administrator."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    return s3_server


@pytest.fixture
def bucket(s3: S3Server) -> str:
    """A bucket of the test's own."""
    return s3.make_bucket()


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where a test's landing objects and lake lie: once in folders, once on S3."""
    if request.param == "folder":
        return folder_place(tmp_path)
    return s3_place(request.getfixturevalue("s3"), request.getfixturevalue("bucket"))
